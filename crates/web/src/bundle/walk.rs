//! Everything in a folder, each directory before what it holds.

use super::Folder;
use archive::Entry;
use model::{Kind, RelPath};

/// Calls `visit` with each entry and its path below the folder. Without recursion: a tree may be as deep as a path
/// is long.
pub(super) fn each(
    folder: &Folder,
    mut visit: impl FnMut(&Entry, &RelPath) -> crate::stream::Outcome,
) -> crate::stream::Outcome {
    let list = |path: Option<&RelPath>| -> Result<_, archive::Error> {
        Ok(folder.past.history.list(&folder.moment.id, path)?.unwrap_or_default().into_iter())
    };
    let mut levels = vec![list(folder.path.as_ref())?];
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.next() else {
            levels.pop();
            continue;
        };
        let below = match &folder.path {
            Some(path) => entry.path.strip_ancestor(path).expect("because a listing holds what lies below"),
            None => entry.path.clone(),
        };
        visit(&entry, &below)?;
        if entry.kind == Kind::Directory {
            levels.push(list(Some(&entry.path))?);
        }
    }
    Ok(())
}

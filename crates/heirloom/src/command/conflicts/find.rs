//! Finding conflict copies in a folder, and what stands beside each.

use super::name::CopyName;
use disk::{Found, Problem, Root};
use model::{Kind, ObjectKey, RelPath};

/// A conflict copy.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    /// What was seen of it.
    pub(super) found: Found,
    /// What its name says.
    pub(super) name: CopyName,
    /// The path that is contested.
    pub(super) original: RelPath,
    /// What stands there.
    pub(super) other: Other,
}

/// What stands at a contested path.
#[derive(Clone, Debug)]
pub(super) enum Other {
    /// The version that kept the name, a file or symlink.
    File(Found),
    /// A directory, for which a file made way.
    Directory,
    /// Nothing any more.
    Gone,
}

/// All copies below a folder, by path, and what could not be looked at. Files are not opened.
pub(super) fn copies(root: &Root) -> Result<(Vec<Copy>, Vec<Problem>), disk::Error> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let nothing = |_: &RelPath, _: Kind| false;
    for entry in root.scan(&nothing)? {
        match entry {
            Ok(entry) if entry.kind != Kind::Directory => {
                let name = own_name(&entry.key.path());
                found.extend(CopyName::parse(&name).map(|name| (entry, name)));
            }
            Ok(_) => {}
            // Sockets and their like are nobody's versions.
            Err(problem) if matches!(problem.reason, disk::Reason::Unsupported(_)) => {}
            Err(problem) => problems.push(problem),
        }
    }
    let copies = found.into_iter().map(|(found, name)| {
        let original = original(root, &found.key.path(), &name)?;
        let other = match root.observe(&original)? {
            None => Other::Gone,
            Some(other) if other.kind == Kind::Directory => Other::Directory,
            Some(other) => Other::File(other),
        };
        Ok(Copy { found, name, original, other })
    });
    Ok((copies.collect::<Result<_, disk::Error>>()?, problems))
}

/// How the copy compares: `same`, `different`, `gone` or `directory`. Reads both if they are of one size.
pub(super) fn compare(root: &Root, copy: &Copy) -> Result<&'static str, disk::Error> {
    Ok(match &copy.other {
        Other::Gone => "gone",
        Other::Directory => "directory",
        Other::File(other) if (other.kind, other.size) != (copy.found.kind, copy.found.size) => "different",
        Other::File(other) => {
            let ours = root.digest(&copy.found.key.path(), &copy.found.stamp)?;
            let theirs = root.digest(&copy.original, &other.stamp)?;
            if ours == theirs { "same" } else { "different" }
        }
    })
}

/// The contested path. Where the name was cut to fit, the file in the same directory whose copy would be called like this one.
fn original(root: &Root, copy: &RelPath, name: &CopyName) -> Result<RelPath, disk::Error> {
    let usual = beside(copy, &name.original());
    // A name of 255 bytes may end in half of a character that was dropped.
    if own_name(copy).len() + 4 < super::name::NAME_LENGTH_MAX || root.observe(&usual)?.is_some() {
        return Ok(usual);
    }
    let parent = copy.parent();
    let elsewhere = |path: &RelPath, _: Kind| {
        path.parent() != parent
            && !parent.as_ref().is_some_and(|parent| parent == path || parent.is_below(path))
    };
    let candidates = root.scan(&elsewhere)?.filter_map(Result::ok).map(|found| found.key.path());
    let found = candidates.into_iter().find(|path| name.is_of(&ObjectKey::file(path), copy) && path != copy);
    Ok(found.unwrap_or(usual))
}

fn own_name(path: &RelPath) -> Vec<u8> {
    RelPath::from_key(path.file_name()).map(|name| name.to_os_bytes()).unwrap_or_default()
}

/// The path of another name in the same directory.
pub(super) fn beside(path: &RelPath, name: &[u8]) -> RelPath {
    let name =
        RelPath::from_os_bytes(name).expect("because a file name less a label, or with one, is a file name");
    path.parent().map_or_else(|| name.clone(), |parent| parent.join(&name))
}

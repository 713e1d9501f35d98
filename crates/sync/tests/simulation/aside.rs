//! Conflict copies, told by their names.

use model::RelPath;

/// What every such name says.
pub(crate) const MARK: &str = ".sync-conflict-";

/// Whether a conflict would have the file at `from` set aside as `to`.
pub(crate) fn is_copy_of(from: &RelPath, to: &RelPath) -> bool {
    let Some((stem, rest)) = to.as_str().rsplit_once(MARK) else { return false };
    let extension = rest.find('.').map_or("", |dot| &rest[dot..]);
    from.as_str().strip_prefix(stem) == Some(extension)
}

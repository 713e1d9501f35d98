//! The name of a conflict copy: `name.sync-conflict-20261120-101500-alice-laptop.ext`.
//!
//! Syncthing's form, with a readable machine name; the extension stays last, so that a double click opens it.

use model::{MachineName, ObjectKey, RelPath};

/// When and where a conflict was noticed, as it stands in file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictLabel(String);

/// What a copy's name says before the time.
const MARK: &str = ".sync-conflict-";

/// The longest file name that common file systems take, in bytes.
const NAME_LENGTH_MAX: usize = 255;

impl ConflictLabel {
    /// `time` is written `YYYYMMDD-HHMMSS`. It is a label for people and decides nothing.
    #[must_use]
    pub fn new(time: &str, machine: &MachineName) -> Self {
        Self(format!("{MARK}{time}-{machine}"))
    }

    /// What the keys for copies of the file at `key` begin with, at whatever time they were made.
    #[must_use]
    pub fn beginning_of(&self, key: &ObjectKey) -> String {
        let copy = self.copy_of(key).to_string();
        let end = copy.rfind(MARK).map_or(copy.len(), |at| at + MARK.len());
        copy[..end].to_owned()
    }

    /// The key for the copy of the file at `key`, in the same directory.
    #[must_use]
    pub fn copy_of(&self, key: &ObjectKey) -> ObjectKey {
        let path = key.path();
        let name = own_bytes(path.file_name());
        let (stem, extension) = split_extension(&name);
        let room = NAME_LENGTH_MAX.saturating_sub(self.0.len() + extension.len());
        let copy = [shorten(stem, room), self.0.as_bytes(), extension].concat();
        let copy =
            RelPath::from_os_bytes(&copy).expect("a name stays a name when a label without slashes joins it");
        ObjectKey::file(&path.parent().map_or_else(|| copy.clone(), |parent| parent.join(&copy)))
    }
}

fn own_bytes(component: &str) -> Vec<u8> {
    RelPath::from_key(component).expect("a component of a path is a path").to_os_bytes()
}

/// The extension with its dot; a leading dot makes a hidden file, not an extension. A very long one is none.
fn split_extension(name: &[u8]) -> (&[u8], &[u8]) {
    const EXTENSION_LENGTH_MAX: usize = 32;
    match name.iter().rposition(|&byte| byte == b'.') {
        Some(dot) if dot > 0 && name.len() - dot <= EXTENSION_LENGTH_MAX => name.split_at(dot),
        _ => (name, &[]),
    }
}

/// At most `room` bytes, without cutting a character in two.
fn shorten(stem: &[u8], room: usize) -> &[u8] {
    let is_continuation = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    let mut end = room.min(stem.len());
    while end > 0 && stem.get(end).copied().is_some_and(is_continuation) {
        end -= 1;
    }
    stem.get(..end).unwrap_or(stem)
}

#[cfg(test)]
mod tests;

//! Paths below a root, in the one form that every side shares.
//!
//! A [`RelPath`] holds the *escaped* text of a path: what it is as part of an object key. That form is
//! always valid UTF-8, printable and unique, so the planner, the journal and a remote listing agree on
//! names and on their order without converting; only code that touches a disk asks for [`RelPath::to_os_bytes`].
//! Rejected: raw bytes as the identity, because S3 lists in the order of the escaped text, and a merge
//! join needs one order on all sides.

use crate::escape;
use std::fmt;

/// A path of one or more components below a root, escaped as in an object key; never starts or ends with `/`.
///
/// Ordered as its text is ordered, which is the order in which S3 lists keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(String);

/// Why a text or byte string is not a [`RelPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathError {
    /// There is nothing, or nothing between two slashes, or a slash at an end.
    EmptyComponent,
    /// A component is `.` or `..`, which would name another place.
    DotComponent,
    /// A NUL byte, which no file name holds.
    Nul,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptyComponent => "a path has no empty parts and neither starts nor ends with a slash",
            Self::DotComponent => "`.` and `..` are not file names",
            Self::Nul => "a file name holds no NUL byte",
        })
    }
}

impl std::error::Error for PathError {}

impl RelPath {
    /// Takes the text of a path as it stands in an object key.
    pub fn from_key(text: &str) -> Result<Self, PathError> {
        text.split('/').try_for_each(check_component)?;
        Ok(Self(canonical(text)))
    }

    /// Takes a path as a file system spells it: bytes, components separated by `/`.
    pub fn from_os_bytes(bytes: &[u8]) -> Result<Self, PathError> {
        let mut text = String::with_capacity(bytes.len());
        for component in bytes.split(|&byte| byte == b'/') {
            if component.contains(&0) {
                return Err(PathError::Nul);
            }
            let component = escape::encode(component);
            check_component(&component)?;
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(&component);
        }
        Ok(Self(text))
    }

    /// The escaped text: what the path is inside an object key, and what a person is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as a file system spells it.
    #[must_use]
    pub fn to_os_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len());
        for component in self.components() {
            if !bytes.is_empty() {
                bytes.push(b'/');
            }
            bytes.extend_from_slice(&escape::decode(component));
        }
        bytes
    }

    /// The escaped components, outermost first.
    #[must_use]
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The path without its last component; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The path one component, given as a file system spells it, further down.
    pub fn child(&self, name: &[u8]) -> Result<Self, PathError> {
        let below = Self::from_os_bytes(name)?;
        Ok(self.join(&below))
    }

    /// `below`, placed under this path.
    #[must_use]
    pub fn join(&self, below: &Self) -> Self {
        Self(format!("{}/{}", self.0, below.0))
    }

    /// Whether this path lies strictly below `ancestor`.
    #[must_use]
    pub fn is_below(&self, ancestor: &Self) -> bool {
        self.0.strip_prefix(&ancestor.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The part of this path below `ancestor`, if it lies strictly below it.
    #[must_use]
    pub fn strip_ancestor(&self, ancestor: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(&ancestor.0)?.strip_prefix('/')?;
        Some(Self(rest.to_owned()))
    }
}

fn check_component(text: &str) -> Result<(), PathError> {
    match text {
        "" => Err(PathError::EmptyComponent),
        "." | ".." => Err(PathError::DotComponent),
        _ if text.contains('\0') => Err(PathError::Nul),
        _ => Ok(()),
    }
}

/// A foreign client may write a key with control characters or white space at an end; it names the
/// same file as its escaped form.
fn canonical(text: &str) -> String {
    let component = |part: &str| escape::encode(&escape::decode(part)).into_owned();
    text.split('/').map(component).collect::<Vec<_>>().join("/")
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelPath({})", self.0)
    }
}

/// The key of an object in a bucket: a path, and `/` behind it when the object stands for a directory.
///
/// Ordered as S3 lists. A directory sorts behind its path's siblings that continue with a character
/// below `/`, and right before everything it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The key of a file or symlink at `path`.
    #[must_use]
    pub fn file(path: &RelPath) -> Self {
        Self(path.0.clone())
    }

    /// The key of a directory at `path`.
    #[must_use]
    pub fn directory(path: &RelPath) -> Self {
        Self(format!("{}/", path.0))
    }

    /// Takes a key as a client sent it.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        match text.strip_suffix('/') {
            Some(path) => RelPath::from_key(path).map(|path| Self::directory(&path)),
            None => RelPath::from_key(text).map(|path| Self::file(&path)),
        }
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path, without the slash that marks a directory.
    #[must_use]
    pub fn path(&self) -> RelPath {
        RelPath(self.0.strip_suffix('/').unwrap_or(&self.0).to_owned())
    }

    /// Whether the key stands for a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.0.ends_with('/')
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;

//! Where a route's root lies in the bucket.

use model::{ObjectKey, RelPath};
use std::fmt;

/// The part of every key that a route's paths have in common: nothing, or a path and `/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(String);

impl Prefix {
    /// The whole bucket.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// Everything below `path`.
    #[must_use]
    pub fn below(path: &RelPath) -> Self {
        Self(format!("{path}/"))
    }

    /// The text that keys start with.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full key in the bucket of a key relative to this prefix.
    pub(crate) fn place(&self, key: &ObjectKey) -> String {
        format!("{}{}", self.0, key.as_str())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! What a snapshot is called.

use std::fmt;

/// A snapshot's commit id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId(pub(crate) gix::ObjectId);

/// A text that is not 40 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotIdError {
    given: String,
}

impl fmt::Display for SnapshotIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not the id of a snapshot: 40 hexadecimal digits", self.given.escape_debug())
    }
}

impl std::error::Error for SnapshotIdError {}

impl SnapshotId {
    const SHORT: usize = 10;

    /// The first ten digits: enough for people, and for [`History::resolve`](crate::History::resolve).
    #[must_use]
    pub fn short(&self) -> String {
        self.0.to_hex_with_len(Self::SHORT).to_string()
    }
}

impl std::str::FromStr for SnapshotId {
    type Err = SnapshotIdError;

    fn from_str(text: &str) -> Result<Self, SnapshotIdError> {
        gix::ObjectId::from_hex(text.as_bytes())
            .map(Self)
            .map_err(|_| SnapshotIdError { given: text.to_owned() })
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotId({})", self.0)
    }
}

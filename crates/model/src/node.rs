//! What stands at a path: the thing that is observed on each side, compared, and brought across.

use std::fmt;

/// The sort of thing at a path. Sockets, pipes and devices never become a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A symbolic link; its content is the target's text.
    Symlink,
    /// A directory that says something of its own: an empty one, or one with unusual permissions.
    Directory,
}

/// What a file holds, as its MD5 digest: the one digest that every S3 store already computes and lists.
///
/// It decides whether two sides hold the same bytes; history is identified by git's own hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId([u8; 16]);

impl ContentId {
    /// The content of an empty file, and of every directory.
    pub const EMPTY: Self = Self([
        0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e,
    ]);

    /// Stands for content whose digest nobody knows yet, as of something that is sealed while it is sent. It is announced nowhere and
    /// compared with nothing.
    pub const UNKNOWN: Self = Self([0; 16]);

    /// Whether this is a digest.
    #[must_use]
    pub fn is_known(&self) -> bool {
        *self != Self::UNKNOWN
    }

    /// Wraps an MD5 digest.
    #[must_use]
    pub fn from_md5(digest: [u8; 16]) -> Self {
        Self(digest)
    }

    /// Reads 32 hexadecimal digits, as in an S3 `ETag` without its quotes.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut digest = [0; 16];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(digest))
    }

    /// The digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentId({self})")
    }
}

/// A point in time: nanoseconds since 1970-01-01 UTC, as file systems keep them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    const PER_SECOND: i64 = 1_000_000_000;

    /// Whole seconds since 1970, rounded down, and the nanoseconds above them.
    #[must_use]
    pub fn seconds_and_nanos(self) -> (i64, u32) {
        let nanos = u32::try_from(self.0.rem_euclid(Self::PER_SECOND)).expect("a remainder of 10^9 fits");
        (self.0.div_euclid(Self::PER_SECOND), nanos)
    }

    /// Joins seconds and nanoseconds; times beyond the years 1678 to 2261 are clamped.
    #[must_use]
    pub fn from_seconds_and_nanos(seconds: i64, nanos: u32) -> Self {
        Self(seconds.saturating_mul(Self::PER_SECOND).saturating_add(i64::from(nanos)))
    }
}

/// Permission bits: the lower twelve bits of `st_mode`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u32);

impl Mode {
    /// Keeps the twelve permission bits of a `st_mode`.
    #[must_use]
    pub fn from_st_mode(st_mode: u32) -> Self {
        Self(st_mode & 0o7777)
    }

    /// The twelve permission bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The bits that are restored unless a person asks for more: not setuid, setgid or sticky.
    #[must_use]
    pub fn without_special(self) -> Self {
        Self(self.0 & 0o777)
    }

    /// Whether a directory with this mode is like most, so that it needs no object of its own.
    #[must_use]
    pub fn is_usual_for_directory(self) -> bool {
        matches!(self.0 & 0o777, 0o755 | 0o775)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mode({:o})", self.0)
    }
}

/// The numeric owner of a file. Carried along, never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Numeric user id.
    pub uid: u32,
    /// Numeric group id.
    pub gid: u32,
}

/// What is known about a node beside its content. `None`: this side does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meta {
    /// Last modification.
    pub mtime: Option<UnixNanos>,
    /// Permission bits.
    pub mode: Option<Mode>,
    /// Numeric owner.
    pub owner: Option<Owner>,
    /// The bytes are an age file, and the rest of this is about what is inside. A store says so of what Heirloom sealed; a file system never.
    pub sealed: bool,
}

/// What stands at a path on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// The sort of thing.
    pub kind: Kind,
    /// What it holds; [`ContentId::EMPTY`] for a directory.
    pub content: ContentId,
    /// Bytes of content; 0 for a directory.
    pub size: u64,
    /// Everything that is not content.
    pub meta: Meta,
}

impl Node {
    /// The node as it is described while its bytes are an age file.
    #[must_use]
    pub fn sealed(self) -> Self {
        Self { meta: Meta { sealed: true, ..self.meta }, ..self }
    }

    /// Whether both hold the same bytes in the same sort of thing.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        (self.kind, self.content, self.size) == (other.kind, other.content, other.size)
    }

    /// Whether both say the same about time and permissions; what one side does not say agrees.
    ///
    /// A directory's time is not compared: it changes with what the directory holds. Nor are a
    /// symlink's permissions, which mean nothing.
    #[must_use]
    pub fn same_meta(&self, other: &Self) -> bool {
        let mtime = self.kind == Kind::Directory || agree(self.meta.mtime, other.meta.mtime);
        let mode = self.kind == Kind::Symlink || agree(self.meta.mode, other.meta.mode);
        mtime && mode
    }
}

fn agree<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

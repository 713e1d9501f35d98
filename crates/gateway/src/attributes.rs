//! Times, permissions and owners in user metadata, as rclone writes them.
//!
//! `mtime` is decimal seconds since 1970 with up to nine places, `mode` an octal `st_mode`, `uid` and `gid`
//! are numbers. A value that is none of this stays metadata and touches no file: other programs use the
//! same names for other things.

use model::{Kind, UnixNanos};
use rustix::fs::Stat;
use std::collections::BTreeMap;

const FILE_TYPE: u32 = 0o170_000;
const SYMLINK: u32 = 0o120_000;

/// What the file itself should carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) mtime: Option<UnixNanos>,
    /// All of `st_mode`, type bits included.
    pub(crate) mode: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    /// The bytes are an age file, and the rest of this is about what is inside.
    pub(crate) sealed: bool,
}

impl Attributes {
    pub(crate) fn parse(metadata: &BTreeMap<String, String>) -> Self {
        let get = |name: &str| metadata.get(name).map(|text| text.trim());
        let id = |name| get(name).and_then(|text| text.parse().ok()).filter(|&id: &u32| id != u32::MAX);
        Self {
            mtime: get("mtime").and_then(parse_mtime),
            mode: get("mode").and_then(|text| u32::from_str_radix(text, 8).ok()),
            uid: id("uid"),
            gid: id("gid"),
            sealed: get("sealed") == Some("age"),
        }
    }

    /// Whether the object is a symbolic link, its content the target. A sealed target is none: the object is a file here, and a link to
    /// whoever opens it.
    pub(crate) fn is_symlink(self) -> bool {
        !self.sealed && self.is_about_symlink()
    }

    fn is_about_symlink(self) -> bool {
        self.mode.is_some_and(|mode| mode & FILE_TYPE == SYMLINK)
    }

    /// The permission bits for the disk: never setuid, setgid or sticky, which would let a client plant a
    /// program that runs as someone else, and never less than the gateway needs to read and replace the file.
    pub(crate) fn permissions(self, kind: Kind) -> Option<u32> {
        let needed = if kind == Kind::Directory { 0o700 } else { 0o600 };
        // A link has no permissions to speak of; one that is kept as a file, because it is sealed, is for nobody here.
        let said = if self.is_about_symlink() { 0 } else { 0o777 };
        self.mode.map(|mode| (mode & said) | needed)
    }
}

/// Writes what the disk says over what the metadata says: somebody changed the file beside us.
pub(crate) fn describe(metadata: &mut BTreeMap<String, String>, stat: &Stat) {
    let mtime = UnixNanos::from_seconds_and_nanos(stat.st_mtime, nanos(stat.st_mtime_nsec));
    metadata.insert("mtime".into(), format_mtime(mtime));
    metadata.insert("mode".into(), format!("0{:o}", stat.st_mode));
    metadata.insert("uid".into(), stat.st_uid.to_string());
    metadata.insert("gid".into(), stat.st_gid.to_string());
}

/// Nanoseconds of a `timespec`, whose field is wider than its values.
pub(crate) fn nanos(field: impl TryInto<u32>) -> u32 {
    field.try_into().ok().filter(|&nanos| nanos < 1_000_000_000).unwrap_or(0)
}

/// Reads decimal seconds; digits beyond the ninth place are dropped.
pub(crate) fn parse_mtime(text: &str) -> Option<UnixNanos> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, places) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(places) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos: i64 = format!("{places:0<9.9}").parse().ok()?;
    let total = seconds.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    Some(UnixNanos(if negative { -total } else { total }))
}

/// Writes decimal seconds with nine places.
pub(crate) fn format_mtime(time: UnixNanos) -> String {
    let sign = if time.0 < 0 { "-" } else { "" };
    let total = time.0.unsigned_abs();
    format!("{sign}{}.{:09}", total / 1_000_000_000, total % 1_000_000_000)
}

#[cfg(test)]
mod tests;

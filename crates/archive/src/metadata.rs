//! What git forgets about a directory's entries, as one small text file per directory.
//!
//! The files live in a tree of their own, `.heirloom/metadata/<directory>/entries.heirloom`, which has a
//! directory for every directory of the bucket, empty ones included: `find .heirloom/metadata -type d`
//! lists them all. A change touches the file of its own directory only. The format, for people first:
//!
//! ```text
//! # Heirloom 1: mode, time of change, name, and where it applies owner= and git=
//! 0755    1764547200              .
//! 0644    1764547200.123456789    letter.txt
//! 0600    1764547201.5            keys.txt    owner=alice:users
//! 0644    1764547200              .gitmodules git=.gitmodules.heirloom
//! -       -                       .git        git=.git.heirloom
//! ```
//!
//! Columns are separated by one tab. The mode is octal, the time is seconds since 1970 with up to nine
//! decimals, the name is escaped as in an object key ([`RelPath`]), so it holds neither tab nor line feed. The line of
//! `.` speaks of the directory itself. Files and symbolic links have a line each; a directory has one only if
//! its name in git differs. `owner=` names user and group where the owner is not the user Heirloom runs as.
//!
//! Rejected: one file for the whole bucket (every snapshot would rewrite it), and git notes (a plain clone
//! does not carry them).

use model::{Mode, RelPath, UnixNanos};
use std::collections::HashMap;
use std::fmt::Write as _;

/// What a metadata file says about one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) mode: Option<Mode>,
    pub(crate) mtime: Option<UnixNanos>,
    /// User and group, `alice:users`.
    pub(crate) owner: Option<String>,
    /// The name in git's tree, where it differs.
    pub(crate) git_name: Option<Vec<u8>>,
}

/// A directory's metadata: what is known of itself, and of its entries by their true names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) own: Line,
    /// By escaped name, as in [`RelPath`].
    pub(crate) entries: HashMap<String, Line>,
}

const HEADER: &str = "# Heirloom 1: mode, time of change, name, and where it applies owner= and git=\n";
const OWN_NAME: &str = ".";

/// Builds a metadata file; lines are to be added in the order of their names.
#[derive(Default)]
pub(crate) struct Text(String);

impl Text {
    /// The whole file, for a directory that is `own` itself.
    pub(crate) fn file(&self, own: &Line) -> Vec<u8> {
        let mut start = Self(HEADER.to_owned());
        start.push(OWN_NAME, own);
        [start.0.as_bytes(), self.0.as_bytes()].concat()
    }

    /// Adds the line of a name, given in its escaped form.
    pub(crate) fn push(&mut self, name: &str, line: &Line) {
        let out = &mut self.0;
        let written = match line.mode {
            Some(mode) => write!(out, "{:04o}\t", mode.bits()),
            None => write!(out, "-\t"),
        };
        written.expect("writing to a String cannot fail");
        match line.mtime {
            Some(mtime) => push_time(out, mtime),
            None => out.push('-'),
        }
        out.push('\t');
        out.push_str(name);
        if let Some(owner) = &line.owner {
            out.push_str("\towner=");
            out.push_str(owner);
        }
        if let Some(git_name) = &line.git_name {
            out.push_str("\tgit=");
            match RelPath::from_os_bytes(git_name) {
                Ok(git_name) => out.push_str(git_name.as_str()),
                // No name of a tree entry is anything but a path component.
                Err(_) => out.push('-'),
            }
        }
        out.push('\n');
    }
}

/// Reads a metadata file. Lines and columns that this version does not know are passed over, so that an
/// older Heirloom shows what a newer one wrote.
pub(crate) fn parse(bytes: &[u8]) -> Metadata {
    let mut metadata = Metadata::default();
    for line in String::from_utf8_lossy(bytes).lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let (Some(mode), Some(mtime), Some(name)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        let mut parsed = Line {
            mode: u32::from_str_radix(mode, 8).ok().map(Mode::from_st_mode),
            mtime: parse_time(mtime),
            ..Line::default()
        };
        for column in columns {
            match column.split_once('=') {
                Some(("owner", owner)) => parsed.owner = Some(owner.to_owned()),
                Some(("git", name)) => {
                    parsed.git_name = RelPath::from_key(name).ok().map(|name| name.to_os_bytes());
                }
                _ => {}
            }
        }
        if name == OWN_NAME {
            metadata.own = parsed;
        } else {
            metadata.entries.insert(name.to_owned(), parsed);
        }
    }
    metadata
}

fn push_time(out: &mut String, time: UnixNanos) {
    // Written as people write numbers: the fraction of a time before 1970 counts away from zero, too.
    let (sign, nanos) = if time.0 < 0 { ("-", time.0.unsigned_abs()) } else { ("", time.0.unsigned_abs()) };
    let (seconds, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let written = if fraction == 0 {
        write!(out, "{sign}{seconds}")
    } else {
        write!(out, "{sign}{seconds}.{}", format!("{fraction:09}").trim_end_matches('0'))
    };
    written.expect("writing to a String cannot fail");
}

fn parse_time(text: &str) -> Option<UnixNanos> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    let total = seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)?;
    Some(UnixNanos(if negative { -total } else { total }))
}

#[cfg(test)]
mod tests;

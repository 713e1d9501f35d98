//! What a plain tree cannot hold about a file, in a file of its own.
//!
//! The sidecar of `<directory>/<name>` is `.heirloom/metadata/<hash of the directory>/f-<hash of the name>`, and `d-…` for a
//! directory: never in the way of a name, however long that is. It says in lines
//!
//! ```text
//! heirloom-metadata 1
//! key documents/letter.txt
//! of 5.18bcfe568000
//! mode 100644
//! mtime 1700000000.000000000
//! size 5
//! md5chksum XUFAKrxLKna5cZ2REBfFkg==
//! end
//! ```
//!
//! and is filled up with dots. The lines from `of` on may be there twice: while a file is replaced, its sidecar already describes the
//! new version beside the one that stands there still. A description holds for the version of the file that it names in `of`
//! and for no other, so whatever is written when, and by whomever a file is edited meanwhile, what a sidecar says
//! is true or ignored. The dots make the sidecar's length part of what it says: on a store that tells
//! versions by size and whole seconds, two sidecars written within one second still differ.
//!
//! Rejected: one sidecar for a directory. Two machines that upload into the same directory would overwrite each
//! other's, there being no conditions, and every upload would rewrite what is known about all its neighbours. A listing
//! does not read sidecars: a directory's are listed beside it, and their versions are part of the files'.

use super::store::{Entry, EntryKind};
use crate::metadata;
use model::{Kind, Node};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Where sidecars are.
pub(super) const METADATA: &str = ".heirloom/metadata";

/// More than any sidecar has.
pub(super) const SIZE_MAX: u64 = 64 << 10;

/// How many lengths a sidecar may be filled up to.
const LENGTHS: usize = 3000;

const FIRST_LINE: &str = "heirloom-metadata 1";

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sidecar {
    described: Vec<Described>,
}

/// One version of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// The version's tag; empty for a directory, which has but one.
    pub(super) tag: String,
    pub(super) node: Node,
}

/// Where the sidecars of a directory's names are.
pub(super) fn directory(directory: &str) -> String {
    format!("{METADATA}/{}", hash(directory))
}

/// The name of a sidecar in there.
pub(super) fn name(name: &str, kind: EntryKind) -> String {
    let sort = if kind == EntryKind::Directory { 'd' } else { 'f' };
    format!("{sort}-{}", hash(name))
}

/// The sidecar of a full key.
pub(super) fn path(place: &str) -> String {
    let (text, kind) = match place.strip_suffix('/') {
        Some(text) => (text, EntryKind::Directory),
        None => (place, EntryKind::File),
    };
    let (above, last) = text.rsplit_once('/').unwrap_or(("", text));
    format!("{}/{}", directory(above), name(last, kind))
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest[..16].iter().fold(String::with_capacity(32), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
        hex
    })
}

impl Sidecar {
    /// Describes one version, or two of which one replaces the other.
    pub(super) fn new(described: Vec<Described>) -> Self {
        Self { described }
    }

    /// What it says about the version that stands there. Descriptions that contradict each other say nothing: the store
    /// cannot tell their versions apart.
    pub(super) fn of(&self, entry: &Entry) -> Option<&Described> {
        let tag = if entry.kind == EntryKind::Directory { "" } else { &entry.tag };
        let mut fitting = self.described.iter().filter(|described| {
            described.tag == tag && (entry.kind == EntryKind::Directory || described.node.size == entry.size)
        });
        let first = fitting.next()?;
        fitting.all(|other| other.node == first.node).then_some(first)
    }

    /// Its content.
    pub(super) fn encode(&self, place: &str) -> Vec<u8> {
        let mut text = format!("{FIRST_LINE}\nkey {place}\n");
        let mut line = |key: &str, value: &str| {
            writeln!(text, "{key} {value}").expect("writing to a String cannot fail");
        };
        for Described { tag, node } in &self.described {
            line("of", tag);
            for (key, value) in metadata::encode(node, Some(node.content)) {
                line(key, &value);
            }
            line("size", &node.size.to_string());
        }
        text.push_str("end\n");
        let digest = Sha256::digest(text.as_bytes());
        let fill = usize::from(u16::from_le_bytes([digest[0], digest[1]])) % LENGTHS;
        let mut bytes = text.into_bytes();
        bytes.resize(bytes.len() + fill, b'.');
        bytes
    }

    /// Reads one. `None`: it is not whole, of a later version, or of something else.
    pub(super) fn parse(place: &str, content: &[u8]) -> Option<Self> {
        let whole = content.windows(5).position(|window| window == b"\nend\n")?;
        let mut lines = std::str::from_utf8(&content[..whole]).ok()?.lines();
        if lines.next()? != FIRST_LINE || lines.next()?.strip_prefix("key ")? != place {
            return None;
        }
        let mut described: Vec<(String, Vec<(&str, &str)>)> = Vec::new();
        for line in lines {
            let (key, value) = line.split_once(' ')?;
            if key == "of" {
                described.push((value.to_owned(), Vec::new()));
            } else {
                described.last_mut()?.1.push((key, value));
            }
        }
        let is_directory = place.ends_with('/');
        let described = described.into_iter().map(|(tag, pairs)| describe(tag, &pairs, is_directory));
        Some(Self { described: described.collect::<Option<_>>()? })
    }
}

fn describe(tag: String, pairs: &[(&str, &str)], is_directory: bool) -> Option<Described> {
    let said = metadata::parse(pairs.iter().copied());
    let size = pairs.iter().find(|(key, _)| *key == "size")?.1.parse().ok()?;
    let kind = if is_directory { Kind::Directory } else { said.kind };
    Some(Described { tag, node: Node { kind, content: said.content?, size, meta: said.meta } })
}

#[cfg(test)]
mod tests;

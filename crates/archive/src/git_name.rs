//! File names as git may hold them.
//!
//! git gives a few names a meaning of its own, refuses to check them out, or complains of them in
//! `git fsck --strict`: `.git` and everything NTFS or HFS+ take for it, `.gitmodules`, `.gitattributes`.
//! A bucket may hold any of them as an ordinary file. In the archive such a name carries the suffix
//! `.heirloom`, and so does a name that already looks like the outcome of that, which makes the
//! mapping reversible. All other names are themselves, byte by byte.
//!
//! | name | in git |
//! |---|---|
//! | `.git` | `.git.heirloom` |
//! | `.git.heirloom` | `.git.heirloom.heirloom` |
//! | `.git:stream` | `%2Egit%3Astream.heirloom`: a suffix would not change what NTFS makes of it |
//! | such a name that would pass 255 bytes | its start, `~`, the SHA-1 of the name, `.heirloom` |
//!
//! The last form cannot be undone by arithmetic; the true name is in the directory's metadata.
//! Rejected: escaping every dot file (renames innocent files), and dropping special names (loses files).

mod special;

use std::borrow::Cow;
use std::fmt::Write as _;

/// The name of the file that holds a directory's metadata; reserved in every directory.
pub(crate) const METADATA_FILE: &[u8] = b"entries.heirloom";

const SUFFIX: &[u8] = b".heirloom";
const LENGTH_MAX: usize = 255;
const SHORTENED_MAX: usize = 100;

/// Which rules of git apply to a name beside those for every name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameOf {
    /// A symbolic link: git complains of a few more names.
    Symlink,
    /// Anything else.
    Other,
}

/// The name in git's tree for a true name.
pub(crate) fn escape(name: &[u8], of: NameOf) -> Cow<'_, [u8]> {
    let special = special::is_special(name);
    let for_symlink = of == NameOf::Symlink && special::is_special_for_symlink(name);
    if !special && !for_symlink && !is_reserved(name) && !looks_escaped(name) {
        return Cow::Borrowed(name);
    }
    let stem =
        if (special || for_symlink) && has_separator(name) { percent_encode(name) } else { name.to_vec() };
    let escaped = [&stem, SUFFIX].concat();
    // What only looks like a shortened name is shortened as well, to be told apart by its own hash.
    let is_shortened = escaped.len() > LENGTH_MAX || is_shortened(&escaped);
    Cow::Owned(if is_shortened { shorten(name, &stem) } else { escaped })
}

/// The true name for a name in git's tree; a name shortened by its hash is returned as it is.
pub(crate) fn unescape(name: &[u8]) -> Cow<'_, [u8]> {
    match escaped_origin(name) {
        Some(origin) => origin,
        None => Cow::Borrowed(name),
    }
}

fn looks_escaped(name: &[u8]) -> bool {
    escaped_origin(name).is_some()
}

fn escaped_origin(name: &[u8]) -> Option<Cow<'_, [u8]>> {
    let stem = name.strip_suffix(SUFFIX).filter(|_| !is_shortened(name))?;
    let plain = special::is_special(stem)
        || special::is_special_for_symlink(stem)
        || is_reserved(stem)
        || looks_escaped(stem);
    if plain {
        return Some(Cow::Borrowed(stem));
    }
    // Such a stem holds no dot, so it is none of the above: the two forms cannot be confused.
    let origin = percent_decode(stem)?;
    let is_special = special::is_special(&origin) || special::is_special_for_symlink(&origin);
    let is_outcome = is_special && has_separator(&origin) && percent_encode(&origin) == stem;
    is_outcome.then_some(Cow::Owned(origin))
}

/// Names that Heirloom itself needs in every directory.
fn is_reserved(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(METADATA_FILE) || is_shortened(name)
}

fn has_separator(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'\\' | b':'))
}

fn percent_encode(name: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    let mut bytes = Vec::with_capacity(name.len() + 8);
    for &byte in name {
        if matches!(byte, b'%' | b'\\' | b':' | b'.') {
            out.clear();
            write!(out, "%{byte:02X}").expect("writing to a String cannot fail");
            bytes.extend_from_slice(out.as_bytes());
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            out.push(byte);
            rest = tail;
        }
    }
    Some(out)
}

fn shorten(name: &[u8], stem: &[u8]) -> Vec<u8> {
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(name);
    let digest = hasher.try_finalize().map_or_else(|_| "0".repeat(40), |id| id.to_string());
    let mut end = SHORTENED_MAX.min(stem.len());
    // Not in the middle of a UTF-8 sequence: the shortened name should be text if the name is.
    while end > 0 && stem.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end -= 1;
    }
    [&stem[..end], b"~", digest.as_bytes(), SUFFIX].concat()
}

/// Whether a name in git may stand for a true name that only the metadata knows.
pub(crate) fn is_shortened(name: &[u8]) -> bool {
    let Some(stem) = name.strip_suffix(SUFFIX) else { return false };
    let Some(at) = stem.len().checked_sub(41) else { return false };
    at <= SHORTENED_MAX
        && stem[at] == b'~'
        && stem[at + 1..].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;

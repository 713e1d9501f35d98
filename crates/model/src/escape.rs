//! One component of a path as text, reversibly.
//!
//! File names are bytes; object keys are text that travels through XML, URLs and clients that trim
//! white space. Most names are fine as they are and must stay so, because other S3 clients read them.
//! So [`encode`] and [`decode`] form a bijection that is the identity wherever it can be:
//!
//! - bytes that are not UTF-8, control characters, the non-characters U+FFFE and U+FFFF (not XML), and
//!   white space at either end are written `%XX`, and then every `%` of that name as `%25`;
//! - a name that needs no escaping but *looks* like the outcome of one is escaped as well;
//! - everything else, `50% off` and `a%20b` included, is itself.
//!
//! Rejected: escaping every `%` (renames innocent files), and decoding every `%XX` (two keys would name
//! one file).

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text for a file name's bytes.
pub(crate) fn encode(name: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(name) {
        Ok(text) if !needs_escaping(name) && !looks_escaped(text) => Cow::Borrowed(text),
        Ok(_) | Err(_) => Cow::Owned(escape(name)),
    }
}

/// The file name's bytes for a text; the inverse of [`encode`], defined for every text.
pub(crate) fn decode(text: &str) -> Cow<'_, [u8]> {
    match escaped_origin(text) {
        Some(name) => Cow::Owned(name),
        None => Cow::Borrowed(text.as_bytes()),
    }
}

fn looks_escaped(text: &str) -> bool {
    escaped_origin(text).is_some()
}

/// The name whose escaped form `text` is, if it is one.
fn escaped_origin(text: &str) -> Option<Vec<u8>> {
    if !text.contains('%') {
        return None;
    }
    let name = unescape(text);
    // The recursion ends because every unescaping that changes anything is shorter.
    let is_outcome = name.len() < text.len()
        && escape(&name) == text
        && (needs_escaping(&name) || std::str::from_utf8(&name).is_ok_and(looks_escaped));
    is_outcome.then_some(name)
}

fn needs_escaping(name: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(name) else { return true };
    text.chars().any(is_unfit) || text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace)
}

fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}')
}

fn escape(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    let mut at = 0;
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            let end = at + c.len_utf8();
            let at_edge = (at == 0 || end == name.len()) && c.is_whitespace();
            if c == '%' || is_unfit(c) || at_edge {
                push_escaped(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(c);
            }
            at = end;
        }
        push_escaped(&mut out, chunk.invalid());
        at += chunk.invalid().len();
    }
    out
}

fn push_escaped(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(out, "%{byte:02X}").expect("writing to a String cannot fail");
    }
}

/// Replaces every `%XX` (upper case) by its byte, save those no file name can hold.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        match (first, escaped_byte(tail)) {
            (b'%', Some(byte)) if byte != 0 && byte != b'/' => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                out.push(first);
                rest = tail;
            }
        }
    }
    out
}

fn escaped_byte(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| match digits.get(at)? {
        d @ b'0'..=b'9' => Some(d - b'0'),
        d @ b'A'..=b'F' => Some(d - b'A' + 10),
        _ => None,
    };
    Some(digit(0)? * 16 + digit(1)?)
}

#[cfg(test)]
mod tests;

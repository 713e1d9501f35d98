//! The part of a file that a request asks for (RFC 9110 §14).
//!
//! One range is served; several are answered with the whole file, as the RFC allows, because no player asks
//! for them and multipart answers are a way to make a server send one file many times.

use std::ops::Range;

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Everything, with status 200.
    Whole,
    /// These bytes, with status 206.
    Part(Range<u64>),
    /// Nothing lies there: status 416.
    Beyond,
}

/// Reads a `Range` header for a file of `size` bytes. What is not understood is as if it were not there.
pub(crate) fn parse(header: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::Whole };
    let range = match (number(first), number(last)) {
        (Number::Absent, Number::Given(0)) => return Wanted::Beyond,
        (Number::Absent, Number::Given(length)) => size.saturating_sub(length)..size,
        (Number::Given(first), Number::Absent) => first..size,
        (Number::Given(first), Number::Given(last)) if first <= last => {
            first..last.saturating_add(1).min(size)
        }
        _ => return Wanted::Whole,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Beyond }
}

enum Number {
    Absent,
    Given(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    match text {
        "" => Number::Absent,
        _ if !text.bytes().all(|byte| byte.is_ascii_digit()) => Number::Wrong,
        // More digits than a u64 holds lie beyond every file.
        _ => Number::Given(text.parse().unwrap_or(u64::MAX)),
    }
}

#[cfg(test)]
mod tests;

//! The lines of an answer, in pieces that are worth sending.

use crate::index::{Cursor, Extent, Told};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format of the lines.
const VERSION: u32 = 1;

/// Bytes of a piece, give or take a line.
pub(super) const PIECE: usize = 64 << 10;

/// Collects lines.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Head {
        changes: u32,
        extent: &'a str,
        cursor: String,
    },
    Put {
        put: &'a str,
        etag: &'a str,
        size: u64,
        modified: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<&'a RawValue>,
    },
    Gone {
        gone: &'a str,
    },
    End {
        end: u64,
    },
}

/// What the index keeps of a client's words, as far as it is told; the text is handed on as it is.
#[derive(Default, Deserialize)]
struct About<'a> {
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

impl Lines {
    /// Adds a line; returns a piece when there is one.
    pub(super) fn add(&mut self, told: Told<'_>) -> Option<Bytes> {
        let line = match told {
            Told::Head { cursor, extent } => {
                let extent = match extent {
                    Extent::Everything => "everything",
                    Extent::Since => "since",
                };
                Line::Head { changes: VERSION, extent, cursor: cursor.to_string() }
            }
            Told::Put { key, etag, size, modified_ms, about } => {
                // As everywhere, labels that cannot be read count as none.
                let about: About<'_> =
                    about.and_then(|about| serde_json::from_str(about).ok()).unwrap_or_default();
                Line::Put { put: key, etag, size, modified: modified_ms, metadata: about.metadata }
            }
            Told::Gone { key } => Line::Gone { gone: key },
            Told::End { count } => Line::End { end: count },
        };
        serde_json::to_writer(&mut self.0, &line).expect("because texts and numbers are always JSON");
        self.0.push(b'\n');
        (self.0.len() >= PIECE || matches!(line, Line::End { .. })).then(|| self.take())
    }

    fn take(&mut self) -> Bytes {
        std::mem::replace(&mut self.0, Vec::with_capacity(PIECE + PIECE / 8)).into()
    }
}

/// The whole answer when nothing changed.
pub(super) fn nothing_since(here: Cursor) -> Bytes {
    let mut lines = Lines::default();
    lines.add(Told::Head { cursor: here, extent: Extent::Since });
    lines.add(Told::End { count: 0 }).expect("because the end is sent at once")
}

#[cfg(test)]
mod tests;

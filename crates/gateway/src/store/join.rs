//! One file of many parts.

use super::Store;
use crate::fault::{Doing, Fault};
use crate::incoming::Draft;
use crate::index::UploadPart;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// What file systems share of two files, if they can: blocks of this size, or of a fraction of it.
const BLOCK: u64 = 4096;

impl Store {
    /// The parts as one file, and its size. They are there already, if all stand at their places; else they are copied.
    pub(super) fn join(
        &self,
        upload: &str,
        parts: &[UploadPart],
        present: &[UploadPart],
    ) -> Result<(Draft, u64), Fault> {
        let size = parts.iter().map(|part| part.size).sum();
        // A part that is left out may be chosen by the next try, should this one fail: it must not be cut off.
        if parts.len() == present.len() && stand_in_place(parts) {
            let whole = self.incoming.open_whole(upload)?;
            whole.file().expect("because a part is a file").set_len(size).doing("join the parts")?;
            return Ok((whole, size));
        }
        let joined = self.incoming.file()?;
        let to = joined.file().expect("because it was started as a file");
        for part in parts {
            let (source, start) = match part.place {
                Some(place) => (self.incoming.open_whole(upload)?, place),
                None => (self.incoming.open_part(upload, part.number)?, 0),
            };
            let source = source.file().expect("because a part is a file");
            copy(source, start..start + part.size, to)?;
        }
        Ok((joined, size))
    }
}

fn stand_in_place(parts: &[UploadPart]) -> bool {
    let mut end = 0;
    parts.iter().all(|part| {
        let start = end;
        end += part.size;
        part.place == Some(start)
    })
}

/// Copies a range of a file to where the other one stands. The kernel does it, or shares the blocks, where the file
/// system can and what is copied begins equally far from a border between blocks in both.
pub(super) fn copy(mut from: &File, range: Range<u64>, mut to: &File) -> Result<(), Fault> {
    let to_border = range.start.next_multiple_of(BLOCK).min(range.end) - range.start;
    let mut copy = |length: u64| match io::copy(&mut from.take(length), &mut to)? {
        copied if copied == length => Ok(()),
        _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
    };
    from.seek(SeekFrom::Start(range.start))
        .and_then(|_| copy(to_border))
        .and_then(|()| copy(range.end - range.start - to_border))
        .doing("copy a range")
}

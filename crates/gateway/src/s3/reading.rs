//! Sending the bytes of an object.
//!
//! The first piece is read in the same visit that opens the file, and for most objects it is the last. Of larger
//! ones, the next piece is read while the last one is sent.

use crate::fault::{Doing, Fault};
use crate::record::Record;
use crate::store::{Source, is_still};
use bytes::Bytes;
use futures::stream;
use s3s::Body;
use s3s::dto::StreamingBlob;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use tokio::task::JoinHandle;

const PIECE: u64 = 256 << 10;

/// A body of which the first piece is in memory.
#[derive(Debug)]
pub(super) enum Opened {
    Whole(Bytes),
    Begun { first: Bytes, rest: Rest },
}

/// What is left of a file to be sent.
#[derive(Debug)]
pub(super) struct Rest {
    file: File,
    left: u64,
    ctime: model::UnixNanos,
}

/// Starts to read a range of an object.
pub(super) fn open(source: Source, record: &Record, range: Range<u64>) -> Result<Opened, Fault> {
    const DOING: &str = "read a live file";
    match source {
        Source::Memory(bytes) => {
            let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            Ok(Opened::Whole(bytes.slice(index(range.start)..index(range.end))))
        }
        Source::File(mut file) => {
            if range.start > 0 {
                file.seek(SeekFrom::Start(range.start)).doing(DOING)?;
            }
            let mut rest =
                Rest { file, left: range.end.saturating_sub(range.start), ctime: record.stamp.ctime };
            let first = rest.piece().doing(DOING)?;
            Ok(if rest.left == 0 { Opened::Whole(first) } else { Opened::Begun { first, rest } })
        }
    }
}

impl Rest {
    fn piece(&mut self) -> io::Result<Bytes> {
        let wanted = self.left.min(PIECE);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
        let read = (&self.file).take(wanted).read_to_end(&mut bytes)? as u64;
        self.left -= read;
        if read < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // Better a broken transfer than a mixed one.
        if self.left == 0 && !is_still(&self.file, self.ctime)? {
            return Err(io::Error::other("the file was changed while it was read"));
        }
        Ok(bytes.into())
    }

    fn read_ahead(mut self) -> Ahead {
        tokio::task::spawn_blocking(move || {
            let piece = self.piece()?;
            Ok((piece, self))
        })
    }
}

type Ahead = JoinHandle<io::Result<(Bytes, Rest)>>;

impl Opened {
    pub(super) fn into_body(self) -> StreamingBlob {
        let (first, rest) = match self {
            Self::Whole(bytes) => return Body::from(bytes).into(),
            Self::Begun { first, rest } => (first, rest),
        };
        let ahead = rest.read_ahead();
        StreamingBlob::wrap(stream::try_unfold((Some(first), Some(ahead)), |(ready, ahead)| async move {
            if let Some(first) = ready {
                return Ok::<_, io::Error>(Some((first, (None, ahead))));
            }
            let Some(ahead) = ahead else { return Ok(None) };
            let (piece, rest) = ahead.await.map_err(io::Error::other)??;
            let next = (rest.left > 0).then(|| rest.read_ahead());
            Ok(Some((piece, (None, next))))
        }))
    }
}

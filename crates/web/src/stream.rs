//! Bytes written on a thread that may block, read by a connection as fast as it can.
//!
//! The channel between them holds a few chunks, so a slow client slows the writer down and no download is ever held
//! in memory. A client that goes away stops the writer at its next chunk.

use crate::failure::{Failure, chain};
use crate::site::Site;
use axum::body::Body;
use bytes::Bytes;
use std::error::Error as StdError;
use std::io::{self, Write};
use tokio::sync::mpsc;

const CHUNK: usize = 128 * 1024;
const CHUNKS_AHEAD: usize = 4;

/// What a writer may fail with.
pub(crate) type Outcome = Result<(), Box<dyn StdError + Send + Sync>>;

/// A body that `write` fills. When `write` fails the connection is cut, so that the client cannot take half a file
/// for a whole one; `what` is then named in the log.
pub(crate) async fn body<F>(site: &Site, what: String, write: F) -> Result<Body, Failure>
where
    F: FnOnce(&mut dyn Write) -> Outcome + Send + 'static,
{
    let permit = std::sync::Arc::clone(&site.streams).acquire_owned().await;
    let permit = permit.map_err(|closed| Failure::broken("begin a download", closed))?;
    let (sender, mut receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut writer = Chunks { sender, chunk: Vec::new(), is_closed: false };
        let outcome = write(&mut writer).and_then(|()| Ok(writer.flush()?));
        if let Err(error) = outcome
            && !writer.is_closed
        {
            tracing::error!(error = %chain(error.as_ref()), "could not send {what}");
            // Nobody may be left to hear it.
            let _unheard = writer.sender.blocking_send(Err(io::Error::other("the download broke off")));
        }
        drop(permit);
    });
    Ok(Body::from_stream(futures::stream::poll_fn(move |context| receiver.poll_recv(context))))
}

struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    chunk: Vec<u8>,
    /// The client went away.
    is_closed: bool,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.capacity() == 0 {
            self.chunk.reserve_exact(CHUNK);
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.chunk));
        self.sender.blocking_send(Ok(chunk)).map_err(|_| {
            self.is_closed = true;
            io::Error::from(io::ErrorKind::BrokenPipe)
        })
    }
}

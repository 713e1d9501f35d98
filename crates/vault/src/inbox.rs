//! Bytes on their way between a caller that pushes them and a library that wants to pull them.
//!
//! age reads and writes through `std::io`; a sync has chunks that arrive and parts that are due. Rejected: age's
//! asynchronous adapters, which are one more set of them in the middle of a computation that waits for nothing.

use bytes::{Buf as _, Bytes};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What has arrived and was not read yet. Reading more than that fails with [`io::ErrorKind::WouldBlock`] until the end
/// was announced. Clones are the same inbox.
#[derive(Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<Arrived>>);

#[derive(Default)]
struct Arrived {
    chunks: VecDeque<Bytes>,
    is_whole: bool,
}

impl Inbox {
    pub(crate) fn push(&self, chunk: Bytes) {
        // An empty chunk in the queue would read as the end.
        if !chunk.is_empty() {
            lock(&self.0).chunks.push_back(chunk);
        }
    }

    /// Nothing more will arrive.
    pub(crate) fn end(&self) {
        lock(&self.0).is_whole = true;
    }
}

impl Read for Inbox {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut arrived = lock(&self.0);
        let Some(front) = arrived.chunks.front_mut() else {
            return if arrived.is_whole { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        };
        let length = front.len().min(buffer.len());
        front.copy_to_slice(&mut buffer[..length]);
        if front.is_empty() {
            arrived.chunks.pop_front();
        }
        Ok(length)
    }
}

/// Where sealed bytes wait to be taken. Clones are the same outbox.
#[derive(Clone, Default)]
pub(crate) struct Outbox(Arc<Mutex<Vec<u8>>>);

impl Outbox {
    pub(crate) fn take(&self) -> Bytes {
        std::mem::take(&mut *lock(&self.0)).into()
    }

    pub(crate) fn look<T>(&self, at: impl FnOnce(&[u8]) -> T) -> T {
        at(&lock(&self.0))
    }

    pub(crate) fn reserve(&self, more: usize) {
        lock(&self.0).reserve(more);
    }
}

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lock is there because the borrow checker cannot see that the two ends take turns; it is never contended.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads from a reader into a chunk of its own; empty at the end.
pub(crate) fn next_chunk(reader: &mut impl Read, most: usize) -> io::Result<Bytes> {
    let mut chunk = vec![0; most];
    loop {
        match reader.read(&mut chunk) {
            Ok(length) => {
                chunk.truncate(length);
                return Ok(chunk.into());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hands out the beginning of `chunk` and keeps the rest.
pub(crate) fn hand_out(chunk: &mut Bytes, buffer: &mut [u8]) -> usize {
    let length = chunk.len().min(buffer.len());
    chunk.copy_to_slice(&mut buffer[..length]);
    length
}

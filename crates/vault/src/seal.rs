//! Plain bytes to sealed ones.

use crate::inbox::{Outbox, hand_out, next_chunk};
use crate::{Recipients, Seal};
use bytes::Bytes;
use std::io::{self, Read, Write as _};

/// Something being sealed: plain bytes go in, sealed ones come out.
pub struct Sealer {
    writer: age::stream::StreamWriter<Outbox>,
    outbox: Outbox,
    seal: Seal,
}

impl Sealer {
    /// Begins to seal something for `recipients`, with a key of its own.
    #[must_use]
    pub fn new(recipients: &Recipients) -> Self {
        let outbox = Outbox::default();
        let writer = recipients.encryptor().wrap_output(outbox.clone()).expect(IN_MEMORY);
        let seal = outbox.look(Seal::of).ok().flatten().expect("because a header was just written");
        Self { writer, outbox, seal }
    }

    /// What this will be known again by.
    #[must_use]
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// How many bytes this sealer makes of `plain` bytes, all in all.
    #[must_use]
    pub fn sealed_size(&self, plain: u64) -> u64 {
        self.seal.sealed_size(plain)
    }

    /// Takes the next plain bytes and returns the sealed ones that are due: none for up to 64 KiB that wait for their chunk to
    /// be full, and before anything else the header.
    pub fn push(&mut self, plain: &[u8]) -> Bytes {
        let chunks = plain.len().div_ceil(1 << 16) + 1;
        self.outbox.reserve(plain.len() + chunks * 16);
        self.writer.write_all(plain).expect(IN_MEMORY);
        self.outbox.take()
    }

    /// Returns the last sealed bytes. Without them, all is lost: it could not be told from something cut off.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.writer.finish().expect(IN_MEMORY).take()
    }
}

const IN_MEMORY: &str = "because writing to memory cannot fail";

/// A reader's bytes, sealed as they are read.
pub struct SealRead<R> {
    plain: R,
    /// `None` once the end was sealed.
    sealer: Option<Sealer>,
    ready: Bytes,
}

impl<R: Read> SealRead<R> {
    /// Seals what `plain` gives with `sealer`, which must be fresh.
    pub fn new(sealer: Sealer, plain: R) -> Self {
        Self { plain, sealer: Some(sealer), ready: Bytes::new() }
    }
}

impl<R: Read> Read for SealRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            let Some(mut sealer) = self.sealer.take() else { return Ok(0) };
            let chunk = match next_chunk(&mut self.plain, 1 << 16) {
                Ok(chunk) => chunk,
                Err(error) => {
                    self.sealer = Some(sealer);
                    return Err(error);
                }
            };
            if chunk.is_empty() {
                self.ready = sealer.finish();
            } else {
                self.ready = sealer.push(&chunk);
                self.sealer = Some(sealer);
            }
        }
        Ok(hand_out(&mut self.ready, buffer))
    }
}

#[cfg(test)]
mod tests;

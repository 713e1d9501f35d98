//! Sealed bytes to plain ones.

use crate::header::{MAGIC, header_end};
use crate::identities::refusal;
use crate::inbox::{Inbox, hand_out, next_chunk};
use crate::{Error, Identities, Lock};
use age::stream::StreamReader;
use bytes::Bytes;
use std::io::{self, Read};

/// Bytes behind the header that its keys are derived with.
const NONCE: usize = 16;

/// Bytes read at once.
const STEP: usize = 1 << 16;

/// Something being opened: sealed bytes go in, plain ones come out.
pub struct Opener {
    state: State,
    inbox: Inbox,
    size: u64,
}

enum State {
    /// What arrived so far, which is not the whole header yet, and how much of it was looked through.
    Header {
        identities: Identities,
        arrived: Vec<u8>,
        searched: usize,
    },
    Body(StreamReader<Inbox>),
    /// An error was reported; it stays one.
    Failed,
}

/// What came out at the end, and the certainty that it was the end.
#[derive(Debug)]
#[must_use]
pub struct Opened {
    /// The last plain bytes.
    pub rest: Bytes,
    /// All plain bytes.
    pub size: u64,
}

impl Opener {
    /// Begins to open something with whichever of `identities` fits.
    #[must_use]
    pub fn new(identities: &Identities) -> Self {
        let state = State::Header { identities: identities.clone(), arrived: Vec::new(), searched: 0 };
        Self { state, inbox: Inbox::default(), size: 0 }
    }

    /// Takes the next sealed bytes and returns the plain ones that could be authenticated. They may still be the beginning of
    /// something that was cut off: see [`Opener::finish`].
    ///
    /// After an error, everything that came out before is worthless, and only errors follow.
    pub fn push(&mut self, sealed: Bytes) -> Result<Bytes, Error> {
        let plain = self.advance(sealed);
        if plain.is_err() {
            self.state = State::Failed;
        }
        plain
    }

    /// Says that nothing more will come. `Ok`: this is all of what was sealed, to its end.
    pub fn finish(mut self) -> Result<Opened, Error> {
        self.inbox.end();
        match &self.state {
            State::Header { arrived, .. } if arrived.len() < MAGIC.len() => Err(Error::NotSealed),
            State::Header { .. } => Err(Error::damaged("it ends within its header")),
            State::Body(_) | State::Failed => {
                let rest = self.read_on()?;
                Ok(Opened { rest, size: self.size })
            }
        }
    }

    fn advance(&mut self, sealed: Bytes) -> Result<Bytes, Error> {
        if let State::Header { identities, arrived, searched } = &mut self.state {
            arrived.extend_from_slice(&sealed);
            let Some(header_size) = header_end(arrived, searched)? else { return Ok(Bytes::new()) };
            if arrived.len() < header_size + NONCE {
                return Ok(Bytes::new());
            }
            self.inbox.push(std::mem::take(arrived).into());
            self.state = State::Body(unlock(self.inbox.clone(), identities)?);
        } else {
            self.inbox.push(sealed);
        }
        self.read_on()
    }

    fn read_on(&mut self) -> Result<Bytes, Error> {
        let State::Body(reader) = &mut self.state else {
            return Err(Error::damaged("it was found so before"));
        };
        let mut plain = Vec::new();
        loop {
            let start = plain.len();
            plain.resize(start + STEP, 0);
            let read = reader.read(&mut plain[start..]);
            plain.truncate(start + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(Error::damaged(error)),
            }
        }
        self.size += plain.len() as u64;
        Ok(plain.into())
    }
}

fn unlock(inbox: Inbox, identities: &Identities) -> Result<StreamReader<Inbox>, Error> {
    let decryptor = age::Decryptor::new(inbox).map_err(Error::damaged)?;
    let is_passphrase = decryptor.is_scrypt();
    let lock = if is_passphrase { Lock::Passphrase } else { Lock::Keys };
    identities.try_on(is_passphrase, |keys| decryptor.decrypt(keys)).map_err(|error| refusal(error, lock))
}

/// A reader's sealed bytes, opened as they are read. The end of its bytes is the authenticated end of what was sealed;
/// an error of opening is an [`Error`] within the [`io::Error`], see [`Error::from_io`].
pub struct OpenRead<R> {
    sealed: R,
    /// `None` once the end was reached.
    opener: Option<Opener>,
    ready: Bytes,
}

impl<R: Read> OpenRead<R> {
    /// Opens what `sealed` gives with whichever of `identities` fits.
    pub fn new(identities: &Identities, sealed: R) -> Self {
        Self { sealed, opener: Some(Opener::new(identities)), ready: Bytes::new() }
    }
}

impl<R: Read> Read for OpenRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            let Some(opener) = &mut self.opener else { return Ok(0) };
            let chunk = next_chunk(&mut self.sealed, STEP)?;
            if !chunk.is_empty() {
                self.ready = opener.push(chunk).map_err(Error::into_io)?;
            } else if let Some(opener) = self.opener.take() {
                match opener.finish() {
                    Ok(end) => self.ready = end.rest,
                    Err(error) => {
                        self.opener = Some(Opener::failed());
                        return Err(error.into_io());
                    }
                }
            }
        }
        Ok(hand_out(&mut self.ready, buffer))
    }
}

impl Opener {
    /// One that reports an error whatever is asked of it.
    fn failed() -> Self {
        Self { state: State::Failed, inbox: Inbox::default(), size: 0 }
    }
}

#[cfg(test)]
mod tests;

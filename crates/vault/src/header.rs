//! The beginning of an age file, which anybody can read.

use crate::Error;
use std::fmt;

/// How an age file begins.
pub(crate) const MAGIC: &[u8] = b"age-encryption.org/";

/// How the last line of a header begins, which is the only one that does.
const LAST_LINE: &[u8] = b"\n--- ";

/// What lies between the header and the first chunk.
const NONCE: u64 = 16;

/// Plain bytes that are authenticated together.
const CHUNK: u64 = 64 << 10;

/// What each chunk grows by.
const TAG: u64 = 16;

/// The most a header may take: over a hundred RSA recipients.
pub(crate) const HEADER_MOST: usize = 128 << 10;

/// What tells one sealed thing from every other: the authentication of its header, which hangs on its own random key.
///
/// It says nothing about the content, and needs no identity: who sealed something knows it again by its seal, wherever it was copied to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Seal {
    authentication: String,
    header_size: u64,
}

impl Seal {
    /// The seal of something, by its first bytes. `None`: more of them are needed, up to 128 KiB.
    /// [`Error::NotSealed`] as soon as that is certain.
    pub fn of(begun: &[u8]) -> Result<Option<Self>, Error> {
        let Some(end) = header_end(begun, &mut 0)? else { return Ok(None) };
        let header = &begun[..end];
        let line = header.windows(LAST_LINE.len()).position(|window| window == LAST_LINE);
        let authentication = line.map_or(&header[..0], |at| &header[at + LAST_LINE.len()..end - 1]);
        match std::str::from_utf8(authentication) {
            Ok(text) if !text.is_empty() => {
                Ok(Some(Self { authentication: text.to_owned(), header_size: end as u64 }))
            }
            _ => Err(Error::damaged("its header is not authenticated")),
        }
    }

    /// The seal's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.authentication
    }

    /// How many bytes `plain` bytes are behind this seal, with all of the header.
    #[must_use]
    pub fn sealed_size(&self, plain: u64) -> u64 {
        // There is always a last chunk, and it is empty only if everything is.
        self.header_size + NONCE + plain + plain.div_ceil(CHUNK).max(1) * TAG
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authentication)
    }
}

/// Where the header ends, once all of it has arrived.
pub(crate) fn header_end(arrived: &[u8], searched: &mut usize) -> Result<Option<usize>, Error> {
    let known = arrived.len().min(MAGIC.len());
    if arrived[..known] != MAGIC[..known] {
        return Err(Error::NotSealed);
    }
    let from = *searched;
    if let Some(at) = arrived[from..].windows(LAST_LINE.len()).position(|window| window == LAST_LINE) {
        let line = from + at + 1;
        *searched = line - 1;
        if let Some(length) = arrived[line..].iter().position(|&byte| byte == b'\n') {
            return Ok(Some(line + length + 1));
        }
    } else {
        *searched = arrived.len().saturating_sub(LAST_LINE.len() - 1).max(from);
    }
    if arrived.len() > HEADER_MOST { Err(Error::damaged("its header has no end")) } else { Ok(None) }
}

#[cfg(test)]
mod tests;

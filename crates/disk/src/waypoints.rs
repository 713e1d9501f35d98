//! How far a file's MD5 had come at some of its bytes.
//!
//! An MD5 is computed byte after byte, on one core. So of a file that grew or was changed further behind, what is in front of the change is
//! not hashed once more: its chunks are seen to be the same, which takes all cores a fraction of the time, and the digest
//! goes on from there.

use md5::Md5;
use md5::digest::common::hazmat::{SerializableState, SerializedState};

/// Bytes from one to the next: a tenth of a second's work. In tests there is less to do.
const APART: u64 = if cfg!(test) { 4 << 20 } else { 64 << 20 };

/// Bytes of one in memory and in the journal: where it is (big-endian), and the state.
const LENGTH: usize = 8 + size_of::<SerializedState<Md5>>();

/// States of the MD5 of one content, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waypoints(Vec<u8>);

impl Waypoints {
    /// What [`Waypoints::as_bytes`] gave. Anything else is as good as nothing.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        if bytes.len().is_multiple_of(LENGTH) { Self(bytes) } else { Self::default() }
    }

    /// All of it, to be kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes down the state after `offset` bytes, if the last one is far enough behind.
    pub(crate) fn pass(&mut self, offset: u64, digest: &Md5) {
        let last = self.all().last().map_or(0, |(offset, _)| offset);
        if offset - last >= APART {
            self.0.extend_from_slice(&offset.to_be_bytes());
            self.0.extend_from_slice(&digest.serialize());
        }
    }

    /// Those up to `offset`; and the last of them, if it can be read.
    pub(crate) fn up_to(&self, offset: u64) -> (Self, Option<(u64, Md5)>) {
        let known = self.all().take_while(|(at, _)| *at <= offset);
        let (count, last) = known.fold((0, None), |(count, _), known| (count + 1, Some(known)));
        let state = last.and_then(|(at, state)| Some((at, Md5::deserialize(state.try_into().ok()?).ok()?)));
        match state {
            Some(state) => (Self(self.0[..count * LENGTH].to_vec()), Some(state)),
            None => (Self::default(), None),
        }
    }

    fn all(&self) -> impl DoubleEndedIterator<Item = (u64, &[u8])> {
        self.0.as_chunks::<LENGTH>().0.iter().map(|one| {
            let (offset, state) = one.split_first_chunk::<8>().expect("because it is longer");
            (u64::from_be_bytes(*offset), state)
        })
    }
}

//! A large file's content id and its chunks, in one pass.
//!
//! MD5 is the slower of the two by far and cannot be split, so chunks are cut on a second thread, which is fed the blocks that the first has
//! just read: the whole takes as long as the digest alone. Rejected: two threads that read the file each for itself, which a disk with one head
//! answers with half its speed.
//!
//! Of a file that was surveyed before, only what is behind its first change is read for that, from the last waypoint on.

mod common;

use crate::{Chunker, Error, OpenFile, Root, Waypoints};
use md5::{Digest as _, Md5};
use model::{Chunk, ContentId, RelPath, Stamp};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// Blocks that wait to be cut.
const WAITING: usize = 4;

/// What a pass over a file yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// The whole content.
    pub content: ContentId,
    /// The content, chunk by chunk.
    pub chunks: Vec<Chunk>,
    /// From where the content of a version with the same beginning can be told.
    pub waypoints: Waypoints,
}

/// A pass over bytes that come from anywhere, a download for instance. Holds at most 16 MiB.
#[derive(Debug)]
pub struct Survey {
    digest: Md5,
    /// Bytes that are in the digest.
    digested: u64,
    waypoints: Waypoints,
    cutting: Cutting,
    /// Blocks to be used again: fresh memory costs as much as cutting what is in it.
    spare: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Cutting {
    /// So far on this thread: most files are not worth another.
    Here(Chunker),
    There {
        blocks: SyncSender<Arc<Vec<u8>>>,
        /// Blocks that were cut.
        used: Receiver<Vec<u8>>,
        chunker: JoinHandle<Vec<Chunk>>,
    },
}

impl Default for Survey {
    fn default() -> Self {
        Self::new()
    }
}

impl Survey {
    /// Begins a file.
    #[must_use]
    pub fn new() -> Self {
        Self::behind(Vec::new(), (0, Md5::new()), Waypoints::default())
    }

    /// Goes on with the chunks behind these, and with the digest where it is.
    fn behind(chunks: Vec<Chunk>, (digested, digest): (u64, Md5), waypoints: Waypoints) -> Self {
        let cutting = Cutting::Here(Chunker::behind(chunks));
        Self { digest, digested, waypoints, cutting, spare: None }
    }

    /// Takes the next bytes, the more at once the better.
    pub fn update(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(BLOCK) {
            let mut block = self.empty_block();
            block.extend_from_slice(part);
            self.take(block);
        }
    }

    fn empty_block(&mut self) -> Vec<u8> {
        let used = match &self.cutting {
            Cutting::Here(_) => None,
            Cutting::There { used, .. } => used.try_recv().ok(),
        };
        let mut block = self.spare.take().or(used).unwrap_or_default();
        block.clear();
        block
    }

    /// Takes a block, which is cut while its digest is computed here.
    fn take(&mut self, block: Vec<u8>) {
        if let Cutting::Here(chunker) = &mut self.cutting {
            if block.len() < BLOCK {
                chunker.update(&block);
                self.digest(&block);
                self.spare = Some(block);
                return;
            }
            self.cutting = cut_there(std::mem::take(chunker));
        }
        let block = Arc::new(block);
        if let Cutting::There { blocks, .. } = &self.cutting {
            let sent = blocks.send(Arc::clone(&block));
            sent.expect("because the other thread takes blocks until there are no more");
        }
        self.digest(&block);
        self.spare = Arc::into_inner(block);
    }

    fn digest(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.digested += bytes.len() as u64;
        self.waypoints.pass(self.digested, &self.digest);
    }

    /// What the file holds.
    #[must_use]
    pub fn finish(self) -> Surveyed {
        let chunks = match self.cutting {
            Cutting::Here(chunker) => chunker.finish(),
            Cutting::There { blocks, chunker, .. } => {
                drop(blocks);
                chunker.join().expect("because cutting does not panic")
            }
        };
        let content = ContentId::from_md5(self.digest.finalize().into());
        Surveyed { content, chunks, waypoints: self.waypoints }
    }
}

fn cut_there(chunker: Chunker) -> Cutting {
    let (blocks, waiting) = sync_channel(WAITING);
    let (back, used) = channel();
    let chunker = std::thread::spawn(move || cut(chunker, &waiting, &back));
    Cutting::There { blocks, used, chunker }
}

fn cut(mut chunker: Chunker, blocks: &Receiver<Arc<Vec<u8>>>, back: &Sender<Vec<u8>>) -> Vec<Chunk> {
    for block in blocks {
        chunker.update(&block);
        if let Some(used) = Arc::into_inner(block) {
            // Nobody needs it any more after the last block.
            drop(back.send(used));
        }
    }
    chunker.finish()
}

impl Root {
    /// The content id and the chunks of a file; [`Error::Changed`] unless `stamp` holds before and after.
    ///
    /// What has the same beginning as `before`, an earlier version perhaps, is only compared with that.
    pub fn survey(
        &self,
        path: &RelPath,
        stamp: &Stamp,
        before: Option<&Surveyed>,
    ) -> Result<Surveyed, Error> {
        let file = self.open_file(path, stamp)?;
        let (mut survey, mut offset) = match before.map(|before| begin(&file, before)).transpose()? {
            Some(Begun::Same(surveyed)) => return Ok(surveyed),
            Some(Begun::Behind(survey, offset)) => (survey, offset),
            None => (Survey::new(), 0),
        };
        while offset < stamp.size {
            let mut block = survey.empty_block();
            file.read_into(&mut block, offset, block_length(stamp.size - offset))?;
            offset += block.len() as u64;
            survey.take(block);
        }
        Ok(survey.finish())
    }
}

/// What a comparison with an earlier version leaves to do.
enum Begun {
    /// Nothing.
    Same(Surveyed),
    /// To go on from this offset.
    Behind(Survey, u64),
}

fn begin(file: &OpenFile, before: &Surveyed) -> Result<Begun, Error> {
    let common = common::chunks(file, &before.chunks)?;
    let length = |chunks: &[Chunk]| chunks.iter().map(|chunk| u64::from(chunk.length)).sum::<u64>();
    if common == before.chunks.len() && length(&before.chunks) == file.size() {
        return Ok(Begun::Same(before.clone()));
    }
    // The last chunk ended only because the file did.
    let chunks = &before.chunks[..common.min(before.chunks.len().saturating_sub(1))];
    let border = length(chunks);
    let (waypoints, state) = before.waypoints.up_to(border);
    let mut survey = Survey::behind(chunks.to_vec(), state.unwrap_or_default(), waypoints);
    let mut block = Vec::new();
    while survey.digested < border {
        block.clear();
        file.read_into(&mut block, survey.digested, block_length(border - survey.digested))?;
        survey.digest(&block);
    }
    Ok(Begun::Behind(survey, border))
}

fn block_length(left: u64) -> usize {
    usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK))
}

#[cfg(test)]
mod tests;

//! What a file has in common with an earlier version of it, from the beginning on.

use crate::{Error, OpenFile};
use model::Chunk;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads that compare: a few are as fast as memory, and each holds a chunk.
const THREADS_MAX: usize = 4;

/// How many chunks of the earlier version stand in the file as well, each at its place, in front of the first that does not.
pub(super) fn chunks(file: &OpenFile, before: &[Chunk]) -> Result<usize, Error> {
    let mut end = 0;
    let mut placed = Vec::with_capacity(before.len());
    for chunk in before {
        placed.push((end, chunk));
        end += u64::from(chunk.length);
        if end > file.size() {
            placed.pop();
            break;
        }
    }
    let (next, different) = (AtomicUsize::new(0), AtomicUsize::new(placed.len()));
    let compare = || -> Result<(), Error> {
        let mut bytes = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((offset, chunk)) = placed.get(at).filter(|_| at < different.load(Ordering::Relaxed))
            else {
                return Ok(());
            };
            bytes.clear();
            file.read_into(&mut bytes, *offset, chunk.length as usize)?;
            if blake3::hash(&bytes).as_bytes() != chunk.digest.as_bytes() {
                different.fetch_min(at, Ordering::Relaxed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(compare)).collect();
        let here = compare();
        let there = others.into_iter().map(|other| other.join().expect("because comparing does not panic"));
        there.fold(here, Result::and)
    })?;
    Ok(different.into_inner())
}

//! The way along the borders of chunks that costs the fewest bytes.
//!
//! A border can be reached in two states: with a part ending there, or within a copy that is large enough already, which may end there
//! or go on. From the end of a part, a part to be sent leads to the few borders at which it is large enough and not too large; a
//! copy leads to the first border at which it is large enough. The last part may be smaller. That is all, so the
//! work grows with the number of chunks alone.

use super::Sizes;
use model::{Chunk, Piece};

/// Bytes sent and parts made so far.
type Cost = (u64, u32);

/// How a state was reached at a border.
#[derive(Clone, Copy)]
struct Step {
    cost: Cost,
    /// The border where the part in question began, where a part ended.
    from: usize,
    by: By,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Sending,
    Copying,
}

/// The borders of a file's chunks, and what could be copied.
struct Borders<'a> {
    /// Where each chunk begins, and where the last one ends.
    offsets: Vec<u64>,
    sources: &'a [Option<u64>],
}

/// The parts that make the chunks of `new`, where `sources` says from where in the old file each could be copied.
pub(super) fn way(new: &[Chunk], sources: &[Option<u64>], sizes: Sizes) -> Vec<Piece> {
    let borders = Borders::new(new, sources);
    let last = new.len();
    // At each border: the cheapest way on which a part ends there, and on which a copy that is large enough passes.
    let mut ended: Vec<Option<Step>> = vec![None; last + 1];
    let mut passing: Vec<Option<Step>> = vec![None; last + 1];
    ended[0] = Some(Step { cost: (0, 0), from: 0, by: By::Sending });
    for at in 0..last {
        if let Some(copy) = passing[at] {
            better(&mut ended[at], copy);
            if borders.continues(at) {
                better(&mut passing[at + 1], copy);
            }
        }
        let Some(here) = ended[at] else { continue };
        let step = |sent: u64, by| Step { cost: (here.cost.0 + sent, here.cost.1 + 1), from: at, by };
        for to in borders.sent_from(at, sizes) {
            better(&mut ended[to], step(borders.length(at, to), By::Sending));
        }
        if let Some(to) = borders.copied_from(at, sizes) {
            better(&mut passing[to], step(0, By::Copying));
        }
    }
    if let Some(copy) = passing[last] {
        better(&mut ended[last], copy);
    }
    borders.pieces(&ended)
}

fn better(known: &mut Option<Step>, found: Step) {
    if known.is_none_or(|known| found.cost < known.cost) {
        *known = Some(found);
    }
}

impl<'a> Borders<'a> {
    fn new(new: &[Chunk], sources: &'a [Option<u64>]) -> Self {
        let mut offset = 0;
        let mut offsets = vec![0];
        offsets.extend(new.iter().map(|chunk| {
            offset += u64::from(chunk.length);
            offset
        }));
        Self { offsets, sources }
    }

    fn last(&self) -> usize {
        self.sources.len()
    }

    fn length(&self, from: usize, to: usize) -> u64 {
        self.offsets[to] - self.offsets[from]
    }

    /// Whether the chunk behind a border follows the one before it in the old file as well.
    fn continues(&self, at: usize) -> bool {
        let before = self.sources[at - 1].map(|source| source + self.length(at - 1, at));
        before.is_some() && before == self.sources[at]
    }

    /// Where a part that is sent from here may end.
    fn sent_from(&self, at: usize, sizes: Sizes) -> impl Iterator<Item = usize> {
        let mut large_enough = false;
        (at + 1..=self.last())
            .take_while(move |&to| {
                let fits = self.length(at, to) <= sizes.sent;
                // However large the chunk is that makes it large enough, it has to end somewhere.
                let first = !large_enough && self.length(at, to) >= sizes.least;
                large_enough |= first;
                fits || first
            })
            .filter(move |&to| to == self.last() || self.length(at, to) >= sizes.least)
    }

    /// Where a part that is copied from here is first large enough.
    fn copied_from(&self, at: usize, sizes: Sizes) -> Option<usize> {
        self.sources[at]?;
        for to in at + 1..self.last() {
            if self.length(at, to) >= sizes.least {
                return Some(to);
            }
            if !self.continues(to) {
                return None;
            }
        }
        Some(self.last())
    }

    /// Reads the way from its end.
    fn pieces(&self, ended: &[Option<Step>]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut at = self.last();
        while at > 0 {
            let step = ended[at].expect("because a part of some size leads to every border on the way");
            let (offset, length) = (self.offsets[step.from], self.length(step.from, at));
            pieces.push(match (step.by, self.sources[step.from]) {
                (By::Copying, Some(source)) => Piece::Copy { from: source..source + length },
                (By::Copying | By::Sending, _) => Piece::Send { offset, length },
            });
            at = step.from;
        }
        pieces.reverse();
        pieces
    }
}

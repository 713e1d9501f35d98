//! Which stretches of an upload's whole file are taken.
//!
//! What a part was said to hold must stay. So nobody else writes there: neither a second request with the same part while the first is
//! still on its way, nor a client that counts wrong. Whoever comes second gets a file of its own.

use crate::fault::Fault;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The stretches, from where to where, of each upload that was written to since the start. No two of an upload overlap.
#[derive(Debug, Default)]
pub(super) struct Slots(Mutex<HashMap<String, BTreeMap<u64, u64>>>);

/// A stretch that is being written. Free again when it is dropped, unless it was kept.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    upload: String,
    start: u64,
    is_kept: bool,
}

impl Slots {
    /// Takes a stretch; `None` if some of it is taken. `known` are those that were kept before the start.
    pub(super) fn take(
        self: &Arc<Self>,
        upload: &str,
        stretch: Range<u64>,
        known: impl FnOnce() -> Result<Vec<Range<u64>>, Fault>,
    ) -> Result<Option<Slot>, Fault> {
        let mut slots = self.lock();
        if !slots.contains_key(upload) {
            let known = known()?.into_iter().map(|known| (known.start, known.end)).collect();
            slots.insert(upload.to_owned(), known);
        }
        let taken = slots.entry(upload.to_owned()).or_default();
        if taken.range(..stretch.end).next_back().is_some_and(|(_, end)| *end > stretch.start) {
            return Ok(None);
        }
        taken.insert(stretch.start, stretch.end);
        let (slots, upload) = (Arc::clone(self), upload.to_owned());
        Ok(Some(Slot { slots, upload, start: stretch.start, is_kept: false }))
    }

    pub(super) fn forget(&self, upload: &str) {
        self.lock().remove(upload);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<u64, u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Leaves it taken. Returns where it begins.
    pub(super) fn keep(mut self) -> u64 {
        self.is_kept = true;
        self.start
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.is_kept
            && let Some(taken) = self.slots.lock().get_mut(&self.upload)
        {
            taken.remove(&self.start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_has_one_writer_at_a_time() {
        let slots = Arc::new(Slots::default());
        let take = |stretch| slots.take("an upload", stretch, || Ok(vec![0..10, 30..40])).unwrap();
        for taken in [0..10, 9..12, 5..6, 29..31, 0..100, 39..50] {
            assert!(take(taken.clone()).is_none(), "{taken:?}");
        }
        let between = take(10..30).unwrap();
        assert!(take(15..16).is_none());
        drop(between);
        assert_eq!(take(15..16).unwrap().keep(), 15);
        assert!(take(10..30).is_none());
        assert!(take(16..30).is_some());
        assert!(slots.take("another", 0..10, || Ok(Vec::new())).unwrap().is_some());
    }
}

//! The line that shows how far something has come, as wide as there is room.

use super::pace::Rate;
use super::{Action, Counts};
use crate::report::{counted, time};
use model::ByteSize;

/// One moment of something that goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) action: Action,
    pub(super) counts: Counts,
    pub(super) rate: Option<Rate>,
}

/// How long the bar is where there is room, and where there is little.
const BARS: [usize; 2] = [24, 10];

impl Counts {
    /// What is measured, done and all of it: bytes, or files where nothing has bytes, like deletions.
    pub(super) fn measured(self) -> (u64, u64) {
        match self.bytes {
            0 => (self.files_done, self.files),
            bytes => (self.bytes_done.min(bytes), bytes),
        }
    }

    /// The share that is done. All bytes across are not all there is to it: a file is done when the other side has put it in place.
    pub(super) fn share(self) -> f64 {
        const ALMOST: f64 = 0.99;
        let (done, all) = self.measured();
        #[expect(clippy::cast_precision_loss, reason = "a share for people to read")]
        let share = if all == 0 { 0.0 } else { (done as f64 / all as f64).min(1.0) };
        if self.files_done < self.files { share.min(ALMOST) } else { share }
    }
}

impl Line {
    /// The line for a log, which has room.
    pub(super) fn plain(&self) -> String {
        format!("{}: {}", self.action, self.amounts().join(", "))
    }

    /// The line for a screen of so many columns. The bar gives way first; then what does not fit is left out from the right: time,
    /// rate, and then the rest.
    pub(super) fn drawn(&self, columns: usize) -> String {
        // A terminal that has its last column filled may go on to the next line.
        let room = columns.saturating_sub(1);
        let amounts = self.amounts();
        let head = |bar: &str| format!("{}{bar} {:>3}%", self.action, self.percent());
        let full = BARS.map(|length| head(&self.bar(length)));
        let with = |head: &str, amounts: &[String]| format!("{head} {}", amounts.join(", "));
        // The time that is left is worth more than a bar.
        let mut tries: Vec<String> =
            full.iter().chain([&head("")]).map(|head| with(head, &amounts)).collect();
        tries.extend((1..amounts.len()).rev().map(|kept| with(&full[1], &amounts[..kept])));
        if self.counts.bytes > 0 {
            tries.push(with(&full[1], &[self.bytes()]));
        }
        tries.extend([full[1].clone(), head("")]);
        let last = format!("{}%", self.percent());
        tries.into_iter().find(|text| text.chars().count() <= room).unwrap_or(last)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is from 0 up to 1")]
    fn percent(&self) -> u64 {
        (self.counts.share() * 100.0) as u64
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is from 0 up to 1")]
    #[expect(clippy::cast_precision_loss, reason = "a bar has a few columns")]
    fn bar(&self, length: usize) -> String {
        let done = (self.counts.share() * length as f64) as usize;
        let tip = if done < length { ">" } else { "" };
        format!(" [{:<length$}]", format!("{}{tip}", "=".repeat(done)))
    }

    /// How much, how fast and how long, as far as each is known.
    fn amounts(&self) -> Vec<String> {
        let Counts { bytes, .. } = self.counts;
        let (done, all) = self.counts.measured();
        let files = self.files();
        let much = match bytes {
            0 => files,
            _ => format!("{} ({files})", self.bytes()),
        };
        let fast = self.rate.filter(|rate| bytes > 0 && rate.per_second() > 0);
        let fast = fast.map(|rate| format!("{}/s", ByteSize(rate.per_second())));
        let left = self.rate.filter(|_| done < all);
        let left = left.map(|rate| format!("{} left", time::span(rate.seconds_for(all - done))));
        [Some(much), fast, left].into_iter().flatten().collect()
    }

    fn bytes(&self) -> String {
        let (done, all) = self.counts.measured();
        format!("{} of {}", ByteSize(done), ByteSize(all))
    }

    fn files(&self) -> String {
        match self.counts.files {
            0 => counted(self.counts.files_done, "file"),
            files => format!("{} of {}", self.counts.files_done, counted(files, "file")),
        }
    }
}

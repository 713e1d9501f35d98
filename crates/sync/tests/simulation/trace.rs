//! What happened, in order: as a number that two runs of one seed must share, and in words where somebody is to read it.

use std::fmt::{self, Write as _};

/// Whether the words are kept besides their sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Only the number.
    Sum,
    /// Everything.
    Words,
}

/// Everything that happened so far.
pub(crate) struct Trace {
    sum: u64,
    keep: Keep,
    words: String,
}

impl Trace {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { sum: 0xcbf2_9ce4_8422_2325, keep, words: String::new() }
    }

    pub(crate) fn note(&mut self, line: fmt::Arguments<'_>) {
        let written = self.write_fmt(line).and_then(|()| self.write_str("\n"));
        written.expect("writing to memory does not fail");
    }

    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    /// All of it, if it was kept.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.sum = (self.sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.keep == Keep::Words {
            self.words.push_str(text);
        }
        Ok(())
    }
}

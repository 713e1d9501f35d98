//! The names of conflict copies, read back: `letter.sync-conflict-20261120-101500-desk.txt`.
//!
//! `plan::sync::ConflictLabel` writes them; the test below reads what it writes.

use model::{MachineName, RelPath};
use plan::sync::ConflictLabel;

const MARK: &[u8] = b".sync-conflict-";

/// The longest file name that common file systems take, in bytes. A stem was cut to keep within it.
pub(super) const NAME_LENGTH_MAX: usize = 255;

/// What the name of a conflict copy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CopyName {
    /// The file's name before its extension, as the file system spells it.
    pub(super) stem: Vec<u8>,
    /// The extension, with its dot.
    pub(super) extension: Vec<u8>,
    /// `YYYYMMDD-HHMMSS`, by the machine's clock.
    pub(super) time: String,
    /// Whose version it is.
    pub(super) machine: MachineName,
}

impl CopyName {
    /// Reads a file name as the file system spells it; `None` if it is no conflict copy's.
    pub(super) fn parse(name: &[u8]) -> Option<Self> {
        let at = name.windows(MARK.len()).rposition(|window| window == MARK)?;
        let (stem, label) = (&name[..at], &name[at + MARK.len()..]);
        let end = label.iter().position(|&byte| byte == b'.').unwrap_or(label.len());
        let (label, extension) = (std::str::from_utf8(&label[..end]).ok()?, &label[end..]);
        let (time, machine) = label.split_at_checked("YYYYMMDD-HHMMSS".len())?;
        let is_time = time.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let machine = MachineName::new(machine.strip_prefix('-')?).ok()?;
        (is_time && !stem.is_empty()).then(|| Self {
            stem: stem.to_owned(),
            extension: extension.to_owned(),
            time: time.to_owned(),
            machine,
        })
    }

    /// The name of the file that it is a copy of, unless its stem was cut.
    pub(super) fn original(&self) -> Vec<u8> {
        [&self.stem[..], &self.extension[..]].concat()
    }

    /// Whether a conflict of the file at `original` gives a copy at `copy`.
    pub(super) fn is_of(&self, original: &model::ObjectKey, copy: &RelPath) -> bool {
        ConflictLabel::new(&self.time, &self.machine).copy_of(original).path() == *copy
    }

    /// `2026-11-20 10:15:00`.
    pub(super) fn time_for_people(&self) -> String {
        self.time_with(':')
    }

    /// A name of its own: `letter (desk, 2026-11-20 10.15.00).txt`, and from the second attempt on with a number.
    pub(super) fn ordinary(&self, attempt: u32) -> Vec<u8> {
        let number = if attempt > 1 { format!(", {attempt}") } else { String::new() };
        // A colon is no part of a name on drives that other systems read.
        let label = format!(" ({}, {}{number})", self.machine, self.time_with('.'));
        let room = NAME_LENGTH_MAX.saturating_sub(label.len() + self.extension.len());
        [shortened(&self.stem, room), label.as_bytes(), &self.extension].concat()
    }

    fn time_with(&self, separator: char) -> String {
        let part = |range: std::ops::Range<usize>| self.time.get(range).unwrap_or_default();
        let s = separator;
        format!(
            "{}-{}-{} {}{s}{}{s}{}",
            part(0..4),
            part(4..6),
            part(6..8),
            part(9..11),
            part(11..13),
            part(13..15)
        )
    }
}

/// At most `room` bytes, without cutting a character in two.
fn shortened(stem: &[u8], room: usize) -> &[u8] {
    let mut end = room.min(stem.len());
    while end > 0 && end < stem.len() && stem[end] & 0b1100_0000 == 0b1000_0000 {
        end -= 1;
    }
    &stem[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ObjectKey;

    fn written(name: &str, machine: &str) -> (ObjectKey, RelPath) {
        let key = ObjectKey::file(&RelPath::from_os_bytes(name.as_bytes()).unwrap());
        let label = ConflictLabel::new("20261120-101500", &MachineName::new(machine).unwrap());
        let copy = label.copy_of(&key).path();
        (key, copy)
    }

    #[test]
    fn what_is_written_is_read() {
        let names =
            ["letter.txt", "letter", ".hidden", "a.tar.gz", "with space .md", "ümläut.odt", "a.b.c", "x."];
        for name in names {
            for machine in ["desk", "alice-laptop", "a", "x_1"] {
                let (key, copy) = written(name, machine);
                let read = CopyName::parse(&copy.to_os_bytes()).unwrap_or_else(|| panic!("{copy}"));
                assert_eq!(read.original(), name.as_bytes(), "{copy}");
                assert_eq!((read.machine.as_str(), read.time.as_str()), (machine, "20261120-101500"));
                assert!(read.is_of(&key, &copy));
            }
        }
    }

    #[test]
    fn a_cut_stem_is_known_by_writing_it_again() {
        let long = format!("{}.txt", "ü".repeat(125));
        let (key, copy) = written(&long, "desk");
        let read = CopyName::parse(&copy.to_os_bytes()).unwrap();
        assert_ne!(read.original(), long.as_bytes());
        assert!(read.is_of(&key, &copy));
        assert!(read.ordinary(12).len() <= NAME_LENGTH_MAX);
        assert!(String::from_utf8(read.ordinary(1)).is_ok());
    }

    #[test]
    fn a_copy_of_a_copy_is_one_of_the_copy() {
        let (_, copy) = written("letter.txt", "desk");
        let (_, second) = written(&copy.to_string(), "pi");
        let read = CopyName::parse(&second.to_os_bytes()).unwrap();
        assert_eq!((read.original(), read.machine.as_str()), (copy.to_os_bytes(), "pi"));
    }

    #[test]
    fn other_names_are_none() {
        for name in [
            "letter.txt",
            "letter.sync-conflict-.txt",
            "letter.sync-conflict-20261120-101500.txt",
            "letter.sync-conflict-20261120-101500-.txt",
            "letter.sync-conflict-2026112x-101500-desk.txt",
            "letter.sync-conflict-20261120_101500-desk.txt",
            "letter.sync-conflict-20261120-101500-my desk.txt",
            ".sync-conflict-20261120-101500-desk.txt",
            "letter.sync-conflict-2026ü",
        ] {
            assert_eq!(CopyName::parse(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn ordinary_names() {
        let (_, copy) = written("letter.txt", "desk");
        let read = CopyName::parse(&copy.to_os_bytes()).unwrap();
        let text = |attempt| String::from_utf8(read.ordinary(attempt)).unwrap();
        assert_eq!(text(1), "letter (desk, 2026-11-20 10.15.00).txt");
        assert_eq!(text(2), "letter (desk, 2026-11-20 10.15.00, 2).txt");
        assert_eq!(CopyName::parse(text(1).as_bytes()), None);
        assert_eq!(read.time_for_people(), "2026-11-20 10:15:00");
    }
}

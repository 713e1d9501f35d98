//! Parts of uploads, until they are one object.
//!
//! A client of ours says of each part where in the object it belongs. It is written there at once, into `parts/<upload>/whole`, which
//! only has to be renamed when the upload is completed. Any other part is a file of its own, `parts/<upload>/<number>`, and is
//! copied in the end, when it is known what stands before it.

use super::{Draft, Incoming};
use crate::fault::{Doing, Fault};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::Range;

pub(super) const PARTS: &str = "parts";

const WHOLE: &str = "whole";

/// What S3 allows an object to have.
const SIZE_MAX: u64 = 10_000 * (5 << 30);

impl Incoming {
    pub(crate) fn start_upload(&self, upload: &str) -> Result<(), Fault> {
        let mode = Mode::from_raw_mode(0o700);
        rustix::fs::mkdirat(&self.directory, format!("{PARTS}/{upload}"), mode).doing("start an upload")
    }

    /// Starts a part at its place in the object, unless some of that is taken. `known` are the places of all parts that are kept.
    pub(crate) fn part_at(
        &self,
        upload: &str,
        place: Range<u64>,
        known: impl FnOnce() -> Result<Vec<Range<u64>>, Fault>,
    ) -> Result<Option<Draft>, Fault> {
        const DOING: &str = "start a part";
        if place.is_empty() || place.end > SIZE_MAX {
            return Ok(None);
        }
        let start = place.start;
        let Some(slot) = self.slots.take(upload, place, known)? else { return Ok(None) };
        let name = format!("{PARTS}/{upload}/{WHOLE}");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        let mut file = File::from(rustix::fs::openat(&self.directory, &name, flags, mode).doing(DOING)?);
        file.seek(SeekFrom::Start(start)).doing(DOING)?;
        let mut draft = self.lasting(name, file);
        draft.slot = Some(slot);
        Ok(Some(draft))
    }

    /// Puts a draft in place as a part; an earlier one of that number is gone. Returns where in the object it is already, if it is.
    pub(crate) fn keep_part(
        &self,
        mut draft: Draft,
        upload: &str,
        number: u16,
    ) -> Result<Option<u64>, Fault> {
        if let Some(slot) = draft.slot.take() {
            return Ok(Some(slot.keep()));
        }
        let name = format!("{PARTS}/{upload}/{number}");
        rustix::fs::renameat(&self.directory, &draft.name, &self.directory, &name).doing("keep a part")?;
        draft.placed = true;
        Ok(None)
    }

    /// Opens a part that is a file of its own. Unlike other drafts, it stays where it is until it is placed.
    pub(crate) fn open_part(&self, upload: &str, number: u16) -> Result<Draft, Fault> {
        self.open_lasting(format!("{PARTS}/{upload}/{number}"))
    }

    /// Opens the file in which parts are in their place. It stays as well.
    pub(crate) fn open_whole(&self, upload: &str) -> Result<Draft, Fault> {
        self.open_lasting(format!("{PARTS}/{upload}/{WHOLE}"))
    }

    fn open_lasting(&self, name: String) -> Result<Draft, Fault> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.directory, &name, flags, Mode::empty()).doing("open a part")?;
        Ok(self.lasting(name, File::from(file)))
    }

    fn lasting(&self, name: String, file: File) -> Draft {
        let mut draft = self.draft(name, Some(file));
        draft.placed = true;
        draft
    }

    /// Whether the file is there that holds a part.
    pub(crate) fn has_part(&self, upload: &str, number: u16, is_in_place: bool) -> bool {
        let name = if is_in_place { WHOLE.to_owned() } else { number.to_string() };
        self.path.join(PARTS).join(upload).join(name).is_file()
    }

    /// Removes all parts of an upload. What cannot be removed now is removed at the next start.
    pub(crate) fn drop_upload(&self, upload: &str) -> io::Result<()> {
        self.slots.forget(upload);
        match std::fs::remove_dir_all(self.path.join(PARTS).join(upload)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        }
    }

    /// The ids of uploads that have a directory.
    pub(crate) fn uploads(&self) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(self.path.join(PARTS))?.map(|entry| Ok(entry?.file_name()));
        names.map(|name: io::Result<_>| Ok(name?.to_string_lossy().into_owned())).collect()
    }
}

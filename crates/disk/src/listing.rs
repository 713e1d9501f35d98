//! The names in one directory, as the kernel hands them out: unordered, many per call, nothing looked up.

use rustix::fd::AsFd;
use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;
use std::ffi::CStr;

/// Bytes of names taken per system call; the kernel fills no more than this at once.
const BUFFER: usize = 32 * 1024;

/// Room for names, used for one directory after the other.
pub(crate) struct Listing(Vec<u8>);

impl Listing {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(BUFFER))
    }

    /// Hands every name but `.` and `..` to `each`.
    pub(crate) fn read(
        &mut self,
        directory: impl AsFd,
        mut each: impl FnMut(&CStr, FileType) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mut entries = RawDir::new(directory, self.0.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                each(name, entry.file_type())?;
            }
        }
        Ok(())
    }
}

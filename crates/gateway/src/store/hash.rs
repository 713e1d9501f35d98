//! MD5 of files.

use crate::fault::{Doing, Fault};
use md5::{Digest, Md5};
use model::ContentId;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

pub(crate) const READ_SIZE: usize = 256 << 10;

/// Reads a file from its start, wherever its position is.
pub(super) fn md5_of(file: &File) -> Result<ContentId, Fault> {
    let mut hasher = Md5::new();
    add(&mut hasher, file, 0..u64::MAX).doing("read a live file")?;
    Ok(ContentId::from_md5(hasher.finalize().into()))
}

/// Adds a range of a file, or what there is of it.
pub(super) fn add(hasher: &mut Md5, file: &File, range: Range<u64>) -> io::Result<()> {
    let mut buffer = vec![0; READ_SIZE];
    let mut at = range.start;
    while at < range.end {
        let wanted = usize::try_from(range.end - at).unwrap_or(usize::MAX).min(READ_SIZE);
        match file.read_at(&mut buffer[..wanted], at)? {
            0 => break,
            read => {
                hasher.update(&buffer[..read]);
                at += read as u64;
            }
        }
    }
    Ok(())
}

pub(super) fn md5_of_bytes(bytes: &[u8]) -> ContentId {
    ContentId::from_md5(Md5::digest(bytes).into())
}

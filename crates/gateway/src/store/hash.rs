//! MD5 of files.

use crate::fault::{Doing, Fault};
use md5::{Digest, Md5};
use model::ContentId;
use std::fs::File;
use std::os::unix::fs::FileExt;

pub(crate) const READ_SIZE: usize = 256 << 10;

/// Reads a file from its start, wherever its position is.
pub(super) fn md5_of(file: &File) -> Result<ContentId, Fault> {
    let mut buffer = vec![0; READ_SIZE];
    let (mut hasher, mut at) = (Md5::new(), 0);
    loop {
        match file.read_at(&mut buffer, at).doing("read a live file")? {
            0 => return Ok(ContentId::from_md5(hasher.finalize().into())),
            read => {
                hasher.update(&buffer[..read]);
                at += read as u64;
            }
        }
    }
}

pub(super) fn md5_of_bytes(bytes: &[u8]) -> ContentId {
    ContentId::from_md5(Md5::digest(bytes).into())
}

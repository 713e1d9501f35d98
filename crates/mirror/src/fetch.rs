//! Bringing a bucket's archive onto the drive.

use crate::{Error, Held};
use archive::{Archive, Fetched, Remote};
use model::BucketName;
use std::sync::atomic::AtomicBool;

/// Fetches what `from` has on top of what the drive has. History only ever grows: one that does not continue the drive's
/// is refused, and the drive's stays as it is.
pub fn fetch(drive: &Held, bucket: &BucketName, from: &Remote, stop: &AtomicBool) -> Result<Fetched, Error> {
    let failed = |source| Error::Archive { bucket: bucket.clone(), source };
    let archive = Archive::init(&drive.archive(bucket)).map_err(failed)?;
    archive.fetch(from, stop).map_err(failed)
}

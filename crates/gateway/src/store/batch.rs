//! Many small objects at once: what is slow about each of them happens once for all.

use super::put::Ready;
use super::{Content, Found, PutRequest, Store, hash};
use crate::fault::Fault;
use crate::incoming::Draft;
use crate::index::{Pending, Submission};
use crate::record::{Record, etag_of};
use bytes::Bytes;
use model::{BucketName, ContentId, ETag, ObjectKey};

/// The largest object that is read for a batch.
const SMALL_MAX: u64 = 256 << 10;

/// An object that shall be, with its content.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) request: PutRequest,
    pub(crate) bytes: Bytes,
    /// What the client says of the bytes.
    pub(crate) md5: ContentId,
}

impl Store {
    /// Puts objects in place, each if its own condition holds. They are durable and visible when all that is pending is done.
    ///
    /// All their bytes are flushed to disk together before the first of them gets its name. Only free keys are taken, since
    /// nobody may wait for a key while holding another; an object whose key is taken, and a directory, is put afterwards, alone.
    pub(crate) fn put_batch(
        &self,
        puts: Vec<Result<Put, Fault>>,
    ) -> (Vec<Result<ETag, Fault>>, Vec<Pending>) {
        let mut outcomes: Vec<Option<Result<ETag, Fault>>> = Vec::new();
        let (mut ready, mut alone) = (Vec::new(), Vec::new());
        for (at, put) in puts.into_iter().enumerate() {
            outcomes.push(None);
            match put.and_then(Put::checked) {
                Err(fault) => outcomes[at] = Some(Err(fault)),
                Ok((request, content)) if request.key.is_directory() => alone.push((at, request, content)),
                Ok((request, content)) => match self.ready(request, content) {
                    Ok(one) => ready.push((at, one)),
                    Err(fault) => outcomes[at] = Some(Err(fault)),
                },
            }
        }
        let mut pending = Vec::new();
        match Draft::flush(ready.iter().map(|(_, one)| &one.draft)) {
            Ok(()) => self.install_all(ready, &mut outcomes, &mut pending),
            Err(fault) => {
                for (at, _) in ready {
                    outcomes[at] = Some(Err(fault.again()));
                }
            }
        }
        for (at, request, content) in alone {
            outcomes[at] = Some(self.put(request, content).map(|(etag, done)| {
                pending.push(done);
                etag
            }));
        }
        let unanswered = || Err(Fault::Invalid("the object was not looked at".into()));
        (outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(unanswered)).collect(), pending)
    }

    /// Gives drafts that are on the disk their names.
    fn install_all(
        &self,
        ready: Vec<(usize, Ready)>,
        outcomes: &mut [Option<Result<ETag, Fault>>],
        pending: &mut Vec<Pending>,
    ) {
        let mut submission = Submission::default();
        let mut taken = Vec::new();
        for (at, one) in ready {
            match self.locks.try_lock(&one.request.bucket, one.request.key.as_str()) {
                Some(guard) => outcomes[at] = Some(self.install(one, guard, &mut submission)),
                None => taken.push((at, one)),
            }
        }
        pending.push(self.index.submit(submission));
        for (at, one) in taken {
            let guard = self.locks.lock(&one.request.bucket, one.request.key.as_str());
            let mut submission = Submission::default();
            outcomes[at] = Some(self.install(one, guard, &mut submission));
            pending.push(self.index.submit(submission));
        }
    }

    /// Reads a small object, if it still is the version that is asked for.
    pub(crate) fn read_small(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        etag: &ETag,
    ) -> Result<(Record, Bytes), Fault> {
        let Found { record, source } = self.find(bucket, key)?;
        if record.etag != *etag {
            return Err(Fault::PreconditionFailed { condition: "If-Match" });
        }
        if record.size() > SMALL_MAX {
            return Err(Fault::TooLargeForBatch);
        }
        let bytes = source.read_whole(&record)?;
        Ok((record, bytes))
    }
}

impl Put {
    /// The bytes as they were meant.
    fn checked(self) -> Result<(PutRequest, Content), Fault> {
        let Self { request, bytes, md5 } = self;
        if hash::md5_of_bytes(&bytes) != md5 {
            return Err(Fault::BadDigest("md5"));
        }
        Ok((request, Content::Memory { chunks: vec![bytes], etag: etag_of(md5) }))
    }
}

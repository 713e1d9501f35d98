//! Uploads in parts.
//!
//! Parts are files of their own until the upload is completed. Then the others are appended to the first, which
//! becomes the object: one part need not be copied at all, and file systems that can share blocks copy none.
//! An upload whose completion failed is as it was, because the first part is cut to its length
//! before each try.

use super::put::{Also, Content};
use super::{Condition, Found, PutRequest, Source, Store, copy, hash, now_ms};
use crate::fault::{Doing, Fault};
use crate::incoming::Draft;
use crate::index::{Change, Pending, Submission, Upload, UploadPart};
use crate::locks::Guard;
use crate::record::{About, Record, etag_of};
use md5::{Digest, Md5};
use model::{BucketName, ContentId, ETag, ObjectKey};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Parts other than the last have at least this size.
const PART_MIN: u64 = 5 << 20;

/// Bytes that are copied at once before they are hashed: what a processor's cache holds of them is hashed fastest.
const COPY_PIECE: u64 = 1 << 20;

/// A part as the client names it when it completes an upload.
#[derive(Clone, Debug)]
pub(crate) struct GivenPart {
    pub(crate) number: u16,
    pub(crate) etag: Option<String>,
}

/// An upload that shall become an object.
#[derive(Debug)]
pub(crate) struct CompleteRequest {
    pub(crate) id: String,
    pub(crate) bucket: BucketName,
    pub(crate) key: ObjectKey,
    pub(crate) parts: Vec<GivenPart>,
    pub(crate) condition: Condition,
}

/// Uploads that are older are given up: seven days.
const UPLOAD_AGE_MAX_MS: i64 = 7 * 24 * 60 * 60 * 1000;

impl Store {
    pub(crate) fn start_upload(
        &self,
        bucket: BucketName,
        key: ObjectKey,
        about: About,
    ) -> Result<(String, Pending), Fault> {
        if key.is_directory() {
            return Err(Fault::Invalid(format!("`{key}` is a directory, and a directory has no parts")));
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(std::io::Error::other).doing("make an upload's name")?;
        let id = ContentId::from_md5(random).to_string();
        self.incoming.start_upload(&id)?;
        let upload = Upload { id: id.clone(), bucket, key, started_ms: now_ms(), about };
        Ok((id, self.submit(vec![Change::StartUpload(upload)], Vec::new())))
    }

    /// The upload, if the id belongs to this key.
    pub(crate) fn upload(&self, id: &str, bucket: &BucketName, key: &ObjectKey) -> Result<Upload, Fault> {
        let upload = self.index.upload(id)?;
        upload.filter(|upload| (&upload.bucket, &upload.key) == (bucket, key)).ok_or(Fault::NoSuchUpload)
    }

    /// Keeps bytes as a part; an earlier one of that number is replaced.
    pub(crate) fn put_part(
        &self,
        upload: &Upload,
        number: u16,
        content: Content,
    ) -> Result<(ETag, Pending), Fault> {
        let size = content.size();
        let (draft, etag) = self.draft(content)?;
        self.keep_part(upload, number, draft, size, etag)
    }

    /// Keeps a range of an object as a part, if `acceptable` says so of the object.
    pub(crate) fn copy_part(
        &self,
        upload: &Upload,
        number: u16,
        (bucket, key): (&BucketName, &ObjectKey),
        acceptable: impl Fn(&Record) -> Result<Range<u64>, Fault>,
    ) -> Result<(ETag, Pending), Fault> {
        for _ in 0..copy::TRIES {
            let Found { record, source } = self.find(bucket, key)?;
            let range = acceptable(&record)?;
            let size = range.end - range.start;
            let source = match source {
                Source::File(file) => file,
                Source::Memory(bytes) => {
                    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                    let content = Content::from_bytes(bytes.slice(index(range.start)..index(range.end)));
                    return self.put_part(upload, number, content);
                }
            };
            let draft = self.incoming.file()?;
            let to = draft.file().expect("because it was started as a file");
            let is_whole = size == record.size();
            let known = ContentId::from_hex(record.etag.as_str()).filter(|_| is_whole);
            let content = copy_range(&source, to, range, known)?;
            // Bytes of two versions would make a part that neither has.
            if copy::is_same(&source, &record)? {
                return self.keep_part(upload, number, draft, size, etag_of(content));
            }
        }
        Err(copy::restless())
    }

    fn keep_part(
        &self,
        upload: &Upload,
        number: u16,
        draft: Draft,
        size: u64,
        etag: ETag,
    ) -> Result<(ETag, Pending), Fault> {
        crate::incoming::Draft::flush([&draft])?;
        let guard = self.lock_upload(&upload.bucket, &upload.id);
        // It may have been completed or aborted while the bytes arrived.
        self.upload(&upload.id, &upload.bucket, &upload.key)?;
        self.incoming.keep_part(draft, &upload.id, number)?;
        let md5 = ContentId::from_hex(etag.as_str()).expect("because content in one piece has an MD5");
        let part = UploadPart { number, size, md5: *md5.as_bytes(), modified_ms: now_ms() };
        Ok((etag, self.submit(vec![Change::PutPart { upload: upload.id.clone(), part }], vec![guard])))
    }

    /// Makes an object of the parts. Waits until it is durable, and clears the parts away.
    pub(crate) fn complete(&self, request: CompleteRequest) -> Result<ETag, Fault> {
        let CompleteRequest { id, bucket, key, parts, condition } = request;
        let guard = self.lock_upload(&bucket, &id);
        let upload = self.upload(&id, &bucket, &key)?;
        let parts = chosen_parts(&parts, &self.index.parts(&id)?)?;
        let etag = etag_of_parts(&parts);
        let (draft, size) = self.assemble(&id, &parts)?;
        let content = Content::Draft { draft, size, etag };
        let request = PutRequest { bucket, key, about: upload.about, condition, modified_ms: now_ms() };
        let also = Also { changes: vec![Change::DropUpload { id: id.clone() }], guards: vec![guard] };
        let (etag, pending) = self.put_with(request, content, also)?;
        pending.wait()?;
        self.incoming.drop_upload(&id).doing("clear the parts away")?;
        Ok(etag)
    }

    fn assemble(&self, id: &str, parts: &[UploadPart]) -> Result<(Draft, u64), Fault> {
        const DOING: &str = "join the parts";
        let (first, others) = parts.split_first().ok_or(Fault::PartOrder)?;
        let draft = self.incoming.open_part(id, first.number)?;
        let mut whole = draft.file().expect("because a part is a file");
        whole.set_len(first.size).doing(DOING)?;
        whole.seek(SeekFrom::End(0)).doing(DOING)?;
        let mut size = first.size;
        for part in others {
            let source = self.incoming.open_part(id, part.number)?;
            let mut source = source.file().expect("because a part is a file");
            let copied = std::io::copy(&mut source, &mut whole).doing(DOING)?;
            if copied != part.size {
                return Err(Fault::InvalidPart(part.number));
            }
            size += copied;
        }
        Ok((draft, size))
    }

    pub(crate) fn abort(&self, id: &str, bucket: &BucketName, key: &ObjectKey) -> Result<(), Fault> {
        let guard = self.lock_upload(bucket, id);
        self.upload(id, bucket, key)?;
        self.submit(vec![Change::DropUpload { id: id.to_owned() }], vec![guard]).wait()?;
        self.incoming.drop_upload(id).doing("clear the parts away")
    }

    /// Parts without an upload and uploads without parts, which a crash leaves; and uploads that nobody has finished for so
    /// long that nobody will. The clock decides only about what was never acknowledged.
    pub(super) fn drop_stray_uploads(&self, now_ms: i64) -> Result<(), Fault> {
        let old = self.index.uploads_before(now_ms.saturating_sub(UPLOAD_AGE_MAX_MS))?;
        self.submit(old.into_iter().map(|id| Change::DropUpload { id }).collect(), Vec::new()).wait()?;
        let known = self.index.upload_ids()?;
        let present = self.incoming.uploads().doing("look for uploads")?;
        for id in present.iter().filter(|id| !known.contains(id)) {
            self.incoming.drop_upload(id).doing("clear an upload away")?;
        }
        let mut changes = Vec::new();
        for id in known {
            let lacks_a_part = || {
                Ok::<_, Fault>(
                    self.index.parts(&id)?.iter().any(|part| !self.incoming.has_part(&id, part.number)),
                )
            };
            // A crash behind a completion's rename leaves the object, and an upload without its first part: nobody could complete it again.
            if !present.contains(&id) || lacks_a_part()? {
                self.incoming.drop_upload(&id).doing("clear an upload away")?;
                changes.push(Change::DropUpload { id });
            }
        }
        self.index.submit(Submission { changes, ..Submission::default() }).wait()
    }

    fn lock_upload(&self, bucket: &BucketName, id: &str) -> Guard {
        // No key starts with a slash.
        self.locks.lock(bucket, &format!("/upload/{id}"))
    }
}

/// The parts that the client names, in its order, checked against what is there.
fn chosen_parts(given: &[GivenPart], present: &[UploadPart]) -> Result<Vec<UploadPart>, Fault> {
    if given.is_empty() {
        return Err(Fault::Invalid("an upload is completed with at least one part".into()));
    }
    if !given.is_sorted_by(|one, next| one.number < next.number) {
        return Err(Fault::PartOrder);
    }
    let mut chosen = Vec::with_capacity(given.len());
    for part in given {
        let found = present.binary_search_by_key(&part.number, |part| part.number);
        let found = present[found.map_err(|_| Fault::InvalidPart(part.number))?];
        let etag = etag_of(ContentId::from_md5(found.md5));
        if part.etag.as_deref().is_some_and(|given| given != etag.as_str()) {
            return Err(Fault::InvalidPart(part.number));
        }
        chosen.push(found);
    }
    match chosen.split_last().and_then(|(_, others)| others.iter().find(|part| part.size < PART_MIN)) {
        Some(part) => Err(Fault::PartTooSmall(part.number)),
        None => Ok(chosen),
    }
}

/// The MD5 of the parts' MD5s, and their number.
fn etag_of_parts(parts: &[UploadPart]) -> ETag {
    let mut hasher = Md5::new();
    for part in parts {
        hasher.update(part.md5);
    }
    ETag::new(&format!("{}-{}", ContentId::from_md5(hasher.finalize().into()), parts.len()))
}

/// Appends a range of a file to an empty one, and returns what it holds, unless that is known. The kernel copies, or shares the blocks
/// where the file system can; what is hashed is the copy, fresh from memory.
fn copy_range(
    mut from: &File,
    mut to: &File,
    range: Range<u64>,
    known: Option<ContentId>,
) -> Result<ContentId, Fault> {
    const DOING: &str = "copy a range";
    let (mut hasher, mut at, size) = (Md5::new(), 0, range.end - range.start);
    from.seek(SeekFrom::Start(range.start)).doing(DOING)?;
    while at < size {
        let piece = COPY_PIECE.min(size - at);
        if std::io::copy(&mut from.take(piece), &mut to).doing(DOING)? != piece {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)).doing(DOING);
        }
        if known.is_none() {
            hash::add(&mut hasher, to, at..at + piece).doing(DOING)?;
        }
        at += piece;
    }
    Ok(known.unwrap_or_else(|| ContentId::from_md5(hasher.finalize().into())))
}

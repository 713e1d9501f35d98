//! Uploads in parts.
//!
//! An upload whose completion failed is as it was, whatever had been joined.

use super::put::{Also, Content};
use super::{Condition, Found, PutRequest, Source, Store, copy, join, now_ms};
use crate::fault::{Doing, Fault};
use crate::incoming::Draft;
use crate::index::{Change, PartTag, Pending, Submission, Upload, UploadPart};
use crate::locks::Guard;
use crate::record::{About, Record};
use md5::{Digest, Md5};
use model::{BucketName, ContentId, ETag, ObjectKey};
use std::ops::Range;

/// Parts other than the last have at least this size.
const PART_MIN: u64 = 5 << 20;

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

    /// Starts a part of so many bytes; at its place in the object, if the client tells it and nothing else is there.
    pub(crate) fn start_part(&self, upload: &Upload, place: Option<u64>, size: u64) -> Result<Draft, Fault> {
        let place = place.and_then(|start| Some(start..start.checked_add(size)?));
        let known = || {
            let parts = self.index.parts(&upload.id)?;
            Ok(parts.iter().filter_map(|part| Some(part.place?..part.place? + part.size)).collect())
        };
        let at_its_place = place.map(|place| self.incoming.part_at(&upload.id, place, known)).transpose()?;
        at_its_place.flatten().map_or_else(|| self.incoming.file(), Ok)
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
        let tag = PartTag::parse(&etag).expect("because content in one piece has such a tag");
        self.keep_part(upload, draft, UploadPart { number, size, tag, place: None, modified_ms: now_ms() })
    }

    /// Keeps a range of an object as a part, if `acceptable` says so of the object.
    pub(crate) fn copy_part(
        &self,
        upload: &Upload,
        (number, place): (u16, Option<u64>),
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
            let whole = ContentId::from_hex(record.etag.as_str()).filter(|_| size == record.size());
            let origin = || PartTag::of_origin(&record.etag, &range);
            let tag = whole.map_or_else(origin, |md5| PartTag::Md5(*md5.as_bytes()));
            let part = UploadPart { number, size, tag, place: None, modified_ms: now_ms() };
            if self.holds(upload, &part)? {
                return Ok((tag.etag(), self.submit(Vec::new(), Vec::new())));
            }
            let draft = self.start_part(upload, place, size)?;
            join::copy(&source, range, draft.file().expect("because it was started as a file"))?;
            // Bytes of two versions would make a part that neither has.
            if copy::is_same(&source, &record)? {
                return self.keep_part(upload, draft, part);
            }
        }
        Err(copy::restless())
    }

    fn keep_part(&self, upload: &Upload, draft: Draft, part: UploadPart) -> Result<(ETag, Pending), Fault> {
        Draft::flush([&draft])?;
        let guard = self.lock_upload(&upload.bucket, &upload.id);
        // It may have been completed or aborted while the bytes arrived.
        self.upload(&upload.id, &upload.bucket, &upload.key)?;
        if self.holds(upload, &part)? {
            return Ok((part.tag.etag(), self.submit(Vec::new(), vec![guard])));
        }
        let place = self.incoming.keep_part(draft, &upload.id, part.number)?;
        let (upload, part) = (upload.id.clone(), UploadPart { place, ..part });
        Ok((part.tag.etag(), self.submit(vec![Change::PutPart { upload, part }], vec![guard])))
    }

    /// Whether a client repeats itself, whose first request did its work and had no answer. What is there stays, at its place if it is.
    fn holds(&self, upload: &Upload, part: &UploadPart) -> Result<bool, Fault> {
        let held = self.index.part(&upload.id, part.number)?;
        Ok(held.is_some_and(|held| (held.tag, held.size) == (part.tag, part.size)))
    }

    /// Makes an object of the parts. Waits until it is durable, and clears the parts away.
    pub(crate) fn complete(&self, request: CompleteRequest) -> Result<ETag, Fault> {
        let CompleteRequest { id, bucket, key, parts, condition } = request;
        let guard = self.lock_upload(&bucket, &id);
        let upload = self.upload(&id, &bucket, &key)?;
        let present = self.index.parts(&id)?;
        let parts = chosen_parts(&parts, &present)?;
        let etag = etag_of_parts(&parts);
        let (draft, size) = self.join(&id, &parts, &present)?;
        let content = Content::Draft { draft, size, etag };
        let request = PutRequest { bucket, key, about: upload.about, condition, modified_ms: now_ms() };
        let also = Also { changes: vec![Change::DropUpload { id: id.clone() }], guards: vec![guard] };
        let (etag, pending) = self.put_with(request, content, also)?;
        pending.wait()?;
        self.incoming.drop_upload(&id).doing("clear the parts away")?;
        Ok(etag)
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
                    self.index
                        .parts(&id)?
                        .iter()
                        .any(|part| !self.incoming.has_part(&id, part.number, part.place.is_some())),
                )
            };
            // A crash behind a completion's rename leaves the object, and an upload without its parts: nobody could complete it again.
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
        if part.etag.as_deref().is_some_and(|given| given != found.tag.etag().as_str()) {
            return Err(Fault::InvalidPart(part.number));
        }
        chosen.push(found);
    }
    match chosen.split_last().and_then(|(_, others)| others.iter().find(|part| part.size < PART_MIN)) {
        Some(part) => Err(Fault::PartTooSmall(part.number)),
        None => Ok(chosen),
    }
}

/// The MD5 of the MD5s in the parts' tags, and their number.
fn etag_of_parts(parts: &[UploadPart]) -> ETag {
    let mut hasher = Md5::new();
    for part in parts {
        hasher.update(part.tag.bytes());
    }
    ETag::new(&format!("{}-{}", ContentId::from_md5(hasher.finalize().into()), parts.len()))
}

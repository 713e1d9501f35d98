//! Single objects: put, get, head, delete.

use super::answer::{self, s3_error_of};
use super::condition::{self, ReadCondition};
use super::labels::{describe, labels_of};
use super::receive::promised;
use super::{Service, bucket_of, reading};
use crate::store::{PutRequest, now_ms, parse_key, parse_key_to_write};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, ObjectIdentifier, PutObjectInput,
    PutObjectOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

/// How many keys one request may delete.
const DELETE_MAX: usize = 1000;

impl Service {
    pub(super) async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let promised = promised!(request);
        let mut input = request.input;
        if input.write_offset_bytes.is_some() {
            return Err(s3_error!(NotImplemented, "objects cannot be appended to"));
        }
        let bucket = bucket_of(&input.bucket)?;
        let key = parse_key_to_write(&input.key).map_err(s3_error_of)?;
        let condition = condition::of_write(input.if_match.take(), input.if_none_match.take());
        let about = labels_of!(input);
        let received = self.receive(input.body.take(), promised, None).await?;
        let (etag, checksum, pending) = self
            .store
            .visit(move |store| {
                let verified = received.verify()?;
                let request = PutRequest { bucket, key, about, condition, modified_ms: now_ms() };
                let (etag, pending) = store.put(request, verified.content)?;
                Ok((etag, verified.checksum, pending))
            })
            .await?;
        pending.done().await.map_err(s3_error_of)?;
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(answer::etag(&etag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }))
    }

    pub(super) async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        only_current(input.version_id.as_deref())?;
        let bucket = bucket_of(&input.bucket)?;
        let key = parse_key(&input.key).map_err(s3_error_of)?;
        let condition = ReadCondition {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        let range = input.range;
        let opened = self
            .store
            .visit(move |store| {
                let found = store.find(&bucket, &key)?;
                // What the request makes of the object is S3's business, and no fault of the store.
                let span =
                    condition.check_read(&found.record).and_then(|()| span(range, found.record.size()));
                let span = match span {
                    Ok(span) => span,
                    Err(error) => return Ok(Err(error)),
                };
                let body = reading::open(found.source, &found.record, span.clone())?;
                Ok(Ok((found.record, body, span)))
            })
            .await?;
        let (record, body, span) = opened?;
        let size = record.size();
        let mut output: GetObjectOutput = describe!(GetObjectOutput, record);
        if range.is_some() {
            output.content_range =
                Some(format!("bytes {}-{}/{size}", span.start, span.end.saturating_sub(1)));
        }
        output.content_length = Some(answer::size(span.end - span.start));
        output.body = Some(body.into_body());
        Ok(S3Response::new(output))
    }

    pub(super) async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        only_current(input.version_id.as_deref())?;
        let bucket = bucket_of(&input.bucket)?;
        let key = parse_key(&input.key).map_err(s3_error_of)?;
        let record = self.store.visit(move |store| store.head(&bucket, &key)).await?;
        let condition = ReadCondition {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        condition.check_read(&record)?;
        let span = span(input.range, record.size())?;
        let size = record.size();
        let mut output: HeadObjectOutput = describe!(HeadObjectOutput, record);
        if input.range.is_some() {
            output.content_range =
                Some(format!("bytes {}-{}/{size}", span.start, span.end.saturating_sub(1)));
            output.content_length = Some(answer::size(span.end - span.start));
        }
        Ok(S3Response::new(output))
    }

    pub(super) async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        only_current(input.version_id.as_deref())?;
        if input.if_match_size.is_some() || input.if_match_last_modified_time.is_some() {
            return Err(s3_error!(NotImplemented, "delete by If-Match alone"));
        }
        let bucket = bucket_of(&input.bucket)?;
        let key = parse_key_to_write(&input.key).map_err(s3_error_of)?;
        let condition = condition::of_write(input.if_match, None);
        let pending = self.store.visit(move |store| store.delete(&bucket, &key, &condition)).await?;
        pending.done().await.map_err(s3_error_of)?;
        Ok(S3Response::with_status(DeleteObjectOutput::default(), http::StatusCode::NO_CONTENT))
    }

    pub(super) async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = request.input;
        let bucket = bucket_of(&input.bucket)?;
        let quiet = input.delete.quiet.unwrap_or(false);
        let objects = input.delete.objects;
        if objects.len() > DELETE_MAX {
            return Err(s3_error!(MalformedXML, "at most {DELETE_MAX} keys can be deleted at once"));
        }
        let parse = |object: ObjectIdentifier| {
            let parsed = only_current(object.version_id.as_deref())
                .and_then(|()| parse_key_to_write(&object.key).map_err(s3_error_of));
            let condition = condition::of_write(object.e_tag.map(s3s::dto::ETagCondition::ETag), None);
            (object.key, parsed.map(|key| (key, condition)))
        };
        let (names, parsed): (Vec<_>, Vec<_>) = objects.into_iter().map(parse).unzip();
        let outcomes = self
            .store
            .visit(move |store| {
                let good: Vec<_> = parsed.iter().filter_map(|parsed| parsed.as_ref().ok()).cloned().collect();
                let mut outcomes = store.delete_many(&bucket, good).into_iter();
                let outcome = |parsed: S3Result<_>| {
                    parsed.and_then(|_| outcomes.next().unwrap_or(Ok(())).map_err(s3_error_of))
                };
                Ok(parsed.into_iter().map(outcome).collect::<Vec<_>>())
            })
            .await?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for (key, outcome) in names.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) if quiet => {}
                Ok(()) => deleted.push(DeletedObject { key: Some(key), ..Default::default() }),
                Err(error) => errors.push(s3s::dto::Error {
                    key: Some(key),
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    version_id: None,
                }),
            }
        }
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..Default::default()
        }))
    }
}

/// History is not read or changed through S3.
pub(super) fn only_current(version_id: Option<&str>) -> S3Result<()> {
    match version_id {
        None | Some("" | "null") => Ok(()),
        Some(_) => Err(s3_error!(NotImplemented, "this server has the current version of each object only")),
    }
}

/// The bytes that a `Range` header asks for (RFC 9110 §14.2); all of them without one.
fn span(range: Option<s3s::dto::Range>, size: u64) -> S3Result<std::ops::Range<u64>> {
    match range {
        None => Ok(0..size),
        Some(range) => Ok(range.check(size)?),
    }
}

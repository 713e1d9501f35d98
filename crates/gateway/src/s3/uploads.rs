//! Uploads in parts.

use super::answer::{self, s3_error_of};
use super::condition;
use super::labels::labels_of;
use super::listings::{Spelling, page_size};
use super::receive::promised;
use super::{Service, bucket_of, part};
use crate::store::{CompleteRequest, GivenPart, parse_key, parse_key_to_write};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload,
    Part, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};
use std::time::Duration;

/// The highest number a part can have.
const NUMBER_MAX: u16 = 10_000;

/// How long a client waits for a status before it is sent one together with patience (a space now and then): joining
/// the parts of a large upload may take longer than clients wait for headers.
const PATIENCE: Duration = Duration::from_secs(10);

impl Service {
    pub(super) async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let mut input = request.input;
        let bucket = bucket_of(&input.bucket)?;
        let key = parse_key_to_write(&input.key).map_err(s3_error_of)?;
        let about = labels_of!(input);
        let (id, pending) = self.store.visit(move |store| store.start_upload(bucket, key, about)).await?;
        pending.done().await.map_err(s3_error_of)?;
        Ok(part::understanding(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..Default::default()
        }))
    }

    pub(super) async fn upload_part(
        &self,
        mut request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let mut promised = promised!(request);
        promised.blake3 = part::digest(&request.headers).map_err(s3_error_of)?;
        let mut input = request.input;
        let bucket = bucket_of(&input.bucket)?;
        let key = parse_key_to_write(&input.key).map_err(s3_error_of)?;
        let number = part_number(input.part_number)?;
        let (id, place) = (input.upload_id, part::place(&request.headers));
        let size = promised.length.map_or(0, i64::cast_unsigned);
        let (upload, draft) = self
            .store
            .visit(move |store| {
                let upload = store.upload(&id, &bucket, &key)?;
                let draft = place.map(|_| store.start_part(&upload, place, size)).transpose()?;
                Ok((upload, draft))
            })
            .await?;
        let received = self.receive(input.body.take(), promised, draft).await?;
        let (etag, checksum, pending) = self
            .store
            .visit(move |store| {
                let verified = received.verify()?;
                let (etag, pending) = store.put_part(&upload, number, verified.content)?;
                Ok((etag, verified.checksum, pending))
            })
            .await?;
        pending.done().await.map_err(s3_error_of)?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(answer::etag(&etag)),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        }))
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let complete = CompleteRequest {
            id: input.upload_id,
            bucket: bucket_of(&input.bucket)?,
            key: parse_key_to_write(&input.key).map_err(s3_error_of)?,
            parts: given_parts(input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default())?,
            condition: condition::of_write(input.if_match, input.if_none_match),
        };
        let (service, bucket, key) = (self.clone(), input.bucket, input.key);
        // A task of its own, because a client that gives up must not leave half of it undone.
        let mut task = tokio::spawn(async move {
            let etag = service.store.visit(move |store| store.complete(complete)).await?;
            Ok::<_, S3Error>(CompleteMultipartUploadOutput {
                location: Some(format!("/{bucket}/{key}")),
                bucket: Some(bucket),
                key: Some(key),
                e_tag: Some(answer::etag(&etag)),
                ..Default::default()
            })
        });
        let output = match tokio::time::timeout(PATIENCE, &mut task).await {
            Ok(outcome) => outcome.map_err(S3Error::internal_error)??,
            Err(_) => CompleteMultipartUploadOutput {
                future: Some(Box::pin(async move { task.await.map_err(S3Error::internal_error)? })),
                ..Default::default()
            },
        };
        Ok(S3Response::new(output))
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        let bucket = bucket_of(&input.bucket)?;
        let key = parse_key(&input.key).map_err(s3_error_of)?;
        self.store.visit(move |store| store.abort(&input.upload_id, &bucket, &key)).await?;
        let output = AbortMultipartUploadOutput::default();
        Ok(S3Response::with_status(output, http::StatusCode::NO_CONTENT))
    }

    pub(super) async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let bucket = bucket_of(&input.bucket)?;
        let key = parse_key(&input.key).map_err(s3_error_of)?;
        let count = page_size(input.max_parts)?;
        let after = input.part_number_marker.unwrap_or(0);
        let id = input.upload_id.clone();
        let mut parts = self
            .store
            .visit(move |store| {
                let upload = store.upload(&id, &bucket, &key)?;
                store.index.parts(&upload.id)
            })
            .await?;
        parts.retain(|part| i32::from(part.number) > after);
        let is_truncated = parts.len() > count.unsigned_abs() as usize;
        parts.truncate(count.unsigned_abs() as usize);
        let next = parts.last().map(|part| i32::from(part.number));
        let listed = parts.into_iter().map(|part| Part {
            part_number: Some(part.number.into()),
            size: Some(answer::size(part.size)),
            e_tag: Some(answer::etag(&part.tag.etag())),
            last_modified: Some(answer::timestamp(part.modified_ms)),
            ..Default::default()
        });
        Ok(part::understanding(ListPartsOutput {
            parts: Some(listed.collect()),
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            max_parts: Some(count),
            part_number_marker: Some(after),
            next_part_number_marker: next.filter(|_| is_truncated),
            is_truncated: Some(is_truncated),
            ..Default::default()
        }))
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = request.input;
        if input.delimiter.is_some() {
            return Err(s3_error!(NotImplemented, "uploads are listed without a delimiter"));
        }
        let spelling = Spelling::new(input.encoding_type.as_ref())?;
        let bucket = bucket_of(&input.bucket)?;
        let max_uploads = page_size(input.max_uploads)?;
        let count = max_uploads.unsigned_abs() as usize;
        let (prefix, key_marker) = (input.prefix.unwrap_or_default(), input.key_marker.unwrap_or_default());
        // Without an id, all uploads of the key in the marker are behind us.
        let id_marker = input.upload_id_marker.clone().unwrap_or_else(|| "~".into());
        let (wanted, after) = (prefix.clone(), key_marker.clone());
        let mut uploads = self
            .store
            .visit(move |store| store.index.uploads(&bucket, &wanted, (&after, &id_marker), count + 1))
            .await?;
        let is_truncated = uploads.len() > count;
        uploads.truncate(count);
        let last = uploads.last().filter(|_| is_truncated).cloned();
        let listed = uploads.into_iter().map(|upload| MultipartUpload {
            key: Some(spelling.spell(upload.key.to_string())),
            upload_id: Some(upload.id),
            initiated: Some(answer::timestamp(upload.started_ms)),
            ..Default::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            uploads: Some(listed.collect()),
            bucket: Some(input.bucket),
            prefix: Some(spelling.spell(prefix)),
            key_marker: Some(spelling.spell(key_marker)),
            upload_id_marker: input.upload_id_marker,
            next_key_marker: last.as_ref().map(|upload| spelling.spell(upload.key.to_string())),
            next_upload_id_marker: last.map(|upload| upload.id),
            max_uploads: Some(max_uploads),
            is_truncated: Some(is_truncated),
            encoding_type: input.encoding_type,
            ..Default::default()
        }))
    }
}

pub(super) fn part_number(number: i32) -> S3Result<u16> {
    let number = u16::try_from(number).ok().filter(|number| (1..=NUMBER_MAX).contains(number));
    number.ok_or_else(|| s3_error!(InvalidArgument, "parts are numbered from 1 to {NUMBER_MAX}"))
}

fn given_parts(parts: Vec<CompletedPart>) -> S3Result<Vec<GivenPart>> {
    let given = |part: CompletedPart| {
        let number = part_number(part.part_number.unwrap_or(0))?;
        Ok(GivenPart { number, etag: part.e_tag.map(s3s::dto::ETag::into_value) })
    };
    parts.into_iter().map(given).collect()
}

//! Copies on the server, of whole objects and as parts of an upload.

use super::answer::{self, s3_error_of};
use super::condition::{self, ReadCondition};
use super::labels::labels_of;
use super::objects::only_current;
use super::{Service, bucket_of, part, signer, uploads};
use crate::access::Signer;
use crate::fault::Fault;
use crate::store::{Copied, CopyRequest, Labels, now_ms, parse_key, parse_key_to_write};
use accounts::Permission;
use model::{BucketName, ObjectKey};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, MetadataDirective,
    Range, UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

impl Service {
    pub(super) async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let signer = signer(&request)?;
        let target = condition::of_copy(&request.headers)?;
        let mut input = request.input;
        let from = self.source(&signer, &input.copy_source)?;
        let to = (bucket_of(&input.bucket)?, parse_key_to_write(&input.key).map_err(s3_error_of)?);
        let labels = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
            None | Some(MetadataDirective::COPY) => Labels::Keep,
            Some(MetadataDirective::REPLACE) => Labels::Replace(labels_of!(input)),
            Some(_) => return Err(s3_error!(InvalidArgument, "the metadata directive is COPY or REPLACE")),
        };
        let condition = ReadCondition {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        let modified_ms = now_ms();
        let request = CopyRequest { from, to, labels, condition: target, modified_ms };
        let Copied { etag, pending } = self
            .store
            .visit(move |store| store.copy(request, |record| condition.check_source(record)))
            .await?;
        pending.done().await.map_err(s3_error_of)?;
        let result = CopyObjectResult {
            e_tag: Some(answer::etag(&etag)),
            last_modified: Some(answer::timestamp(modified_ms)),
            ..Default::default()
        };
        Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() }))
    }

    pub(super) async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let signer = signer(&request)?;
        let input = request.input;
        let (from_bucket, from_key) = self.source(&signer, &input.copy_source)?;
        let to = (bucket_of(&input.bucket)?, parse_key_to_write(&input.key).map_err(s3_error_of)?);
        let number = uploads::part_number(input.part_number)?;
        let invalid = |_| s3_error!(InvalidArgument, "the range to copy is not like bytes=first-last");
        let range = input.copy_source_range.as_deref().map(Range::parse).transpose().map_err(invalid)?;
        let condition = ReadCondition {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        let (id, part) = (input.upload_id, (number, part::place(&request.headers)));
        let (etag, pending) = self
            .store
            .visit(move |store| {
                let upload = store.upload(&id, &to.0, &to.1)?;
                store.copy_part(&upload, part, (&from_bucket, &from_key), |record| {
                    condition.check_source(record)?;
                    let beyond = |_| Fault::Invalid("the range to copy is not within the object".into());
                    range.map_or(Ok(0..record.size()), |range| range.check(record.size()).map_err(beyond))
                })
            })
            .await?;
        pending.done().await.map_err(s3_error_of)?;
        let result = CopyPartResult {
            e_tag: Some(answer::etag(&etag)),
            last_modified: Some(answer::timestamp(now_ms())),
            ..Default::default()
        };
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result: Some(result), ..Default::default() }))
    }

    /// The object to copy, if the signer may read it. The check of the path knows only where the copy goes.
    fn source(&self, Signer(user): &Signer, source: &CopySource) -> S3Result<(BucketName, ObjectKey)> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(s3_error!(NotImplemented, "the source of a copy is named by bucket and key"));
        };
        let bucket = self.doorkeeper.require(user, bucket, Permission::Read)?;
        only_current(version_id.as_deref())?;
        Ok((bucket, parse_key(key).map_err(s3_error_of)?))
    }
}

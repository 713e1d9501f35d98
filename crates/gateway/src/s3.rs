//! S3's operations, in terms of the store.
//!
//! Each does its work on the file system in one visit to a thread that may block, and waits for the index without
//! one.

pub(crate) mod answer;
mod buckets;
mod condition;
mod copies;
mod labels;
mod listings;
mod objects;
mod part;
mod reading;
pub(crate) mod receive;
mod uploads;

use crate::access::{Doorkeeper, Signer};
use crate::fault::Fault;
use crate::store::Store;
use answer::s3_error_of;
use model::BucketName;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput,
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, GetBucketLocationInput,
    GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput, GetObjectInput,
    GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput,
    ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput,
    PutObjectInput, PutObjectOutput, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};
use std::sync::Arc;

/// Answers requests.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) store: Arc<Store>,
    pub(crate) doorkeeper: Doorkeeper,
    pub(crate) region: String,
}

impl Store {
    /// Runs `work` on a thread that may block.
    pub(crate) async fn visit<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Fault> + Send + 'static,
    ) -> S3Result<T> {
        let store = Arc::clone(self);
        let outcome = tokio::task::spawn_blocking(move || work(&store)).await;
        outcome.map_err(s3s::S3Error::internal_error)?.map_err(s3_error_of)
    }
}

/// The bucket in the path: its name has been checked together with the permission.
fn bucket_of(name: &str) -> S3Result<BucketName> {
    BucketName::new(name).map_err(|error| s3s::s3_error!(error, InvalidBucketName))
}

/// Who signed the request.
fn signer<T>(request: &S3Request<T>) -> S3Result<Signer> {
    request.extensions.get().cloned().ok_or_else(|| crate::access::denied("the request is not signed"))
}

macro_rules! operations {
    ($($name:ident: $input:ident -> $output:ident;)*) => {
        #[async_trait::async_trait]
        impl S3 for Service {
            $(
                async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                    self.$name(request).await
                }
            )*
        }
    };
}

operations! {
    list_buckets: ListBucketsInput -> ListBucketsOutput;
    head_bucket: HeadBucketInput -> HeadBucketOutput;
    get_bucket_location: GetBucketLocationInput -> GetBucketLocationOutput;
    get_bucket_versioning: GetBucketVersioningInput -> GetBucketVersioningOutput;
    create_bucket: CreateBucketInput -> CreateBucketOutput;
    delete_bucket: DeleteBucketInput -> DeleteBucketOutput;
    put_object: PutObjectInput -> PutObjectOutput;
    get_object: GetObjectInput -> GetObjectOutput;
    head_object: HeadObjectInput -> HeadObjectOutput;
    delete_object: DeleteObjectInput -> DeleteObjectOutput;
    delete_objects: DeleteObjectsInput -> DeleteObjectsOutput;
    copy_object: CopyObjectInput -> CopyObjectOutput;
    list_objects: ListObjectsInput -> ListObjectsOutput;
    list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output;
    create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput;
    upload_part: UploadPartInput -> UploadPartOutput;
    upload_part_copy: UploadPartCopyInput -> UploadPartCopyOutput;
    list_parts: ListPartsInput -> ListPartsOutput;
    list_multipart_uploads: ListMultipartUploadsInput -> ListMultipartUploadsOutput;
    complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput;
    abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput;
}

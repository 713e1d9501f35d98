//! Buckets. They come and go with their users, not with requests.

use super::{Service, bucket_of, signer};
use crate::access::denied;
use s3s::dto::{
    Bucket, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketInput,
    DeleteBucketOutput, GetBucketLocationInput, GetBucketLocationOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};

#[expect(clippy::unused_async, reason = "operations are async, and these have nothing to wait for")]
impl Service {
    pub(super) async fn list_buckets(
        &self,
        request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let user = signer(&request)?.0;
        let accounts = &self.doorkeeper.accounts;
        let prefix = request.input.prefix.unwrap_or_default();
        let buckets = accounts.buckets(&user).map_err(S3Error::internal_error)?;
        let users = accounts.users().map_err(S3Error::internal_error)?;
        let created = |bucket: &str| {
            let owner = users.iter().find(|user| user.name.as_str() == bucket);
            owner.map(|owner| super::answer::timestamp(owner.created.0 / 1_000_000))
        };
        let listed =
            buckets.iter().filter(|bucket| bucket.as_str().starts_with(&prefix)).map(|bucket| Bucket {
                name: Some(bucket.to_string()),
                creation_date: Some(created(bucket.as_str()).unwrap_or_default()),
                bucket_region: Some(self.region.clone()),
            });
        let owner = Owner { id: Some(user.to_string()), display_name: Some(user.to_string()) };
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(listed.collect()),
            owner: Some(owner),
            ..Default::default()
        }))
    }

    pub(super) async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        bucket_of(&request.input.bucket)?;
        let bucket_region = Some(self.region.clone());
        Ok(S3Response::new(HeadBucketOutput { bucket_region, ..Default::default() }))
    }

    pub(super) async fn get_bucket_location(
        &self,
        _request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        // S3 has no name for its oldest region here.
        let named = (self.region != "us-east-1").then(|| BucketLocationConstraint::from(self.region.clone()));
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: named }))
    }

    /// There are no versions here: history is the archive's.
    pub(super) async fn get_bucket_versioning(
        &self,
        _request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    /// Everybody's bucket is there already; many clients create it all the same before they write.
    pub(super) async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let user = signer(&request)?.0;
        let bucket = request.input.bucket;
        if user.as_str() != bucket {
            return Err(denied("a user has the bucket of their own name, and creates no others"));
        }
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{bucket}")) }))
    }

    pub(super) async fn delete_bucket(
        &self,
        _request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        Err(denied("a bucket is removed on the server, not through S3"))
    }
}

//! Listing objects, in both versions of the operation.

use super::answer;
use super::{Service, bucket_of};
use crate::index::{Listed, Listing, Page, Query};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::BucketName;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    Object, ObjectStorageClass,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

/// The most lines a page has.
const PAGE_MAX: i32 = 1000;

/// What S3 leaves as it is when a listing is asked for with `encoding-type=url`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/');

impl Service {
    pub(super) async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let input = request.input;
        let spelling = Spelling::new(input.encoding_type.as_ref())?;
        let max_keys = page_size(input.max_keys)?;
        let wanted = Wanted {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after: input.marker.clone().unwrap_or_default(),
            count: max_keys.unsigned_abs() as usize,
        };
        let page = self.page(&input.bucket, wanted).await?;
        let is_truncated = page.next.is_some();
        let next_marker = page.next.clone().map(|next| spelling.spell(next));
        let (contents, common_prefixes) = lines(page, spelling);
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(spelling.spell(input.prefix.unwrap_or_default())),
            marker: Some(spelling.spell(input.marker.unwrap_or_default())),
            next_marker,
            max_keys: Some(max_keys),
            is_truncated: Some(is_truncated),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            delimiter: input.delimiter.map(|delimiter| spelling.spell(delimiter)),
            encoding_type: input.encoding_type,
            ..Default::default()
        }))
    }

    pub(super) async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let spelling = Spelling::new(input.encoding_type.as_ref())?;
        let max_keys = page_size(input.max_keys)?;
        let after = match &input.continuation_token {
            Some(token) => position_of(token)?,
            None => input.start_after.clone().unwrap_or_default(),
        };
        let wanted = Wanted {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after,
            count: max_keys.unsigned_abs() as usize,
        };
        let page = self.page(&input.bucket, wanted).await?;
        let next = page.next.as_ref().map(|next| URL_SAFE_NO_PAD.encode(next));
        let (contents, common_prefixes) = lines(page, spelling);
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(spelling.spell(input.prefix.unwrap_or_default())),
            start_after: input.start_after.map(|start_after| spelling.spell(start_after)),
            continuation_token: input.continuation_token,
            is_truncated: Some(next.is_some()),
            next_continuation_token: next,
            max_keys: Some(max_keys),
            key_count: i32::try_from(contents.len() + common_prefixes.len()).ok(),
            contents: Some(contents),
            common_prefixes: Some(common_prefixes),
            delimiter: input.delimiter.map(|delimiter| spelling.spell(delimiter)),
            encoding_type: input.encoding_type,
            ..Default::default()
        }))
    }

    async fn page(&self, bucket: &str, wanted: Wanted) -> S3Result<Page> {
        let bucket: BucketName = bucket_of(bucket)?;
        self.store
            .visit(move |store| {
                let Wanted { prefix, delimiter, after, count } = &wanted;
                let query = Query { prefix, delimiter: delimiter.as_deref(), after, count: *count };
                store.index.list(&bucket, query)
            })
            .await
    }
}

/// A [`Query`] that owns its texts.
struct Wanted {
    prefix: String,
    delimiter: Option<String>,
    after: String,
    count: usize,
}

/// How keys are written in the answer.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    Plain,
    Url,
}

impl Spelling {
    pub(super) fn new(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(_) => Err(s3_error!(InvalidArgument, "the only encoding-type is url")),
        }
    }

    pub(super) fn spell(self, text: String) -> String {
        match self {
            Self::Plain => text,
            Self::Url => utf8_percent_encode(&text, ENCODED).to_string(),
        }
    }
}

fn lines(page: Page, spelling: Spelling) -> (Vec<Object>, Vec<CommonPrefix>) {
    let (mut contents, mut prefixes) = (Vec::with_capacity(page.lines.len()), Vec::new());
    for line in page.lines {
        match line {
            Listing::CommonPrefix(prefix) => {
                prefixes.push(CommonPrefix { prefix: Some(spelling.spell(prefix)) });
            }
            Listing::Object(Listed { key, size, etag, modified_ms }) => contents.push(Object {
                key: Some(spelling.spell(key)),
                size: Some(answer::size(size)),
                e_tag: Some(answer::etag(&etag)),
                last_modified: Some(answer::timestamp(modified_ms)),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Default::default()
            }),
        }
    }
    (contents, prefixes)
}

pub(super) fn page_size(max_keys: Option<i32>) -> S3Result<i32> {
    match max_keys {
        Some(negative) if negative < 0 => Err(s3_error!(InvalidArgument, "max-keys is not negative")),
        max_keys => Ok(max_keys.unwrap_or(PAGE_MAX).min(PAGE_MAX)),
    }
}

fn position_of(token: &str) -> S3Result<String> {
    let position = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    position.ok_or_else(|| s3_error!(InvalidArgument, "this continuation token is not one of ours"))
}

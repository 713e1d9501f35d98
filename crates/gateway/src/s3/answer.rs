//! Our values in S3's words.

use crate::fault::Fault;
use http::StatusCode;
use s3s::dto::{ETag, Timestamp};
use s3s::{S3Error, S3ErrorCode};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// The code that a client can act on, and a text that a person can.
#[expect(clippy::needless_pass_by_value, reason = "it ends here, and is handed to `map_err` everywhere")]
pub(crate) fn s3_error_of(fault: Fault) -> S3Error {
    let message = fault.to_string();
    let code = match &fault {
        Fault::NoSuchKey => S3ErrorCode::NoSuchKey,
        Fault::NoSuchUpload => S3ErrorCode::NoSuchUpload,
        Fault::PreconditionFailed { .. } => S3ErrorCode::PreconditionFailed,
        Fault::Invalid(_) => S3ErrorCode::InvalidRequest,
        Fault::BadDigest(_) => S3ErrorCode::BadDigest,
        Fault::InvalidPart(_) => S3ErrorCode::InvalidPart,
        Fault::PartOrder => S3ErrorCode::InvalidPartOrder,
        Fault::PartTooSmall(_) => S3ErrorCode::EntityTooSmall,
        Fault::TooLargeForBatch => S3ErrorCode::EntityTooLarge,
        Fault::Reserved(_) => S3ErrorCode::AccessDenied,
        Fault::NameTooLong => S3ErrorCode::KeyTooLongError,
        Fault::Blocked { .. } => return with_status("ObjectPathConflict", StatusCode::CONFLICT, message),
        Fault::NoSpace => {
            tracing::error!("no space left for live files");
            return with_status("InsufficientStorage", StatusCode::INSUFFICIENT_STORAGE, message);
        }
        Fault::Files { .. } | Fault::Index { .. } => {
            // What the system said may name paths of ours; it is for the log only.
            tracing::error!(error = &fault as &dyn std::error::Error, "request failed");
            S3ErrorCode::InternalError
        }
    };
    S3Error::with_message(code, message)
}

/// An error that S3 has no code for.
pub(crate) fn with_status(
    code: &'static str,
    status: StatusCode,
    message: impl Into<Cow<'static, str>>,
) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

pub(super) fn etag(etag: &model::ETag) -> ETag {
    ETag::Strong(etag.as_str().to_owned())
}

pub(super) fn timestamp(ms: i64) -> Timestamp {
    let since = Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Timestamp::from(SystemTime::UNIX_EPOCH + since)
}

/// To the second, as HTTP writes it.
pub(super) fn timestamp_to_second(ms: i64) -> Timestamp {
    timestamp(ms - ms.rem_euclid(1000))
}

/// As S3 counts bytes.
pub(super) fn size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

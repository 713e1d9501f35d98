//! What clients of ours say of a part, in headers that S3 does not have.
//!
//! The answers to `CreateMultipartUpload` and `ListParts` carry `x-heirloom-parts`: then both of these are understood. Which bytes make
//! which object, the list of parts says alone, as ever.
//!
//! - `x-heirloom-part-offset`: how many bytes of the object are before the part. It is written to its place at once, instead of being copied
//!   when the upload is completed.
//! - `x-heirloom-part-blake3`: the BLAKE3 digest of its bytes, in base64, instead of a `Content-MD5`. An MD5 takes a processor as long as a
//!   gigabit line takes for eight times the bytes, at either end. What is not hashed for it has a tag that is none, and does
//!   not look like one: the first half of the digest, and `-1`.

use crate::fault::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};
use s3s::S3Response;

const UNDERSTOOD: &str = "x-heirloom-parts";
const OFFSET: &str = "x-heirloom-part-offset";
pub(super) const BLAKE3: &str = "x-heirloom-part-blake3";

/// An answer to a client that may go on to say so.
pub(super) fn understanding<T>(output: T) -> S3Response<T> {
    let mut response = S3Response::new(output);
    response.headers.insert(UNDERSTOOD, HeaderValue::from_static("offset, blake3"));
    response
}

/// Where in the object a part belongs.
pub(super) fn place(headers: &HeaderMap) -> Option<u64> {
    headers.get(OFFSET)?.to_str().ok()?.parse().ok()
}

/// The digest that a part must have.
pub(super) fn digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Fault> {
    let Some(text) = headers.get(BLAKE3) else { return Ok(None) };
    let digest = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    digest.map(Some).ok_or_else(|| Fault::Invalid(format!("the {BLAKE3} is not the base64 of 32 bytes")))
}

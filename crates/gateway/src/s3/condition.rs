//! Conditions of requests: which of them hold, and what is answered when they do not (RFC 9110 §13.2.2).

use super::answer;
use crate::fault::Fault;
use crate::record::Record;
use crate::store::{Condition, Wanted};
use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

fn wanted(condition: ETagCondition) -> Wanted {
    match condition {
        ETagCondition::Any => Wanted::Any,
        ETagCondition::ETag(etag) => Wanted::Tag(etag.into_value()),
    }
}

/// The condition of a write.
pub(super) fn of_write(if_match: Option<ETagCondition>, if_none_match: Option<ETagCondition>) -> Condition {
    Condition { if_match: if_match.map(wanted), if_none_match: if_none_match.map(wanted) }
}

/// The condition of a copy's target. The library knows these headers of no copy, so they are read here.
pub(super) fn of_copy(headers: &http::HeaderMap) -> S3Result<Condition> {
    let read = |name: http::HeaderName| {
        let parse = |value: &http::HeaderValue| ETagCondition::parse_http_header(value.as_bytes());
        let parsed = headers.get(&name).map(parse).transpose();
        parsed.map_err(|_| s3_error!(InvalidArgument, "`{}` is not an ETag or `*`", name))
    };
    Ok(of_write(read(http::header::IF_MATCH)?, read(http::header::IF_NONE_MATCH)?))
}

/// The conditions of a read, or of the source of a copy.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "these are the names of the headers")]
pub(super) struct ReadCondition {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

/// What conditions say about an object.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Go,
    NotModified,
    Failed(&'static str),
}

impl ReadCondition {
    fn judge(&self, record: &Record) -> Verdict {
        let modified = answer::timestamp_to_second(record.modified_ms);
        let fits = |condition: &ETagCondition| wanted(condition.clone()).fits(record);
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !fits(condition) => return Verdict::Failed("If-Match"),
            (None, Some(since)) if modified > *since => return Verdict::Failed("If-Unmodified-Since"),
            _ => {}
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) if fits(condition) => Verdict::NotModified,
            (None, Some(since)) if modified <= *since => Verdict::NotModified,
            _ => Verdict::Go,
        }
    }

    /// For a read: an unchanged object is told by its status.
    pub(super) fn check_read(&self, record: &Record) -> S3Result<()> {
        match self.judge(record) {
            Verdict::Go => Ok(()),
            Verdict::Failed(condition) => Err(answer::s3_error_of(Fault::PreconditionFailed { condition })),
            Verdict::NotModified => {
                let mut error = S3Error::new(S3ErrorCode::NotModified);
                let mut headers = http::HeaderMap::new();
                if let Ok(etag) = answer::etag(&record.etag).to_http_header() {
                    headers.insert(http::header::ETAG, etag);
                }
                error.set_headers(headers);
                Err(error)
            }
        }
    }

    /// For a copy, where nothing but going on is good.
    pub(super) fn check_source(&self, record: &Record) -> Result<(), Fault> {
        match self.judge(record) {
            Verdict::Go => Ok(()),
            Verdict::Failed(condition) => Err(Fault::PreconditionFailed { condition }),
            Verdict::NotModified => {
                Err(Fault::PreconditionFailed { condition: "If-None-Match or If-Modified-Since" })
            }
        }
    }
}

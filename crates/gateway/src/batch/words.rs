//! The lines of a batch.

use super::OBJECTS_MAX;
use crate::fault::Fault;
use crate::record::{About, Record};
use crate::s3::answer::s3_error_of;
use crate::store::{Condition, Put, PutRequest, Wanted, now_ms, parse_key, parse_key_to_write};
use bytes::Bytes;
use model::{BucketName, ContentId, ETag, ObjectKey};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct PutLine<'a> {
    #[serde(borrow)]
    put: Cow<'a, str>,
    size: usize,
    #[serde(borrow)]
    md5: Cow<'a, str>,
    #[serde(borrow, default)]
    if_match: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    if_none_match: Option<Cow<'a, str>>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct GetLine<'a> {
    #[serde(borrow)]
    get: Cow<'a, str>,
    #[serde(borrow)]
    etag: Cow<'a, str>,
}

/// The objects of a request to write. What is wrong with one of them is its own business, as long as it can be told where the next one begins.
pub(super) fn parse_puts(bucket: &BucketName, body: &Bytes) -> Result<Vec<Result<Put, Fault>>, Fault> {
    let mut puts = Vec::new();
    let mut rest = body.clone();
    while !rest.is_empty() {
        let text = take_line(&mut rest)?;
        let line: PutLine<'_> = serde_json::from_slice(&text).map_err(nonsense)?;
        if line.size > rest.len() {
            return Err(Fault::Invalid("the batch ends within an object".into()));
        }
        let bytes = rest.split_to(line.size);
        count(puts.len())?;
        puts.push(line.into_put(bucket, bytes));
    }
    Ok(puts)
}

/// A version that is wanted.
pub(super) type Get = (ObjectKey, ETag);

/// The versions that a request to read wants.
pub(super) fn parse_gets(body: &Bytes) -> Result<Vec<Result<Get, Fault>>, Fault> {
    let mut gets = Vec::new();
    let mut rest = body.clone();
    while !rest.is_empty() {
        let text = take_line(&mut rest)?;
        let GetLine { get, etag } = serde_json::from_slice(&text).map_err(nonsense)?;
        count(gets.len())?;
        gets.push(parse_key(&get).map(|key| (key, ETag::new(&etag))));
    }
    Ok(gets)
}

fn take_line(rest: &mut Bytes) -> Result<Bytes, Fault> {
    let end = rest.iter().position(|&byte| byte == b'\n');
    let end = end.ok_or_else(|| Fault::Invalid("the batch ends within a line".into()))?;
    let line = rest.split_to(end);
    drop(rest.split_to(1));
    Ok(line)
}

fn count(before: usize) -> Result<(), Fault> {
    let fits = before < OBJECTS_MAX;
    fits.then_some(()).ok_or_else(|| Fault::Invalid(format!("a batch has at most {OBJECTS_MAX} objects")))
}

#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`")]
fn nonsense(error: serde_json::Error) -> Fault {
    Fault::Invalid(format!("a line of the batch makes no sense: {error}"))
}

impl PutLine<'_> {
    fn into_put(self, bucket: &BucketName, bytes: Bytes) -> Result<Put, Fault> {
        let key = parse_key_to_write(&self.put)?;
        let md5 = ContentId::from_hex(&self.md5);
        let md5 = md5.ok_or_else(|| Fault::Invalid("md5 is 32 hexadecimal digits".into()))?;
        let wanted = |text: Cow<'_, str>| match text.trim() {
            "*" => Wanted::Any,
            tag => Wanted::Tag(tag.trim_matches('"').to_owned()),
        };
        let condition =
            Condition { if_match: self.if_match.map(wanted), if_none_match: self.if_none_match.map(wanted) };
        let metadata = self.metadata.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        let about = About { metadata: metadata.collect(), ..About::default() };
        let request = PutRequest { bucket: bucket.clone(), key, about, condition, modified_ms: now_ms() };
        Ok(Put { request, bytes, md5 })
    }
}

/// Collects answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    text: Vec<u8>,
    count: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Put {
        etag: &'a str,
    },
    Got {
        etag: &'a str,
        size: usize,
        modified: i64,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        metadata: &'a BTreeMap<String, String>,
    },
    Refused {
        code: &'a str,
        message: &'a str,
    },
    End {
        end: usize,
    },
}

impl Answers {
    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn put(&mut self, outcome: Result<ETag, Fault>) {
        match outcome {
            Ok(etag) => self.answer(&Line::Put { etag: etag.as_str() }),
            Err(fault) => self.refuse(fault),
        }
    }

    pub(super) fn get(&mut self, outcome: Result<(Record, Bytes), Fault>) {
        match outcome {
            Ok((record, bytes)) => {
                let Record { etag, modified_ms, about, .. } = &record;
                let (etag, metadata) = (etag.as_str(), &about.metadata);
                self.answer(&Line::Got { etag, size: bytes.len(), modified: *modified_ms, metadata });
                self.text.extend_from_slice(&bytes);
            }
            Err(fault) => self.refuse(fault),
        }
    }

    pub(super) fn finish(mut self) -> Bytes {
        self.write(&Line::End { end: self.count });
        self.text.into()
    }

    fn refuse(&mut self, fault: Fault) {
        let error = s3_error_of(fault);
        let (code, message) = (error.code().as_str(), error.message().unwrap_or_default());
        self.answer(&Line::Refused { code, message });
    }

    fn answer(&mut self, line: &Line<'_>) {
        self.count += 1;
        self.write(line);
    }

    fn write(&mut self, line: &Line<'_>) {
        serde_json::to_writer(&mut self.text, line).expect("because texts and numbers are always JSON");
        self.text.push(b'\n');
    }
}

#[cfg(test)]
mod tests;

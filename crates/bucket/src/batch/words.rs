//! The lines of a batch.

use bytes::Bytes;
use model::ContentId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Serialize)]
struct PutLine<'a> {
    put: &'a str,
    size: usize,
    md5: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_match: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_none_match: Option<&'a str>,
    metadata: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct GetLine<'a> {
    get: &'a str,
    etag: &'a str,
}

/// The line before an object's bytes; `condition` is the name of a condition and its tag.
pub(super) fn put(
    place: &str,
    size: usize,
    content: ContentId,
    condition: (&str, &str),
    metadata: &[(&str, String)],
) -> Bytes {
    let when = |name| (condition.0 == name).then_some(condition.1);
    let metadata = metadata.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (if_match, if_none_match) = (when("if_match"), when("if_none_match"));
    line(&PutLine { put: place, size, md5: content.to_string(), if_match, if_none_match, metadata })
}

/// The line that asks for a version.
pub(super) fn get(place: &str, etag: &str) -> Bytes {
    line(&GetLine { get: place, etag })
}

fn line(fields: &impl Serialize) -> Bytes {
    let mut text = serde_json::to_vec(fields).expect("because texts and numbers are always JSON");
    text.push(b'\n');
    text.into()
}

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is written, or this is it.
    Done {
        etag: String,
        /// Milliseconds since 1970.
        modified: Option<i64>,
        metadata: BTreeMap<String, String>,
        bytes: Bytes,
    },
    Refused {
        code: String,
    },
}

#[derive(Deserialize)]
struct Fields {
    etag: Option<String>,
    #[serde(default)]
    size: usize,
    modified: Option<i64>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    code: Option<String>,
    end: Option<usize>,
}

/// Takes an answer apart, which must be whole and about `count` objects.
pub(super) fn answers(body: &Bytes, count: usize) -> Result<Vec<Answer>, String> {
    let mut rest = body.clone();
    let mut answers = Vec::with_capacity(count);
    loop {
        let end = rest.iter().position(|&byte| byte == b'\n');
        let text = rest.split_to(end.ok_or("the answer was cut off")?);
        drop(rest.split_to(1));
        let fields = serde_json::from_slice(&text);
        let fields: Fields =
            fields.map_err(|error| format!("a line of the answer makes no sense: {error}"))?;
        match fields {
            Fields { end: Some(told), .. } if told == count && answers.len() == count => return Ok(answers),
            Fields { etag: Some(etag), size, modified, metadata, .. } if size <= rest.len() => {
                answers.push(Answer::Done { etag, modified, metadata, bytes: rest.split_to(size) });
            }
            Fields { code: Some(code), .. } => answers.push(Answer::Refused { code }),
            _ => return Err("the answer is not about what was asked".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;

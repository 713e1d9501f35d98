//! Requests that `OpenDAL` cannot phrase, sent by the same transport as all others, which signs them.

use crate::Bucket;
use crate::bucket::{ATTEMPTS, PAUSE_FIRST};
use crate::error::answer_error;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request};
use opendal::raw::percent_encode_path;
use opendal::{Buffer, Error, ErrorKind};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A request about a key, or about the whole bucket.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// The full key; empty for the bucket.
    pub(crate) place: &'a str,
    /// Names, as they are in an address, and values.
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// What came back, if the store did as it was asked.
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Bucket {
    /// Sends a request, a few times if need be.
    pub(crate) async fn ask(&self, ask: &Ask<'_>) -> opendal::Result<Answer> {
        let mut pause = PAUSE_FIRST;
        let mut attempts = 1;
        loop {
            match self.ask_once(ask).await {
                Err(error) if error.is_temporary() && attempts < ATTEMPTS => {
                    tracing::debug!(method = %ask.method, place = ask.place, %error, "trying again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempts += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn ask_once(&self, ask: &Ask<'_>) -> opendal::Result<Answer> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(format!(
                "{}/{}{}",
                self.inner.options.endpoint,
                self.source_of(ask.place),
                query_of(ask.query)
            ))
            .header(CONTENT_LENGTH, ask.body.len());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Buffer::from(ask.body.clone()))
            .map_err(|error| Error::new(ErrorKind::Unexpected, "phrase a request").set_source(error))?;
        let answer = self.inner.context.http_transport().send(request).await?;
        let (head, body) = answer.into_parts();
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        // An error may hide behind a 200: the store had begun to answer before it was done.
        let is_error = !head.status.is_success() || text.contains("<Error>");
        if is_error {
            return Err(answer_error(head.status, element(&text, "Code"), element(&text, "Message")));
        }
        Ok(Answer { headers: head.headers, text })
    }

    /// A key as paths and headers name it, with its bucket.
    pub(crate) fn source_of(&self, place: &str) -> String {
        let bucket = &self.inner.options.bucket;
        if place.is_empty() { bucket.to_string() } else { format!("{bucket}/{}", percent_encode_path(place)) }
    }
}

fn query_of(pairs: &[(&str, &str)]) -> String {
    let pair =
        |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
    let pairs: Vec<String> = pairs.iter().map(pair).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// The text of the first element of a name in S3's simple XML.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let text = raw_elements(xml, name).next()?;
    let text = ["&quot;", "&#34;", "&#x22;"]
        .iter()
        .fold(text.trim().to_owned(), |text, quote| text.replace(quote, "\""));
    let text = text.replace("&#39;", "'").replace("&apos;", "'").replace("&lt;", "<").replace("&gt;", ">");
    Some(text.replace("&amp;", "&"))
}

/// What stands in each element of a name, as it is spelt. Elements of one name are not nested in S3's answers.
pub(crate) fn raw_elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, behind) = rest.split_once(&open)?;
        let (text, behind) = behind.split_once(&close)?;
        rest = behind;
        Some(text)
    })
}

#[cfg(test)]
mod tests;

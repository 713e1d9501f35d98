//! What a WebDAV server tells about files: the XML of RFC 4918, as far as it is needed.

use crate::Cause;
use crate::plain::store::{Entry, EntryKind, Failure};
use http::{HeaderMap, header};
use model::UnixNanos;
use opendal::raw::Timestamp;
use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::events::Event;

/// One `response` of a `multistatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resource {
    href: String,
    known: Properties,
}

/// The properties that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Properties {
    is_collection: bool,
    length: Option<u64>,
    etag: Option<String>,
    modified: Option<String>,
}

impl Resource {
    pub(super) fn entry(&self) -> Result<Entry, Failure> {
        let Properties { is_collection, length, etag, modified } = &self.known;
        if *is_collection {
            let tag = String::new();
            return Ok(Entry { kind: EntryKind::Directory, size: 0, modified: None, tag });
        }
        let size = length.ok_or_else(|| lacking(&self.href, "its length"))?;
        file(&self.href, size, etag.as_deref(), modified.as_deref())
    }

    /// The name within the collection at `path`, as it stands in a URL; `None` for the collection itself. What is not text is
    /// given as far as it can be shown.
    pub(super) fn below(&self, path: &str) -> Result<Option<Result<String, String>>, Cause> {
        // A server may answer with a whole address.
        let href = match self.href.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
            None => &self.href,
        };
        let (held, itself): (Vec<u8>, Vec<u8>) =
            (percent_decode_str(href).collect(), percent_decode_str(path).collect());
        let trim = |bytes: &[u8]| bytes.strip_suffix(b"/").unwrap_or(bytes).to_vec();
        let (held, itself) = (trim(&held), trim(&itself));
        if held == itself {
            return Ok(None);
        }
        let name = held.strip_prefix(itself.as_slice()).and_then(|rest| rest.strip_prefix(b"/"));
        match name {
            Some(name) if !name.is_empty() && !name.contains(&b'/') => {
                let shown = |error: std::string::FromUtf8Error| {
                    String::from_utf8_lossy(error.as_bytes()).into_owned()
                };
                Ok(Some(String::from_utf8(name.to_vec()).map_err(shown)))
            }
            _ => Err(Cause::new(format!("the server lists `{}`, which is not in `{path}`", self.href))),
        }
    }
}

/// What the headers of an answer with a file's bytes from `from` on say about it.
pub(super) fn of_file(headers: &HeaderMap, from: u64) -> Result<Entry, Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let whole = match text(header::CONTENT_RANGE) {
        Some(range) => range.rsplit_once('/').and_then(|(_, size)| size.parse().ok()),
        None => {
            text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()).map(|rest| rest + from)
        }
    };
    let size = whole.ok_or_else(|| lacking("a file", "its length"))?;
    file("a file", size, text(header::ETAG), text(header::LAST_MODIFIED))
}

fn file(href: &str, size: u64, etag: Option<&str>, modified: Option<&str>) -> Result<Entry, Failure> {
    let time = modified.and_then(|text| Timestamp::parse_rfc2822(text).ok());
    let time = time.and_then(|time| i64::try_from(time.into_inner().as_nanosecond()).ok()).map(UnixNanos);
    let tag = match (etag.map(|etag| etag.trim().replace('"', "")), time) {
        (Some(etag), _) if !etag.is_empty() => etag,
        (_, Some(time)) => format!("{size:x}.{:x}", time.0),
        _ => return Err(lacking(href, "its version: neither ETag nor time")),
    };
    Ok(Entry { kind: EntryKind::File, size, modified: time, tag })
}

fn lacking(href: &str, what: &str) -> Failure {
    Failure::Other(Cause::new(format!("the server does not tell of `{href}` {what}")))
}

/// Reads a `multistatus`: whole, or not at all.
pub(super) fn resources(xml: &str) -> Result<Vec<Resource>, Cause> {
    let unreadable = |what: String| Cause::new(format!("the server's listing is not readable: {what}"));
    let mut reader = Reader::from_str(xml);
    let mut parsing = Parsing::default();
    loop {
        match reader.read_event().map_err(|error| unreadable(error.to_string()))? {
            Event::Start(element) => parsing.start(&local(element.name().as_ref())),
            Event::Empty(element) => {
                let name = local(element.name().as_ref());
                parsing.start(&name);
                parsing.end(&name);
            }
            Event::End(element) => parsing.end(&local(element.name().as_ref())),
            Event::Text(text) => parsing.text.push_str(&text),
            Event::CData(text) => parsing.text.push_str(&text),
            Event::GeneralRef(name) => {
                let unknown = || unreadable(format!("it refers to `{}`", &*name));
                parsing.text.push(resolve(&name).ok_or_else(unknown)?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if parsing.is_whole { Ok(parsing.found) } else { Err(unreadable("it ends early".to_owned())) }
}

#[derive(Default)]
struct Parsing {
    found: Vec<Resource>,
    resource: Resource,
    /// The properties of one `propstat`, which count only if its status is good.
    properties: Properties,
    status: String,
    text: String,
    is_whole: bool,
}

impl Parsing {
    fn start(&mut self, name: &str) {
        self.text.clear();
        match name {
            "response" => self.resource = Resource::default(),
            "propstat" => {
                self.properties = Properties::default();
                self.status.clear();
            }
            "collection" => self.properties.is_collection = true,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        let text = self.text.trim();
        match name {
            "href" => text.clone_into(&mut self.resource.href),
            "status" => text.clone_into(&mut self.status),
            "getcontentlength" => self.properties.length = text.parse().ok(),
            "getetag" => self.properties.etag = Some(text.to_owned()),
            "getlastmodified" => self.properties.modified = Some(text.to_owned()),
            "propstat" if self.status.split(' ').nth(1) == Some("200") => {
                self.resource.known = std::mem::take(&mut self.properties);
            }
            "response" => self.found.push(std::mem::take(&mut self.resource)),
            "multistatus" => self.is_whole = true,
            _ => {}
        }
        self.text.clear();
    }
}

/// The name without the prefix that stands for its namespace.
fn local(name: &str) -> String {
    name.rsplit_once(':').map_or(name, |(_, local)| local).to_ascii_lowercase()
}

fn resolve(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests;

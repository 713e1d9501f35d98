//! The lines of an answer: cut out of the body, and what they say.

use opendal::HttpBody;
use opendal::raw::oio::ReadStream as _;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The format that is understood here.
const VERSION: u32 = 1;

/// No line is longer: a key has a kilobyte, and metadata a few.
const LINE_MAX: usize = 4 << 20;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Head {
        extent: Extent,
        cursor: String,
    },
    Put(Put),
    Gone {
        key: String,
    },
    End {
        count: u64,
    },
    /// Something that this version does not know.
    Foreign,
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Extent {
    Everything,
    Since,
}

/// An object as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) size: u64,
    /// Milliseconds since 1970.
    pub(super) modified: i64,
    pub(super) metadata: BTreeMap<String, String>,
}

/// The fields of all lines. Rejected: an enum of serde's, which reads a line twice to find out which one it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    changes: Option<u32>,
    extent: Option<Extent>,
    cursor: Option<String>,
    put: Option<String>,
    etag: Option<String>,
    size: Option<u64>,
    modified: Option<i64>,
    metadata: BTreeMap<String, String>,
    gone: Option<String>,
    end: Option<u64>,
}

impl Line {
    fn parse(text: &[u8]) -> serde_json::Result<Self> {
        let fields: Fields = serde_json::from_slice(text)?;
        Ok(match fields {
            Fields { changes: Some(VERSION), extent: Some(extent), cursor: Some(cursor), .. } => {
                Self::Head { extent, cursor }
            }
            Fields {
                put: Some(key), etag: Some(etag), size: Some(size), modified: Some(modified), ..
            } => Self::Put(Put { key, etag, size, modified, metadata: fields.metadata }),
            Fields { gone: Some(key), .. } => Self::Gone { key },
            Fields { end: Some(count), .. } => Self::End { count },
            _ => Self::Foreign,
        })
    }
}

/// Why there is no next line.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection broke.
    Line(opendal::Error),
    /// The server is not to be trusted; in words for a person.
    Nonsense(String),
}

/// The lines of a body.
pub(super) struct Lines {
    body: HttpBody,
    held: Vec<u8>,
    /// Where what has not been read begins.
    at: usize,
}

impl Lines {
    pub(super) fn new(body: HttpBody) -> Self {
        Self { body, held: Vec::new(), at: 0 }
    }

    /// The next line that is not empty; `None` at the end of the body, also in the middle of a line.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, Broken> {
        let mut searched = self.at;
        loop {
            if let Some(end) = self.held[searched..].iter().position(|&byte| byte == b'\n') {
                let line = self.at..searched + end;
                self.at = line.end + 1;
                searched = self.at;
                if line.is_empty() {
                    continue;
                }
                let nonsense =
                    |error| Broken::Nonsense(format!("a line of the answer makes no sense: {error}"));
                return Line::parse(&self.held[line]).map(Some).map_err(nonsense);
            }
            self.held.drain(..self.at);
            self.at = 0;
            searched = self.held.len();
            if searched > LINE_MAX {
                return Err(Broken::Nonsense("a line of the answer has no end".to_owned()));
            }
            let chunk = self.body.read().await.map_err(Broken::Line)?;
            if chunk.is_empty() {
                return Ok(None);
            }
            chunk.into_iter().for_each(|piece| self.held.extend_from_slice(&piece));
        }
    }
}

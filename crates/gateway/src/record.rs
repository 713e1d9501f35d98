//! What is known about an object beside its bytes.

use crate::attributes::Attributes;
use model::{ContentId, ETag, Kind, Stamp, UnixNanos};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One row of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The sort of thing on disk.
    pub(crate) kind: Kind,
    /// The object's version: MD5 of the content, or of the parts' MD5s and their number.
    pub(crate) etag: ETag,
    /// When a client last wrote it, in milliseconds since 1970, by this machine's clock.
    pub(crate) modified_ms: i64,
    /// What the disk said right after it was written. A directory's is empty but for its kind: its times change
    /// with what it holds.
    pub(crate) stamp: Stamp,
    /// What the client said about it.
    pub(crate) about: About,
}

impl Record {
    /// Bytes of content.
    pub(crate) fn size(&self) -> u64 {
        self.stamp.size
    }
}

/// What a client says about an object, given back as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct About {
    /// User metadata, names in lower case and without `x-amz-meta-`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    /// As an HTTP date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
}

impl About {
    /// What the file itself should carry.
    pub(crate) fn attributes(&self) -> Attributes {
        Attributes::parse(&self.metadata)
    }

    /// As the index keeps it; `None` when there is nothing to keep.
    pub(crate) fn to_column(&self) -> Option<String> {
        (*self != Self::default())
            .then(|| serde_json::to_string(self).expect("because a map of texts is always JSON"))
    }

    /// The inverse. A column that cannot be read counts as empty: the bytes are worth more than their label.
    pub(crate) fn from_column(column: Option<&str>) -> Self {
        column.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// The version of content with this MD5.
pub(crate) fn etag_of(content: ContentId) -> ETag {
    ETag::new(&content.to_string())
}

/// The stamp of every directory.
pub(crate) const DIRECTORY_STAMP: Stamp =
    Stamp { size: 0, mtime: UnixNanos(0), ctime: UnixNanos(0), inode: 0 };

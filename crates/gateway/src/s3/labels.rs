//! What a client says about an object, on its way in and out.

use crate::record::About;
use s3s::dto::{Metadata, Timestamp, TimestampFormat};

/// The headers that every way of writing an object has.
macro_rules! labels_of {
    ($input:expr) => {{
        let input = &mut $input;
        $crate::s3::labels::Labels {
            metadata: input.metadata.take(),
            content_type: input.content_type.take().map(|kind| kind.to_string()),
            content_encoding: input.content_encoding.take(),
            content_language: input.content_language.take(),
            content_disposition: input.content_disposition.take(),
            cache_control: input.cache_control.take(),
            expires: input.expires.take(),
        }
        .into_about()
    }};
}
pub(super) use labels_of;

pub(super) struct Labels {
    pub(super) metadata: Option<Metadata>,
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) expires: Option<Timestamp>,
}

impl Labels {
    pub(super) fn into_about(self) -> About {
        let metadata = self.metadata.unwrap_or_default();
        About {
            metadata: metadata.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
            content_type: self.content_type,
            content_encoding: self.content_encoding.and_then(|encoding| lasting_encoding(&encoding)),
            content_language: self.content_language,
            content_disposition: self.content_disposition,
            cache_control: self.cache_control,
            expires: self.expires.and_then(|expires| {
                let mut text = Vec::new();
                expires.format(TimestampFormat::HttpDate, &mut text).ok()?;
                String::from_utf8(text).ok()
            }),
        }
    }
}

/// `aws-chunked` is how the bytes travelled, not what they are.
fn lasting_encoding(encoding: &str) -> Option<String> {
    let parts = encoding.split(',').map(str::trim).filter(|part| !part.eq_ignore_ascii_case("aws-chunked"));
    let lasting = parts.collect::<Vec<_>>().join(", ");
    (!lasting.is_empty()).then_some(lasting)
}

/// The inverse, as the fields of a `GetObject` or `HeadObject` answer.
macro_rules! describe {
    ($output:ident, $record:expr) => {{
        let record = $record;
        let about = record.about;
        s3s::dto::$output {
            accept_ranges: Some("bytes".into()),
            e_tag: Some($crate::s3::answer::etag(&record.etag)),
            last_modified: Some($crate::s3::answer::timestamp(record.modified_ms)),
            content_length: Some($crate::s3::answer::size(record.stamp.size)),
            content_type: Some(about.content_type.unwrap_or_else(|| "application/octet-stream".into())),
            content_encoding: about.content_encoding,
            content_language: about.content_language,
            content_disposition: about.content_disposition,
            cache_control: about.cache_control,
            expires: about
                .expires
                .and_then(|text| s3s::dto::Timestamp::parse(s3s::dto::TimestampFormat::HttpDate, &text).ok()),
            metadata: (!about.metadata.is_empty()).then(|| about.metadata.into_iter().collect()),
            ..Default::default()
        }
    }};
}
pub(super) use describe;

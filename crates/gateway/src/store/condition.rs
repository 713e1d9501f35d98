//! What a request wants the object to be before it is changed or given (RFC 9110 §13.1, by `ETag`).

use crate::fault::Fault;
use crate::record::Record;

/// One `If-Match` or `If-None-Match` value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// `*`: any version.
    Any,
    /// This version, without quotes.
    Tag(String),
}

impl Wanted {
    pub(crate) fn fits(&self, record: &Record) -> bool {
        match self {
            Self::Any => true,
            Self::Tag(tag) => record.etag.as_str() == tag,
        }
    }
}

/// What must hold for a write to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) if_match: Option<Wanted>,
    pub(crate) if_none_match: Option<Wanted>,
}

impl Condition {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Compares with what is there. As S3 has it, `If-Match` without an object is [`Fault::NoSuchKey`].
    pub(crate) fn check(&self, current: Option<&Record>) -> Result<(), Fault> {
        if let Some(wanted) = &self.if_match {
            let current = current.ok_or(Fault::NoSuchKey)?;
            if !wanted.fits(current) {
                return Err(Fault::PreconditionFailed { condition: "If-Match" });
            }
        }
        match (&self.if_none_match, current) {
            (Some(unwanted), Some(current)) if unwanted.fits(current) => {
                Err(Fault::PreconditionFailed { condition: "If-None-Match" })
            }
            _ => Ok(()),
        }
    }
}

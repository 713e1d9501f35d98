//! How fast this machine may send and receive.

use super::section::{Checked, Section};
use super::value;
use bucket::Limiter;

/// Bytes per second of all routes together; `None`: as fast as the line allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    /// What goes out.
    pub(crate) upload: Option<u64>,
    /// What comes in.
    pub(crate) download: Option<u64>,
}

/// One limit as it was typed: `Some(None)` takes away the one that the profile names.
pub(crate) type Typed = Option<Option<u64>>;

impl Limits {
    /// Reads the section `limits`.
    pub(crate) fn read(section: Section<'_>) -> Checked<Self> {
        let upload = section.or("upload", None, value::rate);
        let download = section.or("download", None, value::rate);
        section.finish();
        Ok(Self { upload: upload?, download: download? })
    }

    /// What was typed goes before what the profile says.
    pub(crate) fn with(self, upload: Typed, download: Typed) -> Self {
        Self { upload: upload.unwrap_or(self.upload), download: download.unwrap_or(self.download) }
    }

    /// The limits for a process, to be shared by all its connections.
    pub(crate) fn shared(self) -> bucket::Limits {
        bucket::Limits { upload: self.upload.map(Limiter::new), download: self.download.map(Limiter::new) }
    }
}

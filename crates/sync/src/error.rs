//! What ends a cycle early. Trouble with a single path is not among it: that is a [`Problem`](crate::Problem).

/// Why a cycle could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine's own folder cannot be used.
    #[error("the folder cannot be synced")]
    Local(#[source] disk::Error),
    /// The bucket cannot be used.
    #[error("the destination cannot be used")]
    Remote(#[source] bucket::Error),
    /// The journal cannot be read or written.
    #[error("the journal cannot be used")]
    Journal(#[source] journal::Error),
    /// The process is ending.
    #[error("stopped before the cycle was finished")]
    Stopped,
}

impl Error {
    /// Whether waiting and trying again may help, without a person.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Local(_) | Self::Journal(_) => true,
            Self::Remote(error) => error.retry() != bucket::Retry::Never,
            Self::Stopped => false,
        }
    }
}

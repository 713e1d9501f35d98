//! The one error of this crate; whatever goes wrong inside a request becomes its answer instead.

/// Why the pages could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The listening socket failed.
    #[error("could not serve the web pages")]
    Serve {
        /// What the system said.
        source: std::io::Error,
    },
}

//! The one error of the configuration.

use super::problem::Invalid;
use std::path::PathBuf;

/// Why there is no usable configuration, or a secret or join file that it names.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No file in any of the usual places.
    #[error("there is no configuration; looked for {}", tried.join(", "))]
    NotFound {
        /// The places, as a person would write them.
        tried: Vec<String>,
    },
    /// A file could not be read.
    #[error("could not read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file has mistakes.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The join file is not there yet: the cloud has not written it.
    #[error("there is no join file {}", path.display())]
    JoinMissing {
        /// The join file.
        path: PathBuf,
    },
    /// A join file could not be written.
    #[error("could not write the join file {}", path.display())]
    JoinWrite {
        /// The join file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file of a secret could not be read.
    #[error("could not read {}, which {key} names", path.display())]
    SecretFile {
        /// The key in the profile.
        key: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The command of a secret failed.
    #[error("the command of {key} failed with {detail}")]
    SecretCommand {
        /// The key in the profile.
        key: String,
        /// Exit status and what it wrote to its standard error.
        detail: String,
    },
    /// The file of an identity could not be read.
    #[error("could not read the identity {}, which {key} names", path.display())]
    IdentityFile {
        /// The key in the profile.
        key: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There are no usable identities where they should be.
    #[error("{place} does not open what {path} holds")]
    Identities {
        /// Where they should be.
        place: String,
        /// The state's path in the profile.
        path: String,
        /// What is wrong with them.
        source: vault::Error,
    },
    /// Nothing can be encrypted for these recipients.
    #[error("{place} does not say for whom to encrypt")]
    Recipients {
        /// The key in the profile, or the file and line.
        place: String,
        /// What is wrong with them.
        source: vault::Error,
    },
    /// A file or command gave nothing.
    #[error("{key} gives an empty secret")]
    SecretEmpty {
        /// The key in the profile.
        key: String,
    },
}

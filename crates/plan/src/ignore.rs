//! Which paths are left alone on both sides, by rules in `.gitignore` syntax.
//!
//! A path that is ignored is not decided upon at all: ignoring a file that was synced before deletes it
//! nowhere. Rejected: filtering only the local scan, which would make every newly ignored file look deleted.

use ::ignore::gitignore::{Gitignore, GitignoreBuilder};
use model::RelPath;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A list of ignore patterns, compiled.
#[derive(Clone, Debug)]
pub struct IgnoreRules {
    rules: Gitignore,
    patterns: String,
}

/// A pattern that does not parse.
#[derive(Debug, thiserror::Error)]
#[error("ignore pattern `{pattern}` does not parse: {reason}")]
pub struct PatternError {
    /// The pattern as written.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl IgnoreRules {
    /// Compiles patterns in `.gitignore` syntax; a later one overrides an earlier one, `!` takes back.
    pub fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let error = |pattern: &str, reason: ::ignore::Error| PatternError {
            pattern: pattern.to_owned(),
            reason: reason.to_string(),
        };
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|reason| error(pattern, reason))?;
        }
        let compiled = builder.build().map_err(|reason| error(&patterns.join(" "), reason))?;
        Ok(Self { rules: compiled, patterns: patterns.join("\n") })
    }

    /// The rules as text: equal for equal rules.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.patterns
    }

    /// Whether `path`, or a directory it lies in, is ignored.
    #[must_use]
    pub fn ignores(&self, path: &RelPath, what: Shape) -> bool {
        if self.rules.is_empty() {
            return false;
        }
        let bytes = path.to_os_bytes();
        let path = Path::new(OsStr::from_bytes(&bytes));
        self.rules.matched_path_or_any_parents(path, what == Shape::Directory).is_ignore()
    }
}

/// Whether a rule that ends in `/` can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A directory.
    Directory,
    /// A file or symlink.
    Leaf,
}

#[cfg(test)]
mod tests;

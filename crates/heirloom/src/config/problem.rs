//! What is wrong with a file, shown the way a compiler would.

use super::tree::At;
use std::fmt;
use std::path::PathBuf;

/// One mistake in a file. One without width is about the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    at: At,
    /// The path of the key, like `states.documents.interval`; empty for the file as a whole.
    path: String,
    message: String,
}

impl Problem {
    /// A mistake at a place.
    pub(crate) fn new(at: At, path: &str, message: impl Into<String>) -> Self {
        Self { at, path: path.to_owned(), message: message.into() }
    }
}

/// A file with mistakes: every one that could be found, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    file: PathBuf,
    text: String,
    problems: Vec<Problem>,
}

impl Invalid {
    /// The mistakes in `text`, which was read from `file`.
    pub(crate) fn new(file: PathBuf, text: String, mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { file, text, problems }
    }
}

impl std::error::Error for Invalid {}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.problems.as_slice() {
            return self.show(f, only);
        }
        write!(f, "{} has {} problems", self.file.display(), self.problems.len())?;
        for problem in &self.problems {
            f.write_str("\n\n")?;
            self.show(f, problem)?;
        }
        Ok(())
    }
}

impl Invalid {
    fn show(&self, f: &mut fmt::Formatter<'_>, problem: &Problem) -> fmt::Result {
        let At { line, column, .. } = problem.at;
        write!(f, "{}:{line}:{column}: ", self.file.display())?;
        if !problem.path.is_empty() {
            write!(f, "{}: ", problem.path)?;
        }
        f.write_str(&problem.message)?;
        match self.text.lines().nth(line.saturating_sub(1)) {
            Some(source) if problem.at.width > 0 && is_showable(source) => excerpt(f, source, problem.at),
            _ => Ok(()),
        }
    }
}

/// A line that holds a secret must not get into a log; one that fills the screen helps nobody.
fn is_showable(line: &str) -> bool {
    let holds_a_secret =
        ["secret_access_key:", "password:", "passphrase:"].iter().any(|key| line.contains(key))
            || line.to_ascii_uppercase().contains("AGE-SECRET-KEY-");
    !line.trim().is_empty() && line.chars().count() <= 160 && !holds_a_secret
}

fn excerpt(f: &mut fmt::Formatter<'_>, source: &str, at: At) -> fmt::Result {
    let source = source.trim_end();
    write!(f, "\n{:>5} | {source}", at.line)?;
    // Tabs are repeated, so that the caret stands below its place however wide a terminal shows them.
    let indent: String = source
        .chars()
        .take(at.column.saturating_sub(1))
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let room = source.chars().count().saturating_sub(at.column.saturating_sub(1)).max(1);
    write!(f, "\n      | {indent}{}", "^".repeat(at.width.min(room)))
}

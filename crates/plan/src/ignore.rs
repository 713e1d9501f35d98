//! Which paths are left alone on both sides, and by which rule.
//!
//! Rules come from three places: the profile, `.heirloomignore` files in the tree (both in `.gitignore` syntax), and
//! `CACHEDIR.TAG` files, whose directory can be made again by whoever made it. As in git, the rule nearest to a path decides, the last of
//! one file outweighs those before it, and what lies in an ignored directory cannot be taken back.
//!
//! A path that is ignored is not decided upon at all: ignoring a file that was synced before deletes it
//! nowhere. Rejected: filtering only the local scan, which would make every newly ignored file look deleted.

use ::ignore::Match;
use ::ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};
use model::RelPath;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The file that holds rules for the directory it lies in. It is synced like any other.
pub const RULES_FILE: &str = ".heirloomignore";

/// The file that marks a directory as a cache (Cache Directory Tagging Specification).
pub const CACHE_TAG: &str = "CACHEDIR.TAG";

/// How a cache's tag begins.
pub const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// What a profile says about one state: patterns, compiled, and a size.
#[derive(Clone, Debug)]
pub struct IgnoreRules {
    rules: Gitignore,
    patterns: String,
    larger_than: Option<u64>,
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

/// A line of a [`RULES_FILE`] that does not parse.
#[derive(Debug)]
pub struct BadLine {
    /// Which, counted from 1.
    pub number: usize,
    /// What is wrong with it.
    pub error: PatternError,
}

impl BadLine {
    /// For a person, where `file` is the one that it stands in.
    #[must_use]
    pub fn said_of(&self, file: &str) -> String {
        format!("{file}:{}: {}; the other lines hold", self.number, self.error)
    }
}

impl IgnoreRules {
    /// Compiles patterns in `.gitignore` syntax; a later one overrides an earlier one, `!` takes back.
    pub fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let mut builder = GitignoreBuilder::new("");
        for pattern in patterns {
            add_line(&mut builder, pattern)?;
        }
        let rules = builder.build().map_err(|reason| unfit(&patterns.join(" "), &reason))?;
        Ok(Self { rules, patterns: patterns.join("\n"), larger_than: None })
    }

    /// The same, leaving alone files of more than `bytes` bytes as well.
    #[must_use]
    pub fn and_larger_than(self, bytes: Option<u64>) -> Self {
        Self { larger_than: bytes, ..self }
    }
}

impl IgnoreRules {
    /// From the top down, as a scan goes: what lies in an ignored directory cannot be taken out again by a later `!`, or one side would
    /// see it and the other not. (The library's own question asks from the path upwards.)
    fn ignores(&self, path: &RelPath, what: Shape) -> bool {
        let bytes = path.to_os_bytes();
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| (at, true));
        ends.chain([(bytes.len(), what == Shape::Directory)]).any(|(end, is_directory)| {
            let path = Path::new(OsStr::from_bytes(&bytes[..end]));
            self.rules.matched(path, is_directory).is_ignore()
        })
    }
}

/// Takes a line. The library has a lone `!` take back whatever was left out before it; to git it is no pattern.
fn add_line(builder: &mut GitignoreBuilder, line: &str) -> Result<(), PatternError> {
    if line.strip_prefix('!').is_some_and(|rest| rest.trim().is_empty()) {
        return Err(unfit(line, &"nothing follows the `!`"));
    }
    builder.add_line(None, line).map(drop).map_err(|reason| unfit(line, &reason))
}

fn unfit(pattern: &str, reason: &impl ToString) -> PatternError {
    PatternError { pattern: pattern.to_owned(), reason: reason.to_string() }
}

/// All rules of a tree: the profile's, and those that were found in its directories.
#[derive(Clone, Debug)]
pub struct IgnoreTree {
    profile: IgnoreRules,
    /// By the directory's path; the root's is empty.
    found: BTreeMap<String, Found>,
}

#[derive(Clone, Debug)]
enum Found {
    Rules(Gitignore, String),
    Cache,
}

/// Why a path is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A pattern matches it, or a directory it lies in.
    Pattern {
        /// The pattern as written.
        pattern: String,
        /// Where it is written: the directory of a [`RULES_FILE`], empty for the root; `None`: in the profile.
        written_in: Option<String>,
        /// What it matches.
        matches: String,
    },
    /// It lies in a directory that a [`CACHE_TAG`] marks.
    Cache {
        /// The directory.
        directory: String,
    },
    /// It is larger than the profile allows.
    Larger {
        /// Bytes that are allowed.
        than: u64,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern { pattern, written_in, matches } => {
                write!(f, "the pattern `{pattern}` ")?;
                match written_in {
                    None => f.write_str("of the profile")?,
                    Some(directory) if directory.is_empty() => write!(f, "in {RULES_FILE}")?,
                    Some(directory) => write!(f, "in {directory}/{RULES_FILE}")?,
                }
                write!(f, " matches {matches}")
            }
            Self::Cache { directory } => write!(f, "{directory}/{CACHE_TAG} marks a cache"),
            Self::Larger { than } => {
                write!(f, "it is larger than `exclude_larger_than` ({})", model::ByteSize(*than))
            }
        }
    }
}

impl IgnoreTree {
    /// A tree in which no rules were found so far.
    #[must_use]
    pub fn new(profile: IgnoreRules) -> Self {
        Self { profile, found: BTreeMap::new() }
    }

    /// Takes the rules found in a directory (`None`: the root). Lines that do not parse are returned; the others hold.
    pub fn add_rules(&mut self, directory: Option<&RelPath>, text: &[u8]) -> Vec<BadLine> {
        let text = String::from_utf8_lossy(text);
        let mut builder = GitignoreBuilder::new("");
        let mut bad = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if let Err(error) = add_line(&mut builder, line) {
                bad.push(BadLine { number, error });
            }
        }
        match builder.build() {
            Ok(rules) => {
                self.found.insert(name_of(directory), Found::Rules(rules, text.into_owned()));
            }
            Err(reason) => bad.push(BadLine { number: 1, error: unfit(&text, &reason) }),
        }
        bad
    }

    /// Takes note that a directory is a cache. Never called for the root, which a person has chosen.
    pub fn add_cache(&mut self, directory: &RelPath) {
        self.found.insert(directory.as_str().to_owned(), Found::Cache);
    }

    /// Whether `path`, or a directory it lies in, is ignored.
    #[must_use]
    pub fn ignores(&self, path: &RelPath, what: Shape) -> bool {
        if self.found.is_empty() {
            if self.profile.rules.is_empty() {
                return false;
            }
            return self.profile.ignores(path, what);
        }
        self.why(path, what).is_some()
    }

    /// Whether a file of this size is left alone.
    #[must_use]
    pub fn ignores_size(&self, bytes: u64) -> bool {
        self.profile.larger_than.is_some_and(|most| bytes > most)
    }

    /// Why a file of this size is left alone, if it is.
    #[must_use]
    pub fn why_size(&self, bytes: u64) -> Option<Cause> {
        self.profile.larger_than.filter(|most| bytes > *most).map(|than| Cause::Larger { than })
    }

    /// Why `path` is ignored, if it is.
    #[must_use]
    pub fn why(&self, path: &RelPath, what: Shape) -> Option<Cause> {
        let components: Vec<&str> = path.components().collect();
        (1..=components.len()).find_map(|depth| {
            let is_whole = depth == components.len();
            let shape = if is_whole { what } else { Shape::Directory };
            self.why_alone(&components[..depth], shape)
        })
    }

    /// Why a path is ignored, those above it aside.
    fn why_alone(&self, path: &[&str], what: Shape) -> Option<Cause> {
        let whole = path.join("/");
        if what == Shape::Directory && matches!(self.found.get(&whole), Some(Found::Cache)) {
            return Some(Cause::Cache { directory: whole });
        }
        let nearest_first = (0..path.len()).rev().filter_map(|depth| {
            let directory = path[..depth].join("/");
            match self.found.get(&directory)? {
                Found::Rules(rules, _) => Some((rules, Some(directory), &path[depth..])),
                Found::Cache => None,
            }
        });
        let (verdict, written_in) = nearest_first
            .chain([(&self.profile.rules, None, path)])
            .find_map(|(rules, directory, below)| Some((matched(rules, below, what)?, directory)))?;
        match verdict {
            Verdict::Keep => None,
            Verdict::Ignore(pattern) => Some(Cause::Pattern { pattern, written_in, matches: whole }),
        }
    }

    /// Everything that decides, as text: equal for equal rules.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        use fmt::Write as _;
        let mut text = format!("{:?} {:?}", self.profile.patterns, self.profile.larger_than);
        for (directory, found) in &self.found {
            let said = match found {
                Found::Rules(_, text) => text,
                Found::Cache => CACHE_TAG,
            };
            write!(text, " {directory:?} {said:?}").expect("writing to a String cannot fail");
        }
        text
    }
}

/// What the rules of one place say of a path below it.
enum Verdict {
    Ignore(String),
    Keep,
}

fn matched(rules: &Gitignore, path: &[&str], what: Shape) -> Option<Verdict> {
    let bytes = RelPath::from_key(&path.join("/")).ok()?.to_os_bytes();
    let original = |glob: &Glob| glob.original().to_owned();
    match rules.matched(Path::new(OsStr::from_bytes(&bytes)), what == Shape::Directory) {
        Match::None => None,
        Match::Ignore(glob) => Some(Verdict::Ignore(original(glob))),
        Match::Whitelist(_) => Some(Verdict::Keep),
    }
}

fn name_of(directory: Option<&RelPath>) -> String {
    directory.map(|directory| directory.as_str().to_owned()).unwrap_or_default()
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

//! From a YAML file to a profile that is valid by construction.
//!
//! ```text
//! discover ──► text ──► tree (YAML with places) ──► section (questions, ${VAR}) ──► Laptop | Cloud | Pi
//!                                │                          │
//!                                └──────── problems ────────┴──► Invalid: file, line, key, what is allowed
//! ```
//!
//! Invariant: loading reads one file and nothing else; join files, secret files and secret commands wait until they
//! are needed. The environment is an argument.
//!
//! Read next: [`section`] (why nothing here derives `Deserialize`), [`Laptop`], [`Cloud`], [`Pi`].

pub(crate) mod access;
pub(crate) mod apart;
pub(crate) mod cloud;
pub(crate) mod destination;
pub(crate) mod discover;
pub(crate) mod environment;
pub(crate) mod error;
mod expand;
pub(crate) mod join;
pub(crate) mod laptop;
pub(crate) mod limits;
pub(crate) mod pi;
mod problem;
pub(crate) mod schedule;
pub(crate) mod sealing;
pub(crate) mod secret;
mod section;
mod spelling;
mod tree;
pub(crate) mod value;

pub(crate) use cloud::Cloud;
pub(crate) use environment::Environment;
pub(crate) use error::Error;
pub(crate) use laptop::Laptop;
pub(crate) use pi::Pi;

use problem::{Invalid, Problem};
use section::{Checked, Reader, Section, Variables};
use std::fmt;
use std::path::{Path, PathBuf};
use tree::{At, Node, Value};

/// A checked profile.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a run")]
pub(crate) enum Config {
    /// A laptop.
    Laptop(Laptop),
    /// A cloud.
    Cloud(Cloud),
    /// A pi.
    Pi(Pi),
}

/// Which profile a machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Folders that are kept in sync with a bucket.
    Laptop,
    /// Live files behind S3, their history, and the web view.
    Cloud,
    /// A drive that holds the files and their history.
    Pi,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Laptop => "laptop",
            Self::Cloud => "cloud",
            Self::Pi => "pi",
        })
    }
}

/// A profile with the file it came from, for what turns out to be wrong with it later.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The profile.
    pub(crate) config: Config,
    file: PathBuf,
    text: String,
    profile_at: At,
}

impl Loaded {
    /// Reads and checks a file.
    pub(crate) fn from_file(file: &Path, environment: &Environment) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(file).map_err(|source| Error::Read { path: file.to_owned(), source })?;
        Ok(Self::from_text(file, &text, environment)?)
    }

    /// Checks a text that was read from `file`.
    pub(crate) fn from_text(file: &Path, text: &str, environment: &Environment) -> Result<Self, Invalid> {
        let (config, profile_at) = parse_file(file, text, Variables::From(environment), read)?;
        Ok(Self { config, file: file.to_owned(), text: text.to_owned(), profile_at })
    }

    /// Which profile it is.
    pub(crate) fn profile(&self) -> Profile {
        match self.config {
            Config::Laptop(_) => Profile::Laptop,
            Config::Cloud(_) => Profile::Cloud,
            Config::Pi(_) => Profile::Pi,
        }
    }

    /// The profile of a laptop, for a command that needs one.
    pub(crate) fn laptop(self, command: &str) -> Result<Laptop, Error> {
        match self.config {
            Config::Laptop(laptop) => Ok(laptop),
            Config::Cloud(_) | Config::Pi(_) => Err(self.unfit(command, &[Profile::Laptop])),
        }
    }

    /// The profile of a cloud, for a command that needs one.
    pub(crate) fn cloud(self, command: &str) -> Result<Cloud, Error> {
        match self.config {
            Config::Cloud(cloud) => Ok(cloud),
            Config::Laptop(_) | Config::Pi(_) => Err(self.unfit(command, &[Profile::Cloud])),
        }
    }

    /// The profile of a pi, for a command that needs one.
    pub(crate) fn pi(self, command: &str) -> Result<Pi, Error> {
        match self.config {
            Config::Pi(pi) => Ok(pi),
            Config::Laptop(_) | Config::Cloud(_) => Err(self.unfit(command, &[Profile::Pi])),
        }
    }

    /// The error of a command that works only with other profiles than this one.
    pub(crate) fn unfit(&self, command: &str, wanted: &[Profile]) -> Error {
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        let message = format!(
            "this is the profile of a {}, and `heirloom {command}` is for a {}",
            self.profile(),
            wanted.join(" or a ")
        );
        let problem = Problem::new(self.profile_at, "profile", message);
        Invalid::new(self.file.clone(), self.text.clone(), vec![problem]).into()
    }
}

/// Parses a text and lets `read` ask it; every problem found on the way is in the error.
fn parse_file<T>(
    file: &Path,
    text: &str,
    variables: Variables<'_>,
    read: impl FnOnce(&Reader<'_>, &Node) -> Checked<T>,
) -> Result<T, Invalid> {
    let mut problems = Vec::new();
    let reader = Reader::new(variables);
    let value = tree::parse(text, &mut problems).and_then(|root| read(&reader, &root).ok());
    problems.extend(reader.into_problems());
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Invalid::new(file.to_owned(), text.to_owned(), problems)),
    }
}

fn read(reader: &Reader<'_>, root: &Node) -> Checked<(Config, At)> {
    let section = reader.root(root)?;
    let profiles = [("laptop", Profile::Laptop), ("cloud", Profile::Cloud), ("pi", Profile::Pi)];
    let profile = section.optional("profile", |text| value::choice(text, &profiles))?;
    let Some(profile) = profile else {
        return Err(section.problem("profile", "this key is missing; allowed: laptop, cloud, pi"));
    };
    let config = read_profile(&section, profile);
    section.finish();
    Ok((config?, place_of_profile(root)))
}

fn read_profile(section: &Section<'_>, profile: Profile) -> Checked<Config> {
    match profile {
        Profile::Laptop => Laptop::read(section).map(Config::Laptop),
        Profile::Cloud => Cloud::read(section).map(Config::Cloud),
        Profile::Pi => Pi::read(section).map(Config::Pi),
    }
}

fn place_of_profile(root: &Node) -> At {
    match &root.value {
        Value::Map(entries) => {
            entries.iter().find(|(key, _)| key.text == "profile").map_or(At::START, |(_, node)| node.at)
        }
        Value::Empty | Value::Broken | Value::Text(_) | Value::List(_) => At::START,
    }
}

#[cfg(test)]
mod tests;

//! Secrets: given in the profile, in a file, or by a command.
//!
//! A profile is loaded by every command, also by the health check that a container runs all day; so files are read
//! and commands are run only when a secret is needed, by [`SecretSource::reveal`].

use super::error::Error;
use super::section::{Checked, Noted, Section};
use super::value;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A text that no log line or error shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Takes a secret.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretSource {
    /// The path of the key in the profile, for errors.
    key: String,
    from: From,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum From {
    Profile(Secret),
    File(PathBuf),
    Command(String),
}

/// The three keys that may give one secret: itself, `*_file`, `*_command`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys(pub(crate) [&'static str; 3]);

impl Keys {
    /// The one that is given; the first, if none is.
    pub(crate) fn given(self, section: &Section<'_>) -> &'static str {
        self.0.into_iter().find(|key| section.has(key)).unwrap_or(self.0[0])
    }
}

/// The id of an access key.
pub(crate) const ACCESS_KEY_ID: Keys = Keys(["access_key_id", "access_key_id_file", "access_key_id_command"]);

/// The secret of an access key.
pub(crate) const SECRET_ACCESS_KEY: Keys =
    Keys(["secret_access_key", "secret_access_key_file", "secret_access_key_command"]);

impl Keys {
    /// The names of the three, in this order.
    pub(crate) const fn new(keys: [&'static str; 3]) -> Self {
        Self(keys)
    }

    /// Notes that one of them is needed.
    pub(crate) fn missing(self, section: &Section<'_>) -> Noted {
        let [plain, file, command] = self.0;
        section.problem(plain, format!("this key is missing; give it, {file} or {command}"))
    }
}

impl SecretSource {
    /// Reads which of the three keys is given, if any; two are one too many.
    pub(crate) fn optional(section: &Section<'_>, keys: Keys) -> Checked<Option<Self>> {
        let [plain, file, command] = keys.0;
        let source = |key: &str, from| Self { key: section.path_of(key), from };
        let in_profile = section.optional(plain, value::text);
        let in_file = section.optional(file, value::absolute(section));
        let from_command = section.optional(command, value::text);
        let given = [
            in_profile?.map(|text| (plain, From::Profile(Secret(text)))),
            in_file?.map(|path| (file, From::File(path))),
            from_command?.map(|line| (command, From::Command(line))),
        ];
        let mut given = given.into_iter().flatten();
        match (given.next(), given.next()) {
            (first, None) => Ok(first.map(|(key, from)| source(key, from))),
            (Some((first, _)), Some((second, _))) => {
                Err(section.problem(second, format!("{first} is given as well; give exactly one of the two")))
            }
            (None, Some(_)) => unreachable!("because an iterator that has ended yields nothing"),
        }
    }

    /// What a command writes, for the key at this path.
    pub(crate) fn command(key: String, line: String) -> Self {
        Self { key, from: From::Command(line) }
    }

    /// Like [`Self::optional`], and one of the three keys must be there.
    pub(crate) fn required(section: &Section<'_>, keys: Keys) -> Checked<Self> {
        Self::optional(section, keys)?.ok_or_else(|| keys.missing(section))
    }

    /// The secret. Reads the file or runs the command (`sh -c`), whose output loses its last line break.
    pub(crate) fn reveal(&self) -> Result<Secret, Error> {
        let text = match &self.from {
            From::Profile(secret) => return Ok(secret.clone()),
            From::File(path) => std::fs::read_to_string(path).map_err(|source| Error::SecretFile {
                key: self.key.clone(),
                path: path.clone(),
                source,
            })?,
            From::Command(command) => self.output_of(command)?,
        };
        let text = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
        if text.is_empty() {
            return Err(self.is_empty());
        }
        Ok(Secret::new(text))
    }

    /// The error for a secret that turns out to be nothing.
    pub(crate) fn is_empty(&self) -> Error {
        Error::SecretEmpty { key: self.key.clone() }
    }

    fn output_of(&self, command: &str) -> Result<String, Error> {
        let failed = |detail: String| Error::SecretCommand { key: self.key.clone(), detail };
        let output = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(format!("sh did not start: {error}")))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let stderr = stderr.trim();
            let said = if stderr.is_empty() { "it wrote no message".to_owned() } else { stderr.to_owned() };
            return Err(failed(format!("{}: {said}", output.status)));
        }
        String::from_utf8(output.stdout).map_err(|_| failed("its output is not UTF-8".to_owned()))
    }
}

#[cfg(test)]
mod tests;

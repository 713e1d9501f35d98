//! For whom a state is encrypted, and what opens it again.

use super::error::Error;
use super::secret::{Keys as SecretKeys, SecretSource};
use super::section::{Checked, Section};
use super::value;
use plan::sync::Direction;
use std::path::{Path, PathBuf};
use sync::sealed::Keys;
use vault::{Identities, Passphrase, Recipients};

/// A passphrase instead of keys.
const PASSPHRASE: SecretKeys = SecretKeys(["passphrase", "passphrase_file", "passphrase_command"]);

/// What protects the identities themselves.
const IDENTITY_PASSPHRASE: SecretKeys =
    SecretKeys(["identity_passphrase", "identity_passphrase_file", "identity_passphrase_command"]);

/// What encrypts. One of them without a value, as when each line of its list is commented out, must not mean that the state is sent in clear.
const NEVER_BLANK: [&str; 5] =
    ["encrypt_to", "encrypt_to_file", "passphrase", "passphrase_file", "passphrase_command"];

/// What a profile says about a state's encryption; nothing, unless it is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sealing {
    /// The state's path in the profile, for errors.
    path: String,
    recipients: Vec<String>,
    recipients_file: Option<PathBuf>,
    passphrase: Option<SecretSource>,
    identity_files: Vec<PathBuf>,
    identity_commands: Vec<SecretSource>,
    identity_passphrase: Option<SecretSource>,
}

impl Sealing {
    /// Reads the keys of a state's section; the caller finishes it.
    pub(crate) fn read(section: &Section<'_>, direction: Direction) -> Checked<Self> {
        let recipients = section.list("encrypt_to", |text| {
            let text = text.trim().to_owned();
            Recipients::parse(std::slice::from_ref(&text)).map(|_| text)
        });
        let recipients_file = section.optional("encrypt_to_file", value::absolute(section));
        let passphrase = SecretSource::optional(section, PASSPHRASE);
        let identity_files = section.list("identity_file", value::absolute(section));
        let identity_commands = section.list("identity_command", value::command);
        let identity_passphrase = SecretSource::optional(section, IDENTITY_PASSPHRASE);
        let command = |line| SecretSource::command(section.path_of("identity_command"), line);
        if let Some(blank) = NEVER_BLANK.into_iter().find(|key| section.is_blank(key)) {
            return Err(section.missing(blank));
        }
        let recipients = recipients?;
        if recipients.as_ref().is_some_and(Vec::is_empty) {
            let message =
                "this list is empty, so nobody could read it; leave the key out to send the state in clear";
            return Err(section.bad_value("encrypt_to", message));
        }
        let sealing = Self {
            path: section.path_of(""),
            recipients: recipients.unwrap_or_default(),
            recipients_file: recipients_file?,
            passphrase: passphrase?,
            identity_files: identity_files?.unwrap_or_default(),
            identity_commands: identity_commands?.unwrap_or_default().into_iter().map(command).collect(),
            identity_passphrase: identity_passphrase?,
        };
        sealing.check(section, direction)?;
        Ok(sealing)
    }

    /// Whether the keys go together. Whoever also brings down what others write must be able to open it, and learns that now
    /// rather than on the day they need it.
    fn check(&self, section: &Section<'_>, direction: Direction) -> Checked<()> {
        let has_recipients = !self.recipients.is_empty() || self.recipients_file.is_some();
        if has_recipients && self.passphrase.is_some() {
            let message = "a passphrase stands alone, it cannot be mixed with keys; give one or the other";
            return Err(section.problem(PASSPHRASE.given(section), message));
        }
        let has_identities = !self.identity_files.is_empty() || !self.identity_commands.is_empty();
        if self.identity_passphrase.is_some() && !has_identities {
            let message =
                "this protects an identity, and there is none; give identity_file or identity_command";
            return Err(section.problem(IDENTITY_PASSPHRASE.given(section), message));
        }
        if has_recipients && !has_identities && direction != Direction::Push {
            let key = if self.recipients.is_empty() { "encrypt_to_file" } else { "encrypt_to" };
            let message = "this machine could not open what others write; give identity_file or identity_command, or `direction: push` for a \
                           machine that only writes";
            return Err(section.problem(key, message));
        }
        Ok(())
    }

    /// The keys. Reads files and runs commands.
    pub(crate) fn resolve(&self) -> Result<Keys, Error> {
        let mut identities = Identities::default();
        let protection = self.identity_passphrase.as_ref().map(passphrase_of).transpose()?;
        for path in &self.identity_files {
            let content = std::fs::read(path).map_err(|source| Error::IdentityFile {
                key: self.key("identity_file"),
                path: path.clone(),
                source,
            })?;
            identities = identities.and(self.identities(&content, path.display(), protection.as_ref())?);
        }
        for command in &self.identity_commands {
            let content = command.reveal()?;
            let place = "the output of a command";
            identities =
                identities.and(self.identities(content.reveal().as_bytes(), place, protection.as_ref())?);
        }
        let passphrase = self.passphrase.as_ref().map(passphrase_of).transpose()?;
        if let Some(passphrase) = &passphrase {
            identities = identities.and(Identities::with_passphrase(passphrase.clone()));
        }
        Ok(Keys { recipients: self.recipients(passphrase)?, identities })
    }

    fn recipients(&self, passphrase: Option<Passphrase>) -> Result<Option<Recipients>, Error> {
        let mut keys = self.recipients.clone();
        if let Some(path) = &self.recipients_file {
            keys.extend(self.recipients_in(path)?);
        }
        if keys.is_empty() && passphrase.is_none() {
            return Ok(None);
        }
        let failed = |source| Error::Recipients { place: self.key("encrypt_to"), source };
        Recipients::new(&keys, passphrase).map(Some).map_err(failed)
    }

    /// The recipients in a file: one on a line, as `age -R` reads it.
    fn recipients_in(&self, path: &Path) -> Result<Vec<String>, Error> {
        let key = self.key("encrypt_to_file");
        let text = std::fs::read_to_string(path).map_err(|source| Error::SecretFile {
            key,
            path: path.to_owned(),
            source,
        })?;
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = line.to_owned();
            Recipients::parse(std::slice::from_ref(&key)).map_err(|source| Error::Recipients {
                place: format!("{}:{number}", path.display()),
                source,
            })?;
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(Error::SecretEmpty { key: self.key("encrypt_to_file") });
        }
        Ok(keys)
    }

    fn identities(
        &self,
        content: &[u8],
        place: impl std::fmt::Display,
        protection: Option<&Passphrase>,
    ) -> Result<Identities, Error> {
        Identities::parse(content, protection).map_err(|source| Error::Identities {
            place: place.to_string(),
            path: self.path.trim_end_matches('.').to_owned(),
            source,
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}

fn passphrase_of(source: &SecretSource) -> Result<Passphrase, Error> {
    Passphrase::new(source.reveal()?.reveal().to_owned()).ok_or_else(|| source.is_empty())
}

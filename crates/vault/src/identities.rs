//! Who opens.

use crate::header::MAGIC;
use crate::recipients::alone;
use crate::{Error, Passphrase};
use age::secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::io::Read as _;
use std::sync::Arc;

/// The most work that something sealed with a passphrase may ask for: 2^20 steps of scrypt, a gigabyte of memory for
/// some seconds. Whoever can write to the bucket chooses it, so there must be a bound; `age -p` itself takes 2^18.
const WORK_MOST: u8 = 20;

type Key = Arc<dyn age::Identity + Send + Sync>;

/// Secrets that open what was sealed for them. Cheap to clone, never printed.
#[derive(Clone, Default)]
pub struct Identities {
    keys: Vec<Key>,
    passphrases: Vec<Passphrase>,
}

/// A new key pair of X25519.
pub struct NewIdentity {
    /// The line `AGE-SECRET-KEY-1…` of an identity file: whoever has it can open.
    pub secret: SecretString,
    /// The recipient that belongs to it, `age1…`, which anybody may know.
    pub recipient: String,
}

impl NewIdentity {
    /// Makes a key pair at random.
    #[must_use]
    pub fn generate() -> Self {
        let identity = age::x25519::Identity::generate();
        Self { secret: identity.to_string(), recipient: identity.to_public().to_string() }
    }

    /// What opens everything that is sealed for its recipient.
    #[must_use]
    pub fn identities(&self) -> Identities {
        let parsed = Identities::parse(self.secret.expose_secret().as_bytes(), None);
        parsed.expect("because it was written by the library that reads it")
    }
}

impl Identities {
    /// Reads identities from a file's content, which is any of
    ///
    /// - an age identity file: lines `AGE-SECRET-KEY-1…`, comments and empty lines, as `age-keygen` writes it;
    /// - SSH private keys, ed25519 or RSA, in OpenSSH's format or PKCS #1, protected ones with `passphrase`;
    /// - both of these in any order;
    /// - an age file sealed with `passphrase` that holds them, as `age-keygen | age -p` writes it.
    pub fn parse(content: &[u8], passphrase: Option<&Passphrase>) -> Result<Self, Error> {
        if content.starts_with(MAGIC) {
            let opened = unlock(content, passphrase)?;
            return Self::parse_text(text(opened.expose_secret())?, passphrase);
        }
        Self::parse_text(text(content)?, passphrase)
    }

    /// What opens everything sealed with `passphrase`.
    #[must_use]
    pub fn with_passphrase(passphrase: Passphrase) -> Self {
        Self { keys: Vec::new(), passphrases: vec![passphrase] }
    }

    /// Takes the identities of `more` as well.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.keys.extend(more.keys);
        self.passphrases.extend(more.passphrases);
        self
    }

    /// Whether there are none: nothing can be opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.passphrases.is_empty()
    }

    /// Calls `open` with each identity that fits the kind of lock, until one opens it.
    pub(crate) fn try_on<T>(
        &self,
        is_passphrase: bool,
        open: impl FnOnce(&mut dyn Iterator<Item = &dyn age::Identity>) -> T,
    ) -> T {
        if !is_passphrase {
            return open(&mut self.keys.iter().map(|key| &**key as &dyn age::Identity));
        }
        let locks: Vec<Scrypt> = self.passphrases.iter().cloned().map(Scrypt).collect();
        open(&mut locks.iter().map(|lock| lock as &dyn age::Identity))
    }

    fn parse_text(text: &str, passphrase: Option<&Passphrase>) -> Result<Self, Error> {
        let mut keys = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let (number, line) = (at + 1, line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |reason: &str| Error::Identity { line: number, reason: reason.to_owned() };
            if line.starts_with("-----BEGIN ") {
                let rest = lines.by_ref().map(|(_, line)| line.trim());
                let block = block(line, rest).ok_or_else(|| fault("the key has no end"))?;
                keys.push(ssh_key(block.expose_secret(), number, passphrase)?);
            } else if line.starts_with("age1") || line.starts_with("ssh-") {
                return Err(fault("a public key opens nothing; its secret key is needed"));
            } else {
                let identity: age::x25519::Identity = line
                    .parse()
                    .map_err(|_| fault("neither `AGE-SECRET-KEY-1…` nor an SSH private key, or mistyped"))?;
                keys.push(Arc::new(identity) as Key);
            }
        }
        if keys.is_empty() {
            return Err(Error::Identity { line: 0, reason: "there are none".to_owned() });
        }
        Ok(Self { keys, passphrases: Vec::new() })
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({} keys, {} passphrases)", self.keys.len(), self.passphrases.len())
    }
}

/// A passphrase that is tried on a file. Unlike age's own, one that does not fit leaves the next its chance, and
/// making one costs nothing (age's measures the machine).
struct Scrypt(Passphrase);

impl age::Identity for Scrypt {
    fn unwrap_stanza(
        &self,
        stanza: &age_core::format::Stanza,
    ) -> Option<Result<age_core::format::FileKey, age::DecryptError>> {
        let mut identity = age::scrypt::Identity::new(self.0.secret());
        identity.set_max_work_factor(WORK_MOST);
        match alone(|| identity.unwrap_stanza(stanza)) {
            Some(Err(age::DecryptError::DecryptionFailed)) => None,
            tried => tried,
        }
    }
}

fn text(content: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(content).map_err(|_| Error::Identity { line: 0, reason: "not text".to_owned() })
}

/// The lines up to `-----END …`, each ended by a newline.
fn block<'a>(first: &str, rest: impl Iterator<Item = &'a str>) -> Option<SecretString> {
    // Room for any key, so that no copy of it is left behind by growing.
    let mut block = String::with_capacity(16 << 10);
    block.push_str(first);
    block.push('\n');
    for line in rest {
        block.push_str(line);
        block.push('\n');
        if line.starts_with("-----END ") {
            return Some(block.into());
        }
    }
    None
}

fn ssh_key(block: &str, line: usize, passphrase: Option<&Passphrase>) -> Result<Key, Error> {
    use age::ssh::{Identity, UnsupportedKey};
    let fault = |reason: String| Error::Identity { line, reason };
    let parsed = Identity::from_buffer(block.as_bytes(), None).map_err(|_| {
        fault("not an SSH private key of kind ed25519 or RSA, or damaged (`ssh-keygen -p` rewrites old formats)".to_owned())
    })?;
    match parsed {
        Identity::Unencrypted(_) => Ok(Arc::new(parsed)),
        Identity::Encrypted(protected) => {
            let Some(passphrase) = passphrase else { return Err(Error::Protected { line, given: false }) };
            let key =
                protected.decrypt(passphrase.secret()).map_err(|_| Error::Protected { line, given: true })?;
            Ok(Arc::new(Identity::from(key)))
        }
        Identity::Unsupported(kind) => Err(fault(match kind {
            UnsupportedKey::EncryptedPem => {
                "its protection is of an old kind; `ssh-keygen -p` renews it".to_owned()
            }
            UnsupportedKey::EncryptedSsh(cipher) => {
                format!("protected with {cipher}, which is not supported")
            }
            UnsupportedKey::Hardware(kind) => format!("a {kind} key stays in its device and cannot open"),
            UnsupportedKey::Type(kind) => format!("an SSH key of kind {kind} cannot open"),
        })),
    }
}

/// The identities in an identity file that is sealed itself.
fn unlock(content: &[u8], passphrase: Option<&Passphrase>) -> Result<age::secrecy::SecretSlice<u8>, Error> {
    let damaged = |error: &dyn fmt::Display| Error::Identity { line: 0, reason: error.to_string() };
    let decryptor = age::Decryptor::new_buffered(content).map_err(|error| damaged(&error))?;
    if !decryptor.is_scrypt() {
        return Err(damaged(&"they are sealed for a key, only a passphrase is supported"));
    }
    let Some(passphrase) = passphrase else { return Err(Error::Protected { line: 1, given: false }) };
    let lock = Scrypt(passphrase.clone());
    let mut stream = decryptor.decrypt(std::iter::once(&lock as _)).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => Error::Protected { line: 1, given: true },
        age::DecryptError::ExcessiveWork { required, .. } => {
            Error::TooMuchWork { asked: required, most: WORK_MOST }
        }
        error => damaged(&error),
    })?;
    let mut opened = Vec::with_capacity(content.len());
    stream.read_to_end(&mut opened).map_err(|error| damaged(&error))?;
    Ok(opened.into())
}

/// What opening with identities says, sorted.
pub(crate) fn refusal(error: age::DecryptError, lock: crate::Lock) -> Error {
    match error {
        age::DecryptError::NoMatchingKeys => Error::NoIdentity { lock },
        age::DecryptError::ExcessiveWork { required, .. } => {
            Error::TooMuchWork { asked: required, most: WORK_MOST }
        }
        error => Error::damaged(error),
    }
}

#[cfg(test)]
mod tests;

//! For whom something is sealed.

use crate::{Error, Passphrase};
use age::ssh::ParseRecipientKeyError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The work that guessing a passphrase takes: 2^17 steps of scrypt, in 128 MiB of memory.
///
/// Fixed, so that what a fast machine seals a slow one can open; the age library would measure the machine instead.
const WORK: u8 = 17;

/// Held while scrypt runs: one at a time, or ten uploads at once would take more memory than a Raspberry Pi has.
static SCRYPT: Mutex<()> = Mutex::new(());

/// Runs something that uses scrypt, alone.
pub(crate) fn alone<T>(work: impl FnOnce() -> T) -> T {
    let _turn = SCRYPT.lock().unwrap_or_else(PoisonError::into_inner);
    work()
}

/// For whom something is sealed: one or more public keys, or one passphrase. Cheap to clone.
#[derive(Clone)]
pub struct Recipients(Arc<Readers>);

enum Readers {
    Keys(Vec<PublicKey>),
    Passphrase(Passphrase),
}

enum PublicKey {
    X25519(age::x25519::Recipient),
    // An RSA key is large.
    Ssh(Box<age::ssh::Recipient>),
}

impl Recipients {
    /// Public keys, each as one text: `age1…` (X25519), `ssh-ed25519 …` or `ssh-rsa …` (as in `id_ed25519.pub`).
    pub fn parse(keys: &[String]) -> Result<Self, Error> {
        Self::new(keys, None)
    }

    /// Public keys, or a passphrase alone: age does not mix them, because whoever holds one of the keys could otherwise
    /// pass off something as written by someone who knows the passphrase.
    ///
    /// With a passphrase, sealing and opening take a good quarter of a second and 128 MiB *for each object*, one at a time,
    /// because every age file has its own salt. For more than a handful of files a key is better whose
    /// identity file is itself sealed with a passphrase: `age-keygen | age -p`; [`Identities`](crate::Identities) reads it.
    pub fn new(keys: &[String], passphrase: Option<Passphrase>) -> Result<Self, Error> {
        let readers = match (keys, passphrase) {
            ([], None) => return Err(Error::Recipients { problem: "there are none" }),
            ([], Some(passphrase)) => Readers::Passphrase(passphrase),
            ([_, ..], Some(_)) => {
                let problem = "a passphrase stands alone, it cannot be mixed with keys";
                return Err(Error::Recipients { problem });
            }
            (keys, None) => {
                Readers::Keys(keys.iter().map(|key| PublicKey::parse(key)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self(Arc::new(readers)))
    }

    /// A new file's header and keys.
    pub(crate) fn encryptor(&self) -> age::Encryptor {
        let encryptor = match &*self.0 {
            Readers::Keys(keys) => age::Encryptor::with_recipients(keys.iter().map(PublicKey::as_recipient)),
            Readers::Passphrase(passphrase) => alone(|| {
                let mut recipient = age::scrypt::Recipient::new(passphrase.secret());
                recipient.set_work_factor(WORK);
                age::Encryptor::with_recipients(std::iter::once(&recipient as _))
            }),
        };
        encryptor.expect(
            "because keys of these kinds go together, a passphrase is alone, and there is one of either",
        )
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Readers::Keys(keys) => {
                f.write_str("Recipients")?;
                f.debug_list().entries(keys.iter().map(ToString::to_string)).finish()
            }
            Readers::Passphrase(_) => f.write_str("Recipients(passphrase)"),
        }
    }
}

impl PublicKey {
    fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        // Someone is about to publish a secret: it is not repeated.
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") || text.starts_with("-----BEGIN") {
            return Err(Error::Recipient {
                text: "a secret key".to_owned(),
                reason: "it belongs to the one who opens; give the public key".to_owned(),
            });
        }
        let unfit = |reason: &str| Error::Recipient { text: shortened(text), reason: reason.to_owned() };
        if text.starts_with("age1") {
            let kind = "not an X25519 key, or mistyped";
            return text.parse().map(Self::X25519).map_err(|_| unfit(kind));
        }
        if text.contains('\n') {
            return Err(unfit("more than one line"));
        }
        match text.parse() {
            Ok(key) => Ok(Self::Ssh(Box::new(key))),
            Err(ParseRecipientKeyError::RsaModulusTooLarge) => Err(unfit("over 4096 bits")),
            Err(ParseRecipientKeyError::RsaModulusTooSmall) => Err(unfit("under 2048 bits")),
            Err(ParseRecipientKeyError::Unsupported(kind)) => {
                Err(unfit(&format!("an SSH key of kind {kind} cannot encrypt")))
            }
            Err(_) if text.starts_with("ssh-") => Err(unfit("mistyped or cut off")),
            Err(_) => Err(unfit("not a public key")),
        }
    }

    fn as_recipient(&self) -> &dyn age::Recipient {
        match self {
            Self::X25519(key) => key,
            Self::Ssh(key) => &**key,
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X25519(key) => key.fmt(f),
            Self::Ssh(key) => key.fmt(f),
        }
    }
}

/// Enough of a text to find it in a configuration by.
fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= MOST && line == text {
        return format!("`{line}`");
    }
    format!("`{}…`", line.chars().take(MOST).collect::<String>())
}

#[cfg(test)]
mod tests;

//! Key ids, secrets and tokens, and where their randomness comes from.
//!
//! Everything secret here prints as `…` with `{:?}`, so that no log line or test failure can carry it.

use crate::Error;
use sha2::{Digest, Sha256};
use std::fmt;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE62: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const ID_RULE: &str = "an access key id has 3 to 128 letters, digits, `-`, `_` or `.`";
const SECRET_RULE: &str = "a secret access key has 8 to 128 printable ASCII characters and no spaces";

/// The public half of a key: what a request says it was signed with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// Takes an id given by a person or a configuration. It must fit into a `SigV4` credential
    /// (`id/date/region/…`) and into Basic credentials (`id:secret`).
    pub fn new(text: &str) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if (3..=128).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Unfit { what: "access key id", rule: ID_RULE })
        }
    }

    /// A new id: `HL` and 18 letters or digits (90 random bits).
    pub(crate) fn random() -> Result<Self, Error> {
        Ok(Self(format!("HL{}", random_text(BASE32, 18)?)))
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for AccessKeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The secret half of a key.
#[derive(Clone)]
pub struct SecretKey(String);

impl SecretKey {
    /// Takes a secret given by a configuration.
    pub fn new(text: &str) -> Result<Self, Error> {
        if (8..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Unfit { what: "secret access key", rule: SECRET_RULE })
        }
    }

    /// A new secret: 40 letters or digits (238 random bits).
    pub(crate) fn random() -> Result<Self, Error> {
        random_text(BASE62, 40).map(Self)
    }

    /// The secret's text: to sign with, to store, or to show once to the person who asked for the key.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this secret, in a time that does not depend on where they first differ.
    #[must_use]
    pub fn matches(&self, given: &str) -> bool {
        let (own, other) = (Sha256::digest(self.0.as_bytes()), Sha256::digest(given.as_bytes()));
        own.iter().zip(other.iter()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(String);

        impl $name {
            /// Takes a token as a browser sent it; any text may be asked about.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(text.to_owned())
            }

            /// A new token: 43 letters or digits (256 random bits).
            pub(crate) fn random() -> Result<Self, Error> {
                random_text(BASE62, 43).map(Self)
            }

            /// The token's text: for the link or the cookie.
            #[must_use]
            pub fn reveal(&self) -> &str {
                &self.0
            }

            /// What is stored instead of the token.
            pub(crate) fn digest(&self) -> [u8; 32] {
                Sha256::digest(self.0.as_bytes()).into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

token! {
    /// Opens the web view once, from a link.
    SignInToken
}

token! {
    /// Keeps a browser signed in.
    SessionToken
}

/// `length` characters of `alphabet`, each equally likely.
fn random_text(alphabet: &[u8], length: usize) -> Result<String, Error> {
    // Bytes from the incomplete last run of the alphabet are thrown away, or its first letters would be
    // likelier than the rest.
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).map_err(|source| Error::Random { source })?;
        let letters = bytes.iter().map(|&byte| usize::from(byte)).filter(|&byte| byte < fair);
        text.extend(
            letters.take(length - text.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])),
        );
    }
    Ok(text)
}

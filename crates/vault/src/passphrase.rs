//! A passphrase, as configuration hands it over.

use age::secrecy::SecretString;
use std::fmt;

/// A passphrase: not empty, never printed, wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Passphrase(SecretString);

impl Passphrase {
    /// Takes a passphrase as it is, white space included; `None` if it is empty.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty()).then(|| Self(SecretString::from(text)))
    }

    pub(crate) fn secret(&self) -> SecretString {
        self.0.clone()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

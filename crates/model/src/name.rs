//! Names that people choose: machines, states, users and their buckets.

use std::fmt;

/// Why a text is not a name of the wanted sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    what: &'static str,
    given: String,
    rule: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a {}: {}", self.given.escape_debug(), self.what, self.rule)
    }
}

impl std::error::Error for NameError {}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Takes a text as a ", $what, ": ", $rule, ".")]
            pub fn new(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(NameError { what: $what, given: text.to_owned(), rule: $rule })
                }
            }

            /// The name's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
    };
}

name! {
    /// One computer with a profile. Appears in the names of conflict copies.
    MachineName, "machine name", "1 to 63 letters, digits, `-` or `_`", |text| is_word(text, 63)
}

name! {
    /// A named set of folders worth keeping (Clan's grammar for states).
    StateName, "state name", "1 to 63 letters, digits, `-` or `_`", |text| is_word(text, 63)
}

name! {
    /// A person or role that owns keys and the bucket of the same name.
    UserName, "user name",
    "3 to 63 lower-case letters, digits or `-`, starting and ending with a letter or digit", is_bucket
}

name! {
    /// One tree of live files plus its archive. Ours have no dots, though S3 allows them: `<bucket>.git` is its repository, and
    /// `<bucket>.<domain>` its host name, for which a certificate of `*.<domain>` holds only without.
    BucketName, "bucket name",
    "3 to 63 lower-case letters, digits or `-`, starting and ending with a letter or digit", is_bucket
}

impl UserName {
    /// The bucket that this user owns.
    #[must_use]
    pub fn bucket(&self) -> BucketName {
        BucketName(self.0.clone())
    }
}

impl BucketName {
    /// Takes a text as the name of a bucket in any S3 store, which may have dots.
    pub fn of_any_store(text: &str) -> Result<Self, NameError> {
        let labels = || text.split('.');
        let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_inner);
        let is_address =
            labels().count() == 4 && text.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit());
        let ends = [text.bytes().next(), text.bytes().last()];
        let is_fit = (3..=63).contains(&text.len())
            && labels().all(is_label)
            && ends.iter().flatten().all(u8::is_ascii_alphanumeric)
            && !is_address;
        if is_fit {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError { what: "bucket name", given: text.to_owned(), rule: OF_ANY_STORE })
        }
    }
}

const OF_ANY_STORE: &str = "3 to 63 lower-case letters, digits, `-` or single dots, starting and ending with a letter or digit, and no IP address";

fn is_word(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_bucket(text: &str) -> bool {
    (3..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_inner(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

#[cfg(test)]
mod tests;

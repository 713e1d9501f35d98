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
    /// One tree of live files plus its archive (S3's rule for bucket names, less the dots).
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

fn is_word(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_bucket(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests;

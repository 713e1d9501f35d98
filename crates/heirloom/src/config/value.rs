//! How single values are written: durations, limits, addresses, places.

use super::section::{Section, Variables};
use super::spelling::nearest;
use axum::http::Uri;
use model::ByteSize;
use plan::sync::{Direction, MaxDelete};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The address of an HTTP service: scheme, host and port, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint(String);

impl Endpoint {
    /// Takes a URL that names a service, not a place within it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let error = || {
            format!("`{text}` is not an address; write it like http://cloud:9000 or https://s3.example.org")
        };
        let uri: Uri = text.parse().map_err(|_| error())?;
        let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(error());
        };
        if authority.as_str().contains('@') {
            return Err("an address holds no user name or password; keys have keys of their own".to_owned());
        }
        // A port that does not fit is taken for none, which would silently become another port.
        let end = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if authority.host().is_empty()
            || (!end.is_empty() && authority.port_u16().is_none_or(|port| port == 0))
        {
            return Err(error());
        }
        if uri.path() != "/" || uri.query().is_some() || text.contains('#') {
            return Err(format!("`{text}` goes on after the host; end it there"));
        }
        Ok(Self(text.trim_end_matches('/').to_ascii_lowercase()))
    }

    /// The plain HTTP address of a host and port.
    pub(crate) fn http(host: &str, port: u16) -> Self {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Self(format!("http://{host}:{port}"))
    }

    /// The address's text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a WebDAV collection.
pub(crate) fn collection(text: &str) -> Result<String, String> {
    let error = || {
        format!(
            "`{text}` is not the address of a WebDAV folder; write it like https://dav.example.org/files/anna"
        )
    };
    let uri: Uri = text.parse().map_err(|_| error())?;
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(error());
    };
    if authority.as_str().contains('@') {
        return Err("an address holds no user name or password; there are keys for them".to_owned());
    }
    if authority.host().is_empty() || uri.query().is_some() || text.contains('#') {
        return Err(error());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A host's name or address, or what `ssh` calls it. One that began with `-` would be an option.
pub(crate) fn host(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && !text.starts_with('-');
    if fits && !text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '/')) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a host; write it like u12345.your-storagebox.de, without user and path"))
    }
}

/// A TCP port.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err(format!("`{text}` is not a port; use a number from 1 to 65535")),
    }
}

/// A span of time of at least a second: a number and `s`, `m`, `h` or `d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let error =
        || format!("`{text}` is not a duration; write a number and s, m, h or d, like 30s, 5m, 1h, 1d");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(error)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit.trim_start() {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(error()),
    };
    let number: u64 = number.parse().map_err(|_| error())?;
    // A hundred years: no timer below is asked to count further.
    let total = number.checked_mul(seconds).filter(|total| *total <= 100 * 366 * 24 * 60 * 60);
    match total.ok_or_else(error)? {
        0 => Err(format!("`{text}` is too short; the shortest is 1s")),
        total => Ok(Duration::from_secs(total)),
    }
}

/// How many deletions are normal: a share like `25%`, or a number of files.
pub(crate) fn max_delete(text: &str) -> Result<MaxDelete, String> {
    let error =
        || format!("`{text}` is not a limit; write a share like 25% (at most 100%) or a number like 100");
    match text.strip_suffix('%') {
        Some(share) => match share.trim_end().parse() {
            Ok(share @ 0..=100) => Ok(MaxDelete::Percent(share)),
            _ => Err(error()),
        },
        None => text.parse().map(MaxDelete::Count).map_err(|_| error()),
    }
}

/// Bytes per second; `0` and `none` stand for no limit.
pub(crate) fn rate(text: &str) -> Result<Option<u64>, String> {
    let least = bucket::Limiter::RATE_MIN;
    let bare = text.trim().trim_end_matches("/s");
    if bare == "none" {
        return Ok(None);
    }
    match bare.parse::<ByteSize>() {
        Ok(ByteSize(0)) => Ok(None),
        Ok(ByteSize(rate)) if rate >= least => Ok(Some(rate)),
        Ok(_) => {
            Err(format!("`{text}` is too slow; the lowest limit is {}, and `none` is none", ByteSize(least)))
        }
        Err(_) => {
            Err(format!("`{text}` is not a limit; write bytes per second like 500KiB or 2MiB, or `none`"))
        }
    }
}

/// Which way changes travel.
pub(crate) fn direction(text: &str) -> Result<Direction, String> {
    choice(text, &[("two-way", Direction::TwoWay), ("push", Direction::Push), ("pull", Direction::Pull)])
}

/// One of a few words.
pub(crate) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let guess = nearest(text, &words).map(|guess| format!(" (did you mean `{guess}`?)"));
    Err(format!("`{text}` is not possible here; allowed: {}{}", words.join(", "), guess.unwrap_or_default()))
}

/// The address and port a server listens at.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an IP address and port; write it like 0.0.0.0:9000 or 127.0.0.1:9000")
    })
}

/// A word for people, like the label of a key.
pub(crate) fn label(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits && text.trim() == text {
        Ok(text.to_owned())
    } else {
        Err(format!("`{}` is not a label; use 1 to 64 letters, digits or signs", text.escape_debug()))
    }
}

/// Any text that is not empty.
pub(crate) fn text(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Err("this value is empty") } else { Ok(text.to_owned()) }
}

/// A command line for a shell.
pub(crate) fn command(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("this command is empty; leave the key out to run nothing"),
        _ if text.contains('\0') => Err("a command holds no NUL character"),
        _ => Ok(text.to_owned()),
    }
}

/// An S3 region.
pub(crate) fn region(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a region; use letters, digits and `-`, like us-east-1"))
    }
}

/// A host name without scheme and port.
pub(crate) fn domain(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let parts =
        text.split('.').all(|part| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-'));
    if text.len() <= 253 && text.bytes().all(fits) && parts {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("`{text}` is not a domain; write it like s3.example.org"))
    }
}

/// A place on this machine: an absolute path, or one below the home directory, `~/…`.
///
/// Rejected: relative paths. The daemon and the command line start in different directories.
pub(crate) fn absolute<'s>(section: &'s Section<'_>) -> impl Fn(&str) -> Result<PathBuf, String> + 's {
    move |text| {
        let home = match section.variables() {
            Variables::From(environment) => environment.given("HOME"),
            Variables::Literal => None,
        };
        let path = match (text.strip_prefix("~/"), home) {
            (Some(below), Some(home)) => Path::new(home).join(below),
            (Some(_), None) => return Err(format!("`{text}` needs HOME, which is not set")),
            (None, _) => PathBuf::from(text),
        };
        if !path.is_absolute() || text.contains('\0') {
            return Err(format!("`{text}` must be an absolute path, or start with ~/"));
        }
        // Collecting the components drops `.` and doubled slashes, so that equal places are equal paths.
        Ok(path.components().collect())
    }
}

#[cfg(test)]
mod tests;

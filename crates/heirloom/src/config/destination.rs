//! Where states go: a bucket, or a tree of plain files on a disk or a server.

use super::access::{Access, Web};
use super::error::Error;
use super::secret::{Keys, SecretSource};
use super::section::{Checked, Section};
use super::value;
use bucket::plain::At;
use std::path::PathBuf;

/// A destination, by its `service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// `s3`: a bucket.
    S3(Access),
    /// A tree of plain files.
    Plain(Plain),
}

/// A tree of plain files, by its `service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    /// `fs`: a directory of this machine, most often on a disk that comes and goes.
    Fs(PathBuf),
    /// `webdav`: a collection of a WebDAV server.
    Webdav(Box<Webdav>),
    /// `sftp`: a directory of an SSH server.
    Sftp(Box<Sftp>),
}

/// A WebDAV server, and what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Webdav {
    /// The collection.
    pub(crate) url: String,
    /// Who asks, and with which password; `None` where everybody may.
    pub(crate) login: Option<(String, SecretSource)>,
}

/// An SSH server. What is left out is as `ssh` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sftp {
    /// The host, or its name in the configuration of `ssh`.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: Option<u16>,
    /// The user there.
    pub(crate) user: Option<String>,
    /// The private key.
    pub(crate) identity_file: Option<PathBuf>,
    /// The file with the host's key.
    pub(crate) known_hosts: Option<PathBuf>,
    /// The directory there.
    pub(crate) path: String,
}

#[derive(Clone, Copy)]
enum Service {
    S3,
    Fs,
    Webdav,
    Sftp,
}

const SERVICES: [(&str, Service); 4] =
    [("s3", Service::S3), ("fs", Service::Fs), ("webdav", Service::Webdav), ("sftp", Service::Sftp)];

const PASSWORD: Keys = Keys::new(["password", "password_file", "password_command"]);

impl Destination {
    /// Reads a section, whose keys are those of its service.
    pub(crate) fn read(section: &Section<'_>) -> Checked<Self> {
        match section.or("service", Service::S3, |text| value::choice(text, &SERVICES)) {
            Ok(Service::S3) => Access::read(section, Web::Optional).map(Self::S3),
            Ok(Service::Fs) => {
                let path = section.required("path", value::absolute(section));
                path.map(|path| Self::Plain(Plain::Fs(path)))
            }
            Ok(Service::Webdav) => Webdav::read(section).map(|it| Self::Plain(Plain::Webdav(Box::new(it)))),
            Ok(Service::Sftp) => Sftp::read(section).map(|it| Self::Plain(Plain::Sftp(Box::new(it)))),
            Err(noted) => {
                // Which keys it may have is not known.
                section.accept_all();
                Err(noted)
            }
        }
    }

    /// Whether everything that is needed to reach it can be read. Blocks, as a command for a password may.
    pub(crate) fn is_ready(&self) -> bool {
        match self {
            Self::S3(access) => access.resolve().is_ok(),
            Self::Plain(plain) => plain.resolve().is_ok(),
        }
    }

    /// The bucket that it is, if it is one.
    pub(crate) fn access(&self) -> Option<&Access> {
        match self {
            Self::S3(access) => Some(access),
            Self::Plain(_) => None,
        }
    }
}

impl Plain {
    /// What it is reached by, its password read.
    pub(crate) fn resolve(&self) -> Result<At, Error> {
        Ok(match self {
            Self::Fs(path) => At::Disk { root: path.clone() },
            Self::Webdav(webdav) => {
                let (user, password) = webdav.login.clone().unzip();
                let password = password.map(|password| password.reveal()).transpose()?;
                let password = password.map(|password| password.reveal().to_owned());
                At::Webdav { url: webdav.url.clone(), user, password }
            }
            Self::Sftp(sftp) => {
                let Sftp { host, port, user, identity_file, known_hosts, path } = (**sftp).clone();
                At::Sftp { host, port, user, path, key_file: identity_file, known_hosts_file: known_hosts }
            }
        })
    }
}

impl Webdav {
    fn read(section: &Section<'_>) -> Checked<Self> {
        let url = section.required("url", value::collection);
        let username = section.optional("username", value::text);
        let password = SecretSource::optional(section, PASSWORD);
        let login = match (username?, password?) {
            (Some(username), Some(password)) => Some((username, password)),
            (None, None) => None,
            (Some(_), None) => return Err(PASSWORD.missing(section)),
            (None, Some(_)) => return Err(section.missing("username")),
        };
        Ok(Self { url: url?, login })
    }
}

impl Sftp {
    fn read(section: &Section<'_>) -> Checked<Self> {
        let host = section.required("host", value::host);
        let port = section.optional("port", value::port);
        let user = section.optional("user", value::text);
        let identity_file = section.optional("identity_file", value::absolute(section));
        let known_hosts = section.optional("known_hosts", value::absolute(section));
        let path = section.required("path", value::text);
        Ok(Self {
            host: host?,
            port: port?,
            user: user?,
            identity_file: identity_file?,
            known_hosts: known_hosts?,
            path: path?,
        })
    }
}

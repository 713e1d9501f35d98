//! The join file: all that a machine needs to reach its bucket, written by the cloud, carried by a person.

use super::access::REGION;
use super::error::Error;
use super::parse_file;
use super::secret::Secret;
use super::section::{Checked, Reader, Variables};
use super::tree::Node;
use super::value::{self, Endpoint};
use model::BucketName;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Where a bucket is, and a key that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    /// The S3 service.
    pub(crate) endpoint: Endpoint,
    /// Its region.
    pub(crate) region: String,
    /// The bucket.
    pub(crate) bucket: BucketName,
    /// The key's id.
    pub(crate) access_key_id: String,
    /// The key's secret.
    pub(crate) secret_access_key: Secret,
    /// The cloud's web address; `None` for a store that is not Heirloom's.
    pub(crate) web: Option<Endpoint>,
}

#[derive(Serialize)]
struct Written<'j> {
    endpoint: &'j str,
    region: &'j str,
    bucket: &'j str,
    access_key_id: &'j str,
    secret_access_key: &'j str,
    #[serde(skip_serializing_if = "Option::is_none")]
    web: Option<&'j str>,
}

impl Join {
    /// Reads a join file. [`Error::JoinMissing`] if it is not there (yet).
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::JoinMissing { path: path.to_owned() },
            _ => Error::Read { path: path.to_owned(), source },
        })?;
        Ok(parse_file(path, &text, Variables::Literal, Self::from_tree)?)
    }

    fn from_tree(reader: &Reader<'_>, root: &Node) -> Checked<Self> {
        let section = reader.root(root)?;
        let endpoint = section.required("endpoint", Endpoint::new);
        let region = section.or("region", REGION.to_owned(), value::region);
        let bucket = section.required("bucket", BucketName::new);
        let access_key_id = section.required("access_key_id", value::text);
        let secret_access_key = section.required("secret_access_key", value::text);
        let web = section.optional("web", Endpoint::new);
        section.finish();
        Ok(Self {
            endpoint: endpoint?,
            region: region?,
            bucket: bucket?,
            access_key_id: access_key_id?,
            secret_access_key: Secret::new(&secret_access_key?),
            web: web?,
        })
    }

    /// Writes the file in one step, readable by its owner only: whoever waits for it sees nothing or all of it.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let written = Written {
            endpoint: self.endpoint.as_str(),
            region: &self.region,
            bucket: self.bucket.as_str(),
            access_key_id: &self.access_key_id,
            secret_access_key: self.secret_access_key.reveal(),
            web: self.web.as_ref().map(Endpoint::as_str),
        };
        serde_yaml::to_string(&written)
            .map_err(io::Error::other)
            .and_then(|yaml| {
                let text = format!("# Heirloom join file: it holds a secret; keep it like a key.\n{yaml}");
                replace(path, text.as_bytes())
            })
            .map_err(|source| Error::JoinWrite { path: path.to_owned(), source })
    }
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let staged = directory.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let written = (|| {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&staged, path)?;
        File::open(&directory)?.sync_all()
    })();
    if written.is_err() {
        // The first error is the one to report; a leftover is hidden and harmless.
        drop(std::fs::remove_file(&staged));
    }
    written
}

#[cfg(test)]
mod tests;

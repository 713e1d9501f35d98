//! How a machine gets at a bucket: by a join file, or by the same facts written into the profile.

use super::error::Error;
use super::join::Join;
use super::secret::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, SecretSource};
use super::section::{Checked, Section};
use super::value::{self, Endpoint};
use model::BucketName;
use std::path::PathBuf;

/// The region of every store that has only one.
pub(crate) const REGION: &str = "us-east-1";

/// Where a bucket is and what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// A file that `heirloom user add --join-file` wrote; it need not be there yet.
    Join(PathBuf),
    /// As written in the profile.
    Keys(Box<Keys>),
}

/// The facts of a join file, as a profile gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The S3 service.
    pub(crate) endpoint: Endpoint,
    /// The bucket.
    pub(crate) bucket: BucketName,
    /// Its region.
    pub(crate) region: String,
    /// The key's id.
    pub(crate) access_key_id: SecretSource,
    /// The key's secret.
    pub(crate) secret_access_key: SecretSource,
    /// The cloud's web address, from which the archive is fetched.
    pub(crate) web: Option<Endpoint>,
}

/// Whether the machine also fetches history, for which it needs the web address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Web {
    /// It does.
    Needed,
    /// It does not.
    Optional,
}

impl Access {
    /// Reads the keys of a section; the caller finishes it.
    pub(crate) fn read(section: &Section<'_>, web: Web) -> Checked<Self> {
        let join = section.optional("join", value::absolute(section));
        let endpoint = section.optional("endpoint", Endpoint::new);
        let bucket = section.optional("bucket", |text| match web {
            // What has an archive is a bucket of our own cloud.
            Web::Needed => BucketName::new(text),
            Web::Optional => BucketName::of_any_store(text),
        });
        let region = section.or("region", REGION.to_owned(), value::region);
        let access_key_id = SecretSource::optional(section, ACCESS_KEY_ID);
        let secret_access_key = SecretSource::optional(section, SECRET_ACCESS_KEY);
        let address = section.optional("web", Endpoint::new);
        if let Some(path) = join? {
            let doubled = ["endpoint", "bucket", "region", "web", "access_key_id", "secret_access_key"]
                .into_iter()
                .find(|key| section.has(key));
            return match doubled {
                Some(key) => {
                    Err(section.problem(key, "the join file says this already; give one or the other"))
                }
                None => Ok(Self::Join(path)),
            };
        }
        let nothing_given =
            !["endpoint", "bucket", "access_key_id", "access_key_id_file", "access_key_id_command"]
                .into_iter()
                .any(|key| section.has(key));
        if nothing_given {
            let message =
                "this key is missing; give join, or endpoint, bucket, access_key_id and secret_access_key";
            return Err(section.problem("join", message));
        }
        let endpoint = endpoint.and_then(|found| found.ok_or_else(|| section.missing("endpoint")));
        let bucket = bucket.and_then(|found| found.ok_or_else(|| section.missing("bucket")));
        let access_key_id = access_key_id.and_then(|found| match found {
            Some(source) => Ok(source),
            None => SecretSource::required(section, ACCESS_KEY_ID),
        });
        let secret_access_key = secret_access_key.and_then(|found| match found {
            Some(source) => Ok(source),
            None => SecretSource::required(section, SECRET_ACCESS_KEY),
        });
        let web = address.and_then(|found| match (found, web) {
            (None, Web::Needed) => Err(section.missing("web")),
            (found, _) => Ok(found),
        });
        Ok(Self::Keys(Box::new(Keys {
            endpoint: endpoint?,
            bucket: bucket?,
            region: region?,
            access_key_id: access_key_id?,
            secret_access_key: secret_access_key?,
            web: web?,
        })))
    }

    /// Everything needed to connect. [`Error::JoinMissing`] if the cloud has not written the join file yet.
    pub(crate) fn resolve(&self) -> Result<Join, Error> {
        match self {
            Self::Join(path) => Join::read(path),
            Self::Keys(keys) => Ok(Join {
                endpoint: keys.endpoint.clone(),
                region: keys.region.clone(),
                bucket: keys.bucket.clone(),
                access_key_id: keys.access_key_id.reveal()?.reveal().to_owned(),
                secret_access_key: keys.secret_access_key.reveal()?,
                web: keys.web.clone(),
            }),
        }
    }
}

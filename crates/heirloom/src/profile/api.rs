//! Asking a cloud's API: to take a snapshot, and which there are.

use crate::config::join::Join;
use crate::config::secret::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a cloud may take to accept a connection. A snapshot itself may take hours.
const CONNECT: Duration = Duration::from_secs(30);

/// A bucket on a cloud, and the key that opens it.
#[derive(Clone)]
pub(crate) struct Api {
    web: String,
    bucket: String,
    access_key_id: String,
    secret_access_key: Secret,
    client: reqwest::Client,
}

/// A snapshot that was taken, or the latest if nothing had changed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Taken {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) time: String,
    /// Whether it was made now.
    pub(crate) new: bool,
    pub(crate) added: u64,
    pub(crate) changed: u64,
    pub(crate) deleted: u64,
    pub(crate) files: Option<u64>,
    pub(crate) bytes: Option<u64>,
    /// Why it is not all it should be.
    pub(crate) incomplete: Vec<String>,
}

/// A snapshot in the list.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) name: String,
}

/// Why a cloud gave no answer, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing answers there.
    #[error("{web} cannot be reached")]
    Unreachable {
        /// The cloud's web address.
        web: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// The key is wrong or revoked, or another user's.
    #[error("{web} does not take snapshots of bucket `{bucket}` with the key {access_key_id}: {message}")]
    WrongKey {
        /// The cloud's web address.
        web: String,
        /// The bucket.
        bucket: String,
        /// The key.
        access_key_id: String,
        /// What the cloud says.
        message: String,
    },
    /// The archive is being written to.
    #[error("the history of bucket `{bucket}` is being written to by another process")]
    Busy {
        /// The bucket.
        bucket: String,
    },
    /// There is nothing to take a snapshot of.
    #[error("bucket `{bucket}` holds no files yet, so there is nothing to take a snapshot of")]
    NoFiles {
        /// The bucket.
        bucket: String,
    },
    /// The cloud could not do it.
    #[error("{web} answers {status}: {message}")]
    Refused {
        /// The cloud's web address.
        web: String,
        /// The HTTP status.
        status: u16,
        /// What the cloud says.
        message: String,
    },
    /// Something else answers there.
    #[error("{web} does not answer like a cloud of Heirloom (status {status})")]
    NotACloud {
        /// The address.
        web: String,
        /// The HTTP status.
        status: u16,
    },
}

#[derive(Deserialize)]
struct Told {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    code: String,
    message: String,
}

impl Api {
    /// The API of the cloud that a join file names; `None` if it names no web address.
    pub(crate) fn of(join: &Join) -> Option<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .tcp_keepalive(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("because nothing about this client depends on the machine");
        Some(Self {
            web: join.web.as_ref()?.as_str().to_owned(),
            bucket: join.bucket.to_string(),
            access_key_id: join.access_key_id.clone(),
            secret_access_key: join.secret_access_key.clone(),
            client,
        })
    }

    /// The bucket's name.
    pub(crate) fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Has a snapshot taken, and waits for it.
    pub(crate) async fn take(&self, incomplete: &[String]) -> Result<Taken, Error> {
        #[derive(Serialize)]
        struct Asked<'a> {
            incomplete: &'a [String],
        }
        let body = serde_json::to_vec(&Asked { incomplete }).expect("because texts are always JSON");
        self.ask(self.client.post(self.address()).header("content-type", "application/json").body(body)).await
    }

    /// All snapshots, oldest first.
    pub(crate) async fn list(&self) -> Result<Vec<Listed>, Error> {
        self.ask(self.client.get(self.address())).await
    }

    fn address(&self) -> String {
        format!("{}/api/v1/buckets/{}/snapshots", self.web, self.bucket)
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, Error> {
        let web = || self.web.clone();
        let unreachable =
            |source: reqwest::Error| Error::Unreachable { web: web(), source: source.without_url() };
        let request = request
            .basic_auth(&self.access_key_id, Some(self.secret_access_key.reveal()))
            .header("accept", "application/json");
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(unreachable)?;
        if status == 200 {
            return serde_json::from_slice(&body).map_err(|_| Error::NotACloud { web: web(), status });
        }
        let Ok(Told { error: Reason { code, message } }) = serde_json::from_slice(&body) else {
            return Err(Error::NotACloud { web: web(), status });
        };
        let bucket = self.bucket.clone();
        Err(match code.as_str() {
            "key" | "forbidden" | "not_found" => {
                Error::WrongKey { web: web(), bucket, access_key_id: self.access_key_id.clone(), message }
            }
            "busy" => Error::Busy { bucket },
            "no_files" => Error::NoFiles { bucket },
            _ => Error::Refused { web: web(), status, message },
        })
    }
}

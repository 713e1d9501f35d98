//! The profile `cloud`: live files behind S3, their history, and the web view.

use super::access::REGION;
use super::schedule::{self, Schedule};
use super::secret::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, SecretSource};
use super::section::{Checked, Section};
use super::value::{self, Endpoint};
use chrono_tz::Tz;
use model::{MachineName, UserName};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// A checked profile of a cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cloud {
    /// The machine's name.
    pub(crate) machine: MachineName,
    /// Where live files, archives and the accounts are.
    pub(crate) data_dir: PathBuf,
    /// The S3 server.
    pub(crate) s3: S3,
    /// The web server.
    pub(crate) web: Web,
    /// When snapshots are taken.
    pub(crate) snapshots: Schedule,
    /// Users that are there from the start.
    pub(crate) users: BTreeMap<UserName, User>,
}

/// The S3 server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct S3 {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Its region.
    pub(crate) region: String,
    /// The domain below which a bucket may be a host name.
    pub(crate) domain: Option<String>,
    /// The address that clients use.
    pub(crate) endpoint: Option<Endpoint>,
}

/// The web server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Web {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The address that people use.
    pub(crate) base_url: Option<Endpoint>,
}

/// A user that the profile names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    /// Their keys by label.
    pub(crate) keys: BTreeMap<String, UserKey>,
}

/// A key that the profile names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserKey {
    /// The key itself; `None` lets the cloud make one, once.
    pub(crate) given: Option<GivenKey>,
    /// Where its join file is written at start; there if the key is not given.
    pub(crate) join_file: Option<PathBuf>,
}

/// A key that a person made up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GivenKey {
    /// Its id.
    pub(crate) access_key_id: SecretSource,
    /// Its secret.
    pub(crate) secret_access_key: SecretSource,
}

const fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)
}

impl Cloud {
    /// Reads the keys of this profile; the caller has read `profile` and finishes the section.
    pub(crate) fn read(section: &Section<'_>) -> Checked<Self> {
        let machine = section.required("machine", MachineName::new);
        let data_dir = section.required("data_dir", value::absolute(section));
        let s3 = section.section("s3").and_then(S3::read);
        let web = section.section("web").and_then(Web::read);
        let snapshots = section.section("snapshots").and_then(snapshots);
        let users = users(section);
        Ok(Self {
            machine: machine?,
            data_dir: data_dir?,
            s3: s3?,
            web: web?,
            snapshots: snapshots?,
            users: users?,
        })
    }

    /// The database of users and keys.
    pub(crate) fn accounts(&self) -> PathBuf {
        self.data_dir.join("heirloom.db")
    }

    /// The S3 address to tell other machines.
    pub(crate) fn s3_endpoint(&self) -> Endpoint {
        self.s3.endpoint.clone().unwrap_or_else(|| self.address(self.s3.listen))
    }

    /// The web address to tell people and other machines.
    pub(crate) fn web_url(&self) -> Endpoint {
        self.web.base_url.clone().unwrap_or_else(|| self.address(self.web.listen))
    }

    /// A server that listens everywhere is reached by the machine's name.
    fn address(&self, listen: SocketAddr) -> Endpoint {
        let ip = listen.ip();
        let host = if ip.is_unspecified() { self.machine.to_string() } else { ip.to_string() };
        Endpoint::http(&host, listen.port())
    }
}

impl S3 {
    fn read(section: Section<'_>) -> Checked<Self> {
        let listen = section.or("listen", everywhere(9000), value::listen);
        let region = section.or("region", REGION.to_owned(), value::region);
        let domain = section.optional("domain", value::domain);
        let endpoint = section.optional("endpoint", Endpoint::new);
        section.finish();
        Ok(Self { listen: listen?, region: region?, domain: domain?, endpoint: endpoint? })
    }
}

impl Web {
    fn read(section: Section<'_>) -> Checked<Self> {
        let listen = section.or("listen", everywhere(8080), value::listen);
        let base_url = section.optional("base_url", Endpoint::new);
        section.finish();
        Ok(Self { listen: listen?, base_url: base_url? })
    }
}

fn snapshots(section: Section<'_>) -> Checked<Schedule> {
    let cron = section.optional("schedule", schedule::cron);
    let timezone = section.or("timezone", Tz::UTC, schedule::timezone);
    section.finish();
    let (cron, expression) = match cron? {
        Some(given) => given,
        None => schedule::cron("0 3 * * *").expect("because the default schedule comes due every day"),
    };
    Ok(Schedule { cron, expression, timezone: timezone? })
}

fn users(section: &Section<'_>) -> Checked<BTreeMap<UserName, User>> {
    let mut users = BTreeMap::new();
    let mut checked = Ok(());
    for (key, user) in section.named("users")? {
        // Keys do not expand variables, so a user whose name comes from one says it in `name`.
        let name = match user.optional("name", UserName::new) {
            Ok(Some(name)) => Ok(name),
            Ok(None) => user.name(key, UserName::new),
            Err(noted) => Err(noted),
        };
        let keys = keys(&user);
        let taken = name.as_ref().is_ok_and(|name| users.contains_key(name));
        if taken {
            checked = Err(user.problem("name", "there is another user of this name"));
        }
        user.finish();
        match (name, keys) {
            (Ok(name), Ok(keys)) => {
                users.entry(name).or_insert(User { keys });
            }
            (Err(noted), _) | (_, Err(noted)) => checked = Err(noted),
        }
    }
    checked.map(|()| users)
}

fn keys(section: &Section<'_>) -> Checked<BTreeMap<String, UserKey>> {
    let named = section.named("keys")?;
    let read: Vec<Checked<_>> = (named.into_iter())
        .map(|(key, found)| {
            let label = found.name(key, value::label);
            let read = UserKey::read(found);
            Ok((label?, read?))
        })
        .collect();
    read.into_iter().collect()
}

impl UserKey {
    fn read(section: Section<'_>) -> Checked<Self> {
        let access_key_id = SecretSource::optional(&section, ACCESS_KEY_ID);
        let secret_access_key = SecretSource::optional(&section, SECRET_ACCESS_KEY);
        let join_file = section.optional("join_file", value::absolute(&section));
        let given = access_key_id.and_then(|id| match (id, secret_access_key?) {
            (Some(access_key_id), Some(secret_access_key)) => {
                Ok(Some(GivenKey { access_key_id, secret_access_key }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => SecretSource::required(&section, SECRET_ACCESS_KEY).map(|_| None),
            (None, Some(_)) => SecretSource::required(&section, ACCESS_KEY_ID).map(|_| None),
        });
        let nothing = matches!((&given, &join_file), (Ok(None), Ok(None)));
        if nothing {
            let message = "this key is missing; give it, to have a key made and written there, \
                           or access_key_id and secret_access_key";
            section.problem("join_file", message);
        }
        section.finish();
        Ok(Self { given: given?, join_file: join_file? })
    }
}

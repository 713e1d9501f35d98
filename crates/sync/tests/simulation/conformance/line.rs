//! The bucket in memory beside Heirloom's own server.

use super::{meta, name_of};
use crate::machine::quiet_world;
use crate::random::Random;
use crate::store::SimStore;
use bucket::{Bucket, Expect, Listed, Object, Prefix};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use gateway::Gateway;
use model::{BucketName, ContentId, Kind, Node, ObjectKey, RemoteVersion, UnixNanos, UserName};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sync::sides::Changes;
use sync::{Place, Remote};
use tokio_util::sync::CancellationToken;

const STORIES: u64 = 12;
const STEPS: usize = 120;
const KEYS: [&str; 7] = ["a", "a/b", "a/", "b", "b-", "c/d/e", "x"];

/// What the engine asks of a bucket. Keys stand for the version that was seen there last.
#[derive(Clone, Debug)]
enum Request {
    List,
    Head(ObjectKey),
    Get(ObjectKey),
    Put(ObjectKey, Seen),
    /// Once more what was put last: as if the answer had been lost.
    PutAgain,
    SetMeta(ObjectKey),
    Delete(ObjectKey),
    Copy(ObjectKey, ObjectKey),
    /// Somebody else writes there.
    Meddle(ObjectKey),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Known,
}

struct Subject<R> {
    remote: R,
    known: BTreeMap<ObjectKey, (Node, RemoteVersion)>,
    last_put: Option<(ObjectKey, Node, Bytes, Expect)>,
}

fn node(key: &ObjectKey, bytes: &Bytes, mode: u32, step: i64) -> Node {
    let meta = meta(mode, step);
    if key.is_directory() {
        return Node { kind: Kind::Directory, content: ContentId::EMPTY, size: 0, meta };
    }
    Node { kind: Kind::File, content: disk::digest_of(bytes), size: bytes.len() as u64, meta }
}

fn show(object: &Object) -> String {
    let Object { kind, size, meta, content, version } = object;
    format!("{kind:?} {size} {:?} {:?} {content:?} {}", meta.mtime, meta.mode, version.etag)
}

fn nowhere(key: &ObjectKey) -> (Node, RemoteVersion) {
    let etag = model::ETag::new("0123456789abcdef0123456789abcdef");
    (node(key, &Bytes::from_static(b"nothing"), 0o644, 0), RemoteVersion { etag, modified: None })
}

impl<R: Remote> Subject<R> {
    fn new(remote: R) -> Self {
        Self { remote, known: BTreeMap::new(), last_put: None }
    }

    fn at(&self, key: &ObjectKey) -> (Node, RemoteVersion) {
        self.known.get(key).cloned().unwrap_or_else(|| nowhere(key))
    }

    async fn ask(&mut self, request: &Request, step: usize) -> String {
        let outcome = self.answer(request, i64::try_from(step).unwrap()).await;
        outcome.unwrap_or_else(|error| match error {
            // Which of the two it is depends on what the client has learned about the store; nobody tells them apart.
            bucket::Error::Changed { .. } | bucket::Error::NotFound { .. } => "overtaken".to_owned(),
            // The client takes a path that is blocked for one that is contested where it asks for a copy.
            bucket::Error::Rejected { .. } if matches!(request, Request::Copy(..)) => "overtaken".to_owned(),
            error => name_of(&error),
        })
    }

    async fn answer(&mut self, request: &Request, step: i64) -> Result<String, bucket::Error> {
        let bytes = |key: &ObjectKey, who: &str| {
            if key.is_directory() { Bytes::new() } else { Bytes::from(format!("{who} {step}")) }
        };
        Ok(match request {
            Request::List => {
                let found: Vec<bucket::Found> = self.remote.list().try_collect().await?;
                found.iter().map(listed).collect::<Vec<_>>().join("\n")
            }
            Request::Head(key) => {
                let object = self.remote.head(key).await?;
                match &object {
                    Some(object) => {
                        let now = (object.node().unwrap(), object.version.clone());
                        drop(self.known.insert(key.clone(), now));
                    }
                    None => drop(self.known.remove(key)),
                }
                object.as_ref().map_or_else(String::new, show)
            }
            Request::Get(key) => {
                let get = self.remote.get(key, &self.at(key).1, 0).await?;
                let chunks: Vec<Bytes> = get.body.try_collect().await?;
                format!("{} {:?}", show(&get.object), Bytes::from(chunks.concat()))
            }
            Request::Put(key, seen) => {
                let bytes = bytes(key, "engine");
                let node = node(key, &bytes, 0o644, step);
                let expect = match seen {
                    Seen::Nothing => Expect::Absent,
                    Seen::Known => Expect::Version(self.at(key).1),
                };
                self.last_put = Some((key.clone(), node, bytes.clone(), expect.clone()));
                let version = self.remote.put(key, &node, bytes, &expect).await?;
                self.keep(key, node, version)
            }
            Request::PutAgain => {
                let Some((key, node, bytes, expect)) = self.last_put.clone() else {
                    return Ok(String::new());
                };
                let version = self.remote.put(&key, &node, bytes, &expect).await?;
                self.keep(&key, node, version)
            }
            Request::SetMeta(key) => {
                let (known, version) = self.at(key);
                let node = Node { meta: meta(0o600, step), ..known };
                let version = self.remote.set_meta(key, &node, &version).await?;
                self.keep(key, node, version)
            }
            Request::Delete(key) => {
                self.remote.delete(key, &self.at(key).1).await?;
                String::new()
            }
            Request::Copy(from, to) => {
                let (known, version) = self.at(from);
                let node = Node { meta: meta(0o644, step), ..known };
                let version = self.remote.copy(from, &version, to, &node).await?;
                self.keep(to, node, version)
            }
            Request::Meddle(key) => {
                let bytes = bytes(key, "somebody");
                let node = node(key, &bytes, 0o640, step);
                let expect = match self.remote.head(key).await? {
                    Some(object) => Expect::Version(object.version),
                    None => Expect::Absent,
                };
                self.remote.put(key, &node, bytes, &expect).await.map(|version| version.etag.to_string())?
            }
        })
    }

    fn keep(&mut self, key: &ObjectKey, node: Node, version: RemoteVersion) -> String {
        let shown = version.etag.to_string();
        self.known.insert(key.clone(), (node, version));
        shown
    }

    /// What a store tells about its changes, as the keys that stand; nothing if it cannot tell.
    async fn standing(&self) -> Option<Vec<String>> {
        let Changes::Everything(told) = self.remote.changes(None, Duration::ZERO).await.unwrap() else {
            return None;
        };
        let told = told.changes.map(|told| match told.unwrap() {
            sync::sides::Changed::Put { key, object } => format!("{key} {}", show(&object)),
            other => format!("{other:?}"),
        });
        Some(told.collect().await)
    }
}

fn listed(found: &bucket::Found) -> String {
    match found {
        bucket::Found::Object(Listed { key, size, version }) => format!("{key} {size} {}", version.etag),
        bucket::Found::Unusable(key) => format!("unusable {key}"),
        bucket::Found::Unreadable { path, .. } => format!("unreadable {path}"),
    }
}

fn request(random: &mut Random) -> Request {
    let mut key = || {
        let text = *random.pick(&KEYS);
        ObjectKey::parse(text).unwrap()
    };
    let (one, other) = (key(), key());
    let seen = if random.chance(400) { Seen::Nothing } else { Seen::Known };
    match random.below(16) {
        0 => Request::List,
        1..=3 => Request::Head(one),
        4 | 5 => Request::Get(one),
        6..=8 => Request::Put(one, seen),
        9 => Request::PutAgain,
        10 => Request::SetMeta(one),
        11 | 12 => Request::Delete(one),
        13 if !one.is_directory() && !other.is_directory() => Request::Copy(one, other),
        _ => Request::Meddle(one),
    }
}

struct Cloud {
    bucket: Bucket,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
    _directory: tempfile::TempDir,
}

async fn cloud() -> Cloud {
    let directory = tempfile::tempdir().unwrap();
    let accounts = accounts::Accounts::open(&directory.path().join("heirloom.db")).unwrap();
    let alice = UserName::new("alice").unwrap();
    accounts.add_user(&alice, UnixNanos(0)).unwrap();
    let key = accounts.add_key(&alice, "test", UnixNanos(0)).unwrap();
    let data_dir = directory.path().to_owned();
    let options = gateway::Options { data_dir, region: "us-east-1".into(), domain: None };
    let gateway = Gateway::open(options, accounts).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = bucket::Options {
        endpoint: format!("http://{}", listener.local_addr().unwrap()),
        region: "us-east-1".into(),
        bucket: BucketName::new("alice").unwrap(),
        access_key_id: key.id.as_str().to_owned(),
        secret_access_key: key.secret.reveal().to_owned(),
        concurrency: 4,
        limits: bucket::Limits::default(),
    };
    let shutdown = CancellationToken::new();
    let serving = Arc::new(gateway).serve(listener, shutdown.clone());
    let serving = tokio::spawn(async { serving.await.unwrap() });
    Cloud { bucket: Bucket::connect(&options).unwrap(), shutdown, serving, _directory: directory }
}

async fn tell(seed: u64, cloud: &Cloud) {
    let mut random = Random::new(seed);
    let (world, who) = quiet_world();
    let mut fake = Subject::new(SimStore::new(&world, who));
    let prefix = Prefix::below(&model::RelPath::from_key(&format!("story-{seed}")).unwrap());
    let mut real = Subject::new(Place::new(cloud.bucket.clone(), prefix));
    let mut story = Vec::new();
    for step in 0..STEPS {
        let request = request(&mut random);
        story.push(format!("{request:?}"));
        let (told, known) = (fake.ask(&request, step).await, real.ask(&request, step).await);
        assert_eq!(told, known, "seed {seed}, the fake (left) and the real store:\n{}", story.join("\n"));
    }
    if let Some(standing) = real.standing().await {
        assert_eq!(fake.standing().await.unwrap(), standing, "seed {seed}");
    }
}

#[tokio::test]
async fn the_bucket_in_memory_answers_as_our_server_does() {
    let cloud = cloud().await;
    for seed in 0..STORIES {
        tell(seed, &cloud).await;
    }
    cloud.shutdown.cancel();
    cloud.serving.await.unwrap();
}

//! A machine's line to the bucket: what can happen to a request on its way there and back.
//!
//! As the real client does, a request whose condition does not hold looks at what stands there: it may be its own work, of which it did
//! not hear. Answers and listings come in pieces, and between two of them the bucket may change.

use crate::aside::is_copy_of;
use crate::ledger::{Agreement, Aspect, Site};
use crate::objects::{Lag, News, Stored, changed};
use crate::plant::Plant;
use crate::world::{Port, State, Twist, Who, World};
use bucket::plain::PlaceId;
use bucket::{Cause, Error, Expect, Found, Get, Listed, Object, Parts, Retry};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{BucketName, Kind, Node, ObjectKey, RemoteVersion, UploadId};
use std::sync::Arc;
use std::time::Duration;
use sync::sides::{Changed, Changes, Held, Reading, Standing, Told};
use sync::{Progress, Remote};

/// Keys in one page of a listing, or one piece of an answer.
const PAGE: usize = 4;

/// Bytes of a part of a large object.
const PART: usize = 4;

#[derive(Clone)]
pub(crate) struct SimStore {
    world: World,
    who: Who,
}

fn unreachable() -> Error {
    let bucket = BucketName::new("simulated").unwrap();
    Error::Unreachable {
        endpoint: "memory".into(),
        at: bucket.into(),
        source: Cause::new("the line was cut"),
    }
}

impl SimStore {
    pub(crate) fn new(world: &World, who: Who) -> Self {
        Self { world: world.clone(), who }
    }

    async fn request<T>(
        &self,
        what: &'static str,
        key: &str,
        effect: impl FnMut(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.world.lock().bucket.requests += 1;
        self.travel(what, key, effect).await
    }

    /// A request or a piece of an answer: its way, its effect at once (or twice), its way back.
    async fn travel<T>(
        &self,
        what: &'static str,
        key: &str,
        mut effect: impl FnMut(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let twist = self.world.go(self.who, Port::Line, what, key).await;
        let mut outcome = {
            let mut state = self.world.lock();
            match twist {
                Twist::Lost => Err(unreachable()),
                Twist::Refused => refused(key),
                Twist::None | Twist::Twice | Twist::Unanswered => effect(&mut state),
            }
        };
        if twist == Twist::Twice {
            self.world.come(self.who).await;
            outcome = effect(&mut self.world.lock());
        }
        {
            let word = outcome.as_ref().err().map_or_else(|| "done".to_owned(), ToString::to_string);
            let machine = self.who.machine;
            self.world.lock().note(format_args!("{machine} line {what} {key}: {word} ({twist:?})"));
        }
        if twist == Twist::Unanswered {
            outcome = Err(unreachable());
        }
        self.world.come(self.who).await;
        outcome
    }

    /// A request that changes something, and the agreement that it makes once it is answered.
    async fn change<T>(
        &self,
        what: &'static str,
        key: &ObjectKey,
        mut effect: impl FnMut(&mut State) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let machine = self.who.machine;
        let path = key.path();
        let mut agreement = None;
        let outcome = self
            .request(what, key.as_str(), |state| {
                let outcome = effect(state)?;
                agreement = agreement_now(state, machine, key);
                Ok(outcome)
            })
            .await?;
        if !key.is_directory() {
            let ledger = &mut self.world.lock().ledger;
            match agreement {
                Some(agreement) => ledger.agreed(machine, path.as_str(), agreement),
                None => ledger.nothing_left(machine, path.as_str()),
            }
        }
        Ok(outcome)
    }
}

fn refused<T>(key: &str) -> Result<T, Error> {
    match ObjectKey::parse(key) {
        Ok(key) => Err(Error::Rejected { key, source: Cause::new("for no good reason") }),
        Err(_) => Err(unreachable()),
    }
}

/// What a machine and the bucket have in common at a key, once the engine has written there.
fn agreement_now(state: &State, machine: usize, key: &ObjectKey) -> Option<Agreement> {
    let there = state.bucket.get(key)?;
    let path = key.path();
    let here = state.machines[machine].folder.get(path.as_str())?;
    let version = |site| state.ledger.version(site, path.as_str());
    let here = version(Site::Machine(machine)).as_far_as(&here.node(), &there.node());
    Some(Agreement { here, there: version(Site::Bucket), is_recorded: false })
}

impl State {
    fn expect(&self, key: &ObjectKey, expect: &Expect) -> Result<(), Error> {
        let careless = self.plants(Plant::StoreIgnoresConditions) && *expect != Expect::Absent;
        if careless || self.bucket.holds(key, expect) { Ok(()) } else { Err(changed(key)) }
    }

    fn put(
        &mut self,
        machine: usize,
        key: &ObjectKey,
        node: &Node,
        bytes: &Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        if let Err(refused) = self.expect(key, expect) {
            return self.settle(key, node).ok_or(refused);
        }
        if self.bucket.is_blocked(key) {
            return Err(Error::Rejected {
                key: key.clone(),
                source: Cause::new("a file is in the way, or a directory"),
            });
        }
        if self.bucket.is_full {
            let bucket = BucketName::new("simulated").unwrap();
            return Err(Error::NoSpace { at: bucket.into(), source: Cause::new("full") });
        }
        Ok(self.write(machine, key, node, bytes, Aspect::Content))
    }

    /// The condition does not hold, perhaps because the request was carried out before.
    fn settle(&self, key: &ObjectKey, node: &Node) -> Option<RemoteVersion> {
        let stored = self.bucket.get(key)?;
        stored.is_written(node).then(|| stored.object().version)
    }

    fn write(
        &mut self,
        machine: usize,
        key: &ObjectKey,
        node: &Node,
        bytes: &Bytes,
        aspect: Aspect,
    ) -> RemoteVersion {
        let path = key.path();
        if key.is_directory() {
            self.machines[machine].cycle_wrote += 1;
        } else {
            self.judge(machine, Site::Bucket, path.as_str(), aspect);
            self.ledger.changed(Site::Bucket, path.as_str(), aspect);
            if !self.bucket.has_feed() {
                // A listing tells the bytes alone: what only became another kind of thing looks the same.
                let is_alike = self.bucket.get(key).is_some_and(|there| there.content == node.content);
                let shown = if is_alike { Aspect::Meta } else { aspect };
                self.ledger.wrote_unlisted(machine, path.as_str(), node.content, shown);
            }
        }
        let now = self.now();
        self.bucket.write(key, node, bytes.clone(), now)
    }

    fn delete(&mut self, machine: usize, key: &ObjectKey, version: &RemoteVersion) -> Result<(), Error> {
        if self.bucket.get(key).is_none() {
            return Ok(());
        }
        self.expect(key, &Expect::Version(version.clone()))?;
        let path = key.path();
        if key.is_directory() {
            self.machines[machine].cycle_wrote += 1;
        } else {
            self.judge(machine, Site::Bucket, path.as_str(), Aspect::Content);
            self.judge_deletion(machine, key);
            self.ledger.changed(Site::Bucket, path.as_str(), Aspect::Content);
        }
        let now = self.now();
        self.bucket.remove(key, now);
        Ok(())
    }
}

fn put_told(key: ObjectKey, stored: &Stored) -> Changed {
    Changed::Put { key, object: stored.object() }
}

impl SimStore {
    /// Everything that stands, page by page, each as the bucket is when it is asked for.
    fn pages(
        &self,
        first: Vec<(ObjectKey, Stored)>,
        lag: Option<Lag>,
        began: u64,
        cursor: Option<String>,
    ) -> BoxStream<'static, Result<(ObjectKey, Stored), Error>> {
        let store = self.clone();
        let pages = stream::try_unfold((Some(first), None), move |(ready, after): (_, Option<ObjectKey>)| {
            let (store, cursor) = (store.clone(), cursor.clone());
            async move {
                let page = match ready {
                    Some(page) => page,
                    None => {
                        store
                            .travel("list on", "", |state| {
                                // An answer that a server has begun ends with it.
                                if cursor
                                    .as_ref()
                                    .is_some_and(|cursor| !state.bucket.is_of_this_server(cursor))
                                {
                                    return Err(unreachable());
                                }
                                let lag = lag.unwrap_or_else(|| state.bucket.no_lag());
                                Ok(state.bucket.page(after.as_ref(), PAGE, lag))
                            })
                            .await?
                    }
                };
                let Some((last, _)) = page.last() else {
                    store.world.lock().ledger.listed(store.who.machine, began);
                    return Ok(None);
                };
                let last = last.clone();
                Ok(Some((stream::iter(page.into_iter().map(Ok)), (None, Some(last)))))
            }
        });
        futures::TryStreamExt::try_flatten(pages).boxed()
    }

    fn told(&self, keys: Vec<ObjectKey>, cursor: &str) -> BoxStream<'static, Result<Changed, Error>> {
        let (store, cursor) = (self.clone(), cursor.to_owned());
        let told = stream::iter(keys).then(move |key| {
            let (store, cursor) = (store.clone(), cursor.clone());
            async move {
                let told = |state: &mut State| {
                    state.bucket.is_of_this_server(&cursor).then_some(()).ok_or_else(unreachable)?;
                    Ok(match state.bucket.get(&key) {
                        Some(stored) => Some(put_told(key.clone(), stored)),
                        None if state.plants(Plant::FeedDropsDeletions) => None,
                        None => Some(Changed::Gone(key.clone())),
                    })
                };
                store.travel("tell", "", told).await
            }
        });
        told.filter_map(async |told| told.transpose()).boxed()
    }
}

impl SimStore {
    async fn ask_for_news(&self, since: Option<&str>) -> Result<(News, Vec<(ObjectKey, Stored)>), Error> {
        let asked = since.unwrap_or("the beginning");
        self.request("changes since", asked, |state| {
            let first = state.bucket.page(None, PAGE, state.bucket.no_lag());
            Ok((state.bucket.news(since), first))
        })
        .await
    }

    /// Sends the parts that the store does not have, and puts the object together.
    async fn send_parts<R: Reading>(
        &self,
        key: &ObjectKey,
        node: &Node,
        expect: &Expect,
        upload: &UploadId,
        source: &R,
    ) -> Result<RemoteVersion, Error> {
        for offset in (0..node.size).step_by(PART) {
            if self.world.lock().has_part(upload, offset) {
                continue;
            }
            let length = PART.min(usize::try_from(node.size - offset).unwrap());
            let part = source.read_at(offset, length).await.map_err(|error| Error::Other {
                attempt: format!("write `{key}`"),
                retry: Retry::Replan,
                source: Cause::new(format!("reading its bytes: {error}")),
            })?;
            let kept = self.request("part", key.as_str(), |state| {
                let kept = state.bucket.keep_part(upload, offset, part.clone());
                kept.then_some(()).ok_or_else(|| Error::NotFound { key: key.clone() })
            });
            kept.await?;
        }
        let machine = self.who.machine;
        self.change("complete", key, |state| {
            let Some(bytes) = state.bucket.assembled(upload) else {
                return state.settle(key, node).ok_or_else(|| changed(key));
            };
            if disk::digest_of(&bytes) != node.content {
                return Err(changed(key));
            }
            let version = state.put(machine, key, node, &bytes, expect)?;
            state.bucket.drop_upload(upload);
            state.count("large uploads");
            Ok(version)
        })
        .await
    }
}

impl Remote for SimStore {
    type Upload = UploadId;

    async fn hold(&self) -> Result<Held<Self>, Error> {
        Ok(Held { remote: self.clone(), standing: Standing::Named })
    }

    async fn mark(&self) -> Result<PlaceId, Error> {
        unreachable!("because it is known by its name")
    }

    async fn changes(&self, since: Option<&str>, wait: Duration) -> Result<Changes, Error> {
        if !self.world.lock().bucket.has_feed() {
            return Ok(Changes::Unsupported);
        }
        let mut answer = self.ask_for_news(since).await?;
        if answer.0.is_nothing() && !wait.is_zero() {
            // The answer to a question that waits comes with the first change, or when its time is over.
            let changed = Arc::clone(&self.world.lock().bucket.changed);
            if tokio::time::timeout(wait, changed.notified()).await.is_ok() {
                answer = self.ask_for_news(since).await?;
            }
        }
        Ok(match answer {
            (News::Unsupported, _) => Changes::Unsupported,
            (News::Unknown, _) => Changes::Unknown,
            (News::Since(cursor, Some(keys)), _) => {
                let changes = self.told(keys, &cursor);
                Changes::Since(Told { cursor, changes })
            }
            (News::Since(cursor, None), first) => {
                let all = self.pages(first, None, 0, Some(cursor.clone()));
                let changes = all.map(|found| found.map(|(key, stored)| put_told(key, &stored))).boxed();
                Changes::Everything(Told { cursor, changes })
            }
        })
    }

    fn list(&self) -> BoxStream<'static, Result<Found, Error>> {
        let store = self.clone();
        let listed = |(key, stored): (ObjectKey, Stored)| {
            let size = if key.is_directory() { 0 } else { stored.size() };
            Found::Object(Listed { key, size, version: stored.listed_version() })
        };
        let machine = self.who.machine;
        let pages = stream::once(async move {
            let first = store
                .request("list", "", |state| {
                    let lag = state.lag(machine);
                    let page = state.bucket.page(None, PAGE, lag.unwrap_or_else(|| state.bucket.no_lag()));
                    // What lags shows nothing of now.
                    let began = if lag.is_some() { 0 } else { state.ledger.moment() };
                    Ok((page, lag, began))
                })
                .await?;
            Ok::<_, Error>(store.pages(first.0, first.1, first.2, None))
        });
        futures::TryStreamExt::try_flatten(pages).map(move |found| found.map(listed)).boxed()
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        self.request("head", key.as_str(), |state| Ok(state.bucket.get(key).map(Stored::object))).await
    }

    async fn get(&self, key: &ObjectKey, version: &RemoteVersion, _: u64) -> Result<Get, Error> {
        let get = |state: &mut State| {
            let stored = state.bucket.get(key).ok_or_else(|| Error::NotFound { key: key.clone() })?.clone();
            state.expect(key, &Expect::Version(version.clone()))?;
            state.judge_reading(self.who.machine, Site::Bucket, key.path().as_str());
            Ok(stored)
        };
        let stored = self.request("get", key.as_str(), get).await?;
        let object = stored.object();
        let half = stored.bytes.len() / 2;
        let pieces = [stored.bytes.slice(..half), stored.bytes.slice(half..)];
        let (store, key) = (self.clone(), key.clone());
        let body = stream::iter(pieces).then(move |piece| {
            let (store, key) = (store.clone(), key.clone());
            async move { store.travel("receive", key.as_str(), |_| Ok(piece.clone())).await }
        });
        Ok(Get { object, body: body.boxed() })
    }

    async fn put(
        &self,
        key: &ObjectKey,
        node: &Node,
        bytes: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        if bytes.len() as u64 != node.size || disk::digest_of(&bytes) != node.content {
            return Err(Error::Changed {
                key: key.clone(),
                what: "the bytes to send are not the announced ones",
            });
        }
        let machine = self.who.machine;
        self.change("put", key, |state| state.put(machine, key, node, &bytes, expect)).await
    }

    fn get_from(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        _size: u64,
    ) -> BoxStream<'static, Result<Bytes, Error>> {
        let (store, key, version) = (self.clone(), key.clone(), version.clone());
        let read = stream::once(async move {
            let whole: Vec<Bytes> = store.get(&key, &version, 0).await?.body.try_collect().await?;
            let whole = Bytes::from(whole.concat());
            Ok(whole.slice(usize::try_from(from).unwrap().min(whole.len())..))
        });
        read.boxed()
    }

    async fn begin_upload(&self, key: &ObjectKey, _node: &Node) -> Result<UploadId, Error> {
        let machine = self.who.machine;
        self.request("begin upload", key.as_str(), |state| {
            state.judge_reading(machine, Site::Machine(machine), key.as_str());
            Ok(state.bucket.begin_upload(key))
        })
        .await
    }

    async fn resume_upload(&self, key: &ObjectKey, id: &UploadId) -> Result<Option<UploadId>, Error> {
        let known = |state: &mut State| Ok(state.bucket.knows_upload(id, key).then(|| id.clone()));
        self.request("resume upload", key.as_str(), known).await
    }

    fn upload_id(upload: &UploadId) -> UploadId {
        upload.clone()
    }

    async fn abort_upload(&self, key: &ObjectKey, id: &UploadId) -> Result<(), Error> {
        self.request("abort upload", key.as_str(), |state| {
            state.bucket.drop_upload(id);
            Ok(())
        })
        .await
    }

    async fn upload<R: Reading>(
        &self,
        key: &ObjectKey,
        node: &Node,
        expect: &Expect,
        upload: &UploadId,
        _parts: &Parts,
        source: Arc<R>,
        _progress: &Progress,
    ) -> Result<RemoteVersion, Error> {
        let written = self.send_parts(key, node, expect, upload, &*source).await;
        if written.as_ref().is_err_and(|error| !error.leaves_upload()) {
            self.abort_upload(key, upload).await?;
        }
        written
    }

    async fn set_meta(
        &self,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        let machine = self.who.machine;
        self.change("set meta", key, |state| {
            let Some(stored) = state.bucket.get(key).cloned() else {
                return Err(Error::NotFound { key: key.clone() });
            };
            if let Err(refused) = state.expect(key, &Expect::Version(version.clone())) {
                return state.settle(key, node).ok_or(refused);
            }
            Ok(state.write(machine, key, node, &stored.bytes, Aspect::Meta))
        })
        .await
    }

    async fn delete(&self, key: &ObjectKey, version: &RemoteVersion) -> Result<(), Error> {
        let machine = self.who.machine;
        self.change("delete", key, |state| state.delete(machine, key, version)).await
    }

    async fn copy(
        &self,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        let machine = self.who.machine;
        let is_set_aside = is_copy_of(&from.path(), &to.path());
        let copied = self.change("copy", to, |state| {
            let Some(stored) = state.bucket.get(from).cloned() else {
                return Err(Error::NotFound { key: from.clone() });
            };
            state.expect(from, &Expect::Version(version.clone()))?;
            state.count("copies by the store");
            state.put(machine, to, node, &stored.bytes, &Expect::Absent)
        });
        let copied = copied.await?;
        // What moves out of another's way is agreed upon by nobody yet.
        if is_set_aside {
            self.world.lock().ledger.nothing_left(machine, to.path().as_str());
        }
        Ok(copied)
    }
}

impl State {
    fn has_part(&mut self, upload: &UploadId, offset: u64) -> bool {
        let has_part = self.bucket.has_part(upload, offset);
        if has_part {
            self.count("parts not sent again");
        }
        has_part
    }

    /// A listing may show the bucket of a moment ago.
    fn lag(&mut self, machine: usize) -> Option<Lag> {
        if !self.random.chance(self.weather.stale) {
            return None;
        }
        self.count("stale listings");
        let now = self.now();
        let changes = 1 + self.random.index(3);
        let lag = self.bucket.lag(now, changes);
        if let Some(moment) = self.bucket.shown_until(lag) {
            let began = &mut self.machines[machine].cycle_began;
            *began = moment.saturating_sub(1).min(*began);
        }
        Some(lag)
    }
}

/// What kind of thing a foreign client leaves: it says nothing about time and permissions.
pub(crate) fn foreign(bytes: &Bytes) -> Node {
    let (size, content) = (bytes.len() as u64, disk::digest_of(bytes));
    Node { kind: Kind::File, content, size, meta: model::Meta::default() }
}

//! Listing a plain tree, in the order of keys.
//!
//! A directory is listed together with its sidecars, and while one is handed out, the next ones are already being listed. What is
//! held are the directories on the way down and a few ahead, never the tree.

use super::store::{EntryKind, Failure, Named};
use super::{Plain, sidecar, version};
use crate::list::walk::is_ours;
use crate::{Error, Found, Listed, Listing, Prefix};
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use model::ObjectKey;
use std::collections::HashMap;

/// Directories listed ahead on each level.
const AHEAD: usize = 8;

impl Plain {
    /// Everything below `prefix`, in the order of keys. Nothing of Heirloom's own is part of it, nor are directories that were
    /// never synced as such, whether empty or not.
    pub async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let mut found = self.list_stream(prefix);
        while let Some(found) = found.try_next().await? {
            match found {
                Found::Object(listed) => listing.objects.push(listed),
                Found::Unusable(key) => listing.unusable.push(key),
                Found::Unreadable { path, .. } => listing.unreadable.push(path),
            }
        }
        Ok(listing)
    }

    /// As [`Plain::list`], find by find. After an error nothing follows, and what came before must not be taken for the whole.
    #[must_use]
    pub fn list_stream(&self, prefix: &Prefix) -> BoxStream<'static, Result<Found, Error>> {
        let (plain, prefix) = (self.clone(), prefix.clone());
        let start = async move {
            // A root that is gone must not look like one that is empty, neither now nor when all was looked at.
            let id = plain.id().await?;
            let top = prefix.as_str().trim_end_matches('/').to_owned();
            let finds = plain.directory(&top).await;
            let finds = finds.map_err(|failure| plain.failed("list", None, failure))?;
            let end = plain.clone();
            let is_still = async move { end.is_still(id.as_ref()).await };
            let nothing_more = is_still.into_stream().filter_map(|still| async { still.err().map(Err) });
            Ok(plain.walk(prefix, finds).chain(nothing_more))
        };
        start.into_stream().try_flatten().boxed()
    }

    /// The finds of a directory and of all below it.
    fn walk(self, prefix: Prefix, finds: Vec<Find>) -> BoxStream<'static, Result<Found, Error>> {
        let ahead = stream::iter(finds).map({
            let plain = self.clone();
            move |find| {
                let (plain, lister) = (plain.clone(), plain.clone());
                // A task of its own, or it would rest while what comes before it is handed out.
                let below = match &find {
                    Find::Directory(path) => {
                        let path = path.clone();
                        Some(tokio::spawn(async move { lister.directory(&path).await }))
                    }
                    Find::Object { .. } | Find::Unusable(_) | Find::Unreadable { .. } => None,
                };
                async move {
                    let Some(below) = below else { return Ok((find, Vec::new())) };
                    match (below.await.expect("because listing does not panic"), find) {
                        (Ok(below), find) => Ok((find, below)),
                        (Err(Failure::Refused(why)), Find::Directory(path)) => {
                            Ok((Find::Unreadable { path, why: why.to_string() }, Vec::new()))
                        }
                        (Err(failure), _) => Err(plain.failed("list", None, failure)),
                    }
                }
            }
        });
        let found = ahead.buffered(AHEAD).map_ok(move |(find, below)| match find {
            Find::Directory(_) => self.clone().walk(prefix.clone(), below),
            Find::Object { place, size, version } => {
                let found = match below_prefix(&prefix, &place) {
                    Ok(key) => Found::Object(Listed { key, size, version }),
                    Err(unusable) => Found::Unusable(unusable),
                };
                stream::once(async { Ok(found) }).boxed()
            }
            Find::Unusable(place) => {
                let below = place.strip_prefix(prefix.as_str()).unwrap_or(&place).to_owned();
                stream::once(async { Ok(Found::Unusable(below)) }).boxed()
            }
            Find::Unreadable { path, why } => {
                let path = path.strip_prefix(prefix.as_str()).unwrap_or(&path).to_owned();
                stream::once(async { Ok(Found::Unreadable { path, why }) }).boxed()
            }
        });
        found.try_flatten().boxed()
    }

    /// What a directory holds, in the order of keys. One that is gone holds nothing.
    async fn directory(&self, path: &str) -> Result<Vec<Find>, Failure> {
        let sidecars = sidecar::directory(path);
        let (held, labels) = tokio::join!(self.inner.store.list(path), self.inner.store.list(&sidecars));
        let or_none = |listed| match listed {
            Err(Failure::NotFound) => Ok(Vec::new()),
            listed => listed,
        };
        let (held, labels) = (or_none(held)?, or_none(labels)?);
        let labels: HashMap<String, String> =
            labels.into_iter().filter_map(|label| Some((label.name.ok()?, label.entry.tag))).collect();
        let mut finds: Vec<Find> =
            held.into_iter().flat_map(|named| finds_of(path, named, &labels)).collect();
        finds.sort_by_cached_key(Find::order);
        Ok(finds)
    }
}

/// A find of one directory, with full keys.
enum Find {
    Object {
        place: String,
        size: u64,
        version: model::RemoteVersion,
    },
    /// Something to look into.
    Directory(String),
    Unusable(String),
    /// A directory that was to be looked into.
    Unreadable {
        path: String,
        why: String,
    },
}

impl Find {
    /// A directory comes where its content does, right behind its own key.
    fn order(&self) -> (String, bool) {
        match self {
            Self::Object { place, .. } | Self::Unusable(place) => (place.clone(), false),
            Self::Directory(path) | Self::Unreadable { path, .. } => (format!("{path}/"), true),
        }
    }
}

fn finds_of(directory: &str, Named { name, entry }: Named, labels: &HashMap<String, String>) -> Vec<Find> {
    let join =
        |name: &str| if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
    let name = match name {
        Ok(name) => name,
        Err(shown) => return vec![Find::Unusable(join(&shown))],
    };
    let path = join(&name);
    if path == ".heirloom" || disk::is_temporary(name.as_bytes()) {
        return Vec::new();
    }
    if is_ours(&path) {
        return vec![Find::Unreadable { path, why: "such names are Heirloom's own".to_owned() }];
    }
    // What is not its path's own spelling cannot be asked for by that path, nor can anything below it.
    if !ObjectKey::parse(&name).is_ok_and(|key| key.as_str() == name) {
        return vec![Find::Unusable(path)];
    }
    let label = labels.get(&sidecar::name(&name, entry.kind)).map(String::as_str);
    let place = if entry.kind == EntryKind::Directory { format!("{path}/") } else { path.clone() };
    let is_said = entry.kind != EntryKind::Directory || label.is_some();
    let key = ObjectKey::parse(&place).ok().filter(|_| is_said);
    let object = key.and_then(|key| version(&key, &entry, label)).map(|version| {
        let size = if entry.kind == EntryKind::Directory { 0 } else { entry.size };
        Find::Object { place, size, version }
    });
    match entry.kind {
        EntryKind::Directory => object.into_iter().chain([Find::Directory(path)]).collect(),
        EntryKind::File => object.into_iter().collect(),
        EntryKind::Other => vec![Find::Unusable(path)],
    }
}

fn below_prefix(prefix: &Prefix, place: &str) -> Result<ObjectKey, String> {
    let below = place.strip_prefix(prefix.as_str()).unwrap_or(place);
    ObjectKey::parse(below).map_err(|_| below.to_owned())
}

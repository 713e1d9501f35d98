//! Comparing all live files of a bucket with the index: after a crash, and whenever somebody may have worked on the
//! files beside us.
//!
//! Both sides are walked in key order and merged, so memory holds a page of rows and the directories on the
//! way down. A file is read only when its stamp is new. What differs is looked at again under the key's
//! lock, so this may run while clients write.

use super::{Store, is_reserved, settle};
use crate::fault::Fault;
use crate::index::{Change, Pending};
use crate::live::{Live, kind_of, stamp_of};
use crate::record::Record;
use model::{BucketName, Kind, ObjectKey, RelPath, Stamp};
use rustix::fs::{AtFlags, Dir};
use rustix::io::Errno;
use std::collections::VecDeque;

const PAGE: usize = 1000;

/// How many corrections may be on their way to the index.
const PENDING_MAX: usize = 512;

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// Objects on disk.
    pub objects: u64,
    /// Rows that were made, replaced or removed.
    pub corrected: u64,
    /// Paths that could not be looked at; what the index knows about them stands.
    pub problems: Vec<Problem>,
}

/// A path that could not be looked at.
#[derive(Debug)]
pub struct Problem {
    /// The object's key; with a slash at the end for a directory and all below it.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Store {
    pub(crate) fn reconcile(&self, bucket: &BucketName) -> Result<Reconciled, Fault> {
        let mut merge = Merge {
            store: self,
            bucket,
            rows: Rows { store: self, bucket, page: VecDeque::new(), after: Some(String::new()) },
            pending: VecDeque::new(),
            outcome: Reconciled::default(),
        };
        let mut walk = Walk::new(&self.live, bucket);
        while let Some(item) = walk.next() {
            merge.meet(&item)?;
        }
        merge.finish()
    }

    /// The buckets that have files or rows.
    pub(crate) fn buckets(&self) -> Result<Vec<BucketName>, Fault> {
        let mut buckets = self.index.buckets()?;
        let names =
            self.live.names().map_err(|e| Fault::Files { doing: "look for buckets", source: e.into() })?;
        buckets.extend(names.iter().filter_map(|name| BucketName::new(std::str::from_utf8(name).ok()?).ok()));
        buckets.sort();
        buckets.dedup();
        Ok(buckets)
    }
}

struct Merge<'a> {
    store: &'a Store,
    bucket: &'a BucketName,
    rows: Rows<'a>,
    pending: VecDeque<Pending>,
    outcome: Reconciled,
}

impl Merge<'_> {
    fn meet(&mut self, item: &Item) -> Result<(), Fault> {
        let (Item::Node { key, .. } | Item::Unreadable { key, .. }) = &item;
        let key = key.clone();
        while let Some((row_key, _)) = self.rows.peek()?.filter(|(row_key, _)| *row_key < key) {
            let row_key = row_key.clone();
            self.rows.advance();
            self.correct(&row_key)?;
        }
        match item {
            Item::Node { kind, stamp, empty, .. } => self.meet_node(&key, *kind, *stamp, *empty),
            Item::Unreadable { errno, .. } => {
                // Not knowing is not the same as knowing that nothing is there.
                while self.rows.peek()?.is_some_and(|(row, _)| row.as_str().starts_with(key.as_str())) {
                    self.rows.advance();
                }
                let reason = std::io::Error::from(*errno).to_string();
                self.outcome.problems.push(Problem { key: key.to_string(), reason });
                Ok(())
            }
        }
    }

    fn meet_node(&mut self, key: &ObjectKey, kind: Kind, stamp: Stamp, empty: bool) -> Result<(), Fault> {
        let row = self.rows.peek()?.filter(|(row_key, _)| row_key == key).map(|(_, record)| record.clone());
        if row.is_some() {
            self.rows.advance();
        }
        match (row, kind) {
            (Some(row), _) if settle::fits(&row, key, Some((kind, stamp))) => {
                self.outcome.objects += 1;
                Ok(())
            }
            (None, Kind::Directory) if empty => {
                self.outcome.objects += 1;
                match self.store.adopt_directory(self.bucket, key)? {
                    Some(change) => self.submit(key, change),
                    None => Ok(()),
                }
            }
            (None, Kind::Directory) => Ok(()),
            _ => {
                self.outcome.objects += 1;
                self.correct(key)
            }
        }
    }

    fn correct(&mut self, key: &ObjectKey) -> Result<(), Fault> {
        let guard = self.store.locks.lock(self.bucket, key.as_str());
        match self.store.settle(self.bucket, key) {
            Ok(settled) => {
                let Some(change) = settled.correction else { return Ok(()) };
                let pending = self.store.submit(vec![change], vec![guard]);
                self.wait_for(pending)
            }
            Err(fault @ Fault::Files { .. }) => {
                let reason =
                    std::error::Error::source(&fault).map_or_else(|| fault.to_string(), ToString::to_string);
                self.outcome.problems.push(Problem { key: key.to_string(), reason });
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    fn submit(&mut self, key: &ObjectKey, change: Change) -> Result<(), Fault> {
        let guard = self.store.locks.lock(self.bucket, key.as_str());
        let pending = self.store.submit(vec![change], vec![guard]);
        self.wait_for(pending)
    }

    fn wait_for(&mut self, pending: Pending) -> Result<(), Fault> {
        self.outcome.corrected += 1;
        self.pending.push_back(pending);
        if self.pending.len() < PENDING_MAX {
            return Ok(());
        }
        self.pending.pop_front().map_or(Ok(()), Pending::wait)
    }

    fn finish(mut self) -> Result<Reconciled, Fault> {
        while let Some((key, _)) = self.rows.peek()? {
            let key = key.clone();
            self.rows.advance();
            self.correct(&key)?;
        }
        self.pending.drain(..).try_for_each(Pending::wait)?;
        Ok(self.outcome)
    }
}

/// The rows of a bucket in key order.
struct Rows<'a> {
    store: &'a Store,
    bucket: &'a BucketName,
    page: VecDeque<(ObjectKey, Record)>,
    /// Where the next page starts; `None` behind the last one.
    after: Option<String>,
}

impl Rows<'_> {
    fn peek(&mut self) -> Result<Option<&(ObjectKey, Record)>, Fault> {
        if self.page.is_empty()
            && let Some(after) = &self.after
        {
            self.page = self.store.index.following(self.bucket, after, PAGE)?.into();
            self.after = self.page.back().map(|(key, _)| key.to_string());
        }
        Ok(self.page.front())
    }

    fn advance(&mut self) {
        self.page.pop_front();
    }
}

enum Item {
    Node { key: ObjectKey, kind: Kind, stamp: Stamp, empty: bool },
    Unreadable { key: ObjectKey, errno: Errno },
}

/// The nodes of a bucket in key order.
struct Walk<'a> {
    live: &'a Live,
    /// What is left in each directory on the way down, last first.
    levels: Vec<Vec<Entry>>,
}

struct Entry {
    /// Its place in the order: the name as in a key, with a slash behind a directory's.
    key: ObjectKey,
    /// Below all live files, as the disk spells it.
    path: Vec<u8>,
    kind: Kind,
    stamp: Stamp,
}

impl<'a> Walk<'a> {
    fn new(live: &'a Live, bucket: &BucketName) -> Self {
        let top = read_directory(live, bucket.as_str().as_bytes(), None).unwrap_or_default();
        Self { live, levels: vec![top] }
    }

    fn next(&mut self) -> Option<Item> {
        loop {
            let Some(entry) = self.levels.last_mut()?.pop() else {
                self.levels.pop();
                continue;
            };
            let Entry { key, path, kind, stamp } = entry;
            if kind != Kind::Directory {
                return Some(Item::Node { key, kind, stamp, empty: false });
            }
            match read_directory(self.live, &path, Some(&key.path())) {
                Ok(below) => {
                    let empty = below.is_empty();
                    self.levels.push(below);
                    return Some(Item::Node { key, kind, stamp, empty });
                }
                // It went away since its parent was read.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => return Some(Item::Unreadable { key, errno }),
            }
        }
    }
}

/// The objects of one directory, last first.
fn read_directory(live: &Live, path: &[u8], at: Option<&RelPath>) -> rustix::io::Result<Vec<Entry>> {
    let directory = live.open_directory(path)?;
    let mut entries = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let Ok(below) = RelPath::from_os_bytes(name) else { continue };
        let stat = match rustix::fs::statat(&directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            outcome => outcome?,
        };
        let Some(kind) = kind_of(&stat) else { continue };
        let relative = at.map_or_else(|| below.clone(), |at| at.join(&below));
        let key = match kind {
            Kind::Directory => ObjectKey::directory(&relative),
            Kind::File | Kind::Symlink => ObjectKey::file(&relative),
        };
        if !is_reserved(&key) {
            let path = [path, name].join(&b'/');
            entries.push(Entry { key, path, kind, stamp: stamp_of(&stat) });
        }
    }
    entries.sort_unstable_by(|one, other| other.key.cmp(&one.key));
    Ok(entries)
}

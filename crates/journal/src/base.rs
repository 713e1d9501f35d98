//! What both sides last agreed on, one row per path, in the order of the keys.
//!
//! Almost everything about a path is the same on both sides, and most tags are the content's own digest. So
//! a column is NULL where it repeats another, which halves the file and with it the time of a full read:
//! `remote_kind`, `remote_content` and `remote_size` repeat the local node's; `stamp_size` and `stamp_mtime`
//! repeat the local node's size and time; `etag` repeats the remote content in hexadecimal. A tag of 32
//! hexadecimal digits is kept as 16 bytes, any other as text.
//!
//! A reader takes pages and holds no lock in between, so that a run may record while it reads.

pub(crate) mod row;

use crate::{Commit, Error, Journal, LocalSeen, RemoteSeen, RouteId, Sighting, chunks, sealed, sighting};
use model::{BaseEntry, Chunk, ContentId, Mode, Node, ObjectKey, Stamp};
use row::Row;
use rusqlite::{CachedStatement, Connection, OptionalExtension, TransactionBehavior, params};
use std::borrow::Borrow;
use std::ops::ControlFlow;

/// Rows per page: some 200 KiB, and a seek every millisecond.
const PAGE: usize = 1024;

/// One change to what is known about a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Both sides agree on this now; neither has news at its key any more.
    Agree(BaseEntry),
    /// What was agreed on consists of these chunks. Comes behind the agreement, which drops those of another content.
    Chunks {
        /// Where.
        key: ObjectKey,
        /// What was agreed on.
        content: ContentId,
        /// The whole of it.
        chunks: Vec<Chunk>,
        /// What the disk wants to know again when it looks at the next version.
        waypoints: Vec<u8>,
    },
    /// Neither side has anything at this key any more.
    Forget(ObjectKey),
    /// What was agreed on here counts for nothing any more: each side holds this.
    Part {
        /// Where.
        key: ObjectKey,
        /// On the local side.
        local: Option<LocalSeen>,
        /// On the remote side.
        remote: Option<RemoteSeen>,
    },
    /// The local side has something else here by now or nothing, and the remote one is about to follow. Whatever stands here later is another
    /// file, be it the same again.
    LocalOver(ObjectKey),
    /// The same with the sides exchanged.
    RemoteOver(ObjectKey),
    /// One side holds something else than the base says; or both rest.
    See(Sighting),
    /// No rule has both sides left alone any more, and both still hold something.
    Wake(ObjectKey),
    /// The local side holds what the base says.
    LocalAsAgreed(ObjectKey),
    /// The remote side holds what the base says.
    RemoteAsAgreed(ObjectKey),
    /// The local side holds what the base says, with a newer witness.
    Stamped(ObjectKey, Stamp),
    /// The remote side holds what the base says, with a newer or sharper witness, and may by now say more of it.
    Versioned(ObjectKey, RemoteSeen),
    /// The remote side is known up to here.
    Cursor(Option<String>),
    /// The remote side was found put back to an older state; or that is settled.
    Rewound(bool),
}

impl Journal {
    /// The whole base of a route, in the order of its keys.
    pub fn base(&self, route: RouteId) -> Result<Vec<BaseEntry>, Error> {
        self.base_entries(route).collect()
    }

    /// The base of a route, read as it is asked for, in the order of its keys. What is recorded meanwhile
    /// may show or not.
    #[must_use]
    pub fn base_entries(&self, route: RouteId) -> BaseEntries<&Self> {
        BaseEntries::new(self, route)
    }

    /// Hands the base of a route to `each`, in the order of its keys, until it breaks off. `each` may use
    /// the journal.
    pub fn for_each_base(
        &self,
        route: RouteId,
        mut each: impl FnMut(BaseEntry) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for entry in self.base_entries(route) {
            if each(entry?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// What was agreed on at one key.
    pub fn base_entry(&self, route: RouteId, key: &ObjectKey) -> Result<Option<BaseEntry>, Error> {
        self.with("reading the base", |connection| {
            let find = concat!("SELECT ", row::columns!(), " FROM base WHERE route = ?1 AND key = ?2");
            let mut statement = connection.prepare_cached(find)?;
            statement.query_row(params![route.0, key.as_str()], row::read).optional()
        })
    }

    /// Records changes, all or none.
    pub fn record(&self, route: RouteId, changes: &[Change]) -> Result<(), Error> {
        self.with("recording", |connection| commit(connection, route, changes))
    }

    /// The same, for what must be on the medium before something else happens.
    pub fn record_durably(&self, route: RouteId, changes: &[Change]) -> Result<(), Error> {
        self.with_commit("recording", Commit::Durable, |connection| {
            connection.pragma_update(None, "synchronous", "FULL")?;
            let recorded = commit(connection, route, changes);
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            recorded
        })
    }

    fn page_after(&self, route: RouteId, after: &str) -> Result<Vec<BaseEntry>, Error> {
        self.with("reading the base", |connection| {
            let find = concat!(
                "SELECT ",
                row::columns!(),
                " FROM base WHERE route = ?1 AND key > ?2 ORDER BY key LIMIT ?3"
            );
            let mut statement: CachedStatement<'_> = connection.prepare_cached(find)?;
            let mut page = Vec::with_capacity(PAGE);
            let mut rows =
                statement.query(params![route.0, after, i64::try_from(PAGE).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                page.push(row::read(row)?);
            }
            Ok(page)
        })
    }
}

fn commit(connection: &mut Connection, route: RouteId, changes: &[Change]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    write(&transaction, route, changes)?;
    transaction.commit()
}

fn write(connection: &Connection, route: RouteId, changes: &[Change]) -> rusqlite::Result<()> {
    let is_news = |change: &Change| {
        matches!(
            change,
            Change::See(_) | Change::LocalAsAgreed(_) | Change::RemoteAsAgreed(_) | Change::Rewound(true)
        )
    };
    if changes.iter().any(is_news) {
        disturb(connection, route)?;
    }
    let agree = concat!(
        "INSERT OR REPLACE INTO base (route, ",
        row::columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
         ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)"
    );
    let mut agree = connection.prepare_cached(agree)?;
    let mut chunks = chunks::Writer::new(connection)?;
    for change in changes {
        match change {
            Change::Agree(entry) => {
                Row::of(entry).insert(&mut agree, route)?;
                sighting::drop_both(connection, route, &entry.key)?;
                chunks.agreed(route, entry)?;
                sealed::agreed(connection, route, entry)?;
            }
            Change::Chunks { key, content, chunks: all, waypoints } => {
                chunks.keep(route, key, *content, (all, waypoints))?;
            }
            Change::Forget(key) => {
                let forget = "DELETE FROM base WHERE route = ?1 AND key = ?2";
                connection.prepare_cached(forget)?.execute(params![route.0, key.as_str()])?;
                sighting::drop_both(connection, route, key)?;
                chunks.forget(route, key)?;
                sealed::forget(connection, route, key)?;
            }
            Change::Part { key, local, remote } => part(connection, route, key, *local, remote.clone())?,
            Change::LocalOver(key) => local_over(connection, route, key)?,
            Change::RemoteOver(key) => remote_over(connection, route, key)?,
            Change::See(sighting) => sighting::write(connection, route, sighting)?,
            Change::Wake(key) => sighting::wake(connection, route, key)?,
            Change::LocalAsAgreed(key) => drop(sighting::drop_local(connection, route, key)?),
            Change::RemoteAsAgreed(key) => drop(sighting::drop_remote(connection, route, key)?),
            Change::Stamped(key, stamp) => {
                restamp(connection, route, key, stamp)?;
                if sighting::drop_local(connection, route, key)? {
                    disturb(connection, route)?;
                }
            }
            Change::Versioned(key, seen) => {
                reversion(connection, route, key, seen)?;
                if sighting::drop_remote(connection, route, key)? {
                    disturb(connection, route)?;
                }
            }
            Change::Cursor(cursor) => {
                let set = "UPDATE route SET cursor = ?2 WHERE id = ?1 AND cursor IS NOT ?2";
                connection.prepare_cached(set)?.execute(params![route.0, cursor])?;
            }
            Change::Rewound(rewound) => {
                let set = "UPDATE route SET rewound = ?2 WHERE id = ?1 AND rewound IS NOT ?2";
                connection.prepare_cached(set)?.execute(params![route.0, rewound])?;
            }
        }
    }
    Ok(())
}

fn part(
    connection: &Connection,
    route: RouteId,
    key: &ObjectKey,
    local: Option<LocalSeen>,
    remote: Option<RemoteSeen>,
) -> rusqlite::Result<()> {
    let here = local.map(|seen| Sighting::Local(key.clone(), Some(seen)));
    let there = remote.map(|seen| Sighting::Remote(key.clone(), Some(seen)));
    let seen = [here, there].into_iter().flatten().map(Change::See);
    let changes: Vec<Change> = std::iter::once(Change::Forget(key.clone())).chain(seen).collect();
    write(connection, route, &changes)
}

/// There may be something to plan.
fn disturb(connection: &Connection, route: RouteId) -> rusqlite::Result<()> {
    let disturb = "UPDATE route SET calm = NULL WHERE id = ?1 AND calm IS NOT NULL";
    connection.prepare_cached(disturb)?.execute([route.0]).map(drop)
}

fn restamp(connection: &Connection, route: RouteId, key: &ObjectKey, stamp: &Stamp) -> rusqlite::Result<()> {
    let set = "UPDATE base SET stamp_size = ?3, stamp_mtime = ?4, stamp_ctime = ?5, stamp_inode = ?6
               WHERE route = ?1 AND key = ?2";
    let Stamp { size, mtime, ctime, inode } = stamp;
    connection
        .prepare_cached(set)?
        .execute(params![route.0, key.as_str(), size.cast_signed(), mtime.0, ctime.0, inode.cast_signed()])
        .map(drop)
}

/// No file is the agreed one any more. What repeated its content says it by itself from now on.
fn local_over(connection: &Connection, route: RouteId, key: &ObjectKey) -> rusqlite::Result<()> {
    let set = "UPDATE base SET remote_content = coalesce(remote_content, content), content = ?3
               WHERE route = ?1 AND key = ?2";
    over(connection, set, route, key)
}

fn remote_over(connection: &Connection, route: RouteId, key: &ObjectKey) -> rusqlite::Result<()> {
    let set = "UPDATE base SET etag = coalesce(etag, remote_content, content), remote_content = ?3
               WHERE route = ?1 AND key = ?2";
    over(connection, set, route, key)
}

fn over(connection: &Connection, set: &str, route: RouteId, key: &ObjectKey) -> rusqlite::Result<()> {
    let values = params![route.0, key.as_str(), ContentId::UNKNOWN.as_bytes()];
    connection.prepare_cached(set)?.execute(values).map(drop)
}

fn reversion(
    connection: &Connection,
    route: RouteId,
    key: &ObjectKey,
    seen: &RemoteSeen,
) -> rusqlite::Result<()> {
    let set = "UPDATE base SET etag = ?3, modified = ?4, remote_mtime = coalesce(?5, remote_mtime),
                 remote_mode = coalesce(?6, remote_mode), remote_uid = coalesce(?7, remote_uid), remote_gid = coalesce(?8, remote_gid)
               WHERE route = ?1 AND key = ?2";
    let RemoteSeen { node: Node { meta, .. }, version } = seen;
    connection
        .prepare_cached(set)?
        .execute(params![
            route.0,
            key.as_str(),
            version.etag.as_str(),
            version.modified.map(|time| time.0),
            meta.mtime.map(|time| time.0),
            meta.mode.map(Mode::bits),
            meta.owner.map(|owner| owner.uid),
            meta.owner.map(|owner| owner.gid),
        ])
        .map(drop)
}

/// The entries of a base; made by [`Journal::base_entries`]. Ends after the first error.
#[derive(Debug)]
pub struct BaseEntries<J> {
    journal: J,
    route: RouteId,
    page: std::vec::IntoIter<BaseEntry>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    /// There may be more behind this key.
    Page(String),
    End,
}

impl<J: Borrow<Journal>> BaseEntries<J> {
    pub(crate) fn new(journal: J, route: RouteId) -> Self {
        Self { journal, route, page: Vec::new().into_iter(), next: Next::Page(String::new()) }
    }
}

impl<J: Borrow<Journal>> Iterator for BaseEntries<J> {
    type Item = Result<BaseEntry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.page.next() {
                return Some(Ok(entry));
            }
            let Next::Page(after) = std::mem::replace(&mut self.next, Next::End) else { return None };
            match self.journal.borrow().page_after(self.route, &after) {
                Ok(page) => {
                    if let Some(last) = page.last().filter(|_| page.len() == PAGE) {
                        self.next = Next::Page(last.key.as_str().to_owned());
                    }
                    self.page = page.into_iter();
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;

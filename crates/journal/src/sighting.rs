//! What each side was last seen to hold, where that is not what the base says.
//!
//! Base and sightings together are the whole of what is known about both sides: a side holds what its sighting says, else what the
//! base says. So a listing need not be kept, a plan can be made as often as wanted by one pass in key order ([`Journal::known`]), and
//! an idle machine has no sightings at all. They are observations like the rest: losing them costs looking again.

use crate::base::row::{kind_number, read_key, read_kind, read_meta, unfit};
use crate::{Error, Journal, Known, RouteId};
use model::{ContentId, ETag, Kind, Meta, Mode, Node, ObjectKey, RemoteVersion, Stamp, UnixNanos};
use rusqlite::{Connection, params};

/// Rows per page.
const PAGE: usize = 1024;

const LOCAL: i64 = 0;
const REMOTE: i64 = 1;
/// Neither: what rests.
const BOTH: i64 = 2;

/// What stands at a key on the local side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalSeen {
    /// What it is.
    pub node: Node,
    /// The witness that it still is.
    pub stamp: Stamp,
}

/// What stands at a key on the remote side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSeen {
    /// What it is.
    pub node: Node,
    /// The witness that it still is.
    pub version: RemoteVersion,
}

/// A key at which both sides have something new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contested {
    /// The key.
    pub key: ObjectKey,
    /// The content on the local side.
    pub here: ContentId,
    /// What stands on the remote side.
    pub there: RemoteSeen,
}

/// One side's news about one key; `None`: nothing stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// Of the local side.
    Local(ObjectKey, Option<LocalSeen>),
    /// Of the remote side.
    Remote(ObjectKey, Option<RemoteSeen>),
    /// A rule has both sides left alone: what is missing on one of them later was never deleted for the other.
    Rests(ObjectKey),
}

/// How many sightings there are of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Of the local side: what has yet to go to the remote one.
    pub local: u64,
    /// Bytes of it.
    pub local_bytes: u64,
    /// Of `local`, what is gone, and has yet to be deleted on the remote side.
    pub local_gone: u64,
    /// Of the remote side: what has yet to come.
    pub remote: u64,
    /// Bytes of it.
    pub remote_bytes: u64,
    /// Of `remote`, what is gone.
    pub remote_gone: u64,
}

impl Journal {
    /// How many keys that both sides agree on are like this ([GLOB](https://sqlite.org/lang_expr.html#glob), whose `*` stands for slashes too). Reads
    /// all of them.
    pub fn count_agreed(&self, route: RouteId, pattern: &str) -> Result<u64, Error> {
        self.with("counting keys", |connection| {
            let count = "SELECT count(*) FROM base WHERE route = ?1 AND key GLOB ?2";
            let values = params![route.0, pattern];
            connection.prepare_cached(count)?.query_row(values, |row| row.get(0).map(i64::cast_unsigned))
        })
    }

    /// How many sightings wait to become agreements; those below a mount that is not as it was wait for that.
    pub fn pending(&self, route: RouteId) -> Result<Pending, Error> {
        self.with("counting sightings", |connection| {
            let count = "SELECT count(*), total(size), count(*) - count(kind) FROM sighting s WHERE route = ?1 AND side = ?2
                 AND NOT EXISTS (SELECT 1 FROM mount m WHERE m.route = s.route AND m.doubt IS NOT NULL
                                 AND s.key >= m.key AND s.key < m.key || char(0x10FFFF))";
            let mut statement = connection.prepare_cached(count)?;
            let mut of = |side: i64| {
                statement.query_row(params![route.0, side], |row| {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a sum of sizes"
                    )]
                    let bytes = row.get::<_, f64>(1)? as u64;
                    Ok((row.get::<_, i64>(0)?.cast_unsigned(), bytes, row.get::<_, i64>(2)?.cast_unsigned()))
                })
            };
            let (local, local_bytes, local_gone) = of(LOCAL)?;
            let (remote, remote_bytes, remote_gone) = of(REMOTE)?;
            Ok(Pending { local, local_bytes, local_gone, remote, remote_bytes, remote_gone })
        })
    }

    /// A page of what both sides have news of, and both hold something, from behind `after` on in the order of the keys.
    pub fn contested(&self, route: RouteId, after: &str) -> Result<Vec<Contested>, Error> {
        let seen = self.with("reading sightings", |connection| {
            let find = concat!(
                "SELECT ",
                columns!(),
                ", (SELECT content FROM sighting l WHERE l.route = r.route AND l.key = r.key AND l.side = 0) AS here
                 FROM sighting r WHERE route = ?1 AND key > ?2 AND side = 1 AND kind IS NOT NULL AND here IS NOT NULL
                 ORDER BY key LIMIT ?3"
            );
            let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(find)?;
            let both =
                |row: &rusqlite::Row<'_>| Ok((read(row)?, ContentId::from_md5(row.get(HERE)?)));
            statement.query_map(params![route.0, after, page], both)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let contested = |(sighting, here)| match sighting {
            Sighting::Remote(key, Some(there)) => Some(Contested { key, here, there }),
            Sighting::Remote(_, None) | Sighting::Local(..) | Sighting::Rests(_) => None,
        };
        Ok(seen.into_iter().filter_map(contested).collect())
    }

    /// A page of what both sides agreed on and the remote one shows without its permissions, from behind `after` on in the order of the keys.
    pub fn unsaid(&self, route: RouteId, after: &str) -> Result<Vec<Known>, Error> {
        let keys = self.with("reading sightings", |connection| {
            let find = "SELECT key FROM sighting r WHERE route = ?1 AND key > ?2 AND side = 1 AND kind IS NOT NULL AND mode IS NULL
                 AND EXISTS (SELECT 1 FROM base b WHERE b.route = r.route AND b.key = r.key)
                 ORDER BY key LIMIT ?3";
            let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(find)?;
            let rows = statement.query_map(params![route.0, after, page], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        })?;
        let known = keys.iter().filter_map(|key| ObjectKey::parse(key).ok());
        known.filter_map(|key| self.known_at(route, &key).transpose()).collect()
    }
}

macro_rules! columns {
    () => {
        "key, side, kind, content, size, mtime, mode, uid, gid, \
         stamp_size, stamp_mtime, ctime, inode, etag, modified"
    };
}
pub(crate) use columns;

/// The column behind those.
const HERE: usize = 15;

pub(crate) fn write(connection: &Connection, route: RouteId, sighting: &Sighting) -> rusqlite::Result<()> {
    let write = concat!(
        "INSERT OR REPLACE INTO sighting (route, ",
        columns!(),
        ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
    );
    let (key, side, node) = match sighting {
        Sighting::Local(key, seen) => (key, LOCAL, seen.map(|seen| seen.node)),
        Sighting::Remote(key, seen) => (key, REMOTE, seen.as_ref().map(|seen| seen.node)),
        Sighting::Rests(key) => (key, BOTH, None),
    };
    let stamp = match sighting {
        Sighting::Local(_, seen) => seen.map(|seen| seen.stamp),
        Sighting::Remote(..) | Sighting::Rests(_) => None,
    };
    let version = match sighting {
        Sighting::Remote(_, Some(seen)) => Some(&seen.version),
        Sighting::Remote(_, None) | Sighting::Local(..) | Sighting::Rests(_) => None,
    };
    let meta = node.map(|node| node.meta).unwrap_or_default();
    connection.prepare_cached(write)?.execute(params![
        route.0,
        key.as_str(),
        side,
        node.map(|node| kind_number(node.kind)),
        node.map(|node| *node.content.as_bytes()),
        node.map(|node| node.size.cast_signed()),
        meta.mtime.map(|time| time.0),
        meta.mode.map(Mode::bits),
        meta.owner.map(|owner| owner.uid),
        meta.owner.map(|owner| owner.gid),
        stamp.map(|stamp| stamp.size.cast_signed()),
        stamp.map(|stamp| stamp.mtime.0),
        stamp.map(|stamp| stamp.ctime.0),
        stamp.map(|stamp| stamp.inode.cast_signed()),
        version.map(|version| version.etag.as_str()),
        version.and_then(|version| version.modified).map(|time| time.0),
    ])?;
    Ok(())
}

/// One side is as agreed again.
pub(crate) fn drop_local(connection: &Connection, route: RouteId, key: &ObjectKey) -> rusqlite::Result<bool> {
    drop_one(connection, route, key, LOCAL)
}

/// One side is as agreed again.
pub(crate) fn drop_remote(
    connection: &Connection,
    route: RouteId,
    key: &ObjectKey,
) -> rusqlite::Result<bool> {
    drop_one(connection, route, key, REMOTE)
}

/// No rule has it left alone any more.
pub(crate) fn wake(connection: &Connection, route: RouteId, key: &ObjectKey) -> rusqlite::Result<()> {
    drop_one(connection, route, key, BOTH).map(drop)
}

/// Whether there was one.
fn drop_one(connection: &Connection, route: RouteId, key: &ObjectKey, side: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("DELETE FROM sighting WHERE route = ?1 AND key = ?2 AND side = ?3")?
        .execute(params![route.0, key.as_str(), side])
        .map(|dropped| dropped > 0)
}

/// Both sides agree, so neither has news.
pub(crate) fn drop_both(connection: &Connection, route: RouteId, key: &ObjectKey) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM sighting WHERE route = ?1 AND key = ?2")?
        .execute(params![route.0, key.as_str()])
        .map(drop)
}

pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sighting> {
    let key = read_key(row, 0)?;
    let node = read_kind(row, 2)?.map(|kind| read_node(row, kind)).transpose()?;
    match row.get::<_, i64>(1)? {
        LOCAL => {
            let seen = node.map(|node| Ok::<_, rusqlite::Error>(LocalSeen { node, stamp: read_stamp(row)? }));
            Ok(Sighting::Local(key, seen.transpose()?))
        }
        REMOTE => {
            let seen =
                node.map(|node| Ok::<_, rusqlite::Error>(RemoteSeen { node, version: read_version(row)? }));
            Ok(Sighting::Remote(key, seen.transpose()?))
        }
        BOTH => Ok(Sighting::Rests(key)),
        _ => Err(unfit(row, 1)),
    }
}

fn read_node(row: &rusqlite::Row<'_>, kind: Kind) -> rusqlite::Result<Node> {
    let meta: Meta = read_meta(row, 5)?;
    let size = row.get(4).map(i64::cast_unsigned)?;
    Ok(Node { kind, content: ContentId::from_md5(row.get(3)?), size, meta })
}

fn read_stamp(row: &rusqlite::Row<'_>) -> rusqlite::Result<Stamp> {
    Ok(Stamp {
        size: row.get(9).map(i64::cast_unsigned)?,
        mtime: UnixNanos(row.get(10)?),
        ctime: UnixNanos(row.get(11)?),
        inode: row.get(12).map(i64::cast_unsigned)?,
    })
}

fn read_version(row: &rusqlite::Row<'_>) -> rusqlite::Result<RemoteVersion> {
    let modified: Option<i64> = row.get(14)?;
    Ok(RemoteVersion { etag: ETag::new(row.get_ref(13)?.as_str()?), modified: modified.map(UnixNanos) })
}

impl Sighting {
    /// What it is about.
    #[must_use]
    pub fn key(&self) -> &ObjectKey {
        match self {
            Self::Local(key, _) | Self::Remote(key, _) | Self::Rests(key) => key,
        }
    }
}

#[cfg(test)]
mod tests;

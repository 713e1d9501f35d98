//! What a base belongs to: one folder on its way to one place in one destination.

use crate::{Error, Journal};
use model::UnixNanos;
use rusqlite::{OptionalExtension, params};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// What tells one route from another. Naming another folder begins another base: an agreement about one tree
/// says nothing about a second.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// The destination's name.
    pub destination: String,
    /// The key prefix in the destination's bucket.
    pub prefix: String,
    /// The local folder.
    pub folder: PathBuf,
}

/// A route of this journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub(crate) i64);

/// Which directory a folder's path last led to. Device numbers may differ after a restart of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RootIdentity {
    /// Device number of the file system.
    pub device: u64,
    /// Inode number of the directory.
    pub inode: u64,
    /// When the directory was made, if its file system tells.
    pub born: Option<UnixNanos>,
}

impl Journal {
    /// The route of this key, begun if there was none.
    pub fn route(&self, key: &RouteKey) -> Result<RouteId, Error> {
        let folder = key.folder.as_os_str().as_bytes();
        self.with("looking up a route", |connection| {
            let values = params![key.destination, key.prefix, folder];
            let find = "SELECT id FROM route WHERE (destination, prefix, folder) = (?1, ?2, ?3)";
            let found = connection.prepare_cached(find)?.query_row(values, |row| row.get(0)).optional()?;
            if let Some(id) = found {
                return Ok(RouteId(id));
            }
            // Another process may have been quicker, so the row may be there by now.
            let add =
                "INSERT INTO route (destination, prefix, folder) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
            connection.execute(add, values)?;
            connection.query_row(find, values, |row| row.get(0)).map(RouteId)
        })
    }

    /// Every route, in the order of their making.
    pub fn routes(&self) -> Result<Vec<(RouteId, RouteKey)>, Error> {
        self.with("listing routes", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, destination, prefix, folder FROM route ORDER BY id")?;
            let routes = statement.query_map([], |row| {
                let folder = PathBuf::from(OsString::from_vec(row.get(3)?));
                Ok((RouteId(row.get(0)?), RouteKey { destination: row.get(1)?, prefix: row.get(2)?, folder }))
            })?;
            routes.collect()
        })
    }

    /// Forgets a route with its base, runs and halt.
    pub fn forget_route(&self, route: RouteId) -> Result<(), Error> {
        self.with("forgetting a route", |connection| {
            connection.execute("DELETE FROM route WHERE id = ?1", [route.0]).map(|_| ())
        })
    }

    /// The halt that stands on a route until a person decides.
    pub fn halt(&self, route: RouteId) -> Result<Option<String>, Error> {
        self.with("reading a halt", |connection| {
            let mut statement = connection.prepare_cached("SELECT halt FROM route WHERE id = ?1")?;
            statement.query_row([route.0], |row| row.get(0)).optional().map(Option::flatten)
        })
    }

    /// What going on from that halt leads to, in the word that came with it.
    pub fn halt_leads_to(&self, route: RouteId) -> Result<Option<String>, Error> {
        self.read_text(route, "SELECT halt_leads_to FROM route WHERE id = ?1")
    }

    /// Puts a halt on a route, with a word for what going on from it leads to, or takes it off.
    pub fn set_halt(&self, route: RouteId, halt: Option<(&str, &str)>) -> Result<(), Error> {
        self.with("setting a halt", |connection| {
            let change = "UPDATE route SET halt = ?2, halt_leads_to = ?3 WHERE id = ?1";
            let (said, leads_to) = halt.unzip();
            connection.execute(change, params![route.0, said, leads_to]).map(|_| ())
        })
    }

    /// What was said of the route's destination when it was last looked for and was not there; `None` if it was.
    pub fn missing(&self, route: RouteId) -> Result<Option<String>, Error> {
        self.read_text(route, "SELECT missing FROM route WHERE id = ?1")
    }

    /// Remembers what was said of a destination that was not there, or that it was.
    pub fn set_missing(&self, route: RouteId, missing: Option<&str>) -> Result<(), Error> {
        self.with("remembering a missing destination", |connection| {
            let change = "UPDATE route SET missing = ?2 WHERE id = ?1 AND missing IS NOT ?2";
            connection.prepare_cached(change)?.execute(params![route.0, missing]).map(drop)
        })
    }

    /// Which directory the route's folder last was.
    pub fn root_identity(&self, route: RouteId) -> Result<Option<RootIdentity>, Error> {
        self.with("reading a folder's identity", |connection| {
            let find =
                "SELECT root_device, root_inode, root_born FROM route WHERE id = ?1 AND root_inode IS NOT NULL";
            let identity = |row: &rusqlite::Row<'_>| {
                let number = |at| row.get(at).map(i64::cast_unsigned);
                let born = row.get::<_, Option<i64>>(2)?.map(UnixNanos);
                Ok(RootIdentity { device: number(0)?, inode: number(1)?, born })
            };
            connection.prepare_cached(find)?.query_row([route.0], identity).optional()
        })
    }

    /// Remembers which directory the route's folder is.
    pub fn set_root_identity(&self, route: RouteId, identity: RootIdentity) -> Result<(), Error> {
        self.with("remembering a folder's identity", |connection| {
            let RootIdentity { device, inode, born } = identity;
            let born = born.map(|born| born.0);
            let values = params![route.0, device.cast_signed(), inode.cast_signed(), born];
            let change = "UPDATE route SET root_device = ?2, root_inode = ?3, root_born = ?4 WHERE id = ?1";
            connection.execute(change, values).map(|_| ())
        })
    }

    /// Which place the route's destination was when something was last agreed on; `None` where a name is all there is to go by.
    pub fn place(&self, route: RouteId) -> Result<Option<String>, Error> {
        self.with("reading which place a destination is", |connection| {
            let mut statement = connection.prepare_cached("SELECT place FROM route WHERE id = ?1")?;
            statement.query_row([route.0], |row| row.get(0)).optional().map(Option::flatten)
        })
    }

    /// Remembers which place the route's destination is. Where it was another one, the route counts as rewound from now on: what was agreed
    /// on was agreed on with that one.
    pub fn set_place(&self, route: RouteId, place: &str) -> Result<(), Error> {
        self.with("remembering which place a destination is", |connection| {
            let change = "UPDATE route SET place = ?2, rewound = (rewound OR place IS NOT NULL) \
                          WHERE id = ?1 AND place IS NOT ?2";
            connection.execute(change, params![route.0, place]).map(|_| ())
        })
    }

    /// Whether any route has met the destination of this name as a place that can be told from others.
    pub fn has_met(&self, destination: &str) -> Result<bool, Error> {
        self.with("looking for a destination", |connection| {
            let find = "SELECT EXISTS (SELECT 1 FROM route WHERE destination = ?1 AND place IS NOT NULL)";
            connection.prepare_cached(find)?.query_row([destination], |row| row.get(0))
        })
    }
}

/// Where a route's next look at the bucket starts, and how far the last cycle came.
impl Journal {
    /// The cursor up to which the remote side's changes are known.
    pub fn cursor(&self, route: RouteId) -> Result<Option<String>, Error> {
        self.read_text(route, "SELECT cursor FROM route WHERE id = ?1")
    }

    /// What the last cycle that left nothing to do was told, if nothing was noticed since.
    pub fn calm(&self, route: RouteId) -> Result<Option<String>, Error> {
        self.read_text(route, "SELECT calm FROM route WHERE id = ?1")
    }

    /// Remembers that nothing is left to do under these instructions, or that there may be.
    pub fn set_calm(&self, route: RouteId, calm: Option<&str>) -> Result<(), Error> {
        self.with("remembering that all is done", |connection| {
            let change = "UPDATE route SET calm = ?2 WHERE id = ?1 AND calm IS NOT ?2";
            connection.prepare_cached(change)?.execute(params![route.0, calm]).map(drop)
        })
    }

    /// Whether the remote side was found put back to an older state, and no cycle came through since.
    pub fn is_rewound(&self, route: RouteId) -> Result<bool, Error> {
        self.with("reading a doubt", |connection| {
            let find = "SELECT rewound FROM route WHERE id = ?1";
            let found = connection.prepare_cached(find)?.query_row([route.0], |row| row.get(0)).optional()?;
            Ok(found.unwrap_or(false))
        })
    }

    fn read_text(&self, route: RouteId, find: &str) -> Result<Option<String>, Error> {
        self.with("reading a route", |connection| {
            let mut statement = connection.prepare_cached(find)?;
            statement.query_row([route.0], |row| row.get(0)).optional().map(Option::flatten)
        })
    }
}

#[cfg(test)]
mod tests;

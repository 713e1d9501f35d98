//! A bucket's history, opened for one request, and the moment that the address names.

use crate::dates::{self, When};
use crate::failure::Failure;
use crate::guest::Visit;
use crate::readers::Reader;
use crate::site::Site;
use archive::{Entry, SnapshotId, SnapshotInfo};
use chrono_tz::Tz;
use model::{BucketName, RelPath, UnixNanos};
use std::path::PathBuf;
use std::sync::Arc;

/// A bucket with at least one snapshot, and who looks at it.
pub(crate) struct Past {
    pub site: Arc<Site>,
    pub visit: Visit,
    pub history: Reader,
    pub latest: SnapshotId,
}

/// The snapshot that an address names.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub id: SnapshotId,
    pub time: UnixNanos,
    /// As it stands in addresses: links on a page of `latest` stay on `latest`.
    pub label: String,
    pub info: SnapshotInfo,
}

/// The name of whatever is newest.
pub(crate) const LATEST: &str = "latest";

impl Site {
    pub(crate) fn archive_path(&self, bucket: &BucketName) -> PathBuf {
        self.options.archives.join(format!("{bucket}.git"))
    }

    /// The bucket's history; `None` while it has no snapshot.
    pub(crate) fn past(self: &Arc<Self>, visit: &Visit) -> Result<Option<Past>, Failure> {
        let lent = self.readers.lend(&self.archive_path(&visit.bucket));
        let lent =
            lent.map_err(|error| Failure::broken(format!("open the history of {}", visit.bucket), error))?;
        let Some(history) = lent else { return Ok(None) };
        let latest = history.newest();
        Ok(Some(Past { site: Arc::clone(self), visit: visit.clone(), history, latest }))
    }

    /// As [`Site::past`], where nothing can be shown without a snapshot.
    pub(crate) fn past_or_nothing(self: &Arc<Self>, visit: &Visit) -> Result<Past, Failure> {
        let nothing = || {
            Failure::NotFound("This bucket has no snapshot yet; the first one is still to come.".to_owned())
        };
        self.past(visit)?.ok_or_else(nothing)
    }
}

impl Past {
    /// The snapshot that goes by `label`: `latest`, an id, or the beginning of one.
    pub(crate) fn moment(&self, label: &str) -> Result<Moment, Failure> {
        let unknown = || Failure::NotFound("There is no snapshot of that name.".to_owned());
        if label != LATEST && (label.len() < 4 || !label.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            return Err(unknown());
        }
        let id = match self.history.resolve(label) {
            Ok(id) => id,
            Err(archive::Error::UnknownSnapshot { .. }) => return Err(unknown()),
            Err(error) => return Err(self.broken("find the snapshot", None, error)),
        };
        let info = self.history.info(&id).map_err(|error| self.broken("read the snapshot", None, error))?;
        let label = if label == LATEST { label.to_owned() } else { id.short() };
        Ok(Moment { id, time: info.time, label, info })
    }

    pub(crate) fn snapshots(&self, skip: usize, take: usize) -> Result<Vec<SnapshotInfo>, Failure> {
        self.history.snapshots(skip, take).map_err(|error| self.broken("list the snapshots", None, error))
    }

    /// How many snapshots there are.
    pub(crate) fn count_snapshots(&self) -> Result<usize, Failure> {
        self.site.timelines.count(self)
    }

    pub(crate) fn entry(&self, moment: &Moment, path: &RelPath) -> Result<Option<Entry>, Failure> {
        let found = self.history.entry(&moment.id, path);
        found.map_err(|error| self.broken(&format!("read snapshot {}", moment.id.short()), Some(path), error))
    }

    pub(crate) fn list(&self, moment: &Moment, path: Option<&RelPath>) -> Result<Vec<Entry>, Failure> {
        let found = self.history.list(&moment.id, path);
        let found = found
            .map_err(|error| self.broken(&format!("list snapshot {}", moment.id.short()), path, error))?;
        found.ok_or_else(Failure::not_found)
    }

    pub(crate) fn read(&self, moment: &Moment, entry: &Entry, limit: u64) -> Result<Vec<u8>, Failure> {
        let read = self.history.read(entry, limit);
        let doing = format!("read snapshot {}", moment.id.short());
        read.map_err(|error| self.broken(&doing, Some(&entry.path), error))
    }

    /// A failure that names what was looked at.
    pub(crate) fn broken(&self, doing: &str, path: Option<&RelPath>, error: archive::Error) -> Failure {
        self.history.spoil();
        let place = path
            .map_or_else(|| self.visit.bucket.to_string(), |path| format!("{}/{path}", self.visit.bucket));
        Failure::broken(format!("{doing} of {place}"), error)
    }

    pub(crate) fn when(&self, time: UnixNanos) -> When {
        dates::describe(time, self.site.now(), self.zone())
    }

    pub(crate) fn zone(&self) -> Tz {
        self.site.options.timezone
    }
}

/// Reads a path as it stands in an address. An address that is no path leads nowhere.
pub(crate) fn path(text: &str) -> Result<RelPath, Failure> {
    RelPath::from_key(text.strip_suffix('/').unwrap_or(text)).map_err(|_| Failure::not_found())
}

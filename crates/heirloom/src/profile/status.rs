//! How a machine is doing, as data: from the journal, and from the daemon if one runs.
//!
//! Both sources fill in one form, so that a route looks the same with and without a daemon, but for what only a daemon knows: what it does at
//! the moment, how fast, and when it goes on.

use super::away::Away;
use super::halted::Ways;
use super::live::{Failing, Live};
use super::routes::Wired;
use journal::{Journal, RouteId};
use model::UnixNanos;
use plan::sync::{Direction, Side};
use serde::{Deserialize, Serialize};
use std::path::Path;
use sync::{Route, Stage};
use tokio::time::Instant;

/// What `plan::sync::ConflictLabel` writes.
const CONFLICT_COPIES: &str =
    "*.sync-conflict-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]-*";

/// Everything there is to tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) machine: MachineStatus,
    pub(crate) routes: Vec<RouteStatus>,
    pub(crate) histories: Vec<HistoryStatus>,
}

/// The machine, and its daemon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MachineStatus {
    pub(crate) machine: String,
    pub(crate) profile: String,
    /// Whether a daemon runs.
    pub(crate) running: bool,
    pub(crate) pid: Option<u32>,
    /// When the daemon was started; seconds since 1970, like all times here.
    pub(crate) since: Option<i64>,
    /// Bytes per second.
    pub(crate) limit_upload: Option<u64>,
    pub(crate) limit_download: Option<u64>,
    /// What keeps all of it from going on: a drive that is not there, a join file that was not written yet.
    pub(crate) trouble: Option<String>,
}

/// What is being done for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Doing {
    /// No daemon runs, so nothing.
    Nothing,
    /// Both sides are being looked at.
    Looking,
    /// Files that may have changed are being read.
    Reading,
    /// Files are brought across.
    Syncing,
    /// A person must decide.
    Halted,
    /// It failed, and will be tried again.
    Failing,
    /// It waits for something to change.
    Waiting,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RouteStatus {
    /// What people call it.
    pub(crate) route: String,
    pub(crate) state: Option<String>,
    pub(crate) destination: String,
    pub(crate) folder: String,
    pub(crate) doing: Doing,
    pub(crate) files_done: u64,
    pub(crate) files: u64,
    pub(crate) bytes_done: u64,
    pub(crate) bytes: u64,
    /// Bytes per second, of the last moments.
    pub(crate) rate: Option<u64>,
    pub(crate) seconds_left: Option<u64>,
    /// In how many seconds it goes on, if nothing happens before.
    pub(crate) next: Option<u64>,
    /// When a run last brought everything across.
    pub(crate) last_success: Option<i64>,
    /// When a run last ended, and how.
    pub(crate) last_run: Option<i64>,
    pub(crate) last_outcome: Option<String>,
    /// Files of which it is known that they have to go, and to come.
    pub(crate) pending_up: u64,
    pub(crate) pending_up_bytes: u64,
    /// Files that are gone here, and have to go there.
    pub(crate) pending_up_gone: u64,
    pub(crate) pending_down: u64,
    pub(crate) pending_down_bytes: u64,
    pub(crate) pending_down_gone: u64,
    /// What it is halted for.
    pub(crate) halt: Option<String>,
    /// What goes on from there.
    #[serde(flatten)]
    pub(crate) ways: Option<Ways>,
    /// What was said of the destination, which was not there when it was last looked for.
    pub(crate) missing: Option<String>,
    /// Disks below the folder that are not the ones that were synced there.
    #[serde(default)]
    pub(crate) away: Vec<Away>,
    /// Why it fails, since when, and how often it did.
    pub(crate) failure: Option<String>,
    /// What a person can do about it, where nothing else helps.
    pub(crate) hint: Option<String>,
    pub(crate) failing_for: Option<u64>,
    pub(crate) attempts: u32,
    /// Whether waiting may help.
    pub(crate) may_pass: bool,
    /// Paths that the latest run left out.
    pub(crate) problems: u64,
    /// Conflicts that the latest run found.
    pub(crate) found_conflicts: u64,
    /// Paths that it left to the next one, because they changed meanwhile.
    pub(crate) overtaken: u64,
    /// Whether a hook around it failed.
    pub(crate) hook_failed: bool,
    /// Conflict copies that wait for a decision.
    pub(crate) conflicts: u64,
    /// Why changes are found by looking at the interval only.
    pub(crate) unwatched: Option<String>,
}

/// The history of one bucket, on a cloud or on a drive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HistoryStatus {
    pub(crate) bucket: String,
    pub(crate) archive: String,
    pub(crate) snapshots: u64,
    /// When the latest one was taken.
    pub(crate) latest: Option<i64>,
    pub(crate) trouble: Option<String>,
}

/// What a route goes by.
pub(crate) struct Names<'a> {
    pub(crate) route: String,
    pub(crate) state: Option<&'a str>,
    pub(crate) destination: &'a str,
    pub(crate) folder: &'a Path,
    pub(crate) direction: Direction,
    pub(crate) ways: Ways,
}

impl<'a> Names<'a> {
    fn of(route: &'a Route) -> Self {
        Self {
            route: route.name(),
            state: route.state.as_ref().map(model::StateName::as_str),
            destination: &route.destination,
            folder: &route.folder,
            direction: route.direction,
            ways: Ways::of(route),
        }
    }
}

/// A route of a running daemon.
pub(crate) fn of_wired(journal: &Journal, one: &Wired) -> Result<RouteStatus, journal::Error> {
    let mut status = of_route(journal, Some(one.route.id), &Names::of(&one.route))?;
    status.enliven(&one.live);
    Ok(status)
}

/// A route of a running daemon whose destination cannot be used yet.
pub(crate) fn of_unready(
    journal: &Journal,
    route: &Route,
    why: String,
) -> Result<RouteStatus, journal::Error> {
    let status = of_route(journal, Some(route.id), &Names::of(route))?;
    Ok(RouteStatus { doing: Doing::Failing, failure: Some(why), ..status })
}

/// A route as the journal knows it; `None`: it does not know it yet.
pub(crate) fn of_route(
    journal: &Journal,
    id: Option<RouteId>,
    names: &Names<'_>,
) -> Result<RouteStatus, journal::Error> {
    let mut status = RouteStatus::new(names);
    let Some(id) = id else { return Ok(status) };
    status.last_success = journal.last_success(id)?.map(seconds);
    let latest = journal.last_runs(id, 10)?;
    if let Some((ended, summary)) = latest.iter().find_map(|run| run.finished) {
        status.last_run = Some(seconds(ended));
        status.last_outcome = Some(summary.outcome.as_str().to_owned());
        status.problems = summary.problems;
        (status.found_conflicts, status.overtaken) = (summary.conflicts, summary.overtaken);
        status.hook_failed = summary.hook_failed;
    }
    let pending = journal.pending(id)?;
    // What a side that only follows has of its own goes nowhere.
    if names.direction.writes(Side::Remote) {
        status.pending_up = pending.local - pending.local_gone;
        (status.pending_up_gone, status.pending_up_bytes) = (pending.local_gone, pending.local_bytes);
    }
    if names.direction.writes(Side::Local) {
        status.pending_down = pending.remote - pending.remote_gone;
        (status.pending_down_gone, status.pending_down_bytes) = (pending.remote_gone, pending.remote_bytes);
    }
    status.halt = journal.halt(id)?;
    status.missing = journal.missing(id)?;
    status.away = Away::all(journal.mount_doubts(id)?, &names.ways);
    let leads_to = journal.halt_leads_to(id)?;
    status.ways = status.halt.is_some().then(|| names.ways.clone().leading_to(leads_to.as_deref()));
    status.conflicts = journal.count_agreed(id, CONFLICT_COPIES)?;
    Ok(status)
}

impl RouteStatus {
    /// One of which nothing is known yet.
    pub(crate) fn new(names: &Names<'_>) -> Self {
        Self {
            route: names.route.clone(),
            state: names.state.map(ToOwned::to_owned),
            destination: names.destination.to_owned(),
            folder: names.folder.display().to_string(),
            doing: Doing::Nothing,
            files_done: 0,
            files: 0,
            bytes_done: 0,
            bytes: 0,
            rate: None,
            seconds_left: None,
            next: None,
            last_success: None,
            last_run: None,
            last_outcome: None,
            pending_up: 0,
            pending_up_bytes: 0,
            pending_up_gone: 0,
            pending_down: 0,
            pending_down_bytes: 0,
            pending_down_gone: 0,
            halt: None,
            ways: None,
            missing: None,
            away: Vec::new(),
            failure: None,
            hint: None,
            failing_for: None,
            attempts: 0,
            may_pass: false,
            problems: 0,
            found_conflicts: 0,
            overtaken: 0,
            hook_failed: false,
            conflicts: 0,
            unwatched: None,
        }
    }

    /// Adds what only a running daemon knows.
    fn enliven(&mut self, live: &Live) {
        let (work, rate) = live.at_work();
        let (next, failing, unwatched) = {
            let notes = live.notes();
            (notes.next, notes.failing.clone(), notes.unwatched.clone())
        };
        self.doing = match work.stage {
            Stage::Observing => Doing::Looking,
            Stage::Digesting => Doing::Reading,
            Stage::Applying => Doing::Syncing,
            Stage::Idle if self.halt.is_some() => Doing::Halted,
            Stage::Idle if failing.is_some() => Doing::Failing,
            Stage::Idle => Doing::Waiting,
        };
        if work.stage != Stage::Idle {
            (self.files_done, self.files) = (work.files_done, work.files);
            (self.bytes_done, self.bytes) = (work.bytes_done, work.bytes);
            self.rate = rate;
            let left = work.bytes.saturating_sub(work.bytes_done);
            self.seconds_left = rate.filter(|rate| *rate > 0).map(|rate| left.div_ceil(rate));
        }
        self.next = next.map(|next| next.saturating_duration_since(Instant::now()).as_secs());
        self.unwatched = unwatched;
        if let Some(Failing { since, attempts, may_pass, why, hint }) = failing {
            self.failure = Some(why);
            self.hint = hint;
            self.failing_for = Some(since.elapsed().as_secs());
            (self.attempts, self.may_pass) = (attempts, may_pass);
        }
    }
}

/// The history in an archive; one that is not there has none.
pub(crate) fn of_archive(bucket: &str, path: &Path) -> HistoryStatus {
    let read = || -> Result<(u64, Option<i64>), archive::Error> {
        let history = archive::Archive::open(path)?.history()?;
        let latest = history.snapshots(0, 1)?.into_iter().next().map(|latest| seconds(latest.time));
        Ok((history.count()? as u64, latest))
    };
    let (read, trouble) = match if path.exists() { read() } else { Ok((0, None)) } {
        Ok(read) => (read, None),
        Err(error) => ((0, None), Some(error.to_string())),
    };
    let (snapshots, latest) = read;
    HistoryStatus {
        bucket: bucket.to_owned(),
        archive: path.display().to_string(),
        snapshots,
        latest,
        trouble,
    }
}

fn seconds(time: UnixNanos) -> i64 {
    time.seconds_and_nanos().0
}

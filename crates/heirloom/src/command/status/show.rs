//! The status of a machine on a page, or as JSON lines.

use crate::printed::command;
use crate::profile::status::{Doing, HistoryStatus, MachineStatus, RouteStatus, Status};
use crate::report::counted;
use crate::report::time::{ago, span};
use crate::report::{Format, Message, Report, Row};
use model::ByteSize;
use serde::Serialize;
use std::fmt;

/// Says it: the machine, its routes and histories as tables, and then what a person has to look at.
pub(super) fn show(report: &Report, status: &Status, now: i64) {
    report.say(&Machine { status: &status.machine, now });
    let routes: Vec<Route<'_>> = status.routes.iter().map(|status| Route { status, now }).collect();
    let histories: Vec<History<'_>> = status.histories.iter().map(|status| History { status, now }).collect();
    if !routes.is_empty() {
        gap(report);
        report.table(&routes, "");
    }
    if !histories.is_empty() {
        gap(report);
        report.table(&histories, "");
    }
    let matters = matters(status);
    if report.format() == Format::Human && !matters.is_empty() {
        gap(report);
        report.verbatim(&matters.join("\n"));
    }
}

/// An empty line, for people.
fn gap(report: &Report) {
    if report.format() == Format::Human {
        report.verbatim("");
    }
}

#[derive(Serialize)]
struct Machine<'a> {
    #[serde(flatten)]
    status: &'a MachineStatus,
    #[serde(skip)]
    now: i64,
}

impl Message for Machine<'_> {
    const TYPE: &'static str = "machine_status";
}

impl fmt::Display for Machine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MachineStatus { machine, profile, running, since, limit_upload, limit_download, trouble, .. } =
            self.status;
        let running = match (running, since) {
            (false, _) => format!("no daemon runs; `{}` starts it", command(profile)),
            (true, Some(since)) => format!("the daemon runs, started {}", ago(past(self.now, *since))),
            (true, None) => "it runs".to_owned(),
        };
        write!(f, "{machine} ({profile}): {running}")?;
        let limit =
            |verb: &str, rate: &Option<u64>| rate.map(|rate| format!("{verb} at most {}/s", ByteSize(rate)));
        for limit in [limit("sends", limit_upload), limit("receives", limit_download)].into_iter().flatten() {
            write!(f, "; {limit}")?;
        }
        match trouble {
            Some(trouble) => write!(f, "\n{trouble}"),
            None => Ok(()),
        }
    }
}

#[derive(Serialize)]
struct Route<'a> {
    #[serde(flatten)]
    status: &'a RouteStatus,
    #[serde(skip)]
    now: i64,
}

impl Row for Route<'_> {
    const TYPE: &'static str = "route_status";
    const HEADERS: &'static [&'static str] = &["route", "now", "last success", "pending"];

    fn cells(&self) -> Vec<String> {
        let status = self.status;
        let last = status.last_success.map_or("never".to_owned(), |at| ago(past(self.now, at)));
        vec![status.route.clone(), doing(status), last, pending(status)]
    }
}

fn doing(status: &RouteStatus) -> String {
    let next = status.next.map(span);
    let outcome = status.last_outcome.as_deref();
    match status.doing {
        Doing::Looking => "looking at both sides".to_owned(),
        Doing::Reading => format!("reading {}", moved(status)),
        Doing::Syncing => format!("syncing {}", moved(status)),
        _ if status.halt.is_some() => "halted".to_owned(),
        Doing::Failing if status.hint.is_some() => {
            next.map_or("halted".to_owned(), |next| format!("halted, looks again in {next}"))
        }
        _ if status.missing.is_some() => format!("waits for {}", status.destination),
        Doing::Failing => {
            let what = if status.may_pass { "offline" } else { "failing" };
            next.map_or(what.to_owned(), |next| format!("{what}, tries again in {next}"))
        }
        Doing::Waiting | Doing::Nothing | Doing::Halted => match outcome {
            None => "not synced yet".to_owned(),
            Some("failed") => "the last sync failed".to_owned(),
            Some("incomplete") if status.problems == 0 => incomplete(status),
            Some("incomplete") if status.last_success.is_none() => "not in sync yet".to_owned(),
            Some("incomplete") => "not all in sync".to_owned(),
            Some("halted") => "halted".to_owned(),
            Some("ok") if !has_pending(status) => "in sync".to_owned(),
            Some(_) => "waiting".to_owned(),
        },
    }
}

/// What a run that left no path out still lacked.
fn incomplete(status: &RouteStatus) -> String {
    let RouteStatus { hook_failed, found_conflicts, overtaken, .. } = *status;
    match (hook_failed, found_conflicts, overtaken) {
        (true, ..) => "a hook failed".to_owned(),
        (false, 0, 0) => "not all in sync".to_owned(),
        (false, 0, overtaken) => format!("{} changed meanwhile", counted(overtaken, "file")),
        (false, conflicts, _) => counted(conflicts, "conflict"),
    }
}

fn has_pending(status: &RouteStatus) -> bool {
    let RouteStatus { pending_up, pending_up_gone, pending_down, pending_down_gone, .. } = status;
    [pending_up, pending_up_gone, pending_down, pending_down_gone].into_iter().any(|pending| *pending > 0)
}

fn moved(status: &RouteStatus) -> String {
    let RouteStatus { files_done, files, bytes_done, bytes, rate, seconds_left, .. } = status;
    let mut text = format!("{files_done} of {}", counted(*files, "file"));
    if *bytes > 0 {
        text = format!("{text}, {} of {}", ByteSize(*bytes_done), ByteSize(*bytes));
    }
    if let Some(rate) = rate.filter(|rate| *rate > 0) {
        text = format!("{text}, {}/s", ByteSize(rate));
    }
    if let Some(left) = seconds_left.filter(|left| *left > 0) {
        text = format!("{text}, {} left", span(left));
    }
    text
}

fn pending(status: &RouteStatus) -> String {
    let part = |files: u64, bytes: u64, verb: &str| {
        (files > 0).then(|| format!("{files} to {verb} ({})", ByteSize(bytes)))
    };
    let gone = |files: u64, side: &str| (files > 0).then(|| format!("{files} to delete {side}"));
    let parts = [
        part(status.pending_up, status.pending_up_bytes, "send"),
        gone(status.pending_up_gone, "there"),
        part(status.pending_down, status.pending_down_bytes, "receive"),
        gone(status.pending_down_gone, "here"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
}

#[derive(Serialize)]
struct History<'a> {
    #[serde(flatten)]
    status: &'a HistoryStatus,
    #[serde(skip)]
    now: i64,
}

impl Row for History<'_> {
    const TYPE: &'static str = "history_status";
    const HEADERS: &'static [&'static str] = &["history of", "snapshots", "latest"];

    fn cells(&self) -> Vec<String> {
        let latest = self.status.latest.map_or("none yet".to_owned(), |at| ago(past(self.now, at)));
        vec![self.status.bucket.clone(), self.status.snapshots.to_string(), latest]
    }
}

/// A clock that was set back makes the past lie ahead; then it was just now.
fn past(now: i64, at: i64) -> u64 {
    now.saturating_sub(at).max(0).unsigned_abs()
}

/// What the journal knows of the last run, but not why.
fn unexplained(route: &RouteStatus) -> Option<String> {
    match route.last_outcome.as_deref() {
        _ if route.halt.is_some() || route.doing == Doing::Failing => None,
        Some("halted") => Some("the last sync halted".to_owned()),
        Some("incomplete") if route.hook_failed => Some("a hook of the last sync failed".to_owned()),
        Some("incomplete") if route.overtaken > 0 => {
            let files = counted(route.overtaken, "file");
            Some(format!("{files} changed while being synced, and will go with the next sync"))
        }
        _ => None,
    }
}

/// What a person has to look at, with the command to go on.
fn matters(status: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    for route in &status.routes {
        let name = &route.route;
        if let Some(halt) = &route.halt {
            lines.push(format!("{name} is halted: {halt}"));
            lines.extend(route.ways.iter().map(|ways| format!("  {ways}")));
        }
        if let Some(missing) = &route.missing {
            let from = &route.destination;
            lines.push(format!(
                "{name} waits until {from} is there again: {missing}; `{}` says what to do",
                command("sync")
            ));
        } else if let Some(failure) = &route.failure {
            let tried = route.failing_for.map(|failing| {
                format!(" (for {}, {})", span(failing), counted(route.attempts.into(), "attempt"))
            });
            lines.push(format!("{failure}{}", tried.unwrap_or_default()));
            lines.extend(route.hint.iter().map(|hint| format!("  {hint}")));
        } else if let Some(why) = unexplained(route) {
            lines.push(format!("{name}: {why}; `{}` says more", command("sync")));
        }
        for away in &route.away {
            lines.push(format!("{name}: {}", away.said));
            lines.push(format!("  {}", away.way_on()));
        }
        let problems = route.problems.saturating_sub(route.away.len() as u64);
        if problems > 0 {
            let are = if problems == 1 { "is" } else { "are" };
            let paths = counted(problems, "path");
            lines.push(format!("{name}: {paths} {are} left out; `{}` says which and why", command("sync")));
        }
        if route.conflicts > 0 {
            let conflicts = counted(route.conflicts, "conflict");
            lines.push(format!("{name}: {conflicts} to decide; `{}` lists them", command("conflicts")));
        }
        if let Some(why) = &route.unwatched {
            lines.push(format!("{name}: changes are found by looking, not at once: {why}"));
        }
    }
    for history in &status.histories {
        if let Some(trouble) = &history.trouble {
            lines.push(format!("history of {}: {trouble}", history.bucket));
        }
    }
    lines
}

//! `heirloom status`: how the machine of this profile is doing, route by route.

mod show;

use crate::args::Status as Wanted;
use crate::command::health;
use crate::config::limits::Limits;
use crate::config::{Cloud, Config, Laptop, Pi};
use crate::control::client;
use crate::control::message::Ask;
use crate::failure::{Exit, Failure};
use crate::profile::halted::Ways;
use crate::profile::left::{self, LeftBehind};
use crate::profile::pi;
use crate::profile::routes::{key, open_journal};
use crate::profile::snapshots::Snapshots;
use crate::profile::status::{
    HistoryStatus, MachineStatus, Names, RouteStatus, Status, of_archive, of_route,
};
use crate::runtime;
use crate::session::{Session, now};
use journal::{Journal, RouteId, RouteKey};
use mirror::Drive;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Asks the daemon, or else the journal, and says it.
pub(crate) fn run(session: &Session, wanted: &Wanted) -> Result<Exit, Failure> {
    let mut left = Vec::new();
    let status = match session.load()?.config {
        Config::Laptop(laptop) => {
            let status = match of_daemon(session, &laptop.state_dir)? {
                // It is just starting, or waits for what it needs: the journal knows the routes all the same.
                Some(status) if status.routes.is_empty() => {
                    Status { routes: of_laptop(&laptop)?.routes, ..status }
                }
                Some(status) => status,
                None => of_laptop(&laptop)?,
            };
            if let Some((journal, _)) = known(&laptop.state_dir)? {
                left = left::behind(&laptop, &journal)?;
            }
            status
        }
        Config::Pi(pi) => match of_daemon(session, &pi.state_dir)? {
            Some(status) if status.routes.is_empty() => Status { machine: status.machine, ..of_pi(&pi)? },
            Some(status) => status,
            None => of_pi(&pi)?,
        },
        Config::Cloud(cloud) => of_cloud(&cloud)?,
    };
    show::show(&session.report, &status, now().seconds_and_nanos().0);
    left.iter().map(LeftBehind::from).for_each(|left| session.report.say(&left));
    Ok(if wanted.check { check(&status) } else { Exit::Ok })
}

/// The worst of what a person would want to know of.
fn check(status: &Status) -> Exit {
    let of_route = |route: &RouteStatus| match route.last_outcome.as_deref() {
        _ if route.halt.is_some() => Exit::Halted,
        Some("halted") => Exit::Halted,
        _ if route.missing.is_some() => Exit::Skipped,
        Some("failed") => Exit::Failed,
        _ if route.failure.is_some() => Exit::Failed,
        None => Exit::Failed,
        _ if route.problems > 0 || route.conflicts > 0 => Exit::Incomplete,
        Some("incomplete") => Exit::Incomplete,
        Some(_) => Exit::Ok,
    };
    let exits: Vec<Exit> = status.routes.iter().map(of_route).collect();
    let machine = &status.machine;
    let troubled = !machine.running
        || machine.trouble.is_some()
        || status.histories.iter().any(|history| history.trouble.is_some());
    if exits.contains(&Exit::Halted) {
        Exit::Halted
    } else if troubled || exits.contains(&Exit::Failed) {
        Exit::Failed
    } else {
        exits.into_iter().fold(Exit::Ok, Exit::or_worse)
    }
}

fn of_daemon(session: &Session, state_dir: &Path) -> Result<Option<Status>, Failure> {
    let mut status = None;
    runtime::run_once(async {
        if let Some(asked) = client::ask(state_dir, Ask::Status, Duration::ZERO).await? {
            status = asked.status(&session.report).await?;
        }
        Ok(Exit::Ok)
    })?;
    Ok(status)
}

type Known = (Arc<Journal>, Vec<(RouteId, RouteKey)>);

/// The journal of a machine without a daemon, and the routes that it knows. One that is not there is not made.
fn known(state_dir: &Path) -> Result<Option<Known>, Failure> {
    if !state_dir.join("journal.db").exists() {
        return Ok(None);
    }
    let journal = open_journal(state_dir)?;
    let routes = journal.routes()?;
    Ok(Some((journal, routes)))
}

fn of_laptop(laptop: &Laptop) -> Result<Status, Failure> {
    let known = known(&laptop.state_dir)?;
    let mut routes = Vec::new();
    for (name, state) in &laptop.states {
        for destination in &state.destinations {
            for folder in &state.folders {
                let names = Names {
                    route: format!("{} → {destination}", folder.prefix),
                    state: Some(name.as_str()),
                    destination: destination.as_str(),
                    folder: &folder.path,
                    direction: state.direction,
                    ways: Ways::new(
                        Some(name),
                        (state.destinations.len() > 1).then_some(destination.as_str()),
                    ),
                };
                routes.push(of_key(known.as_ref(), &key(destination.as_str(), folder), &names)?);
            }
        }
    }
    let machine = machine(&laptop.machine, "laptop", laptop.limits);
    Ok(Status { machine, routes, histories: Vec::new() })
}

fn of_key(known: Option<&Known>, key: &RouteKey, names: &Names<'_>) -> Result<RouteStatus, Failure> {
    let Some((journal, routes)) = known else { return Ok(RouteStatus::new(names)) };
    let id = routes.iter().find(|(_, known)| known == key).map(|(id, _)| *id);
    Ok(of_route(journal, id, names)?)
}

fn of_pi(pi: &Pi) -> Result<Status, Failure> {
    let mut machine = machine(&pi.machine, "pi", pi.limits);
    let (mut routes, mut histories) = (Vec::new(), Vec::new());
    match (Drive::open(&pi.drive), pi.cloud.resolve()) {
        (Err(error), _) => machine.trouble = Some(error.to_string()),
        (_, Err(error)) => machine.trouble = Some(error.to_string()),
        (Ok(drive), Ok(join)) => {
            let folder = drive.files(&join.bucket);
            let names = Names {
                route: "everything → cloud".to_owned(),
                state: None,
                destination: "cloud",
                folder: &folder,
                direction: pi.mirror.direction,
                ways: Ways::new(None, None),
            };
            routes.push(of_key(known(&pi.state_dir)?.as_ref(), &pi::key(&join, &drive), &names)?);
            histories.push(of_archive(join.bucket.as_str(), &drive.archive(&join.bucket)));
        }
    }
    Ok(Status { machine, routes, histories })
}

/// A cloud has no routes: it is asked over its own HTTP, and its archives tell the rest.
fn of_cloud(cloud: &Cloud) -> Result<Status, Failure> {
    let (running, message) = health::ask(cloud);
    let mut machine = machine(&cloud.machine, "cloud", Limits::default());
    (machine.running, machine.trouble) = (running, (!running).then_some(message));
    let snapshots = Snapshots::new(&cloud.data_dir, &cloud.machine, cloud.snapshots.timezone);
    let of_bucket = |bucket: &model::BucketName| -> HistoryStatus {
        of_archive(bucket.as_str(), &snapshots.archive_path(bucket))
    };
    let histories = snapshots.buckets()?.iter().map(of_bucket).collect();
    Ok(Status { machine, routes: Vec::new(), histories })
}

fn machine(name: &model::MachineName, profile: &str, limits: Limits) -> MachineStatus {
    MachineStatus {
        machine: name.to_string(),
        profile: profile.to_owned(),
        limit_upload: limits.upload,
        limit_download: limits.download,
        ..MachineStatus::default()
    }
}

#[cfg(test)]
mod tests;

//! `heirloom backups create | list`

use super::sync::refuse_unknown;
use crate::args::BackupsAction;
use crate::config::access::Access;
use crate::config::destination::Destination;
use crate::config::laptop::{DestinationName, Laptop};
use crate::failure::{Exit, Explain as _, Failure};
use crate::printed::command;
use crate::profile::api::{Api, Taken};
use crate::profile::attempt::{Attempt, Made, Wanted};
use crate::profile::keep::{open_folder, sweep_all};
use crate::profile::routes::{Routes, of_laptop, open_journal};
use crate::profile::{rounds, runs, turn};
use crate::report::{Format, Message};
use crate::runtime;
use crate::session::Session;
use model::StateName;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use tokio_util::sync::CancellationToken;

/// Does what was asked.
pub(crate) fn run(session: &Session, action: BackupsAction) -> Result<Exit, Failure> {
    match action {
        BackupsAction::Create { states } => create(session, &states),
        BackupsAction::List => list(session),
    }
}

/// A destination whose cloud takes snapshots.
struct Cloud {
    destination: String,
    api: Api,
}

impl Cloud {
    fn name_of(&self, snapshot: &str) -> String {
        format!("{}::{}::{snapshot}", self.destination, self.api.bucket())
    }
}

fn create(session: &Session, states: &[StateName]) -> Result<Exit, Failure> {
    let laptop = session.laptop("backups create")?;
    refuse_unknown(&laptop, states)?;
    let destinations: BTreeSet<&DestinationName> = (laptop.states.iter())
        .filter(|(name, _)| states.is_empty() || states.contains(name))
        .flat_map(|(_, state)| &state.destinations)
        .collect();
    // Before anything is done: a backup without a snapshot at its end is none.
    let Sorted { clouds, without, .. } = sorted(&laptop, destinations)?;
    for destination in without {
        session.report.note(format_args!("{destination}: gets the files, and takes no snapshots"));
    }
    let journal = open_journal_of(&laptop)?;
    let Routes { wired, unready } = of_laptop(&laptop, &journal, states, &laptop.limits.shared())?;
    let rounds = rounds::of_states(&laptop, wired);
    let report = session.report.on_the_way();
    runtime::run_interruptible(|stop| async move {
        let note = || session.report.note("waiting until another heirloom has synced …");
        let Some(_turn) = turn::alone(&laptop.state_dir, &stop, note).await? else {
            return Ok(Exit::Interrupted);
        };
        let open = open_folder();
        sweep_all(&rounds, &open);
        let notice = |one: &_, moment: sync::Moment<'_>| runs::note(&journal, one, &moment);
        let attempt = Attempt {
            report: &report,
            wanted: &Wanted::default(),
            journal: &journal,
            open: &open,
            notice: &notice,
            stop: &stop,
        };
        let made = attempt.rounds(&rounds, &unready).await;
        let mut exit = made.exit();
        for cloud in &clouds {
            if !stop.is_cancelled() {
                exit = exit.or_worse(snapshot(session, cloud, &made, &stop).await);
            }
        }
        Ok(exit)
    })
}

fn open_journal_of(laptop: &Laptop) -> Result<std::sync::Arc<journal::Journal>, Failure> {
    std::fs::create_dir_all(&laptop.state_dir)
        .attempting(format!("could not create the state_dir {}", laptop.state_dir.display()))?;
    open_journal(&laptop.state_dir)
}

/// Destinations, by whether they take snapshots.
#[derive(Default)]
struct Sorted {
    clouds: Vec<Cloud>,
    /// Those that take none.
    without: Vec<String>,
    /// Those of which that is not known, because something cannot be read that is needed to reach them.
    unknown: Vec<Failure>,
}

/// Sorts destinations; at least one of them must take snapshots.
fn sorted<'a>(
    laptop: &Laptop,
    destinations: impl IntoIterator<Item = &'a DestinationName>,
) -> Result<Sorted, Failure> {
    let (mut sorted, mut hints) = (Sorted::default(), Vec::new());
    for name in destinations {
        let Destination::S3(access) = &laptop.destinations[name] else {
            sorted.without.push(name.to_string());
            continue;
        };
        match access.resolve().attempting(format!("destination `{name}`")) {
            Err(failure) => sorted.unknown.push(failure),
            Ok(join) => {
                if let Some(api) = Api::of(&join) {
                    sorted.clouds.push(Cloud { destination: name.to_string(), api });
                } else {
                    sorted.without.push(name.to_string());
                    hints.push((format!("`{name}`"), where_to_say(name, access)));
                }
            }
        }
    }
    if !sorted.clouds.is_empty() {
        return Ok(sorted);
    }
    if let Some(failure) = sorted.unknown.pop() {
        return Err(failure);
    }
    let (names, hints): (Vec<String>, Vec<String>) = hints.into_iter().unzip();
    let message = if names.is_empty() {
        "none of the destinations is a cloud of Heirloom's, which alone takes snapshots".to_owned()
    } else {
        let names = names.join(", ");
        format!("the web address of {names} is not known, so no cloud can be asked for snapshots")
    };
    let failure = Failure::new(Exit::Usage, message);
    Err(hints.into_iter().fold(failure, Failure::hint).hint(format!(
        "A store that is not Heirloom's takes no snapshots; `{}` brings the files to it.",
        command("sync")
    )))
}

fn where_to_say(name: &DestinationName, access: &Access) -> String {
    match access {
        Access::Join(path) => {
            format!(
                "Add the cloud's web address to the join file {}: `web: http://cloud:8080`.",
                path.display()
            )
        }
        Access::Keys(_) => {
            format!("Set `destinations.{name}.web` to the cloud's web address, like http://cloud:8080.")
        }
    }
}

/// Has one cloud take a snapshot and prints its name.
async fn snapshot(session: &Session, cloud: &Cloud, made: &Made, stop: &CancellationToken) -> Exit {
    let destination = &cloud.destination;
    if made.reached.get(destination) == Some(&false) {
        session.report.note(format_args!("{destination}: no snapshot, because nothing could be synced"));
        return Exit::Ok;
    }
    let concerns = |at: &Option<String>| at.as_ref().is_none_or(|at| at == destination);
    let flaws = made.flaws.iter().filter(|(at, _)| concerns(at));
    let flaws: Vec<String> = flaws.map(|(_, flaw)| flaw.clone()).collect();
    let taken = tokio::select! {
        taken = cloud.api.take(&flaws) => taken,
        // The cloud finishes what it has begun.
        () = stop.cancelled() => return Exit::Interrupted,
    };
    match taken {
        Ok(taken) => {
            let backup = Backup::new(cloud, taken);
            if session.report.format() == Format::Human {
                // Not a note: `-q` must not leave an exit code unexplained.
                for reason in &backup.taken.incomplete {
                    session.report.aside(&format!("incomplete: {reason}"));
                }
            }
            if !backup.taken.new {
                session.report.note("nothing has changed since the latest snapshot, which is this one:");
            }
            session.report.say(&backup);
            if backup.taken.incomplete.is_empty() { Exit::Ok } else { Exit::Incomplete }
        }
        Err(error) => {
            let failure = Failure::from(error).context(format!("{destination} took no snapshot"));
            session.fail(&failure);
            failure.kind()
        }
    }
}

/// A snapshot, by the name under which it is listed and restored.
#[derive(Serialize)]
struct Backup {
    name: String,
    destination: String,
    bucket: String,
    #[serde(flatten)]
    taken: Details,
}

#[derive(Serialize)]
struct Details {
    snapshot: String,
    time: String,
    new: bool,
    added: u64,
    changed: u64,
    deleted: u64,
    files: Option<u64>,
    bytes: Option<u64>,
    incomplete: Vec<String>,
}

impl Backup {
    fn new(cloud: &Cloud, taken: Taken) -> Self {
        let Taken { name, id, time, new, added, changed, deleted, files, bytes, incomplete } = taken;
        Self {
            name: cloud.name_of(&name),
            destination: cloud.destination.clone(),
            bucket: cloud.api.bucket().to_owned(),
            taken: Details { snapshot: id, time, new, added, changed, deleted, files, bytes, incomplete },
        }
    }
}

impl Message for Backup {
    const TYPE: &'static str = "backup";
}

impl fmt::Display for Backup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn list(session: &Session) -> Result<Exit, Failure> {
    #[derive(Serialize)]
    struct Named {
        name: String,
    }
    let laptop = session.laptop("backups list")?;
    let Sorted { clouds, unknown, .. } = sorted(&laptop, laptop.destinations.keys())?;
    runtime::run_once(async {
        let mut exit = Exit::Ok;
        let mut names = Vec::new();
        for failure in unknown {
            exit = exit.or_worse(failure.kind());
            session.fail(&failure);
        }
        for cloud in &clouds {
            match cloud.api.list().await {
                Ok(listed) => names.extend(listed.iter().map(|one| Named { name: cloud.name_of(&one.name) })),
                Err(error) => {
                    let at = format!("the snapshots of {} could not be listed", cloud.destination);
                    let failure = Failure::from(error).context(at);
                    session.fail(&failure);
                    exit = exit.or_worse(failure.kind());
                }
            }
        }
        match session.report.format() {
            Format::Json => {
                let array = serde_json::to_string(&names).expect("because texts are always JSON");
                session.report.verbatim(&array);
            }
            Format::Human if names.is_empty() && exit == Exit::Ok => {
                session
                    .report
                    .note(format_args!("no snapshots yet; `{}` makes one", command("backups create")));
            }
            Format::Human => names.iter().for_each(|named| session.report.verbatim(&named.name)),
        }
        Ok(exit)
    })
}

//! `heirloom why`: what happens to a path, and by which rule.
//!
//! Answered from the disk, the rules and the journal, without asking the cloud: it tells what the last cycle saw.

use crate::args::Why;
use crate::config::{Config, Profile};
use crate::failure::{Exit, Explain as _, Failure};
use crate::printed::name;
use crate::profile::away::Away;
use crate::profile::halted::Ways;
use crate::profile::routes::{named, open_journal};
use crate::profile::{keep, pi};
use crate::report::Message;
use crate::session::Session;
use disk::Root;
use journal::{Journal, Known};
use mirror::Drive;
use model::{Kind, Node, ObjectKey, RelPath};
use plan::ignore::{CACHE_SIGNATURE, CACHE_TAG, IgnoreTree, RULES_FILE, Shape};
use plan::sync::Direction;
use serde::Serialize;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use sync::Route;

/// Says it, in one line for each destination.
pub(crate) fn run(session: &Session, wanted: &Why) -> Result<Exit, Failure> {
    let loaded = session.load()?;
    let (routes, journal, open) = match loaded.config {
        Config::Laptop(laptop) => {
            let journal = open_journal(&laptop.state_dir)?;
            let routes = named(&laptop, &journal, &[])?.into_iter().map(|(route, ..)| route);
            (routes.collect::<Vec<_>>(), journal, keep::open_folder())
        }
        Config::Pi(pi) => {
            let drive = Drive::open(&pi.drive)?;
            let journal = open_journal(&pi.state_dir)?;
            let join = pi.cloud.resolve()?;
            let routes = vec![pi::route(&pi, &join, &drive, &journal, &bucket::Limits::default())?.route];
            (routes, journal, pi::open_on(drive, join.bucket, pi.drive.clone()))
        }
        Config::Cloud(_) => return Err(loaded.unfit("why", &[Profile::Laptop, Profile::Pi]).into()),
    };
    let path =
        settled(&wanted.path).attempting(format!("could not make out where {} is", wanted.path.display()))?;
    let mut known = false;
    for route in &routes {
        let mut warnings = BTreeSet::new();
        let (mut problem, mut away) = (None, None);
        let what = match Standpoint::of(&route.folder, &path) {
            Standpoint::Below(below) => {
                let local = open(route)?;
                away = journal.mount_doubt_at(route.id, &below)?;
                if let Some((point, doubt)) = &away {
                    let told = Away::at(point, journal.mount_doubts(route.id)?, &Ways::of(route));
                    let said = told.map_or_else(|| doubt.said_of(&point.path()), |told| told.to_string());
                    format!("is left alone: {said}")
                } else {
                    problem = journal.problem_at(route.id, &below)?;
                    explain(route, local.root(), &journal, &below, &mut warnings)?
                }
            }
            Standpoint::Itself => {
                "is a folder that is kept, with everything in it that no rule leaves out".to_owned()
            }
            Standpoint::Elsewhere => continue,
        };
        known = true;
        let leads_to = journal.halt_leads_to(route.id)?;
        let ways = Ways::of(route).leading_to(leads_to.as_deref());
        let halt = journal.halt(route.id)?.map(|halt| format!("{halt}; {ways}"));
        let missing = journal.missing(route.id)?;
        let away = away.map(|(point, doubt)| doubt.said_of(&point.path()));
        let (path, route) = (path.to_string_lossy().into_owned(), route.name());
        session.report.say(&Said { path, route, what, problem, away, halt, missing });
        for warning in warnings {
            session.report.note(format_args!("warning: {warning}"));
        }
    }
    if known {
        return Ok(Exit::Ok);
    }
    let folders: Vec<String> = routes.iter().map(|route| route.folder.display().to_string()).collect();
    Err(Failure::new(Exit::Failed, format!("{} is in no folder that is kept", name(&path)))
        .hint(format!("The folders are: {}.", folders.join(", "))))
}

#[derive(Serialize)]
struct Said {
    path: String,
    route: String,
    what: String,
    /// What the last sync could not do about it.
    problem: Option<String>,
    /// What is the matter with the disk on which it is.
    away: Option<String>,
    /// What keeps everything from going on, and how a person has it go on.
    halt: Option<String>,
    /// What was said of a destination that is not there.
    missing: Option<String>,
}

impl Message for Said {
    const TYPE: &'static str = "why";
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, route, what, problem, halt, missing, .. } = self;
        write!(f, "{} ({route}): {what}", name(Path::new(path)))?;
        if let Some(problem) = problem {
            write!(f, "; in the last sync, {problem}")?;
        }
        if let Some(halt) = halt {
            write!(f, "; but nothing goes on, because this is halted: {halt}")?;
        } else if let Some(missing) = missing {
            write!(f, "; but the destination is waited for: {missing}")?;
        }
        Ok(())
    }
}

/// The path without symlinks on the way to it. The last part stays: a symlink is kept as such, and nothing need stand there.
fn settled(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Ok(path) };
    Ok(parent.canonicalize().unwrap_or_else(|_| parent.to_owned()).join(name))
}

/// Where a path is, seen from a folder.
enum Standpoint {
    Below(RelPath),
    Itself,
    Elsewhere,
}

impl Standpoint {
    fn of(folder: &Path, path: &Path) -> Self {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        match path.strip_prefix(&folder).map(|rest| rest.as_os_str().as_bytes()) {
            Ok(b"") => Self::Itself,
            Ok(rest) => RelPath::from_os_bytes(rest).map_or(Self::Elsewhere, Self::Below),
            Err(_) => Self::Elsewhere,
        }
    }
}

fn explain(
    route: &Route,
    root: &Root,
    journal: &Arc<Journal>,
    path: &RelPath,
    warnings: &mut BTreeSet<String>,
) -> Result<String, Failure> {
    if path.components().next() == Some(".heirloom")
        || path.components().any(|name| name.starts_with(disk::TEMPORARY_PREFIX))
    {
        return Ok(
            "has a name that Heirloom has for itself, and is not synced unless it is renamed".to_owned()
        );
    }
    let found = match root.observe(path) {
        Ok(found) => found,
        Err(disk::Error::Unsupported { .. }) => {
            return Ok("is a socket, a pipe or a device, which no backup can keep".to_owned());
        }
        Err(error) => {
            return Ok(format!("cannot be looked at ({error}); what the other side holds is left as it is"));
        }
    };
    let is_directory = found.as_ref().is_some_and(|found| found.kind == Kind::Directory);
    let rules = rules_above(route, root, path, warnings);
    let shape = if is_directory { Shape::Directory } else { Shape::Leaf };
    let size = found.as_ref().map_or(0, |found| found.size);
    if let Some(cause) = rules.why(path, shape).or_else(|| rules.why_size(size)) {
        return Ok(format!("is left alone on both sides: {cause}"));
    }
    let key = if is_directory { ObjectKey::directory(path) } else { ObjectKey::file(path) };
    let known = journal.known_at(route.id, &key)?;
    if is_directory && known.is_none() {
        return Ok("is a directory; what is in it is synced, file by file".to_owned());
    }
    let here = found.map(|found| (found.stamp, found.kind));
    let base = known.as_ref().and_then(|known| known.base.as_ref());
    if let Some((stamp, Kind::File)) = here
        && base.is_none_or(|base| base.stamp != stamp)
        && let Err(error) = File::open(root.path().join(OsStr::from_bytes(&path.to_os_bytes())))
    {
        return Ok(format!("is new or changed here, and goes nowhere as long as it cannot be read: {error}"));
    }
    Ok(standing(route, known.as_ref(), here))
}

/// The rules that hold for a path: the profile's, and those in the directories above it. Lines that are no rules go to `warnings`.
fn rules_above(route: &Route, root: &Root, path: &RelPath, warnings: &mut BTreeSet<String>) -> IgnoreTree {
    let mut tree = IgnoreTree::new(route.ignore.clone());
    let mut directories: Vec<RelPath> = std::iter::successors(path.parent(), RelPath::parent).collect();
    directories.reverse();
    let read = |directory: Option<&RelPath>, name: &str| {
        let file = match directory {
            Some(directory) => directory.child(name.as_bytes()).ok()?,
            None => RelPath::from_key(name).ok()?,
        };
        let found = root.observe(&file).ok()??;
        root.read_small(&file, &found.stamp).ok()
    };
    for directory in std::iter::once(None).chain(directories.iter().map(Some)) {
        if let Some(directory) = directory
            && read(Some(directory), CACHE_TAG).is_some_and(|tag| tag.starts_with(CACHE_SIGNATURE))
        {
            tree.add_cache(directory);
        }
        if let Some(text) = read(directory, RULES_FILE) {
            let file =
                directory.map_or(RULES_FILE.to_owned(), |directory| format!("{directory}/{RULES_FILE}"));
            warnings.extend(tree.add_rules(directory, &text).iter().map(|bad| bad.said_of(&file)));
        }
    }
    tree
}

/// How a path stands, by what both sides were last seen to hold.
fn standing(route: &Route, known: Option<&Known>, here: Option<(model::Stamp, Kind)>) -> String {
    let destination = &route.destination;
    let base = known.and_then(|known| known.base.as_ref());
    let there = known.and_then(Known::remote);
    let remotely = match (base, &there) {
        (Some(base), Some(there)) => !same(&base.agreed.remote, &there.node),
        (None, Some(_)) | (Some(_), None) => true,
        (None, None) => false,
    };
    let locally = match (base, here) {
        (Some(base), Some((stamp, _))) => base.stamp != stamp,
        (None, Some(_)) | (Some(_), None) => true,
        (None, None) => false,
    };
    if !locally && !remotely {
        return match here {
            Some(_) => format!("is in sync with {destination}"),
            None => format!("stands neither here nor, as far as was seen, in {destination}"),
        };
    }
    let local = Shown { is_there: here.is_some(), is_changed: locally };
    let remote = Shown { is_there: there.is_some(), is_changed: remotely };
    match route.direction {
        Direction::TwoWay => between_equals(destination, base.is_some(), local, remote),
        Direction::Push => following(base.is_some(), ("here", local), (&format!("in {destination}"), remote)),
        Direction::Pull => following(base.is_some(), (&format!("in {destination}"), remote), ("here", local)),
    }
}

/// What a side shows.
#[derive(Clone, Copy)]
struct Shown {
    is_there: bool,
    /// Since both sides agreed, if they ever did.
    is_changed: bool,
}

fn between_equals(destination: &str, was_agreed: bool, local: Shown, remote: Shown) -> String {
    match (local.is_changed, remote.is_changed, local.is_there, remote.is_there) {
        (true, false, true, _) => {
            let what = if was_agreed { "was changed here" } else { "is new here" };
            format!("{what}, and goes to {destination} with the next sync")
        }
        (true, false, false, _) => {
            format!("was deleted here, and will be deleted in {destination} with the next sync")
        }
        (false, _, _, true) => format!("is new in {destination}, and comes with the next sync"),
        (false, _, _, false) => {
            format!("was deleted in {destination}, and will be deleted here with the next sync")
        }
        (true, true, true, true) => {
            format!("was changed here and in {destination}; if they differ, both versions will be kept")
        }
        (true, true, true, false) => {
            format!("was changed here and deleted in {destination}; it will be kept")
        }
        (true, true, false, true) => {
            format!("was deleted here and changed in {destination}; it will be kept")
        }
        (true, true, false, false) => "was deleted on both sides".to_owned(),
    }
}

/// Where one side follows the other: each with where it is.
fn following(was_agreed: bool, (at, leads): (&str, Shown), (there, follows): (&str, Shown)) -> String {
    match (leads.is_there, follows.is_there) {
        (true, true) if follows.is_changed => {
            format!(
                "has another version {there}, which moves aside if it differs: the one {at} takes its place with the next sync"
            )
        }
        (true, true) => format!("was changed {at}, and will be {there} with the next sync"),
        (true, false) if was_agreed => {
            format!("is missing {there}, and will be there again with the next sync")
        }
        (true, false) => format!("is new {at}, and will be {there} with the next sync"),
        (false, true) if was_agreed && !follows.is_changed => {
            format!("was deleted {at}, and will be deleted {there} with the next sync")
        }
        (false, true) => format!("stands {there} alone, and is left so: that side only follows"),
        (false, false) => "was deleted on both sides".to_owned(),
    }
}

fn same(one: &Node, other: &Node) -> bool {
    one.same_content(other) && one.same_meta(other)
}

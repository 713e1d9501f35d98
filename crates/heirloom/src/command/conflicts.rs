//! `heirloom conflicts`, `heirloom conflicts resolve`

mod find;
mod name;
mod settle;

use crate::args::{ConflictsAction, Keep, Resolve};
use crate::config::{Config, Profile};
use crate::failure::{Exit, Explain as _, Failure};
use crate::printed::{command, name};
use crate::profile::{pi, turn};
use crate::report::{Message, Report};
use crate::runtime;
use crate::session::Session;
use disk::Root;
use find::{Copy, Other};
use mirror::Drive;
use model::{ByteSize, MachineName};
use serde::Serialize;
use settle::{Decision, Settled};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Lists or resolves.
pub(crate) fn run(session: &Session, action: Option<ConflictsAction>) -> Result<Exit, Failure> {
    let place = Place::open(session)?;
    match action {
        None => Ok(list(session, &place)),
        Some(ConflictsAction::Resolve(wanted)) => runtime::run_interruptible(|stop| async move {
            // While files change places here, no cycle carries half of it away.
            let turn = if wanted.dry_run {
                None
            } else {
                let note = || session.report.note("waiting until another heirloom has synced …");
                let Some(turn) = turn::alone(&place.state_dir, &stop, note).await? else {
                    return Ok(Exit::Interrupted);
                };
                Some(turn)
            };
            let report = session.report.clone();
            let work = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                resolve(&report, &place, &wanted, &stop)
            });
            work.await?
        }),
    }
}

/// Where a machine's conflict copies may be.
struct Place {
    machine: MachineName,
    state_dir: PathBuf,
    folders: Vec<Folder>,
}

/// One folder of it.
struct Folder {
    /// Whose folder it is; `None` on a drive.
    state: Option<String>,
    root: Result<Root, disk::Error>,
}

impl Place {
    fn open(session: &Session) -> Result<Self, Failure> {
        let loaded = session.load()?;
        match loaded.config {
            Config::Laptop(laptop) => {
                let folders = laptop.states.iter().flat_map(|(name, state)| {
                    state.folders.iter().map(|folder| Folder {
                        state: Some(name.to_string()),
                        root: Root::open(&folder.path),
                    })
                });
                Ok(Self { folders: folders.collect(), machine: laptop.machine, state_dir: laptop.state_dir })
            }
            Config::Pi(pi) => {
                let drive = Drive::open(&pi.drive)?;
                let join = pi.cloud.resolve()?;
                let folder = pi::open_folder(&drive, &join.bucket)?;
                let folder = Folder { state: None, root: Ok(folder.root().clone()) };
                Ok(Self { machine: pi.machine, state_dir: pi.state_dir, folders: vec![folder] })
            }
            Config::Cloud(_) => Err(loaded.unfit("conflicts", &[Profile::Laptop, Profile::Pi]).into()),
        }
    }

    /// Every conflict copy, by folder and path; what could not be looked at is said.
    fn copies(&self, report: &Report) -> (Vec<Found<'_>>, Exit) {
        let (mut found, mut exit) = (Vec::new(), Exit::Ok);
        let mut problem = |text: String| {
            report.say(&Trouble { path: None, message: text });
            exit = Exit::Incomplete;
        };
        for folder in &self.folders {
            let root = match &folder.root {
                Ok(root) => root,
                Err(error) => {
                    problem(error.to_string());
                    continue;
                }
            };
            match find::copies(root) {
                Ok((copies, problems)) => {
                    found.extend(copies.into_iter().map(|copy| Found { folder, root, copy }));
                    for one in problems {
                        problem(format!("{}: {one}", root.path().display()));
                    }
                }
                Err(error) => problem(error.to_string()),
            }
        }
        (each_once(found), exit)
    }
}

/// Of a copy that lies in the folders of two states, the one in the inner folder.
fn each_once(found: Vec<Found<'_>>) -> Vec<Found<'_>> {
    let mut kept: Vec<Found<'_>> = Vec::with_capacity(found.len());
    let mut places = BTreeMap::new();
    for one in found {
        match places.entry(one.path()) {
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(one);
            }
            Entry::Occupied(place) if one.root.path().starts_with(kept[*place.get()].root.path()) => {
                kept[*place.get()] = one;
            }
            Entry::Occupied(_) => {}
        }
    }
    kept
}

/// A conflict copy and where it is.
struct Found<'p> {
    folder: &'p Folder,
    root: &'p Root,
    copy: Copy,
}

impl Found<'_> {
    fn path(&self) -> PathBuf {
        located(self.root, &self.copy.found.key.path())
    }

    fn original(&self) -> PathBuf {
        located(self.root, &self.copy.original)
    }
}

fn located(root: &Root, path: &model::RelPath) -> PathBuf {
    root.path().join(std::ffi::OsStr::from_bytes(&path.to_os_bytes()))
}

fn list(session: &Session, place: &Place) -> Exit {
    let (found, mut exit) = place.copies(&session.report);
    for one in &found {
        let content = match find::compare(one.root, &one.copy) {
            Ok(content) => content,
            Err(error) => {
                session.report.say(&Trouble { path: Some(one.path()), message: error.to_string() });
                exit = Exit::Incomplete;
                "unknown"
            }
        };
        session.report.say(&Listed::new(one, content));
    }
    match found.len() {
        0 => session.report.note("there are no conflict copies"),
        more => session
            .report
            .note(format_args!("{more} to decide; `heirloom conflicts resolve --help` says how")),
    }
    exit
}

/// A conflict copy, as listed.
#[derive(Serialize)]
struct Listed {
    path: PathBuf,
    original: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Whose version the copy holds.
    machine: String,
    /// When the conflict was noticed, by that machine's clock and time zone.
    time: String,
    size: u64,
    /// Of what has the file's name now; `None` if nothing or a directory has it.
    original_size: Option<u64>,
    /// `same`, `different`, `gone` or `directory`.
    content: &'static str,
}

impl Listed {
    fn new(one: &Found<'_>, content: &'static str) -> Self {
        let original_size = match &one.copy.other {
            Other::File(found) => Some(found.size),
            Other::Gone | Other::Directory => None,
        };
        Self {
            path: shown(&one.path()),
            original: shown(&one.original()),
            state: one.folder.state.clone(),
            machine: one.copy.name.machine.to_string(),
            time: one.copy.name.time_for_people(),
            size: one.copy.found.size,
            original_size,
            content,
        }
    }
}

/// A path as JSON and a terminal take it.
fn shown(path: &Path) -> PathBuf {
    PathBuf::from(path.to_string_lossy().into_owned())
}

impl Message for Listed {
    const TYPE: &'static str = "conflict_copy";
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, time, .. } = self;
        writeln!(f, "{}", name(&self.original))?;
        let copy = ByteSize(self.size);
        let beside = match (self.content, self.original_size) {
            ("same", _) => "the same as what has the name".to_owned(),
            ("directory", _) => "the name is a directory's now".to_owned(),
            ("gone", _) => "nothing has the name any more".to_owned(),
            (_, Some(size)) => format!("what has the name is another version, {}", ByteSize(size)),
            (_, None) => "what has the name could not be read".to_owned(),
        };
        write!(f, "  {machine}'s version of {time}, {copy}; {beside}\n  {}", name(&self.path))
    }
}

/// A path, or a folder, that is left as it is.
#[derive(Serialize)]
struct Trouble {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    message: String,
}

impl Message for Trouble {
    const TYPE: &'static str = "problem";
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "problem: {}: {}", name(path), self.message),
            None => write!(f, "problem: {}", self.message),
        }
    }
}

fn resolve(
    report: &Report,
    place: &Place,
    wanted: &Resolve,
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let (found, mut exit) = place.copies(report);
    let wanted_paths = wanted.paths.iter().map(|path| absolute(path)).collect::<Result<Vec<_>, _>>()?;
    let chosen: Vec<&Found<'_>> = found
        .iter()
        .filter(|one| wanted.all || wanted_paths.iter().any(|path| is_meant(one, path)))
        .collect();
    if let Some(unknown) = wanted_paths.iter().find(|path| !chosen.iter().any(|one| is_meant(one, path))) {
        return Err(Failure::new(Exit::Usage, format!("there is no conflict at {}", name(unknown)))
            .hint(format!("`{}` lists the conflicts there are.", command("conflicts"))));
    }
    if chosen.is_empty() {
        report.note("there are no conflict copies, so there is nothing to resolve");
    }
    let decide = |one: &Found<'_>| settle::decide(wanted.keep, &place.machine, &one.copy);
    let mut takers: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for one in chosen.iter().filter(|one| decide(one) == Decision::TakeTheName) {
        *takers.entry(one.original()).or_default() += 1;
    }
    let mut resolved = 0;
    for one in &chosen {
        if stop.is_cancelled() {
            break;
        }
        let decision = decide(one);
        let several = decision == Decision::TakeTheName && takers.get(&one.original()) > Some(&1);
        let done = if several {
            Err(settle::Error::SeveralWantTheName)
        } else {
            settle::settle(one.root, &one.copy, decision, wanted.dry_run, stop)
        };
        match done {
            Ok(settled) => {
                resolved += 1;
                report.say(&Resolved::new(one, &settled, wanted));
            }
            Err(error) => {
                let message = told(&error);
                report.say(&Trouble { path: Some(shown(&one.path())), message });
                exit = exit.or_worse(Exit::Incomplete);
            }
        }
    }
    if resolved > 0 && !wanted.dry_run {
        report.note("the next sync carries this everywhere");
    }
    Ok(exit)
}

fn told(error: &settle::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

/// Whether a path names a conflict: its copy, its file, or a directory above.
fn is_meant(one: &Found<'_>, path: &Path) -> bool {
    let (copy, original) = (real(&one.path()), real(&one.original()));
    let directory = path.canonicalize().ok().filter(|path| path.is_dir());
    copy == *path || original == *path || directory.is_some_and(|directory| copy.starts_with(directory))
}

/// A path that a person typed, without `..` and symlinks on the way to it. It may name what is gone.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(path).attempting(format!("{} is not a path", path.display()))?;
    Ok(real(&absolute))
}

/// The directory resolved, the name as it is: a symlink may itself be in conflict.
fn real(path: &Path) -> PathBuf {
    let is_plain = matches!(path.components().next_back(), Some(Component::Normal(_)));
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if is_plain => {
            parent.canonicalize().unwrap_or_else(|_| parent.to_owned()).join(name)
        }
        _ => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
    }
}

/// A conflict that is no more.
#[derive(Serialize)]
struct Resolved {
    path: PathBuf,
    kept: &'static str,
    /// What the copy is called now, if it is still there.
    #[serde(skip_serializing_if = "Option::is_none")]
    copy: Option<PathBuf>,
    #[serde(skip)]
    text: String,
}

impl Resolved {
    fn new(one: &Found<'_>, settled: &Settled, wanted: &Resolve) -> Self {
        let machine = &one.copy.name.machine;
        let say = |done: &str, would: &str| {
            format!("{machine}'s version {}", if wanted.dry_run { would } else { done })
        };
        let (text, copy) = match settled {
            Settled::TookTheName => (say("took the name", "would take the name"), None),
            Settled::Removed => (say("was removed", "would be removed"), None),
            Settled::Renamed(path) => {
                let path = shown(&located(one.root, path));
                (format!("{} {}", say("is now", "would become"), name(&path)), Some(path))
            }
        };
        let kept = match wanted.keep {
            Keep::Mine => "mine",
            Keep::Theirs => "theirs",
            Keep::Both => "both",
        };
        Self { path: shown(&one.original()), kept, copy, text }
    }
}

impl Message for Resolved {
    const TYPE: &'static str = "conflict_resolved";
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", name(&self.path), self.text)
    }
}

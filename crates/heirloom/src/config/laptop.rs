//! The profile `laptop`: folders that are kept in sync with a bucket.

use super::apart;
use super::destination::Destination;
use super::limits::Limits;
use super::sealing::Sealing;
use super::section::{Checked, Section};
use super::value;
use model::{ByteSize, MachineName, RelPath, StateName};
use plan::ignore::IgnoreRules;
use plan::sync::{Direction, MaxDelete};
use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use sync::hooks::{self, Hooks, Occasion, Work};

/// A checked profile of a laptop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Laptop {
    /// The machine's name.
    pub(crate) machine: MachineName,
    /// Where the journal is.
    pub(crate) state_dir: PathBuf,
    /// Where states go; at least one.
    pub(crate) destinations: BTreeMap<DestinationName, Destination>,
    /// How fast everything may go.
    pub(crate) limits: Limits,
    /// What is kept; at least one.
    pub(crate) states: BTreeMap<StateName, State>,
}

/// The name of a destination, which only this profile knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DestinationName(String);

/// A named set of folders, with its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// The folders; at least one. With several, each goes below its own name.
    pub(crate) folders: Vec<Folder>,
    /// Where they go; at least one.
    pub(crate) destinations: Vec<DestinationName>,
    /// Which way changes travel.
    pub(crate) direction: Direction,
    /// How often everything is looked at; changes that were noticed go at once.
    pub(crate) interval: Duration,
    /// Patterns in `.gitignore` syntax.
    pub(crate) ignore: Vec<String>,
    /// Files of more bytes than this are left alone.
    pub(crate) exclude_larger_than: Option<u64>,
    /// How many deletions are normal.
    pub(crate) max_delete: MaxDelete,
    /// What is run before and after.
    pub(crate) hooks: Hooks,
    /// For whom it is encrypted.
    pub(crate) sealing: Sealing,
}

/// One folder, and where it stands in the bucket: `<state>/`, or `<state>/<its name>/` beside others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    /// The folder on this machine.
    pub(crate) path: PathBuf,
    /// The place in the bucket.
    pub(crate) prefix: RelPath,
}

impl DestinationName {
    /// Takes a text as a name: 1 to 63 letters, digits, `-` or `_`.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=63).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not a name for a destination: use 1 to 63 letters, digits, `-` or `_`"))
        }
    }

    /// The name's text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DestinationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How often everything is looked at, unless a state says otherwise.
const INTERVAL: Duration = Duration::from_mins(5);

/// The same for a state with hooks around its backups: Clan's rhythm, because dumping a database costs.
const INTERVAL_WITH_HOOKS: Duration = Duration::from_hours(24);

/// How many deletions are normal, unless a profile says otherwise.
pub(crate) const MAX_DELETE: MaxDelete = MaxDelete::Percent(25);

impl Laptop {
    /// Reads the keys of this profile; the caller has read `profile` and finishes the section.
    pub(crate) fn read(section: &Section<'_>) -> Checked<Self> {
        let machine = section.required("machine", MachineName::new);
        let state_dir = section.required("state_dir", value::absolute(section));
        let limits = section.section("limits").and_then(Limits::read);
        let destinations = destinations(section);
        let known: Vec<&str> =
            destinations.iter().flat_map(BTreeMap::keys).map(DestinationName::as_str).collect();
        let states = states(section, &known);
        Ok(Self {
            machine: machine?,
            state_dir: state_dir?,
            limits: limits?,
            states: states?,
            destinations: destinations?,
        })
    }

    /// The shortest interval of any state: how often a daemon that is well shows a sign of life.
    pub(crate) fn shortest_interval(&self) -> Duration {
        self.states.values().map(|state| state.interval).min().unwrap_or(INTERVAL)
    }
}

fn destinations(section: &Section<'_>) -> Checked<BTreeMap<DestinationName, Destination>> {
    let named = section.named("destinations")?;
    if named.is_empty() {
        return Err(section.missing("destinations"));
    }
    let read: Vec<Checked<_>> = (named.into_iter())
        .map(|(key, destination)| {
            let name = destination.name(key, DestinationName::new);
            let read = Destination::read(&destination);
            destination.finish();
            Ok((name?, read?))
        })
        .collect();
    let read = read.into_iter().collect::<Checked<_>>()?;
    match apart::destinations(&read) {
        Some((name, key, message)) => {
            Err(below(section, "destinations", name.as_str())?.bad_value(key, message))
        }
        None => Ok(read),
    }
}

/// One of the sections under `key`, once more.
fn below<'r>(section: &Section<'r>, key: &'static str, name: &str) -> Checked<Section<'r>> {
    let found = section.named(key)?.into_iter().find(|(found, _)| found.text == name);
    Ok(found.expect("because it was read").1)
}

fn states(section: &Section<'_>, known: &[&str]) -> Checked<BTreeMap<StateName, State>> {
    let named = section.named("states")?;
    if named.is_empty() {
        return Err(section.missing("states"));
    }
    let read: Vec<Checked<_>> = (named.into_iter())
        .map(|(key, state)| {
            let name = state.name(key, StateName::new);
            let read = State::read(state, &key.text, known);
            Ok((name?, read?))
        })
        .collect();
    let read = read.into_iter().collect::<Checked<_>>()?;
    match apart::folders(&read, Path::to_owned) {
        Some((name, message)) => Err(below(section, "states", name.as_str())?.bad_value("folders", message)),
        None => Ok(read),
    }
}

impl State {
    fn read(section: Section<'_>, name: &str, known: &[&str]) -> Checked<Self> {
        let folders = folders(&section, name);
        let destinations = section.list("destinations", |text| {
            if known.contains(&text) {
                DestinationName::new(text)
            } else {
                Err(format!("there is no destination `{text}`; allowed: {}", known.join(", ")))
            }
        });
        let direction = section.or("direction", Direction::TwoWay, value::direction);
        let interval = section.optional("interval", value::duration);
        let ignore = section.list("ignore", |text| {
            IgnoreRules::new(&[text.to_owned()]).map(|_| text.to_owned()).map_err(|error| error.to_string())
        });
        let exclude_larger_than =
            section.optional("exclude_larger_than", |text| text.parse::<ByteSize>().map(|size| size.0));
        let max_delete = section.or("max_delete", MAX_DELETE, value::max_delete);
        let sealing = Sealing::read(&section, *direction.as_ref().unwrap_or(&Direction::Push));
        let hooks = section.section("hooks").and_then(hooks_of);
        let destinations = destinations.and_then(|given| match given {
            Some(given) if given.is_empty() => Err(section.bad_value(
                "destinations",
                "this list is empty; leave the key out to send the state everywhere",
            )),
            Some(given) => match given.iter().enumerate().find(|(at, name)| given[..*at].contains(name)) {
                Some((_, twice)) => {
                    Err(section.bad_value("destinations", format!("`{twice}` is in this list twice")))
                }
                None => Ok(given),
            },
            None => known
                .iter()
                .map(|name| DestinationName::new(name).map_err(|_| super::section::Noted))
                .collect(),
        });
        section.finish();
        let hooks = hooks?;
        let usual = if hooks.surround(Work::Backup) { INTERVAL_WITH_HOOKS } else { INTERVAL };
        Ok(Self {
            folders: folders?,
            destinations: destinations?,
            direction: direction?,
            interval: interval?.unwrap_or(usual),
            ignore: ignore?.unwrap_or_default(),
            exclude_larger_than: exclude_larger_than?,
            max_delete: max_delete?,
            hooks,
            sealing: sealing?,
        })
    }
}

/// Commands are taken as they stand: the shell that runs them knows the same variables.
fn hooks_of(section: Section<'_>) -> Checked<Hooks> {
    let commands = Occasion::ALL.map(|occasion| {
        let command = section.literal(occasion.as_str(), value::command);
        command.map(|command| command.map(|command| (occasion, command)))
    });
    let timeout = section.or("timeout", hooks::TIMEOUT, value::duration);
    section.finish();
    let commands = commands.into_iter().collect::<Checked<Vec<_>>>()?;
    Ok(Hooks { commands: commands.into_iter().flatten().collect(), timeout: timeout? })
}

fn folders(section: &Section<'_>, state: &str) -> Checked<Vec<Folder>> {
    let paths =
        section.list("folders", value::absolute(section))?.ok_or_else(|| section.missing("folders"))?;
    let problem = |message: String| section.bad_value("folders", message);
    let mut folders: Vec<Folder> = Vec::with_capacity(paths.len());
    let several = paths.len() > 1;
    if paths.is_empty() {
        return Err(problem("this list is empty; a state has at least one folder".to_owned()));
    }
    for path in paths {
        let Ok(root) = RelPath::from_key(state) else { return Err(super::section::Noted) };
        let prefix = match (several, path.file_name()) {
            (false, _) => root,
            (true, Some(name)) => root.child(name.as_bytes()).map_err(|error| problem(error.to_string()))?,
            (true, None) => {
                return Err(problem(
                    "the root directory has no name to go by beside other folders".to_owned(),
                ));
            }
        };
        if let Some(other) = folders.iter().find(|other| other.prefix == prefix) {
            let message = format!(
                "{} and {} would go to the same place, {prefix}/, in the bucket; give one a state of its own",
                other.path.display(),
                path.display()
            );
            return Err(problem(message));
        }
        folders.push(Folder { path, prefix });
    }
    Ok(folders)
}

//! The scratch folder, and the three profiles that live in it.

use super::sample;
use crate::args;
use crate::config::access::Access;
use crate::config::cloud::{S3, User, UserKey, Web};
use crate::config::destination::Destination;
use crate::config::join::Join;
use crate::config::laptop::{self, DestinationName, Folder, Laptop, MAX_DELETE, State};
use crate::config::limits::Limits;
use crate::config::pi::{Archive, Mirror, Pi};
use crate::config::schedule::{self, Schedule};
use crate::config::sealing::Sealing;
use crate::config::value::Endpoint;
use crate::config::{Cloud, Environment};
use crate::failure::{Exit, Explain as _, Failure};
use chrono_tz::Tz;
use model::{MachineName, RelPath, StateName, UserName};
use plan::sync::Direction;
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use sync::hooks::Hooks;

/// How often each machine looks at the other side; its own folder it watches.
const INTERVAL: Duration = Duration::from_secs(10);

/// Where everything of a trial is.
pub(super) struct Scratch {
    /// The scratch folder.
    pub(super) data: PathBuf,
    /// The folder that is kept.
    pub(super) folder: PathBuf,
    /// Whose it is.
    pub(super) user: UserName,
    state: StateName,
}

impl Scratch {
    /// Chooses and creates the places; the folder of an earlier trial is used again if none is given.
    pub(super) fn prepare(environment: &Environment, wanted: &args::Try) -> Result<Self, Failure> {
        let data = match &wanted.data {
            Some(data) => data.clone(),
            None => default_data(environment)?,
        };
        fs::create_dir_all(&data)
            .attempting(format!("could not create the scratch folder {}", data.display()))?;
        let data = data.canonicalize().attempting(format!("could not find {}", data.display()))?;
        let folder = folder(&data, wanted.folder.as_deref())?;
        refuse_nesting(&data, &folder)?;
        for place in ["join", "laptop", "pi", "drive"] {
            let path = data.join(place);
            fs::create_dir_all(&path).attempting(format!("could not create {}", path.display()))?;
        }
        let state = state_name(&folder);
        refuse_another_of_the_same_name(&data, &state, &folder)?;
        let user = UserName::new("alice").expect("because alice is a user name");
        Ok(Self { data, folder, user, state })
    }

    /// The cloud's profile, for these ports.
    pub(super) fn cloud(&self, s3: SocketAddr, web: SocketAddr) -> Cloud {
        let key =
            |label: &str| (label.to_owned(), UserKey { given: None, join_file: Some(self.join_path(label)) });
        let user = User { keys: BTreeMap::from([key("laptop"), key("pi")]) };
        let (cron, expression) = schedule::cron("@daily").expect("because a day comes every day");
        let address = |at: SocketAddr| Some(Endpoint::http(&at.ip().to_string(), at.port()));
        Cloud {
            machine: machine("cloud"),
            data_dir: self.data.join("cloud"),
            s3: S3 { listen: s3, region: "us-east-1".to_owned(), domain: None, endpoint: address(s3) },
            web: Web { listen: web, base_url: address(web) },
            snapshots: Schedule { cron, expression, timezone: own_timezone() },
            users: BTreeMap::from([(self.user.clone(), user)]),
        }
    }

    /// The laptop's profile.
    pub(super) fn laptop(&self) -> Laptop {
        let cloud = DestinationName::new("cloud").expect("because cloud is a name");
        let prefix = RelPath::from_key(self.state.as_str()).expect("because a state's name is a path");
        let state = State {
            folders: vec![Folder { path: self.folder.clone(), prefix }],
            destinations: vec![cloud.clone()],
            direction: Direction::TwoWay,
            interval: INTERVAL,
            ignore: Vec::new(),
            exclude_larger_than: None,
            max_delete: MAX_DELETE,
            hooks: Hooks::default(),
            sealing: Sealing::default(),
        };
        Laptop {
            machine: machine("laptop"),
            state_dir: self.data.join("laptop"),
            limits: Limits::default(),
            destinations: BTreeMap::from([(cloud, Destination::S3(Access::Join(self.join_path("laptop"))))]),
            states: BTreeMap::from([(self.state.clone(), state)]),
        }
    }

    /// The pi's profile.
    pub(super) fn pi(&self) -> Pi {
        Pi {
            machine: machine("pi"),
            state_dir: self.data.join("pi"),
            drive: self.data.join("drive"),
            cloud: Access::Join(self.join_path("pi")),
            limits: Limits::default(),
            mirror: Mirror {
                interval: INTERVAL,
                direction: Direction::TwoWay,
                max_delete: laptop::MAX_DELETE,
            },
            archive: Archive { interval: INTERVAL },
        }
    }

    /// How the pi reaches the cloud.
    pub(super) fn pi_join(&self) -> Result<Join, Failure> {
        Ok(Join::read(&self.join_path("pi"))?)
    }

    fn join_path(&self, label: &str) -> PathBuf {
        self.data.join("join").join(format!("{label}.join"))
    }
}

fn machine(name: &str) -> MachineName {
    MachineName::new(name).expect("because it is a machine name")
}

fn default_data(environment: &Environment) -> Result<PathBuf, Failure> {
    let base = match (environment.given("XDG_DATA_HOME"), environment.given("HOME")) {
        (Some(data), _) if Path::new(data).is_absolute() => PathBuf::from(data),
        (_, Some(home)) => Path::new(home).join(".local/share"),
        _ => {
            return Err(Failure::new(Exit::Usage, "there is no home directory to put the scratch folder in")
                .hint("Choose one with `--data DIR`."));
        }
    };
    Ok(base.join("heirloom/try"))
}

/// The folder that is given, that was given the last time, or the sample.
fn folder(data: &Path, given: Option<&Path>) -> Result<PathBuf, Failure> {
    let remembered = data.join("folder");
    let last_time =
        || fs::read(&remembered).ok().map(|bytes| PathBuf::from(std::ffi::OsString::from_vec(bytes)));
    let folder = if let Some(folder) = given.map(Path::to_owned).or_else(last_time) {
        folder
    } else {
        let folder = data.join("sample");
        sample::make(&folder).attempting("could not make the sample")?;
        folder
    };
    let found = folder
        .canonicalize()
        .attempting(format!("could not find the folder {}", folder.display()))
        .exit(Exit::Usage)
        .hint("Name a directory that exists, or none to get a sample.")?;
    if !found.is_dir() {
        return Err(Failure::new(Exit::Usage, format!("{} is not a directory", found.display()))
            .hint("Name a directory, or none to get a sample."));
    }
    if given.is_some() {
        fs::write(&remembered, found.as_os_str().as_bytes())
            .attempting(format!("could not write {}", remembered.display()))?;
    }
    Ok(found)
}

/// A state is known by its name; two folders under one would be mixed into each other.
fn refuse_another_of_the_same_name(data: &Path, state: &StateName, folder: &Path) -> Result<(), Failure> {
    let record = data.join(format!("state.{state}"));
    match fs::read(&record) {
        Ok(known) if known != folder.as_os_str().as_bytes() => {
            let known = PathBuf::from(std::ffi::OsString::from_vec(known));
            let message =
                format!("this trial keeps another folder of that name already: {}", known.display());
            Err(Failure::new(Exit::Usage, message)
                .hint("Choose another place for this one with `--data DIR`."))
        }
        Ok(_) => Ok(()),
        Err(_) => fs::write(&record, folder.as_os_str().as_bytes())
            .attempting(format!("could not write {}", record.display())),
    }
}

/// What is written to the scratch folder must not be synced again.
fn refuse_nesting(data: &Path, folder: &Path) -> Result<(), Failure> {
    let inside_sample = folder == data.join("sample");
    if data.starts_with(folder) || (folder.starts_with(data) && !inside_sample) {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "the folder {} and the scratch folder {} lie in one another",
                folder.display(),
                data.display()
            ),
        )
        .hint("Choose another place for the scratch folder with `--data DIR`."));
    }
    Ok(())
}

/// The folder's own name, as far as it can name a state.
fn state_name(folder: &Path) -> StateName {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let name: String = name.chars().map(fit).take(63).collect();
    StateName::new(&name).unwrap_or_else(|_| StateName::new("files").expect("because files is a name"))
}

/// The time zone of this machine, as far as it says.
fn own_timezone() -> Tz {
    let link = fs::read_link("/etc/localtime").unwrap_or_default();
    let name = link.to_str().and_then(|path| path.split_once("zoneinfo/")).map(|(_, name)| name);
    name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
}

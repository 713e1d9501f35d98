//! A place of its own for every test: an empty home, a bare environment, profiles, and processes that die with it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test gives up; generous, because machines are noisy.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Home {
    place: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let place = tempfile::Builder::new().prefix("heirloom-e2e-").tempdir().unwrap();
        for directory in ["documents", "drive"] {
            fs::create_dir(place.path().join(directory)).unwrap();
        }
        Self { place }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    /// A program in this home, with nothing of the developer's in its environment.
    pub(crate) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.place.path())
            .env("TZ", "UTC")
            .env("LANG", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .current_dir(self.place.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn heirloom(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_heirloom"));
        command.args(arguments);
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(arguments.join(" "), self.heirloom(arguments).output().unwrap())
    }

    /// Runs a command of ours in a shell, literally as it was printed.
    pub(crate) fn run_printed(&self, command: &str) -> Ran {
        Ran::printed(self.program("sh"), command)
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> Ran {
        Ran::new(
            format!("git {}", arguments.join(" ")),
            self.program("git").args(arguments).output().unwrap(),
        )
    }

    /// Starts a daemon whose log goes to a file of this home.
    pub(crate) fn start(&self, arguments: &[&str]) -> Daemon {
        self.start_as(arguments, self.heirloom(arguments))
    }

    /// The same, as `command`.
    pub(crate) fn start_as(&self, arguments: &[&str], command: Command) -> Daemon {
        let log = format!("{}.log", arguments.first().unwrap_or(&"daemon"));
        self.start_program(&arguments.join(" "), &log, command)
    }

    /// Starts any program, whose output goes to a file of this home.
    pub(crate) fn start_program(&self, name: &str, log: &str, mut command: Command) -> Daemon {
        let (name, log) = (name.to_owned(), self.path(log));
        let file = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        Daemon { child: command.spawn().unwrap(), name, log }
    }
}

/// A finished command.
pub(crate) struct Ran {
    what: String,
    status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Runs whatever it is to its end.
    /// A command of ours, literally as it was printed, in this shell.
    pub(crate) fn printed(mut shell: Command, command: &str) -> Self {
        let ours = Path::new(env!("CARGO_BIN_EXE_heirloom")).parent().unwrap();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let places = std::iter::once(ours.to_owned()).chain(std::env::split_paths(&others));
        shell.args(["-c", command]).env("PATH", std::env::join_paths(places).unwrap());
        Self::new(command.to_owned(), shell.output().unwrap())
    }

    pub(crate) fn of(mut command: Command) -> Self {
        Self::new(format!("{command:?}"), command.output().unwrap())
    }

    fn new(what: String, output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { what, status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// It must have ended with this code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        let Self { what, status, stdout, stderr } = &self;
        assert_eq!(status.code(), Some(code), "`{what}` ended with {status}\n{stdout}\n{stderr}");
        self
    }

    /// The code it ended with, which must be among these.
    #[track_caller]
    pub(crate) fn one_of(&self, codes: &[i32]) -> i32 {
        let Self { what, status, stdout, stderr } = self;
        let code = status.code().filter(|code| codes.contains(code));
        code.unwrap_or_else(|| panic!("`{what}` ended with {status}\n{stdout}\n{stderr}"))
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.code(0)
    }

    /// Standard error must hold each of these.
    #[track_caller]
    pub(crate) fn says(self, parts: &[&str]) -> Self {
        let Self { what, stderr, .. } = &self;
        for part in parts {
            assert!(stderr.contains(part), "`{what}` does not say `{part}`:\n{stderr}");
        }
        self
    }

    /// The command to go on that is named.
    #[track_caller]
    pub(crate) fn names_resume(&self) -> &str {
        self.names("sync --resume")
    }

    /// The command of ours that is named and that begins like this.
    #[track_caller]
    pub(crate) fn names(&self, begins: &str) -> &str {
        let Self { what, stdout, stderr, .. } = self;
        let begins = format!("heirloom {begins}");
        let mut quoted = stdout.split('`').chain(stderr.split('`'));
        let printed = quoted.find(|quoted| quoted.starts_with(&begins));
        printed.unwrap_or_else(|| panic!("`{what}` names no `{begins}`:\n{stdout}\n{stderr}"))
    }

    /// Results and errors together must hold each of these.
    #[track_caller]
    pub(crate) fn tells(self, parts: &[&str]) -> Self {
        let Self { what, stdout, stderr, .. } = &self;
        for part in parts {
            let is_there = stdout.contains(part) || stderr.contains(part);
            assert!(is_there, "`{what}` does not tell `{part}`:\n{stdout}\n{stderr}");
        }
        self
    }

    /// The JSON lines of standard output.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A running process, killed when the test is over.
pub(crate) struct Daemon {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Daemon {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.wait()
    }

    pub(crate) fn interrupt(mut self) -> Option<i32> {
        self.signal("-INT");
        self.wait()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// The exit code, once it has ended by itself.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("`{}` does not stop:\n{}", self.name, self.log());
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("--- log of `{}`\n{}", self.name, self.log());
        }
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until `holds`, or fails with what it said last.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut holds: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match holds() {
            Ok(value) => return value,
            Err(_) if Instant::now() < end => std::thread::sleep(Duration::from_millis(50)),
            Err(last) => panic!("{what} did not come about: {last}"),
        }
    }
}

/// Whether two trees hold the same; else where they first differ.
pub(crate) fn same_trees(one: &Path, other: &Path) -> Result<(), String> {
    let (ours, theirs) = (testkit::list(one), testkit::list(other));
    if ours == theirs {
        return Ok(());
    }
    let missing = ours.iter().filter(|(name, said)| theirs.get(*name) != Some(said)).take(5);
    let more = theirs.iter().filter(|(name, said)| ours.get(*name) != Some(said)).take(5);
    Err(format!(
        "{} has {:?}; {} has {:?}",
        one.display(),
        missing.collect::<Vec<_>>(),
        other.display(),
        more.collect::<Vec<_>>()
    ))
}

//! File systems that are mounted for whoever runs in a namespace, and for nobody else.

use crate::home::{Daemon, Home, Ran};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use testkit::tools::{have, skip};

pub(crate) struct Namespace<'h> {
    home: &'h Home,
    /// Lives as long as the namespace.
    keeper: Child,
}

impl<'h> Namespace<'h> {
    /// `None`, and said so, where nothing can be mounted.
    pub(crate) fn of(home: &'h Home) -> Option<Self> {
        if !have("unshare") || !have("nsenter") || !have("mount") {
            return None;
        }
        let mut keeper = home.program("unshare");
        if !is_root() {
            keeper.arg("--map-root-user");
        }
        let probe = home.path("probe");
        std::fs::create_dir_all(&probe).unwrap();
        let script = "mount -t tmpfs none \"$0\" && umount \"$0\" && echo ready && exec sleep infinity";
        keeper.args(["--mount", "sh", "-c", script]).arg(&probe);
        let mut keeper = keeper.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let namespace = Self { home, keeper };
        std::fs::remove_dir(&probe).unwrap();
        if said == "ready\n" {
            return Some(namespace);
        }
        skip("no file system can be mounted here");
        None
    }

    /// An empty file system of `mib` MiB over a directory.
    pub(crate) fn mount_new(&self, directory: &Path, mib: u64) {
        let size = format!("size={mib}m");
        succeed(self.command("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(directory));
    }

    /// What is in `disk` over a directory.
    pub(crate) fn mount(&self, disk: &Path, directory: &Path) {
        succeed(self.command("mount").arg("--bind").arg(disk).arg(directory));
    }

    pub(crate) fn unmount(&self, directory: &Path) {
        succeed(self.command("umount").arg(directory));
    }

    /// Whether it could be: what is in use cannot.
    pub(crate) fn tries_to_unmount(&self, directory: &Path) -> bool {
        self.command("umount").arg(directory).stderr(Stdio::null()).status().unwrap().success()
    }

    /// A path as it is in there.
    pub(crate) fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(path.strip_prefix("/").unwrap())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.heirloom(arguments))
    }

    /// A command as it was printed.
    pub(crate) fn run_printed(&self, command: &str) -> Ran {
        Ran::printed(self.command("sh"), command)
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Daemon {
        self.home.start_as(arguments, self.heirloom(arguments))
    }

    fn heirloom(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_heirloom"));
        command.args(arguments);
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.home.program("nsenter");
        command.args(["--mount", "--target", &self.keeper.id().to_string()]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg(program);
        command
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        drop(self.keeper.kill());
        drop(self.keeper.wait());
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[track_caller]
fn succeed(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

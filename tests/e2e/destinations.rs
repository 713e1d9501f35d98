//! One state to destinations of every service, with the servers that people have.

mod apart;
mod disk;
mod every;
mod s3;
mod sidecars;

use crate::home::{Daemon, Home, Ran};
use crate::server::Cloud;
use std::fs;
use testkit::servers::{self, Sftp, Webdav};

/// A profile with these destinations.
fn profile(home: &Home, machine: &str, folder: &str, destinations: &str) -> String {
    profile_with(home, machine, folder, destinations, "")
}

/// The same with keys to its state.
fn profile_with(home: &Home, machine: &str, folder: &str, destinations: &str, keys: &str) -> String {
    let root = home.path("").display().to_string();
    fs::create_dir_all(home.path(folder)).unwrap();
    let text = format!(
        "profile: laptop\nmachine: {machine}\nstate_dir: {root}/state-{machine}\n\
         destinations:\n{destinations}\
         states:\n  documents: {{folders: [{root}/{folder}], interval: 1s{keys}}}\n"
    );
    home.write(&format!("{machine}.yml"), &text).to_str().unwrap().to_owned()
}

/// The profile of a machine whose folder goes to a disk, and that finds nothing suspicious.
pub(crate) fn with_disk(home: &Home, machine: &str, folder: &str) -> String {
    fs::create_dir_all(home.path("usb")).unwrap();
    let config = profile(home, machine, folder, &fs_at(home, "usb"));
    let text = fs::read_to_string(&config).unwrap().replace("interval: 1s", "max_delete: 100%");
    fs::write(&config, text).unwrap();
    config
}

fn fs_at(home: &Home, directory: &str) -> String {
    format!("  {directory}: {{service: fs, path: {}}}\n", home.path(directory).display())
}

fn webdav(dav: &Webdav) -> String {
    let Webdav { url, user, password, .. } = dav;
    format!(
        "  dav: {{service: webdav, url: \"{url}\", username: {user}, password_command: echo {password}}}\n"
    )
}

fn sftp(home: &Home, server: &Sftp) -> String {
    let Sftp { port, user, key_file, known_hosts, .. } = server;
    format!(
        "  box: {{service: sftp, host: 127.0.0.1, port: {port}, user: {user}, identity_file: {}, known_hosts: \"{}\", path: {}}}\n",
        key_file.display(),
        known_hosts.display(),
        home.path("box").display()
    )
}

fn sync(home: &Home, profile: &str) -> Ran {
    home.run(&["sync", "--config", profile])
}

fn entries(home: &Home, directory: &str) -> usize {
    fs::read_dir(home.path(directory)).unwrap().count()
}

/// A destination of each service, up and empty.
struct Services {
    each: [String; 4],
    _serving: Daemon,
    dav: Webdav,
    _sftp: Sftp,
}

impl Services {
    fn new(home: &Home) -> Option<Self> {
        for directory in ["usb", "dav", "box"] {
            fs::create_dir(home.path(directory)).unwrap();
        }
        let (dav, server) = (servers::webdav(&home.path("dav"))?, servers::sftp()?);
        let serving = Cloud::new(home).start();
        let join = format!("  cloud: {{join: {}}}\n", home.path("laptop.join").display());
        let each = [join, fs_at(home, "usb"), webdav(&dav), sftp(home, &server)];
        Some(Self { each, _serving: serving, dav, _sftp: server })
    }
}

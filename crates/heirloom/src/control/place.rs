//! Where the socket is, and how to name it to the system.
//!
//! The system takes no path of more than about a hundred bytes for a socket (`sun_path`), and a state directory may lie deeper. Then the socket is named
//! by way of the open directory, `/proc/self/fd/N/control.sock`, which is always short.

use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The socket's name in the state directory.
pub(super) const NAME: &str = "control.sock";

/// What every system takes, its closing NUL left out: 104 bytes on macOS, 108 on Linux.
const PATH_MAX: usize = 103;

/// A name for the socket that the system takes, for as long as this lives.
pub(super) struct Address {
    pub(super) path: PathBuf,
    _directory: Option<OwnedFd>,
}

/// The address of the socket in `state_dir`.
pub(super) fn address(state_dir: &Path) -> io::Result<Address> {
    let path = state_dir.join(NAME);
    if path.as_os_str().as_bytes().len() <= PATH_MAX {
        return Ok(Address { path, _directory: None });
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(state_dir, flags, Mode::empty())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd()));
    Ok(Address { path, _directory: Some(directory) })
}

//! What is mounted below a root, and which disk it is.

mod table;

use crate::entry::{Status, sort_of_file_system};
use crate::{Error, Root, beneath};
use model::{DiskId, RelPath};
use rustix::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use rustix::fs::OFlags;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fs, io};
use table::Mount;

/// What is mounted below a root. As long as this lives, the system unmounts none of it, short of force: nothing is written where a disk was that
/// has just gone.
#[derive(Debug, Default)]
pub struct Mounts {
    /// Where, and which disk it is, if that can be told.
    pub points: BTreeMap<RelPath, Option<DiskId>>,
    pins: Vec<OwnedFd>,
}

impl Mounts {
    /// These, of which nothing has to be held open.
    #[must_use]
    pub fn of(points: BTreeMap<RelPath, Option<DiskId>>) -> Self {
        Self { points, pins: Vec::new() }
    }
}

impl Root {
    /// Where below the root something is mounted now, for this process. None where the system does not tell.
    pub fn mounts(&self) -> Result<Mounts, Error> {
        let failed = |path: &Path, source| Error::Io { doing: "reading", path: path.to_owned(), source };
        let path = Path::new("/proc/self/mountinfo");
        let read = || match fs::read(path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            lines => lines.map_err(|source| failed(path, source)),
        };
        // Whatever symlinks led to it.
        let held = format!("/proc/self/fd/{}", self.as_fd().as_raw_fd());
        let top = fs::read_link(&held).map_err(|source| failed(Path::new(&held), source))?;
        let mut lines = read()?;
        let on_demand = table::below(&lines, top.as_os_str().as_bytes(), true);
        for point in on_demand.keys() {
            // Looked at, so that it is mounted now and not while the folder is being looked at.
            drop(fs::read_dir(top.join(OsStr::from_bytes(&point.to_os_bytes()))));
        }
        if !on_demand.is_empty() {
            lines = read()?;
        }
        Ok(self.pin(table::below(&lines, top.as_os_str().as_bytes(), false)))
    }

    /// Holds open what is mounted, but for what is hidden by something else.
    fn pin(&self, mounted: BTreeMap<RelPath, Mount>) -> Mounts {
        let mut mounts = Mounts::default();
        for (point, mount) in mounted {
            let flags = OFlags::PATH | OFlags::NOFOLLOW;
            let pin = beneath::open(self.as_fd(), &point.to_os_bytes(), flags).ok();
            if pin.as_ref().is_some_and(|pin| !is_of(pin, mount.id)) {
                continue;
            }
            let disk = uuid_of(mount.device)
                .or_else(|| pin.as_ref().and_then(id_of_uuid))
                .map(|uuid| DiskId::of_file_system(&uuid, &mount.root))
                .or_else(|| pin.as_ref().and_then(id_of_root));
            mounts.points.insert(point, disk);
            mounts.pins.extend(pin);
        }
        mounts
    }
}

/// Whether this is what was mounted as `id`. Older kernels do not tell, and say 0.
fn is_of(pin: &OwnedFd, id: u64) -> bool {
    Status::mount_of(pin).is_ok_and(|(_, its)| its == id || its == 0)
}

/// What the file system on a device says of itself, where the system keeps a list of that.
fn uuid_of((major, minor): (u32, u32)) -> Option<String> {
    let device = rustix::fs::makedev(major, minor);
    let listed = fs::read_dir("/dev/disk/by-uuid").ok()?.flatten();
    let is_it = |entry: &fs::DirEntry| fs::metadata(entry.path()).is_ok_and(|data| data.rdev() == device);
    listed.into_iter().find(is_it)?.file_name().into_string().ok()
}

/// Of those of the ext family and btrfs, `statfs` tells a number that is made of the UUID; of many others, one that is made of the device's.
fn id_of_uuid(pin: &OwnedFd) -> Option<String> {
    const EXT: u64 = 0xEF53;
    const BTRFS: u64 = 0x9123_683E;
    let sort = sort_of_file_system(pin).ok()?;
    let id = rustix::fs::fstatvfs(pin).ok()?.f_fsid;
    [EXT, BTRFS].contains(&sort).then(|| format!("{id:016x}"))
}

/// Some file systems say that their root was made at the beginning of time.
fn id_of_root(pin: &OwnedFd) -> Option<DiskId> {
    let identity = Status::identity_of(pin).ok()?;
    identity.born.filter(|born| born.0 > 0).map(|born| DiskId::of_root(identity.inode, born))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_mounted_below_a_new_directory() {
        let scratch = crate::testing::Scratch::new();
        assert_eq!(scratch.root.mounts().unwrap().points, BTreeMap::new());
    }
}

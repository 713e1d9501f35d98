//! What is mounted below a root: `/proc/self/mountinfo`, whose lines `proc_pid_mountinfo(5)` describes.

use crate::{Error, Root};
use model::RelPath;
use rustix::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{fs, io};

/// Stands where something is mounted as soon as anyone looks: what counts is what is mounted on it.
const ON_DEMAND: &[u8] = b"autofs";

impl Root {
    /// Where below the root something is mounted now, for this process. None where the system does not tell.
    pub fn mounts(&self) -> Result<Mounts, Error> {
        let failed = |path: &Path, source| Error::Io { doing: "reading", path: path.to_owned(), source };
        let table = Path::new("/proc/self/mountinfo");
        let read = || match fs::read(table) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            lines => lines.map_err(|source| failed(table, source)),
        };
        // Whatever symlinks led to it.
        let held = format!("/proc/self/fd/{}", self.as_fd().as_raw_fd());
        let top = fs::read_link(&held).map_err(|source| failed(Path::new(&held), source))?;
        let mut lines = read()?;
        let on_demand = below(&lines, top.as_os_str().as_bytes(), true);
        for point in &on_demand {
            // Looked at, so that it is mounted now and not while the folder is being looked at.
            drop(fs::read_dir(top.join(OsStr::from_bytes(&point.to_os_bytes()))));
        }
        if !on_demand.is_empty() {
            lines = read()?;
        }
        let points = below(&lines, top.as_os_str().as_bytes(), false);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let pin = |point: &RelPath| {
            rustix::fs::open(top.join(OsStr::from_bytes(&point.to_os_bytes())), flags, Mode::empty()).ok()
        };
        let pins = points.iter().filter_map(pin).collect();
        Ok(Mounts { points, pins })
    }
}

/// What is mounted below a root. As long as this lives, the system unmounts none of it, short of force: nothing is written where a disk was that
/// has just gone.
#[derive(Debug, Default)]
pub struct Mounts {
    /// Where.
    pub points: BTreeSet<RelPath>,
    #[expect(dead_code, reason = "held open")]
    pins: Vec<OwnedFd>,
}

/// Where something is mounted below `top`, either at once or on demand.
fn below(lines: &[u8], top: &[u8], on_demand: bool) -> BTreeSet<RelPath> {
    lines.split(|byte| *byte == b'\n').filter_map(|line| point(line, top, on_demand)).collect()
}

/// Where a line says that something is mounted, if that is below `top`.
fn point(line: &[u8], top: &[u8], on_demand: bool) -> Option<RelPath> {
    let mut fields = line.split(|byte| *byte == b' ');
    let point = unescaped(fields.nth(4)?);
    // Behind a lone dash, after fields of which there may be any number.
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    let rest = point.strip_prefix(top.strip_suffix(b"/").unwrap_or(top))?.strip_prefix(b"/")?;
    if (kind == ON_DEMAND) == on_demand { RelPath::from_os_bytes(rest).ok() } else { None }
}

/// Blanks, newlines and backslashes stand as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, after @ ..] = rest {
        match after.split_first_chunk::<3>() {
            Some((digits, behind))
                if *first == b'\\' && digits.iter().all(|digit| (b'0'..b'8').contains(digit)) =>
            {
                let value = digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                plain.push(u8::try_from(value).unwrap_or(b'?'));
                rest = behind;
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:27 / /home/mia rw - tmpfs tmpfs rw
31 30 0:28 / /home/mia/docs/usb\\040stick rw,nosuid master:3 shared:9 - vfat /dev/sdb1 rw
32 30 0:29 / /home/mia/docs/photos rw - autofs systemd-1 rw
33 32 0:30 / /home/mia/docs/photos rw - nfs attic:/photos rw
34 30 0:31 / /home/mia/docs/film rw - autofs systemd-1 rw
35 30 0:32 / /home/mia/docs2 rw - tmpfs tmpfs rw
";

    fn points(top: &str) -> Vec<String> {
        below(TABLE, top.as_bytes(), false).iter().map(|path| path.as_str().to_owned()).collect()
    }

    #[test]
    fn what_is_mounted_below_is_told() {
        assert_eq!(points("/home/mia/docs"), ["photos", "usb stick"]);
        let on_demand = below(TABLE, b"/home/mia/docs", true);
        assert_eq!(on_demand.iter().map(RelPath::as_str).collect::<Vec<_>>(), ["film", "photos"]);
        assert_eq!(points("/home/mia/docs/photos"), [""; 0], "the root itself is not below it");
        assert_eq!(
            points("/"),
            ["home/mia", "home/mia/docs/photos", "home/mia/docs/usb stick", "home/mia/docs2"]
        );
    }

    #[test]
    fn nothing_is_mounted_below_a_new_directory() {
        let scratch = crate::testing::Scratch::new();
        assert_eq!(scratch.root.mounts().unwrap().points, BTreeSet::new());
    }
}

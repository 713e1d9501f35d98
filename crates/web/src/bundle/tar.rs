//! POSIX tar (pax), with true names, times to the nanosecond, and modes.
//!
//! Names of up to 100 bytes stand in the header as they are, UTF-8 or not; a longer one in a pax record, or in
//! GNU's record where it is not UTF-8, because pax records are text. The `tar` crate lends its header; its builder
//! wants to pull each file's bytes, while an archive pushes them.

use super::{Folder, walk};
use crate::stream::Outcome;
use archive::Entry;
use model::{Kind, UnixNanos};
use std::io::{self, Write};
use tar::{EntryType, Header};

const BLOCK: u64 = 512;
const NAME_MAX: usize = 100;
/// What GNU tar blocks at, and ends with.
const END: [u8; 1024] = [0; 1024];
/// Link targets longer than a system allows were never made by one.
const TARGET_MAX: u64 = 64 * 1024;

pub(super) fn write(folder: &Folder, out: &mut dyn Write) -> Outcome {
    let top = model::RelPath::from_key(folder.name())?;
    walk::each(folder, |entry, below| {
        let mut name = top.join(below).to_os_bytes();
        match entry.kind {
            Kind::Directory => {
                name.push(b'/');
                Ok(head(out, entry, &name, EntryType::Directory, 0, None)?)
            }
            Kind::Symlink => {
                let target = folder.past.history.read(entry, TARGET_MAX)?;
                Ok(head(out, entry, &name, EntryType::Symlink, 0, Some(&target))?)
            }
            Kind::File => {
                head(out, entry, &name, EntryType::Regular, entry.size, None)?;
                folder.past.history.copy_to(entry, None, out)?;
                Ok(pad(out, entry.size)?)
            }
        }
    })?;
    Ok(out.write_all(&END)?)
}

fn head(
    out: &mut dyn Write,
    entry: &Entry,
    name: &[u8],
    kind: EntryType,
    size: u64,
    target: Option<&[u8]>,
) -> io::Result<()> {
    let mut records = Vec::new();
    if let Some(mtime) = entry.mtime.filter(|mtime| mtime.0 % 1_000_000_000 != 0 || mtime.0 < 0) {
        record(&mut records, "mtime", decimal(mtime).as_bytes());
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(super::mode(entry));
    header.set_mtime(entry.mtime.map_or(0, |mtime| u64::try_from(mtime.seconds_and_nanos().0).unwrap_or(0)));
    header.set_uid(0);
    header.set_gid(0);
    if size >= 1 << 33 {
        record(&mut records, "size", size.to_string().as_bytes());
    }
    let name_bytes = place(out, &mut records, "path", EntryType::GNULongName, name)?;
    header.as_old_mut().name[..name_bytes.len()].copy_from_slice(name_bytes);
    if let Some(target) = target {
        let target_bytes = place(out, &mut records, "linkpath", EntryType::GNULongLink, target)?;
        header.as_old_mut().linkname[..target_bytes.len()].copy_from_slice(target_bytes);
    }
    if !records.is_empty() {
        special(out, EntryType::XHeader, &records)?;
    }
    header.set_cksum();
    out.write_all(header.as_bytes())
}

/// What of a name goes into the header; a long one is told before it.
fn place<'a>(
    out: &mut dyn Write,
    records: &mut Vec<u8>,
    key: &str,
    long: EntryType,
    name: &'a [u8],
) -> io::Result<&'a [u8]> {
    if name.len() > NAME_MAX {
        if std::str::from_utf8(name).is_ok() {
            record(records, key, name);
        } else {
            special(out, long, &[name, b"\0"].concat())?;
        }
    }
    Ok(&name[..name.len().min(NAME_MAX)])
}

/// One pax record: its own length in decimal, a space, `key=value`, a line feed.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// A header that speaks about the next one.
fn special(out: &mut dyn Write, kind: EntryType, content: &[u8]) -> io::Result<()> {
    let mut header = if kind == EntryType::XHeader { Header::new_ustar() } else { Header::new_gnu() };
    let name: &[u8] = if kind == EntryType::XHeader { b"PaxHeader" } else { b"././@LongLink" };
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    out.write_all(header.as_bytes())?;
    out.write_all(content)?;
    pad(out, content.len() as u64)
}

fn pad(out: &mut dyn Write, size: u64) -> io::Result<()> {
    let missing = usize::try_from(size.next_multiple_of(BLOCK) - size).expect("because a block is small");
    out.write_all(&END[..missing])
}

/// Seconds with nine decimals, for times before 1970 too.
fn decimal(time: UnixNanos) -> String {
    let sign = if time.0 < 0 { "-" } else { "" };
    let nanos = time.0.unsigned_abs();
    format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_itself() {
        for (value, expected) in [("x", "9 path=x\n"), ("xx", "11 path=xx\n")] {
            let mut records = Vec::new();
            record(&mut records, "path", value.as_bytes());
            assert_eq!(String::from_utf8(records).unwrap(), expected);
        }
        for length in 80..110 {
            let mut records = Vec::new();
            record(&mut records, "path", &vec![b'x'; length]);
            let text = String::from_utf8(records).unwrap();
            assert_eq!(text.split_once(' ').unwrap().0, text.len().to_string());
        }
    }

    #[test]
    fn times_before_1970_are_decimal_too() {
        assert_eq!(decimal(UnixNanos(1_500_000_000)), "1.500000000");
        assert_eq!(decimal(UnixNanos(-1)), "-0.000000001");
    }
}

//! The stat cache: what each live file looked like when its content was last read.
//!
//! `<repository>/heirloom/stat-cache` lets an unchanged file go unread and an unchanged directory go
//! unbuilt. It is a plain sequence of records, one per directory, a directory behind everything it holds: the
//! order in which the scan completes them, so both are walked together and memory holds one record. It is
//! valid for one commit only, the one it names; with any other it is as good as missing, and so it is when its
//! checksum does not fit. Both cost one full read of the live files, never data.
//!
//! A file that changed in the very instant it was read may change again without a trace in its times. Such
//! entries are marked, and read again next time, as git does for its index.
//!
//! Rejected: git's own index format, which is one flat list and cannot hold the ids of unchanged directories
//! and their metadata; and a database, which costs more than reading this file from start to end.

mod record;

pub(crate) use record::{CachedFile, Record};

use crate::Error;
use gix::ObjectId;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"HLSTAT\0\x01";
/// Commit id and CRC-32.
const TRAILER: u64 = 20 + 4;
/// How much of the cache may wait in memory for a record that comes before it.
const WAITING_MAX: usize = 32 << 20;

/// Reads the cache along with the scan.
pub(crate) struct CacheReader {
    file: io::Take<BufReader<File>>,
    next: Option<Record>,
}

impl CacheReader {
    /// Opens the cache if it is whole and belongs to `commit`.
    pub(crate) fn open(path: &Path, commit: ObjectId) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len().checked_sub(TRAILER)?;
        let mut reader = BufReader::with_capacity(1 << 18, &mut file);
        let mut crc32 = crc32fast::Hasher::new();
        let mut body = (&mut reader).take(length + 20);
        let mut buffer = vec![0; 1 << 18];
        let mut start = [0; 28];
        loop {
            let read = body.read(&mut buffer).ok()?;
            if read == 0 {
                break;
            }
            crc32.update(&buffer[..read]);
        }
        let mut stored = [0; 4];
        reader.read_exact(&mut stored).ok()?;
        if u32::from_le_bytes(stored) != crc32.finalize() {
            return None;
        }
        file.seek(SeekFrom::Start(length)).ok()?;
        file.read_exact(&mut start[..20]).ok()?;
        if start[..20] != *commit.as_slice() {
            return None;
        }
        file.seek(SeekFrom::Start(0)).ok()?;
        file.read_exact(&mut start[..8]).ok()?;
        if start[..8] != *MAGIC {
            return None;
        }
        let mut reader = Self { file: BufReader::with_capacity(1 << 18, file).take(length - 8), next: None };
        reader.advance();
        Some(reader)
    }

    /// The record of the directory at `path`, which must come behind the path asked for before.
    pub(crate) fn find(&mut self, path: &[u8]) -> Option<Record> {
        loop {
            match completion_order(&self.next.as_ref()?.path, path) {
                // A directory that is gone.
                Ordering::Less => self.advance(),
                Ordering::Greater => return None,
                Ordering::Equal => {
                    let found = self.next.take();
                    self.advance();
                    return found;
                }
            }
        }
    }

    fn advance(&mut self) {
        self.next = Record::decode(&mut self.file);
    }
}

/// Which of two directories the scan completes first: what lies deeper, then what sorts first.
fn completion_order(one: &[u8], other: &[u8]) -> Ordering {
    let (mut ones, mut others) = (components(one), components(other));
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (Some(one), Some(other)) => match one.cmp(other) {
                Ordering::Equal => {}
                order => return order,
            },
        }
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|component| !component.is_empty())
}

/// Writes the next cache beside the present one.
pub(crate) struct CacheWriter {
    path: PathBuf,
    out: BufWriter<File>,
    crc32: crc32fast::Hasher,
    /// When the scan began, by the clock of the file system.
    started: i64,
    next: u64,
    /// Records that completed before their turn.
    waiting: BTreeMap<u64, Vec<u8>>,
    waiting_bytes: usize,
}

impl CacheWriter {
    /// Starts a cache; to be called before the scan looks at anything.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let path = path.with_extension("new");
        let create = || {
            let file = File::create(&path)?;
            // Truncating an empty file need not touch its time; writing does.
            (&file).write_all(MAGIC)?;
            let raw = crate::live::stat(&file)?;
            Ok((file, raw.mtime))
        };
        let (file, started) = create().map_err(Error::io("create", &path))?;
        let mut crc32 = crc32fast::Hasher::new();
        crc32.update(MAGIC);
        let out = BufWriter::with_capacity(1 << 18, file);
        Ok(Self { path, out, crc32, started, next: 0, waiting: BTreeMap::new(), waiting_bytes: 0 })
    }

    /// Whether a file with this time of change could still change unseen.
    pub(crate) fn is_racy(&self, ctime: i64) -> bool {
        // The kernel's time stamps advance in ticks of at most 10 ms; some file systems keep whole seconds.
        let granularity = if ctime % 1_000_000_000 == 0 { 2_000_000_000 } else { 50_000_000 };
        ctime >= self.started - granularity
    }

    /// Takes the record of the directory that the scan completed as number `turn`.
    pub(crate) fn put(&mut self, turn: u64, record: &Record) -> Result<(), Error> {
        let bytes = record.encode(|file| self.is_racy(file.ctime));
        if turn == self.next {
            self.write(&bytes)?;
            self.next += 1;
            return self.catch_up();
        }
        self.waiting_bytes += bytes.len();
        self.waiting.insert(turn, bytes);
        Ok(())
    }

    /// Whether the scan should wait for what is outstanding.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting_bytes > WAITING_MAX
    }

    fn catch_up(&mut self) -> Result<(), Error> {
        while let Some(bytes) = self.waiting.remove(&self.next) {
            self.waiting_bytes -= bytes.len();
            self.write(&bytes)?;
            self.next += 1;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.crc32.update(bytes);
        self.out.write_all(bytes).map_err(Error::io("write", &self.path))
    }

    /// Completes the cache for `commit` and puts it in place of the present one. It is not flushed to disk:
    /// after a power cut its checksum decides.
    pub(crate) fn finish(mut self, commit: ObjectId) -> Result<(), Error> {
        self.write(commit.as_slice())?;
        let Self { path, mut out, crc32, .. } = self;
        out.write_all(&crc32.finalize().to_le_bytes())
            .and_then(|()| out.flush())
            .map_err(Error::io("write", &path))?;
        std::fs::rename(&path, path.with_extension("")).map_err(Error::io("move into place", &path))
    }

    /// The present cache stays.
    pub(crate) fn discard(self) {
        // Best effort: the next run overwrites it.
        std::fs::remove_file(&self.path).ok();
    }
}

#[cfg(test)]
mod tests;

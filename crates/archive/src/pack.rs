//! One pack per snapshot, written as the objects come.
//!
//! Many threads deflate, each into a [`Batch`] of its own; whole batches are appended under one lock, so the
//! order of objects is arbitrary and the file grows by large writes. The number of objects, which stands at
//! the start of a pack, is known only at its end; it is patched in, and the file is read once more from the
//! page cache for its checksum.
//!
//! Rejected: `gix-pack`'s writer, which wants the exact number of objects before the first byte and inflates
//! everything again for the index; and loose objects, which cost a file, a rename and a block each.

mod entry;
mod index;

pub(crate) use entry::{Batch, Deflater, entropy_is_high};

use crate::Error;
use gix::ObjectId;
use gix::hash::Kind::Sha1;
use gix::objs::Kind;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Names under which an unfinished pack and index lie; `git gc` sweeps this prefix, too.
const PACK_UNFINISHED: &str = "tmp_pack_heirloom";
const INDEX_UNFINISHED: &str = "tmp_idx_heirloom";

/// Where an object lies in the pack.
struct Placed {
    id: ObjectId,
    crc32: u32,
    offset: u64,
}

/// A pack that is being written, shared by the threads that write it.
pub(crate) struct Pack {
    directory: PathBuf,
    seen: Mutex<gix::hashtable::HashSet<ObjectId>>,
    tail: Mutex<Tail>,
}

/// The end of the pack, held by one thread at a time.
pub(crate) struct Tail {
    path: PathBuf,
    /// Created with the first object: a run that finds nothing new leaves no trace.
    file: Option<File>,
    offset: u64,
    placed: Vec<Placed>,
}

impl Pack {
    /// Starts a pack in `<repository>/objects/pack`.
    pub(crate) fn new(directory: PathBuf) -> Self {
        let path = directory.join(PACK_UNFINISHED);
        let tail = Tail { path, file: None, offset: 0, placed: Vec::new() };
        Self { directory, seen: Mutex::default(), tail: Mutex::new(tail) }
    }

    /// Whether the caller is the first to bring this object, and so the one to write it.
    pub(crate) fn claim(&self, id: ObjectId) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id)
    }

    /// Appends a batch and empties it.
    pub(crate) fn append(&self, batch: &mut Batch) -> Result<(), Error> {
        let mut tail = self.tail();
        tail.append(batch)
    }

    /// Appends a batch if nobody else is writing; the caller may go on and try later.
    pub(crate) fn try_append(&self, batch: &mut Batch) -> Result<(), Error> {
        match self.tail.try_lock() {
            Ok(mut tail) => tail.append(batch),
            Err(TryLockError::WouldBlock) => Ok(()),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().append(batch),
        }
    }

    /// Holds the end of the pack, for an object that is streamed into it.
    pub(crate) fn tail(&self) -> MutexGuard<'_, Tail> {
        // A thread that panicked fails the whole run; what the tail holds is thrown away then.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the pack and its index durable and visible. `false`: there was nothing to write.
    pub(crate) fn finish(self) -> Result<bool, Error> {
        let mut tail = self.tail.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some(mut file) = tail.file.take() else { return Ok(false) };
        let checksum =
            seal(&mut file, tail.placed.len()).map_err(Error::io("complete the pack", &tail.path))?;
        drop(file);
        let index_path = self.directory.join(INDEX_UNFINISHED);
        index::write(&index_path, &mut tail.placed, checksum).map_err(Error::io("write", &index_path))?;
        // The pack first: an index without its pack would be an error to every reader.
        let name = self.directory.join(format!("pack-{checksum}"));
        move_into_place(&tail.path, &name.with_extension("pack"))?;
        move_into_place(&index_path, &name.with_extension("idx"))?;
        sync_directory(&self.directory)?;
        Ok(true)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Best effort: the next run removes it otherwise.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

impl Tail {
    fn append(&mut self, batch: &mut Batch) -> Result<(), Error> {
        if batch.is_empty() {
            return Ok(());
        }
        self.open()?;
        let start = self.offset;
        self.write(batch.bytes())?;
        self.placed.extend(batch.objects().map(|(id, crc32, offset)| Placed {
            id,
            crc32,
            offset: start + offset,
        }));
        batch.clear();
        Ok(())
    }

    /// Starts an object of known size that is written piece by piece.
    pub(crate) fn start(&mut self, kind: Kind, size: u64) -> Result<Streamed<'_>, Error> {
        self.open()?;
        let start = self.offset;
        let mut streamed = Streamed { tail: self, start, crc32: crc32fast::Hasher::new() };
        streamed.write(&entry::header(kind, size))?;
        Ok(streamed)
    }

    fn open(&mut self) -> Result<(), Error> {
        if self.file.is_none() {
            let file =
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o444).open(&self.path);
            self.file = Some(file.map_err(Error::io("create", &self.path))?);
            self.write(b"PACK\0\0\0\x02\0\0\0\0")?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let file = self.file.as_mut().expect("every writer opens the pack first");
        file.write_all(bytes).map_err(Error::io("write", &self.path))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn rewind(&mut self, start: u64) -> Result<(), Error> {
        let file = self.file.as_mut().expect("every writer opens the pack first");
        file.set_len(start)
            .and_then(|()| file.seek(SeekFrom::Start(start)))
            .map_err(Error::io("shorten", &self.path))?;
        self.offset = start;
        Ok(())
    }
}

/// An object on its way into the pack, piece by piece. It counts only once it is kept.
pub(crate) struct Streamed<'a> {
    tail: &'a mut Tail,
    start: u64,
    crc32: crc32fast::Hasher,
}

impl Streamed<'_> {
    /// Appends deflated bytes.
    pub(crate) fn write(&mut self, deflated: &[u8]) -> Result<(), Error> {
        self.crc32.update(deflated);
        self.tail.write(deflated)
    }

    /// The object is complete.
    pub(crate) fn keep(self, id: ObjectId) {
        self.tail.placed.push(Placed { id, crc32: self.crc32.finalize(), offset: self.start });
    }

    /// The object is not wanted after all; the pack ends where it began.
    pub(crate) fn discard(self) -> Result<(), Error> {
        self.tail.rewind(self.start)
    }
}

/// Patches the number of objects in, appends the checksum, and makes the file durable.
fn seal(file: &mut File, objects: usize) -> std::io::Result<ObjectId> {
    let count =
        u32::try_from(objects).map_err(|_| std::io::Error::other("more than 2^32 objects in one pack"))?;
    file.seek(SeekFrom::Start(8))?;
    file.write_all(&count.to_be_bytes())?;
    let flushed = file.try_clone()?;
    // The disk writes while the processor computes.
    let checksum = std::thread::scope(|scope| {
        let flushing = scope.spawn(move || flushed.sync_data());
        let checksum = hash_from_start(file);
        flushing.join().map_err(|_| std::io::Error::other("the flushing thread panicked"))??;
        checksum
    })?;
    file.write_all(checksum.as_slice())?;
    file.sync_all()?;
    Ok(checksum)
}

fn hash_from_start(file: &mut File) -> std::io::Result<ObjectId> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = gix::hash::hasher(Sha1);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return hasher.try_finalize().map_err(std::io::Error::other),
            read => hasher.update(&buffer[..read]),
        }
    }
}

fn move_into_place(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).map_err(Error::io("move into place", to))
}

pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(Error::io("flush", path))
}

/// Finishes or removes what a crash left in `<repository>/objects/pack`.
pub(crate) fn recover(directory: &Path) -> Result<(), Error> {
    let index = directory.join(INDEX_UNFINISHED);
    if let Ok(bytes) = std::fs::read(&index)
        && let Some(checksum) = index::pack_checksum(&bytes)
        && directory.join(format!("pack-{checksum}.pack")).exists()
    {
        // The pack was moved into place after the index was complete: only the last step is missing.
        move_into_place(&index, &directory.join(format!("pack-{checksum}.idx")))?;
    }
    for path in [index, directory.join(PACK_UNFINISHED)] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::io("remove", &path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

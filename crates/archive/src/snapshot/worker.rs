//! The threads that read, hash and deflate.

use super::content::{self, Reading};
use crate::Error;
use crate::pack::{Batch, Deflater, Pack};
use gix::ObjectId;
use gix::objs::Kind;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

/// A batch of this size is appended when nobody else is appending …
const BATCH: usize = 512 << 10;
/// … and one of this size whatever it takes: a large file may hold the end of the pack for long.
const BATCH_MAX: usize = 16 << 20;
/// A buffer that grew beyond is not kept.
const BUFFER_KEPT: usize = 1 << 20;

/// Something to do for a worker.
pub(super) enum Job {
    /// Read files of one directory.
    Files {
        /// The directory's number in the walk.
        directory: usize,
        fd: Arc<OwnedFd>,
        /// Position among the directory's files, and name.
        files: Vec<(usize, Vec<u8>)>,
    },
    /// Put an object whose id is known into the pack.
    Object { kind: Kind, id: ObjectId, content: Vec<u8> },
}

/// What a worker has done.
pub(super) enum Done {
    /// Files of one directory were read, or not.
    Files { directory: usize, readings: Vec<(usize, Reading)>, bytes_read: u64 },
    /// The snapshot fails.
    Fatal(Error),
}

/// What a worker writes with.
pub(super) struct Writer<'a> {
    pub(super) pack: &'a Pack,
    pub(super) deflater: Deflater,
    /// To see what the archive has; `None` while it has nothing.
    repo: Option<gix::Repository>,
    batch: Batch,
    buffer: Vec<u8>,
    bytes_read: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(pack: &'a Pack, repo: Option<gix::Repository>) -> Self {
        let mut repo = repo;
        if let Some(repo) = &mut repo {
            repo.objects.refresh_never();
        }
        Self {
            pack,
            deflater: Deflater::new(),
            repo,
            batch: Batch::default(),
            buffer: Vec::new(),
            bytes_read: 0,
        }
    }

    /// Puts an object into the pack unless the archive has it.
    pub(super) fn put(&mut self, kind: Kind, content: &[u8]) -> Result<ObjectId, Error> {
        let id = identify(kind, content)?;
        self.put_as(kind, id, content)?;
        Ok(id)
    }

    fn put_as(&mut self, kind: Kind, id: ObjectId, content: &[u8]) -> Result<(), Error> {
        if self.is_new(id) {
            self.batch.push(&mut self.deflater, kind, id, content);
            match self.batch.bytes().len() {
                BATCH_MAX.. => self.pack.append(&mut self.batch)?,
                BATCH.. => self.pack.try_append(&mut self.batch)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether neither the archive nor this run has the object. The caller must write it then.
    pub(super) fn is_new(&self, id: ObjectId) -> bool {
        !self.repo.as_ref().is_some_and(|repo| repo.has_object(id)) && self.pack.claim(id)
    }

    pub(super) fn count_read(&mut self, bytes: u64) {
        self.bytes_read += bytes;
    }

    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    pub(super) fn return_buffer(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= BUFFER_KEPT {
            self.buffer = buffer;
        }
    }

    fn perform(&mut self, job: Job) -> Result<Option<Done>, Error> {
        match job {
            Job::Object { kind, id, content } => {
                self.put_as(kind, id, &content)?;
                Ok(None)
            }
            Job::Files { directory, fd, files } => {
                let mut readings = Vec::with_capacity(files.len());
                for (at, name) in files {
                    readings.push((at, content::read(self, fd.as_fd(), &name)?));
                }
                Ok(Some(Done::Files {
                    directory,
                    readings,
                    bytes_read: std::mem::take(&mut self.bytes_read),
                }))
            }
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        self.pack.append(&mut self.batch)
    }
}

/// Works until there are no more jobs. After a failure the remaining jobs are taken and dropped, so that
/// the walk, which may be waiting for room in the queue, comes to hear of it.
pub(super) fn run(mut writer: Writer<'_>, jobs: &Mutex<Receiver<Job>>, done: &Sender<Done>) {
    let mut is_failed = false;
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { break };
        if is_failed {
            continue;
        }
        let outcome = writer.perform(job).unwrap_or_else(|error| {
            is_failed = true;
            Some(Done::Fatal(error))
        });
        // The walk is gone only if it failed itself.
        if outcome.is_some_and(|outcome| done.send(outcome).is_err()) {
            is_failed = true;
        }
    }
    if !is_failed && let Err(error) = writer.flush() {
        done.send(Done::Fatal(error)).ok();
    }
}

/// Puts the commit into the pack, behind everything else.
pub(super) fn write_commit(pack: &Pack, content: Vec<u8>) -> Result<ObjectId, Error> {
    let mut writer = Writer::new(pack, None);
    let id = writer.put(Kind::Commit, &content)?;
    drop(content);
    writer.flush()?;
    Ok(id)
}

/// The id of an object. git's hash looks out for forged collisions, and so does this.
pub(super) fn identify(kind: Kind, content: &[u8]) -> Result<ObjectId, Error> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, content).map_err(Error::git("identify an object"))
}

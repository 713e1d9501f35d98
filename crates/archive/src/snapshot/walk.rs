//! Walking the live files, in step with the stat cache and with the workers.
//!
//! Directories are visited depth first, each after everything below it, which is the order of the cache's
//! records. Visiting hands the files that the cache does not know to the workers; as their answers come, in any
//! order, directories are completed and tell the one above. The walk is ahead of the workers by a bounded
//! number of jobs, so what waits in memory is bounded, too.

mod complete;
mod visit;

use super::content::Reading;
use super::directory::{Content, Directory};
use super::owners::Owners;
use super::worker::{self, Done, Job, Writer};
use super::{Counts, Problem, Progress, Work};
use crate::Error;
use crate::cache::{CacheReader, CacheWriter};
use crate::pack::Pack;
use gix::ObjectId;
use gix::objs::Kind;
use model::RelPath;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};

/// Jobs that may wait. Every one may hold a directory open.
const QUEUE: usize = 64;

/// What to walk.
pub(super) struct Task<'a> {
    pub(super) live: &'a Path,
    pub(super) repo: &'a gix::Repository,
    /// The tree of the snapshot before.
    pub(super) parent: Option<ObjectId>,
    pub(super) pack: &'a Pack,
    pub(super) progress: &'a dyn Fn(Progress),
}

/// What the walk came to.
pub(super) struct Walked {
    /// The root tree of the snapshot.
    pub(super) tree: ObjectId,
    pub(super) counts: Counts,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// Names of the directories at the root, as in object keys.
    pub(super) roots: Vec<String>,
    pub(super) problems: Vec<Problem>,
    pub(super) work: Work,
}

/// Walks `task.live`, filling the pack and the new cache.
pub(super) fn run(
    task: &Task<'_>,
    known: Option<CacheReader>,
    cache: &mut CacheWriter,
) -> Result<Walked, Error> {
    let (jobs, queue) = sync_channel(QUEUE);
    let (done, answers) = channel();
    let queue = Mutex::new(queue);
    let shared = task.parent.map(|_| task.repo.clone().into_sync());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let repo = shared.as_ref().map(gix::ThreadSafeRepository::to_thread_local);
            let (done, queue) = (done.clone(), &queue);
            let writer = Writer::new(task.pack, repo);
            scope.spawn(move || worker::run(writer, queue, &done));
        }
        drop(done);
        let mut walk = Walk::new(task, known, cache, jobs, answers);
        walk.visit_all()?;
        walk.finish()
    })
}

struct Walk<'a> {
    task: &'a Task<'a>,
    known: Option<CacheReader>,
    cache: &'a mut CacheWriter,
    jobs: SyncSender<Job>,
    answers: Receiver<Done>,
    owners: Owners,
    /// Directories that are visited or wait, by number; free places are reused.
    directories: Vec<Option<Directory>>,
    free: Vec<usize>,
    turn: u64,
    root_tree: Option<ObjectId>,
    listing: Vec<u8>,
    out: Walked,
}

impl<'a> Walk<'a> {
    fn new(
        task: &'a Task<'a>,
        known: Option<CacheReader>,
        cache: &'a mut CacheWriter,
        jobs: SyncSender<Job>,
        answers: Receiver<Done>,
    ) -> Self {
        let out = Walked {
            tree: ObjectId::empty_tree(gix::hash::Kind::Sha1),
            counts: Counts::default(),
            files: 0,
            bytes: 0,
            roots: Vec::new(),
            problems: Vec::new(),
            work: Work::default(),
        };
        Self {
            task,
            known,
            cache,
            jobs,
            answers,
            owners: Owners::new(),
            directories: Vec::new(),
            free: Vec::new(),
            turn: 0,
            root_tree: None,
            listing: Vec::new(),
            out,
        }
    }

    /// Takes the answers that are there, and waits for one if the walk is too far ahead.
    fn take_answers(&mut self) -> Result<(), Error> {
        loop {
            let answer = if self.cache.is_full() {
                self.answers.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.answers.try_recv()
            };
            match answer {
                Ok(answer) => self.take_answer(answer)?,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(workers_are_gone()),
            }
        }
    }

    fn take_answer(&mut self, answer: Done) -> Result<(), Error> {
        let (number, readings, bytes_read) = match answer {
            Done::Files { directory, readings, bytes_read } => (directory, readings, bytes_read),
            Done::Fatal(error) => return Err(error),
        };
        self.out.work.bytes_read += bytes_read;
        let (mut problems, mut read, mut gone) = (Vec::new(), 0, Vec::new());
        let directory = self.directory(number);
        directory.outstanding -= readings.len();
        for (at, reading) in readings {
            let file = &mut directory.files[at];
            file.content = match reading {
                Reading::Done(id, stat) => {
                    read += 1;
                    file.stat = stat;
                    Content::Known(id)
                }
                Reading::Gone => {
                    gone.push(file.stat.size);
                    Content::Gone
                }
                Reading::Failed(reason) => {
                    problems.push((join(&directory.path, &file.name), reason));
                    Content::Kept
                }
            };
        }
        let is_complete = directory.outstanding == 0;
        self.out.work.files_read += read;
        self.out.files -= gone.len() as u64;
        self.out.bytes -= gone.iter().sum::<u64>();
        for (path, reason) in problems {
            self.problem(&path, reason);
        }
        self.report();
        if is_complete { self.complete(number) } else { Ok(()) }
    }

    /// Waits for everything, then builds the root.
    fn finish(mut self) -> Result<Walked, Error> {
        while self.root_tree.is_none() {
            let answer = self.answers.recv().map_err(|_| workers_are_gone())?;
            self.take_answer(answer)?;
        }
        self.out.tree = self.root_tree.expect("the loop above ends with it");
        // The workers empty their batches when there are no more jobs, and may fail in doing so.
        drop(self.jobs);
        for answer in &self.answers {
            if let Done::Fatal(error) = answer {
                return Err(error);
            }
        }
        self.out.problems.sort_by(|one, other| one.path.cmp(&other.path));
        (self.task.progress)(Progress { files: self.out.files, bytes: self.out.bytes, work: self.out.work });
        Ok(self.out)
    }

    fn send(&self, job: Job) -> Result<(), Error> {
        self.jobs.send(job).map_err(|_| workers_are_gone())
    }

    /// Puts an object into the pack and returns its id.
    fn put(&self, kind: Kind, content: Vec<u8>) -> Result<ObjectId, Error> {
        let id = worker::identify(kind, &content)?;
        self.send(Job::Object { kind, id, content })?;
        Ok(id)
    }

    fn directory(&mut self, number: usize) -> &mut Directory {
        self.directories[number]
            .as_mut()
            .expect("because a number is given back only when nothing refers to it")
    }

    fn problem(&mut self, path: &[u8], reason: String) {
        // The root itself cannot fail this way: an unreadable bucket is an error.
        if let Ok(path) = RelPath::from_os_bytes(path) {
            self.out.problems.push(Problem { path, reason });
        }
    }

    fn report(&self) {
        (self.task.progress)(Progress { files: self.out.files, bytes: self.out.bytes, work: self.out.work });
    }
}

fn workers_are_gone() -> Error {
    Error::git("write the snapshot")("the threads that read files have ended early")
}

fn join(path: &[u8], name: &[u8]) -> Vec<u8> {
    if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() }
}

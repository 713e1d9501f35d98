//! Hints that something below a root changed, so that a scan need not wait for its hour.
//!
//! Hints only: events are lost, merged and late on every system, and a directory that is moved in is
//! reported as one name. So a hint never says *what* changed, and the interval scan stays. Where the
//! system's number of watches is used up, the caller is told once per root, and that root lives by its
//! interval.

use crate::Error;
use crate::temporary::is_temporary;
use notify::event::{EventKind, ModifyKind};
use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::io::Errno;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a watcher noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// Something changed at a path, or below it.
    Changed {
        /// The root, as it was named to [`Watcher::start`].
        id: usize,
        /// The path, beginning with that root's.
        path: PathBuf,
    },
    /// Events were lost: any root may have changed.
    Overflow,
    /// The system grants no more watches, so that part of this root goes unwatched.
    LimitReached {
        /// The root, as it was named to [`Watcher::start`].
        id: usize,
        /// What is used up.
        limit: Limit,
    },
}

/// What a system grants only so much of. Each user has so many, whatever programs they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Directories that are watched (`ENOSPC`).
    Watches,
    /// Watchers, or open files (`EMFILE`, `ENFILE`).
    Watchers,
}

/// How many watches a root takes: one for each directory.
#[must_use]
pub fn watches_needed(root: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(root) else { return 1 };
    let is_directory = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    1 + entries.flatten().filter(is_directory).map(|entry| watches_needed(&entry.path())).sum::<u64>()
}

/// Watches directories until it is dropped.
pub struct Watcher {
    /// `None` when the system granted not even one.
    _system: Option<RecommendedWatcher>,
}

/// A watched directory, by the caller's path and by the one that the system reports.
struct Watched {
    id: usize,
    path: PathBuf,
    real: PathBuf,
}

type Sink = Arc<Mutex<dyn Fn(Noticed) + Send>>;

impl Watcher {
    /// Watches each root and everything below it; `sink` is called from a thread of the watcher's, and from
    /// this one before it returns. It ought to be quick.
    ///
    /// A root that does not exist is [`Error::Missing`]. Too few watches are no error but
    /// [`Noticed::LimitReached`].
    pub fn start(
        roots: Vec<(usize, PathBuf)>,
        sink: impl Fn(Noticed) + Send + 'static,
    ) -> Result<Self, Error> {
        let roots = roots.into_iter().map(Watched::resolve).collect::<Result<Arc<[_]>, _>>()?;
        let sink: Sink = Arc::new(Mutex::new(sink));
        let handler = {
            let (roots, sink) = (roots.clone(), sink.clone());
            move |event| translate(&roots, event, &|noticed| tell(&sink, noticed))
        };
        let config = notify::Config::default().with_follow_symlinks(false);
        let mut system = match RecommendedWatcher::new(handler, config) {
            Ok(system) => system,
            Err(error) => {
                let Some(limit) = limit_of(&error) else {
                    return Err(failed(PathBuf::from("/"), error));
                };
                roots.iter().for_each(|root| tell(&sink, Noticed::LimitReached { id: root.id, limit }));
                return Ok(Self { _system: None });
            }
        };
        for root in roots.iter() {
            let Err(error) = system.watch(&root.real, RecursiveMode::Recursive) else { continue };
            match limit_of(&error) {
                Some(limit) => tell(&sink, Noticed::LimitReached { id: root.id, limit }),
                None => return Err(failed(root.path.clone(), error)),
            }
        }
        Ok(Self { _system: Some(system) })
    }
}

impl Watched {
    fn resolve((id, path): (usize, PathBuf)) -> Result<Self, Error> {
        match path.canonicalize() {
            Ok(real) => Ok(Self { id, path, real }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Missing { path }),
            Err(source) => Err(Error::Io { doing: "watching", path, source }),
        }
    }

    /// A reported path as the caller spells it, if it lies here and is worth a word.
    fn translate(&self, reported: &Path) -> Option<PathBuf> {
        let below = reported.strip_prefix(&self.real).ok()?;
        let temporary = below.file_name().is_some_and(|name| is_temporary(name.as_bytes()));
        (!temporary)
            .then(|| if below.as_os_str().is_empty() { self.path.clone() } else { self.path.join(below) })
    }
}

fn tell(sink: &Sink, noticed: Noticed) {
    // A sink that panicked once may still take the next hint: nothing of ours is behind the lock.
    sink.lock().unwrap_or_else(PoisonError::into_inner)(noticed);
}

fn translate(roots: &[Watched], event: notify::Result<notify::Event>, tell: &dyn Fn(Noticed)) {
    match event {
        Ok(event) if event.need_rescan() => tell(Noticed::Overflow),
        Ok(event) if is_change(event.kind) => {
            for path in &event.paths {
                for root in roots {
                    if let Some(path) = root.translate(path) {
                        tell(Noticed::Changed { id: root.id, path });
                    }
                }
            }
        }
        Ok(_) => {}
        Err(error) => {
            let Some(limit) = limit_of(&error) else {
                // A hint was lost, which only a scan makes good.
                return tell(Noticed::Overflow);
            };
            let touched = |root: &&Watched| {
                error.paths.is_empty() || error.paths.iter().any(|path| path.starts_with(&root.real))
            };
            let hit = roots.iter().filter(touched);
            hit.for_each(|root| tell(Noticed::LimitReached { id: root.id, limit }));
        }
    }
}

/// Reading is no change. A rename is reported for each name and then once more for both.
fn is_change(kind: EventKind) -> bool {
    let both = EventKind::Modify(ModifyKind::Name(notify::event::RenameMode::Both));
    !kind.is_access() && kind != both
}

fn limit_of(error: &notify::Error) -> Option<Limit> {
    match &error.kind {
        ErrorKind::MaxFilesWatch => Some(Limit::Watches),
        ErrorKind::Io(error) => match Errno::from_io_error(error) {
            Some(Errno::NOSPC) => Some(Limit::Watches),
            Some(Errno::MFILE | Errno::NFILE) => Some(Limit::Watchers),
            _ => None,
        },
        _ => None,
    }
}

fn failed(path: PathBuf, error: notify::Error) -> Error {
    match error.kind {
        ErrorKind::PathNotFound => Error::Missing { path },
        ErrorKind::Io(source) => Error::Io { doing: "watching", path, source },
        _ => Error::Io { doing: "watching", path, source: io::Error::other(error) },
    }
}

#[cfg(test)]
mod tests;

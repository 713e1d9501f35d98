//! Listing directories and comparing them with the stat cache.

use super::super::content::describe;
use super::super::directory::{Below, Content, Directory, File, Lookup, State};
use super::super::worker::Job;
use super::{Walk, join};
use crate::Error;
use crate::cache::Record;
use crate::live::{self, Stat};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// So many directories stay open between the one visited and the root; those further up are opened anew if
/// the visit comes back to them, so that no depth exhausts the process's file descriptors.
const HELD: usize = 48;
/// Files per job: few enough to spread them, enough to make handing over cheap.
const FILES_PER_JOB: usize = 32;
const BYTES_PER_JOB: u64 = 4 << 20;

impl Walk<'_> {
    /// Visits every directory, deepest first.
    pub(super) fn visit_all(&mut self) -> Result<(), Error> {
        let live = self.task.live;
        let fd = live::open_root(live).map_err(Error::os("open the live files", live))?;
        let stat = live::stat(&fd).map_err(Error::os("look at the live files", live))?;
        let root =
            self.enter(None, 0, Vec::new(), stat, fd).map_err(Error::os("list the live files", live))?;
        self.out.roots = self.root_names(root);
        let mut stack = vec![root];
        while let Some(&number) = stack.last() {
            let directory = self.directory(number);
            if let Some(below) = directory.directories.get(directory.next) {
                let name = below.name.clone();
                let slot = directory.next;
                directory.next += 1;
                if let Some(entered) = self.descend(number, slot, &name) {
                    stack.push(entered);
                    self.close_far_up(&stack);
                }
            } else {
                stack.pop();
                self.look_at_files(number)?;
                self.take_answers()?;
            }
        }
        Ok(())
    }

    fn close_far_up(&mut self, stack: &[usize]) {
        // Never the root: everything can be opened from there.
        if let Some(&far_up) =
            stack.len().checked_sub(HELD + 1).filter(|at| *at > 0).and_then(|at| stack.get(at))
        {
            self.directory(far_up).fd = None;
        }
    }

    fn root_names(&mut self, root: usize) -> Vec<String> {
        let names = self.directory(root).directories.iter().map(|below| below.name.as_slice());
        names
            .filter_map(|name| model::RelPath::from_os_bytes(name).ok())
            .map(|name| name.as_str().to_owned())
            .collect()
    }

    /// Opens and lists the directory in place `slot` of another; `None` if that cannot be done.
    fn descend(&mut self, parent: usize, slot: usize, name: &[u8]) -> Option<usize> {
        let path = join(&self.directory(parent).path, name);
        let opened = self.open_below(parent, name).and_then(|fd| Ok((live::stat(&fd)?, fd)));
        let entered = match opened {
            Ok((stat, fd)) => self.enter(Some(parent), slot, path.clone(), stat, fd),
            Err(error) => Err(error),
        };
        let state = match entered {
            Ok(number) => return Some(number),
            Err(Errno::NOENT) => State::Gone,
            Err(error) => {
                self.problem(&path, describe(error));
                State::Kept
            }
        };
        let parent = self.directory(parent);
        parent.directories[slot].state = state;
        // Never the last one: the visit itself is outstanding.
        parent.outstanding -= 1;
        None
    }

    fn open_below(&mut self, parent: usize, name: &[u8]) -> Result<OwnedFd, Errno> {
        let fd = self.reopen(parent)?;
        let below = live::open_directory(&fd, name);
        self.directory(parent).fd = Some(fd);
        below
    }

    /// The directory, if need be opened again, component by component from the nearest one that is open.
    fn reopen(&mut self, number: usize) -> Result<Arc<OwnedFd>, Errno> {
        let mut names = Vec::new();
        let mut at = number;
        let mut fd = loop {
            let directory = self.directory(at);
            if let Some(fd) = &directory.fd {
                break Arc::clone(fd);
            }
            let name = directory.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec();
            names.push(name);
            at = directory.parent.expect("because the root is held open");
        };
        for name in names.iter().rev() {
            fd = Arc::new(live::open_directory(&fd, name)?);
        }
        Ok(fd)
    }

    /// Lists a directory and gives it a number.
    fn enter(
        &mut self,
        parent: Option<usize>,
        slot: usize,
        path: Vec<u8>,
        stat: Stat,
        fd: OwnedFd,
    ) -> Result<usize, Errno> {
        let items = live::list(&fd, &mut self.listing)?;
        let (mut files, mut directories) = (Vec::with_capacity(items.len()), Vec::new());
        for live::Item { name, stat } in items {
            if parent.is_none() && name == live::RESERVED_AT_ROOT {
                continue;
            }
            match stat.map(|stat| (stat.file_type(), stat)) {
                Ok((FileType::Directory, _)) => directories.push(Below { name, state: State::Waiting }),
                Ok((FileType::RegularFile | FileType::Symlink, stat)) => {
                    files.push(File { name, stat, content: Content::Waiting });
                }
                Ok((other, _)) => self.problem(&join(&path, &name), special_file(other).to_owned()),
                // Without knowing what it is, it counts as what it was.
                Err(error) => {
                    self.problem(&join(&path, &name), describe(error));
                    files.push(File { name, stat: Stat::default(), content: Content::Kept });
                }
            }
        }
        let directory = Directory {
            parent,
            slot,
            path,
            stat,
            fd: Some(Arc::new(fd)),
            outstanding: directories.len() + 1,
            files,
            directories,
            next: 0,
            turn: 0,
            record: None,
            previous: Lookup::Pending,
        };
        Ok(self.place(directory))
    }

    fn place(&mut self, directory: Directory) -> usize {
        if let Some(number) = self.free.pop() {
            self.directories[number] = Some(directory);
            return number;
        }
        self.directories.push(Some(directory));
        self.directories.len() - 1
    }

    /// Everything below was visited: compares the files with the cache and has the others read.
    fn look_at_files(&mut self, number: usize) -> Result<(), Error> {
        let turn = self.turn;
        self.turn += 1;
        let path = self.directory(number).path.clone();
        let record = self.known.as_mut().and_then(|known| known.find(&path));
        let directory = self.directory(number);
        directory.turn = turn;
        let (mut count, mut bytes) = (0, 0);
        let mut unknown = Vec::new();
        for (at, file) in directory.files.iter_mut().enumerate() {
            count += 1;
            bytes += file.stat.size;
            if file.content == Content::Waiting {
                match cached(record.as_ref(), file) {
                    Some(id) => file.content = Content::Known(id),
                    None => unknown.push((at, file.name.clone(), file.stat.size)),
                }
            }
        }
        directory.record = record;
        self.out.files += count;
        self.out.bytes += bytes;
        if !unknown.is_empty() {
            self.hand_over(number, unknown)?;
        }
        let directory = self.directory(number);
        directory.fd = None;
        directory.outstanding -= 1;
        if directory.outstanding == 0 { self.complete(number) } else { Ok(()) }
    }

    /// Has files read by the workers.
    fn hand_over(&mut self, number: usize, files: Vec<(usize, Vec<u8>, u64)>) -> Result<(), Error> {
        let fd = match self.reopen(number) {
            Ok(fd) => fd,
            Err(error) => {
                self.give_up_files(number, error);
                return Ok(());
            }
        };
        self.directory(number).outstanding += files.len();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for (at, name, size) in files {
            batch.push((at, name));
            bytes += size;
            if batch.len() >= FILES_PER_JOB || bytes >= BYTES_PER_JOB {
                let files = std::mem::take(&mut batch);
                self.send(Job::Files { directory: number, fd: Arc::clone(&fd), files })?;
                bytes = 0;
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.send(Job::Files { directory: number, fd, files: batch })
    }

    /// The directory could be listed, but not be opened a second time.
    fn give_up_files(&mut self, number: usize, error: Errno) {
        let directory = self.directory(number);
        let content = if error == Errno::NOENT { Content::Gone } else { Content::Kept };
        for file in directory.files.iter_mut().filter(|file| file.content == Content::Waiting) {
            file.content = content;
        }
        if content == Content::Kept {
            let path = directory.path.clone();
            self.problem(&path, describe(error));
        }
    }
}

/// The blob of a file that the cache has exactly so.
fn cached(record: Option<&Record>, file: &File) -> Option<gix::ObjectId> {
    let files = &record?.files;
    let at = files.binary_search_by(|cached| cached.name.as_slice().cmp(&file.name)).ok()?;
    let cached = files.get(at).filter(|cached| !cached.is_racy && cached.has(&file.stat))?;
    Some(cached.id)
}

fn special_file(of: FileType) -> &'static str {
    match of {
        FileType::Socket => "it is a socket, which has no content to keep",
        FileType::Fifo => "it is a named pipe, which has no content to keep",
        FileType::CharacterDevice | FileType::BlockDevice => {
            "it is a device, which has no content of its own"
        }
        _ => "it is neither a file nor a directory nor a symbolic link",
    }
}

//! A directory of an SFTP server, over the machine's own `ssh`.
//!
//! `ssh` brings keys, agents, known hosts and jump hosts the way its user has them; what runs through it is spoken here (see
//! `wire` and `session`), over one connection with many requests under way. Rejected: `openssh-sftp-client`, under `OpenDAL`'s
//! service as well, whose connection dies of one name that is not UTF-8, and which waits for each read before it asks for the next.

mod session;
mod wire;

use super::At;
use super::store::{Body, Entry, EntryKind, Failure, Named, Onto};
use crate::Cause;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use model::UnixNanos;
use session::{Handle, Pending, Session};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Mutex;
use wire::{Attributes, Code, Reply, Request};

/// Bytes of one read or write, which every server takes.
const STEP: usize = 32 << 10;

/// Reads or writes of one file under way.
const UNDER_WAY: usize = 48;

/// A drive with less than this is full when it cannot write, bytes.
const FULL_BELOW: u64 = 1 << 20;

pub(super) struct Sftp {
    at: At,
    root: String,
    /// The connection, while there is one.
    session: Mutex<Option<Arc<Session>>>,
}

/// A file being written.
pub(super) struct Writer {
    handle: Handle,
    path: String,
    offset: u64,
    under_way: VecDeque<Pending>,
}

impl Sftp {
    pub(super) fn new(at: At) -> Self {
        let root = match &at {
            At::Sftp { path, .. } => path.trim_end_matches('/').to_owned(),
            At::Disk { .. } | At::Webdav { .. } => String::new(),
        };
        let is_absolute = matches!(&at, At::Sftp { path, .. } if path.starts_with('/'));
        let root = if root.is_empty() { if is_absolute { "/" } else { "." }.to_owned() } else { root };
        Self { at, root, session: Mutex::new(None) }
    }

    pub(super) async fn list(&self, directory: &str) -> Result<Vec<Named>, Failure> {
        let session = self.session().await?;
        let path = self.path(directory);
        let opened = session.ask(Request::OpenDirectory { path: &path }).await;
        let handle = match handle_of(&session, opened) {
            Err(Failure::Other(_)) if self.stat(directory).await?.kind != EntryKind::Directory => {
                return Err(Failure::NotFound);
            }
            handle => handle?,
        };
        let mut names = Vec::new();
        loop {
            match session.ask(Request::ReadDirectory { handle: handle.id() }).await? {
                Reply::Names(found) => names.extend(found.into_iter().filter_map(named)),
                Reply::Status { code: Code::Eof, .. } => return Ok(names),
                other => return Err(refused(other)),
            }
        }
    }

    pub(super) async fn stat(&self, path: &str) -> Result<Entry, Failure> {
        let session = self.session().await?;
        let whole = self.path(path);
        // The root itself may be reached through a symlink: it was named by a person.
        let request =
            if path.is_empty() { Request::Stat { path: &whole } } else { Request::LinkStat { path: &whole } };
        match session.ask(request).await? {
            Reply::Attributes(attributes) => Ok(entry(&attributes)),
            other => Err(refused(other)),
        }
    }

    pub(super) async fn open(&self, path: &str, from: u64) -> Result<(Entry, Body), Failure> {
        let session = self.session().await?;
        let path = self.path(path);
        let opened = session.ask(Request::Open { path: &path, flags: wire::READ }).await;
        let handle = handle_of(&session, opened)?;
        let entry = match session.ask(Request::HandleStat { handle: handle.id() }).await? {
            Reply::Attributes(attributes) => entry(&attributes),
            other => return Err(refused(other)),
        };
        if entry.kind != EntryKind::File {
            return Err(Failure::Blocked(Cause::new("it is no file")));
        }
        let (size, handle) = (entry.size, Arc::new(handle));
        let steps = (from..size).step_by(STEP);
        let body = stream::iter(steps).map(move |offset| {
            let handle = Arc::clone(&handle);
            let length = usize::try_from(size - offset).unwrap_or(STEP).min(STEP);
            async move { read(&handle, offset, length).await }
        });
        Ok((entry, body.buffered(UNDER_WAY).boxed()))
    }

    pub(super) async fn create(&self, path: &str) -> Result<Writer, Failure> {
        let session = self.session().await?;
        let path = self.path(path);
        let flags = wire::READ | wire::WRITE | wire::CREATE | wire::EXCLUSIVE;
        let opened = session.ask(Request::Open { path: &path, flags }).await;
        let handle = handle_of(&session, opened)?;
        Ok(Writer { handle, path, offset: 0, under_way: VecDeque::new() })
    }

    /// Lets the server copy; `None` if it cannot.
    pub(super) async fn copy(
        &self,
        from: &str,
        to: &str,
        time: Option<UnixNanos>,
    ) -> Result<Option<Entry>, Failure> {
        let session = self.session().await?;
        if !session.copies() {
            return Ok(None);
        }
        let opened = session.ask(Request::Open { path: &self.path(from), flags: wire::READ }).await;
        let source = handle_of(&session, opened)?;
        let target = self.create(to).await?;
        let request = Request::CopyData { from: source.id(), to: target.handle.id() };
        // However long it takes, as long as the line is alive.
        done(session.begin(request).await?.wait_long().await?)?;
        target.finish(time).await.map(Some)
    }

    pub(super) async fn place(&self, from: &str, to: &str, onto: Onto) -> Result<(), Failure> {
        let session = self.session().await?;
        let (source, target) = (self.path(from), self.path(to));
        // The protocol's own rename fails where something stands; OpenSSH's extension replaces it in one step.
        let plain = Request::Rename { from: &source, to: &target };
        let replacing = onto == Onto::File && session.replaces();
        let request = if replacing { Request::PosixRename { from: &source, to: &target } } else { plain };
        let Err(failure) = done(session.ask(request).await?) else { return Ok(()) };
        if !matches!(failure, Failure::Other(_)) {
            return Err(failure);
        }
        match (self.stat(to).await, onto) {
            (Ok(entry), Onto::File) if entry.kind == EntryKind::Directory => {
                Err(Failure::Blocked(Cause::new("a directory stands there")))
            }
            (Ok(_), Onto::Nothing) => Err(Failure::Exists),
            // A server that cannot replace: there is a moment without the file.
            (Ok(_), Onto::File) if !replacing => {
                self.remove(to).await.or_else(Failure::unless_gone)?;
                done(session.ask(plain).await?)
            }
            _ => Err(failure),
        }
    }

    pub(super) async fn touch(&self, path: &str, time: UnixNanos) -> Result<(), Failure> {
        let Some(seconds) = seconds(time) else { return Ok(()) };
        let (session, path) = (self.session().await?, self.path(path));
        done(session.ask(Request::SetTime { path: &path, seconds }).await?)
    }

    pub(super) async fn remove(&self, path: &str) -> Result<(), Failure> {
        let (session, path) = (self.session().await?, self.path(path));
        done(session.ask(Request::Remove { path: &path }).await?)
    }

    pub(super) async fn make_directory(&self, path: &str) -> Result<(), Failure> {
        let session = self.session().await?;
        let whole = self.path(path);
        match done(session.ask(Request::MakeDirectory { path: &whole }).await?) {
            // The protocol has no word for "exists already".
            Err(failure @ Failure::Other(_)) => match self.stat(path).await {
                Ok(entry) if entry.kind == EntryKind::Directory => Ok(()),
                Ok(_) => Err(Failure::Blocked(Cause::new("a file stands there"))),
                Err(_) => Err(failure),
            },
            made => made,
        }
    }

    pub(super) async fn remove_directory(&self, path: &str) -> Result<(), Failure> {
        let (session, path) = (self.session().await?, self.path(path));
        done(session.ask(Request::RemoveDirectory { path: &path }).await?)
    }

    async fn session(&self) -> Result<Arc<Session>, Failure> {
        let mut current = self.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| session.is_alive()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::connect(&self.at).await?);
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    fn path(&self, path: &str) -> String {
        match (self.root.as_str(), path) {
            (root, "") => root.to_owned(),
            ("/", path) => format!("/{path}"),
            (root, path) => format!("{root}/{path}"),
        }
    }
}

impl Writer {
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let data = bytes.split_to(STEP.min(bytes.len()));
            while self.under_way.len() >= UNDER_WAY {
                self.confirm().await?;
            }
            let (handle, offset) = (self.handle.id(), self.offset);
            let request = Request::Write { handle, offset, data: &data };
            self.under_way.push_back(self.handle.session().begin(request).await?);
            self.offset += data.len() as u64;
        }
        Ok(())
    }

    pub(super) async fn finish(mut self, time: Option<UnixNanos>) -> Result<Entry, Failure> {
        // A server does in order what concerns one file, so all of it is asked for at once.
        let session = self.handle.shared();
        let handle = self.handle.id();
        let timed = match time.and_then(seconds) {
            Some(seconds) => Some(session.begin(Request::SetHandleTime { handle, seconds }).await?),
            None => None,
        };
        let synced =
            if session.syncs() { Some(session.begin(Request::Sync { handle }).await?) } else { None };
        let told = session.begin(Request::HandleStat { handle }).await?;
        let closed = self.handle.begin_close().await?;
        while !self.under_way.is_empty() {
            self.confirm().await?;
        }
        if let Some(timed) = timed {
            // A server that does not let us keeps its own time.
            timed.wait().await?;
        }
        if let Some(synced) = synced {
            done(synced.wait().await?)?;
        }
        let entry = match told.wait().await? {
            Reply::Attributes(attributes) => entry(&attributes),
            other => return Err(refused(other)),
        };
        done(closed.wait().await?)?;
        Ok(entry)
    }

    /// Waits for the earliest write under way.
    async fn confirm(&mut self) -> Result<(), Failure> {
        let Some(earliest) = self.under_way.pop_front() else { return Ok(()) };
        match done(earliest.wait().await?) {
            // The protocol has no word for "full".
            Err(Failure::Other(cause)) if self.is_full().await => Err(Failure::Full(cause)),
            confirmed => confirmed,
        }
    }

    async fn is_full(&self) -> bool {
        let session = self.handle.session();
        if !session.tells_space() {
            return false;
        }
        let reply = session.ask(Request::Space { path: &self.path }).await;
        matches!(reply, Ok(Reply::Space { free }) if free < FULL_BELOW)
    }
}

fn handle_of(session: &Arc<Session>, reply: Result<Reply, Failure>) -> Result<Handle, Failure> {
    match reply? {
        Reply::Handle(id) => Ok(Handle::new(Arc::clone(session), id)),
        other => Err(refused(other)),
    }
}

/// Exactly `length` bytes from an offset; a server may give fewer at once.
async fn read(handle: &Handle, offset: u64, length: usize) -> Result<Bytes, Failure> {
    let ask = |at: usize| {
        let length = u32::try_from(length - at).expect("because a step is small");
        handle.session().ask(Request::Read { handle: handle.id(), offset: offset + at as u64, length })
    };
    let mut all = Vec::new();
    loop {
        match ask(all.len()).await? {
            Reply::Data(data) if all.is_empty() && data.len() == length => return Ok(data),
            Reply::Data(data) if !data.is_empty() => all.extend_from_slice(&data),
            Reply::Status { code: Code::Eof, .. } | Reply::Data(_) => {
                return Err(Failure::Unreachable(Cause::new("the file ended early")));
            }
            other => return Err(refused(other)),
        }
        if all.len() == length {
            return Ok(all.into());
        }
    }
}

/// The version of a file.
pub(super) fn tag(size: u64, seconds: u32) -> String {
    format!("{size:x}.{seconds:x}")
}

/// The whole seconds of a time, if the protocol can say it.
pub(super) fn seconds(time: UnixNanos) -> Option<u32> {
    u32::try_from(time.seconds_and_nanos().0).ok()
}

fn named((name, attributes): (Vec<u8>, Attributes)) -> Option<Named> {
    let entry = entry(&attributes);
    let shown = |error: std::string::FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    (name != b"." && name != b"..").then(|| Named { name: String::from_utf8(name).map_err(shown), entry })
}

fn entry(attributes: &Attributes) -> Entry {
    let kind = match attributes.permissions.map(|mode| mode & 0o170_000) {
        Some(0o100_000) => EntryKind::File,
        Some(0o040_000) => EntryKind::Directory,
        _ => EntryKind::Other,
    };
    let (size, seconds) = (attributes.size.unwrap_or(0), attributes.modified.unwrap_or(0));
    let modified =
        attributes.modified.map(|seconds| UnixNanos::from_seconds_and_nanos(i64::from(seconds), 0));
    Entry { kind, size, modified, tag: tag(size, seconds) }
}

fn done(reply: Reply) -> Result<(), Failure> {
    match reply {
        Reply::Status { code: Code::Ok, .. } => Ok(()),
        other => Err(refused(other)),
    }
}

fn refused(reply: Reply) -> Failure {
    let Reply::Status { code, message } = reply else {
        return Failure::Other(Cause::new("the server gave an answer to another question"));
    };
    let cause =
        Cause::new(if message.is_empty() { format!("the server answered {code:?}") } else { message });
    match code {
        Code::NoSuchFile => Failure::NotFound,
        Code::PermissionDenied => Failure::Refused(cause),
        _ => Failure::Other(cause),
    }
}

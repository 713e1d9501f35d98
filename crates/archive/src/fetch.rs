//! Fetching another archive's history, forwards only.
//!
//! Objects are received first, and nothing refers to them. Only when the remote's latest snapshot turns out to
//! continue ours does `main` move to it, in one step. An interrupted fetch leaves unreferenced objects at
//! most; a remote that was rewound or replaced changes nothing here.
//!
//! Rejected: a mirror refspec (`+refs/*:refs/*`), which lets a remote rewind or delete history, and with `gix`
//! 0.90 silently fetches nothing unless prefix filtering is switched off.

use crate::lock::WriteLock;
use crate::{Archive, Error, SnapshotId, branch};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gix::bstr::ByteSlice;
use gix::progress::Discard;
use gix::protocol::transport::client::blocking_io::http;
use gix::remote::Direction;
use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A connection on which nothing arrives for so long is given up.
const STALL_MAX: Duration = Duration::from_mins(2);

/// Where to fetch from.
#[derive(Clone)]
pub struct Remote {
    /// `http://…` or `https://…`, or the path of a repository on this machine.
    pub url: String,
    /// User and password for HTTP Basic authentication: a key's id and secret.
    pub basic: Option<(String, String)>,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.basic.as_ref().map(|(user, _)| user);
        f.debug_struct("Remote").field("url", &self.url).field("user", &user).finish_non_exhaustive()
    }
}

/// What a fetch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// There was nothing new; perhaps nothing at all.
    UpToDate,
    /// New snapshots have arrived.
    Updated {
        /// The latest snapshot before; `None` if there was none.
        from: Option<SnapshotId>,
        /// The latest snapshot now.
        to: SnapshotId,
    },
    /// It was stopped from outside; nothing has moved.
    Stopped,
}

impl Archive {
    /// Brings the remote's snapshots here, if they continue those that are here already;
    /// [`Error::NotFastForward`] if they do not, and then nothing has moved. A remote without snapshots is nothing
    /// new. `stop` ends the fetch early. [`Error::Denied`] if the remote does not accept the credentials.
    pub fn fetch(&self, from: &Remote, stop: &AtomicBool) -> Result<Fetched, Error> {
        let lock = WriteLock::take(self.path())?;
        lock.begin_fetch()?;
        let outcome = receive(self, from, stop).and_then(|theirs| match theirs {
            Some(theirs) => self.accept(theirs),
            None => Ok(Fetched::UpToDate),
        });
        // Also where it failed, so that no half-received pack stays behind.
        lock.end_fetch()?;
        match outcome {
            Err(Error::Git { .. }) if stop.load(Ordering::Relaxed) => Ok(Fetched::Stopped),
            outcome => outcome,
        }
    }

    /// Moves `main` to `theirs` if that continues what is here.
    fn accept(&self, theirs: SnapshotId) -> Result<Fetched, Error> {
        // Opened anew: the packs that just came are to be seen.
        let repo = self.repository()?;
        let ours = branch::read(&repo)?;
        if ours == Some(theirs) {
            return Ok(Fetched::UpToDate);
        }
        if let Some(ours) = ours {
            let comparing = format!("compare the history {theirs} with {ours}");
            let base = repo.merge_bases_many(ours.0, &[theirs.0]).map_err(Error::git(comparing))?;
            if base.iter().all(|base| *base != ours.0) {
                return Err(Error::NotFastForward { ours, theirs });
            }
        }
        let commit = repo.find_commit(theirs.0).map_err(Error::git(format!("read the snapshot {theirs}")))?;
        // Dated by the snapshot, not by this machine: its clock may never have been set.
        let who = commit.committer().map_err(Error::git(format!("read the snapshot {theirs}")))?;
        let who = format!("{} <{}> {}", who.name, who.email, who.time);
        branch::advance(
            &repo,
            ours,
            theirs,
            &branch::LogEntry { who: &who, message: "fetch: fast-forward" },
        )?;
        Ok(Fetched::Updated { from: ours, to: theirs })
    }
}

/// Receives what the remote's `main` needs and returns it; `None` if there is none.
fn receive(archive: &Archive, from: &Remote, stop: &AtomicBool) -> Result<Option<SnapshotId>, Error> {
    let failed = || format!("fetch from {}", from.url);
    let repo = archive.repository()?;
    // Without a destination: nothing is to refer to it yet.
    let remote = repo
        .remote_at(parse_url(&from.url)?)
        .and_then(|remote| remote.with_refspecs([branch::NAME], Direction::Fetch))
        .map_err(Error::git(failed()))?
        .with_fetch_tags(gix::remote::fetch::Tags::None);
    let is_asked_for_credentials = Cell::new(false);
    let classify = |error: gix::Error| {
        let is_http = from.url.starts_with("http");
        if is_asked_for_credentials.get()
            || (is_http && (error.is_permission_denied() || error.is_unauthenticated()))
        {
            return Error::Denied { url: from.url.clone() };
        }
        Error::git(failed())(error)
    };
    let connection = remote
        .connect(Direction::Fetch)
        .map_err(classify)?
        .with_transport_options(Box::new(http_options(from)))
        .with_credentials(|_| {
            // The remote did not accept what it was sent; there is nobody else to ask.
            is_asked_for_credentials.set(true);
            Ok(None)
        });
    let mapping =
        gix::remote::ref_map::Options { prefix_from_spec_as_filter_on_remote: false, ..Default::default() };
    let prepared = connection.prepare_fetch(Discard, mapping).map_err(classify)?;
    let theirs = prepared.ref_map().remote_refs.iter().find_map(|reference| {
        let (name, target, peeled) = reference.unpack();
        (name == branch::NAME.as_bytes().as_bstr())
            .then(|| peeled.or(target))
            .flatten()
            .map(ToOwned::to_owned)
    });
    let Some(theirs) = theirs else { return Ok(None) };
    prepared.receive(Discard, stop).map_err(classify)?;
    Ok(Some(SnapshotId(theirs)))
}

/// A path is taken as it is, whatever git might read into it: `host:path`, for one, is a file name here.
fn parse_url(url: &str) -> Result<gix::Url, Error> {
    let parsing = || format!("understand the address {url}");
    if url.starts_with("http://") || url.starts_with("https://") {
        return gix::url::parse(url).map_err(Error::git(parsing()));
    }
    let path = url.strip_prefix("file://").unwrap_or(url);
    let path = std::path::absolute(path).map_err(Error::git(parsing()))?;
    let path = gix::path::into_bstr(path).map_err(Error::git(parsing()))?.into_owned();
    gix::Url::from_parts(gix::url::Scheme::File, None, None, None, None, path, true)
        .map_err(Error::git(parsing()))
}

fn http_options(from: &Remote) -> http::Options {
    let extra_headers = match &from.basic {
        Some((user, password)) => {
            vec![format!("Authorization: Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))]
        }
        None => Vec::new(),
    };
    let client = http::reqwest::Options {
        configure_client: Some(Box::new(|client: reqwest::blocking::ClientBuilder| {
            Ok(client.timeout(STALL_MAX).tcp_nodelay(true))
        })),
        ..Default::default()
    };
    http::Options { extra_headers, backend: Some(Arc::new(Mutex::new(client))), ..Default::default() }
}

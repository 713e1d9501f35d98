//! Several stretches of a long listing at once.
//!
//! A store hands out a thousand keys per request, one page after the other, because a page says where the next one begins. But a listing may begin
//! anywhere. So once it turns out to be long, the rest of it is cut where directories begin, as a listing with a delimiter names them, and
//! several stretches are walked at once. What they find is handed on in the order of keys. A stretch that is long itself
//! is cut in the same way when its turn comes, so a bucket with all its files in one deep directory gains as well.
//!
//! Each stretch is walked a few pages ahead of its turn and no further, which bounds the memory. What fits in a few pages costs not one
//! request more. Rejected: a request for every directory, which are more than there are pages in most trees.

use super::Found;
use super::walk::{Stretch, Walk};
use crate::{Bucket, Cause, Error, Prefix, Retry};
use futures::stream::{self, BoxStream, StreamExt as _};
use opendal::options::ListOptions;
use opendal::raw::Service as _;
use opendal::raw::oio::List as _;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// Finds that are handed on together.
const BATCH: usize = 1000;

/// Batches of a stretch that are found before its turn.
const BATCHES_AHEAD: usize = 3;

/// Finds after which a stretch is cut.
const LONG: usize = 4 * BATCH;

/// Stretches walked at once.
const AT_ONCE: usize = 8;

/// Stretches that the rest of one is cut into at most.
const CUTS_MAX: usize = 16;

/// Lines of a listing with a delimiter that are looked at to find where to cut.
const LINES_MAX: usize = 2 * BATCH;

/// Directories that are entered to find where to cut.
const DEPTH_MAX: usize = 16;

pub(super) fn stream(bucket: &Bucket, prefix: &Prefix) -> BoxStream<'static, Result<Found, Error>> {
    let in_one = bucket.inner.lists_in_one.load(Ordering::Relaxed);
    let whole = Part::Waiting(Stretch::default(), if in_one { usize::MAX } else { LONG });
    let wide = Wide {
        bucket: bucket.clone(),
        prefix: prefix.clone(),
        parts: VecDeque::from([whole]),
        batch: Vec::new().into_iter(),
    };
    stream::try_unfold(wide, Wide::next).boxed()
}

struct Wide {
    bucket: Bucket,
    prefix: Prefix,
    /// In the order of keys; the first is the one whose turn it is.
    parts: VecDeque<Part>,
    batch: std::vec::IntoIter<Found>,
}

enum Part {
    /// With the number of finds after which it is to be cut.
    Waiting(Stretch, usize),
    Walked(mpsc::Receiver<Result<Step, Error>>),
}

/// What the walk of a stretch yields.
enum Step {
    Batch(Vec<Found>),
    /// So much of it is left, because it is long: it was to be cut after so many finds.
    Rest(Stretch, usize),
    End,
}

impl Wide {
    async fn next(mut self) -> Result<Option<(Found, Self)>, Error> {
        loop {
            if let Some(found) = self.batch.next() {
                return Ok(Some((found, self)));
            }
            self.walk_ahead();
            let Some(Part::Walked(steps)) = self.parts.front_mut() else { return Ok(None) };
            match steps.recv().await.unwrap_or_else(|| Err(broken_off(&self.bucket)))? {
                Step::Batch(batch) => self.batch = batch.into_iter(),
                Step::End => drop(self.parts.pop_front()),
                Step::Rest(rest, long) => {
                    self.parts.pop_front();
                    for part in self.cut(rest, long).await?.into_iter().rev() {
                        self.parts.push_front(part);
                    }
                }
            }
        }
    }

    /// Walks the first few stretches.
    fn walk_ahead(&mut self) {
        let at_once = AT_ONCE.min(self.bucket.inner.options.concurrency.max(1));
        for part in self.parts.iter_mut().take(at_once) {
            if let Part::Waiting(stretch, long) = part {
                let (to, steps) = mpsc::channel(BATCHES_AHEAD);
                let walk = Walk::new(self.bucket.clone(), self.prefix.clone(), std::mem::take(stretch));
                // It ends by itself when nobody takes what it finds.
                tokio::spawn(walk_stretch(walk, *long, to));
                *part = Part::Walked(steps);
            }
        }
    }

    /// Cuts the rest of a stretch where directories begin.
    async fn cut(&self, rest: Stretch, long: usize) -> Result<Vec<Part>, Error> {
        let borders = self.borders(&rest).await?;
        if borders.is_empty() {
            // Files side by side: looking again after as many as before would find the same.
            return Ok(vec![Part::Waiting(rest, long.saturating_mul(4))]);
        }
        let count = borders.len().min(CUTS_MAX);
        let chosen = (0..count).map(|at| borders[at * borders.len() / count].clone());
        let ends: Vec<Option<String>> = chosen.map(Some).chain([rest.until]).collect();
        let mut after = rest.after;
        let stretches = ends.into_iter().map(|until| {
            let after = std::mem::replace(&mut after, until.clone());
            Part::Waiting(Stretch { after, until }, LONG)
        });
        Ok(stretches.collect())
    }

    /// Where directories begin in a stretch: on the topmost level on which one does.
    async fn borders(&self, rest: &Stretch) -> Result<Vec<String>, Error> {
        let mut directory = self.prefix.as_str().to_owned();
        for _ in 0..DEPTH_MAX {
            let mut below = self.directories(&directory, rest).await?;
            let after = rest.after.as_deref().unwrap_or_default();
            // One in whose midst the stretch begins.
            let entered = below.iter().find(|name| after.starts_with(name.as_str())).cloned();
            below.retain(|name| {
                name.as_str() > after && rest.until.as_deref().is_none_or(|until| name.as_str() < until)
            });
            match entered {
                Some(entered) if below.is_empty() => directory = entered,
                _ => return Ok(below),
            }
        }
        Ok(Vec::new())
    }

    /// The directories in one, from where the stretch begins.
    async fn directories(&self, directory: &str, rest: &Stretch) -> Result<Vec<String>, Error> {
        let failed = |error| self.bucket.attempt("list", None).failed(&error);
        let inner = &self.bucket.inner;
        let options =
            ListOptions { recursive: false, start_after: rest.after.clone(), ..ListOptions::default() };
        let mut lister = inner.service.list(&inner.context, directory, options.into()).map_err(failed)?;
        let mut names = Vec::new();
        for _ in 0..LINES_MAX {
            let Some(entry) = lister.next().await.map_err(failed)? else { break };
            let name = entry.path();
            if name.ends_with('/') && name != directory && name.starts_with(directory) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

async fn walk_stretch(mut walk: Walk, long: usize, to: mpsc::Sender<Result<Step, Error>>) {
    let mut found = 0;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        let last = loop {
            match walk.next().await {
                Ok(Some(one)) => batch.push(one),
                Ok(None) => break Some(Ok(Step::End)),
                Err(error) => break Some(Err(error)),
            }
            if batch.len() == BATCH {
                break None;
            }
        };
        found += batch.len();
        if to.send(Ok(Step::Batch(batch))).await.is_err() {
            return;
        }
        let last = match last {
            None if found < long => continue,
            None => Ok(Step::Rest(walk.rest(), long)),
            Some(last) => last,
        };
        // Whoever does not take it has given the listing up.
        drop(to.send(last).await);
        return;
    }
}

fn broken_off(bucket: &Bucket) -> Error {
    bucket.attempt("list", None).other(Retry::Later, Cause::new("the listing was broken off"))
}

//! The changes of one answer, checked as they are read.

use super::Cursor;
use super::lines::{Broken, Line, Lines, Put};
use crate::list::walk::is_ours;
use crate::{Bucket, Error, Object, Prefix, metadata};
use model::{ETag, ObjectKey, UnixNanos};

/// One piece of a [`Feed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// This stands at the key, as [`Bucket::head`] would describe it, with the time of its version as a listing tells it.
    Put {
        /// The key, relative to the prefix.
        key: ObjectKey,
        /// What stands there.
        object: Object,
    },
    /// Nothing stands at the key, relative to the prefix, any more.
    Gone(ObjectKey),
    /// A key as in [`Listing::unusable`](crate::Listing::unusable) was written.
    Unusable(String),
}

/// Changes, in the order of their keys. They are of one moment; memory holds a chunk of them.
pub struct Feed {
    /// Where somebody is who has taken in everything that follows. Not before.
    pub cursor: Cursor,
    bucket: Bucket,
    prefix: Prefix,
    lines: Lines,
    /// The key seen last, which the next one must come after.
    last: Option<String>,
    count: u64,
    ended: bool,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("cursor", &self.cursor)
            .field("prefix", &self.prefix)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl Feed {
    pub(super) fn new(cursor: Cursor, bucket: Bucket, prefix: Prefix, lines: Lines) -> Self {
        Self { cursor, bucket, prefix, lines, last: None, count: 0, ended: false }
    }

    /// The next change; `None` behind the last one. After an error nothing follows, and what came before must not be taken for all.
    pub async fn next(&mut self) -> Result<Option<Changed>, Error> {
        while !self.ended {
            let line = self.lines.next().await;
            match line.and_then(|line| self.take(line).map_err(Broken::Nonsense)) {
                Ok(None) => {}
                Ok(changed) => return Ok(changed),
                Err(broken) => {
                    self.ended = true;
                    return Err(self.bucket.broken(broken));
                }
            }
        }
        Ok(None)
    }

    /// What a line tells; `None` for what is nobody's business, and for the last one.
    fn take(&mut self, line: Option<Line>) -> Result<Option<Changed>, String> {
        let found = match line {
            Some(Line::Put(put)) => {
                let below = self.follow(&put.key)?;
                self.usable(below).map(|usable| match usable {
                    Ok(key) => Changed::Put { object: object(&key, &put), key },
                    Err(unusable) => Changed::Unusable(unusable.to_owned()),
                })
            }
            // What could not be used before is no loss.
            Some(Line::Gone { key }) => {
                let below = self.follow(&key)?;
                self.usable(below).and_then(Result::ok).map(Changed::Gone)
            }
            Some(Line::End { count }) if count == self.count => {
                self.ended = true;
                return Ok(None);
            }
            Some(Line::End { count }) => {
                return Err(format!("the server has told {count} changes, and {} came", self.count));
            }
            Some(Line::Head { .. } | Line::Foreign) => {
                return Err("a line of the answer makes no sense".to_owned());
            }
            None => return Err("the answer was cut off".to_owned()),
        };
        self.count += 1;
        Ok(found)
    }

    /// The part of a key below the prefix, if it may come after the last one.
    fn follow<'k>(&mut self, key: &'k str) -> Result<&'k str, String> {
        if self.last.as_deref().is_some_and(|last| last >= key) {
            return Err(format!("the server tells `{key}` out of order"));
        }
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(key);
        key.strip_prefix(self.prefix.as_str())
            .ok_or_else(|| format!("the server tells `{key}`, which is not below `{}`", self.prefix))
    }

    /// As in a listing: nothing for the prefix itself and for what is Heirloom's own; an error for what names no path here.
    fn usable<'k>(&self, below: &'k str) -> Option<Result<ObjectKey, &'k str>> {
        // The key that was followed last is this one.
        if below.is_empty() || self.last.as_deref().is_some_and(is_ours) {
            return None;
        }
        // A key that is not its path's own spelling cannot be asked for by that path.
        Some(ObjectKey::parse(below).ok().filter(|parsed| parsed.as_str() == below).ok_or(below))
    }
}

/// A look at the object brings whole seconds, so those are what it says about itself; its version has them as finely as a listing.
fn object(key: &ObjectKey, put: &Put) -> Object {
    let second = UnixNanos(put.modified.div_euclid(1000).saturating_mul(1_000_000_000));
    let said = metadata::parse(put.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut object = Object::described(key, ETag::new(&put.etag), Some(second), put.size, said);
    object.version.modified = Some(UnixNanos(put.modified.saturating_mul(1_000_000)));
    object
}

//! The remote side: what changed since the last look where the store can tell, else a listing.
//!
//! Both come to the same: for every key that shows something else than is known, a sighting. A store that does not know our cursor
//! any more may have been put back to an older state; that is written down as a doubt, and everything is looked at anew.

use super::{BATCH, View, at, before, received, same, seen, unsaid};
use crate::error::Error;
use crate::report::Problem;
use crate::route::Route;
use crate::sides::{Changed, Changes, Remote};
use crate::threads::blocking;
use bucket::{Listed, Object};
use disk::Extent;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use journal::{Change, Journal, Known, KnownEntries, RemoteSeen, Sighting};
use model::{ObjectKey, RelPath, RemoteVersion};
use std::iter::Peekable;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Objects that are asked about at the same time.
const HEADS_AT_ONCE: usize = 64;

/// Objects that wait to be asked about.
const WAITING_MAX: usize = 1_000;

/// When the remote side is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before anything is decided.
    Before,
    /// Right after this machine has written there. A listing tells the time that the store gave to each object then.
    After,
}

/// Looks at the remote side, and records where it differs from what is known.
pub(crate) async fn remote<R: Remote>(
    route: &Route,
    side: &R,
    journal: &Arc<Journal>,
    moment: Moment,
) -> Result<View, Error> {
    let cursor = journal.cursor(route.id).map_err(Error::Journal)?;
    let answer = side.changes(cursor.as_deref(), Duration::ZERO).await.map_err(Error::Remote)?;
    let rewound = matches!(answer, Changes::Unknown);
    let answer =
        if rewound { side.changes(None, Duration::ZERO).await.map_err(Error::Remote)? } else { answer };
    let (told, order) = match answer {
        Changes::Since(told) => (told, Order::Any),
        Changes::Everything(told) => (told, Order::Whole),
        Changes::Unknown | Changes::Unsupported => return list(route, side, journal, moment).await,
    };
    let look = Look { order, moment, cursor: Some(told.cursor), rewound };
    compare(route, journal, look, told.changes.map_ok(News::from).boxed(), None).await
}

/// What kind of look at the remote side this is.
struct Look {
    order: Order,
    moment: Moment,
    /// Where the next one starts.
    cursor: Option<String>,
    /// Whether the store was found put back.
    rewound: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Everything that stands, in key order: what does not come is gone.
    Whole,
    /// Single keys.
    Any,
}

/// What is said about one key.
enum News {
    Put(ObjectKey, Object),
    Gone(ObjectKey),
    Listed(Listed),
    Unusable(String),
    Unreadable { path: String, why: String },
}

impl From<Changed> for News {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Put { key, object } => Self::Put(key, object),
            Changed::Gone(key) => Self::Gone(key),
            Changed::Unusable(key) => Self::Unusable(key),
        }
    }
}

/// What a listing leaves open.
enum Question {
    /// What a new version holds.
    Of(Listed),
    /// Whether an object that was not listed is gone. Listings lag behind, and end before their end: what they lack would be deleted here
    /// and, after a crash, there as well.
    Missing(ObjectKey),
}

impl Question {
    fn key(&self) -> &ObjectKey {
        match self {
            Self::Of(listed) => &listed.key,
            Self::Missing(key) => key,
        }
    }
}

/// Compares news with what is known. Objects of which a listing tells too little are handed to `ask`.
async fn compare(
    route: &Route,
    journal: &Arc<Journal>,
    look: Look,
    news: BoxStream<'static, Result<News, bucket::Error>>,
    ask: Option<mpsc::Sender<Question>>,
) -> Result<View, Error> {
    let known = (look.order == Order::Whole).then(|| journal.known(route.id).peekable());
    let mut comparer = Comparer {
        journal: Arc::clone(journal),
        route: route.id,
        known,
        changes: Vec::new(),
        moment: look.moment,
        can_ask: ask.is_some(),
        questions: Vec::new(),
        view: View::default(),
    };
    if look.rewound {
        comparer.changes.push(Change::Rewound(true));
    }
    let mut pages = news.ready_chunks(BATCH);
    while let Some(page) = pages.next().await {
        comparer = comparer.off_thread(move |comparer| comparer.take(page)).await?;
        comparer.hand_on(ask.as_ref()).await?;
    }
    while comparer.known.is_some() {
        comparer = comparer.off_thread(Comparer::rest).await?;
        comparer.hand_on(ask.as_ref()).await?;
    }
    let end = move |comparer: &mut Comparer| comparer.end(look.cursor);
    Ok(comparer.off_thread(end).await?.view)
}

struct Comparer {
    journal: Arc<Journal>,
    route: journal::RouteId,
    /// What is known, in key order; `None` where single keys are looked up.
    known: Option<Peekable<KnownEntries>>,
    changes: Vec<Change>,
    moment: Moment,
    /// Whether questions are answered.
    can_ask: bool,
    questions: Vec<Question>,
    view: View,
}

impl Comparer {
    async fn off_thread(
        mut self,
        work: impl FnOnce(&mut Self) -> Result<(), Error> + Send + 'static,
    ) -> Result<Self, Error> {
        blocking(move || work(&mut self).map(|()| self)).await
    }

    fn take(&mut self, page: Vec<Result<News, bucket::Error>>) -> Result<(), Error> {
        for news in page {
            let news = news.map_err(Error::Remote)?;
            match news.key() {
                Some(key) if is_reserved(key) && !matches!(news, News::Gone(_)) => self.pass_by(&key.clone()),
                Some(key) => {
                    let known = self.known_of(&key.clone())?;
                    self.hear(news, known.as_ref())?;
                }
                None => self.complain(&news),
            }
        }
        self.flush()
    }

    fn known_of(&mut self, key: &ObjectKey) -> Result<Option<Known>, Error> {
        if self.known.is_none() {
            return self.journal.known_at(self.route, key).map_err(Error::Journal);
        }
        self.view.seen += 1;
        while let Some(missing) = self.known.as_mut().map_or(Ok(None), |known| before(known, key))? {
            self.miss(&missing)?;
        }
        Ok(self.known.as_mut().and_then(|known| at(known, key)))
    }

    async fn hand_on(&mut self, ask: Option<&mpsc::Sender<Question>>) -> Result<(), Error> {
        for question in self.questions.drain(..) {
            let ask = ask.expect("who can ask is given somebody to ask");
            // Whoever asks is gone only after an error, which it tells.
            ask.send(question).await.map_err(|_| Error::Stopped)?;
        }
        Ok(())
    }

    /// A page of what is known of keys behind the last that came.
    fn rest(&mut self) -> Result<(), Error> {
        for _ in 0..BATCH {
            let Some(left) = self.known.as_mut().and_then(Iterator::next) else {
                self.known = None;
                break;
            };
            self.miss(&left.map_err(Error::Journal)?)?;
        }
        self.flush()
    }

    fn end(&mut self, cursor: Option<String>) -> Result<(), Error> {
        if cursor.is_some() {
            self.changes.push(Change::Cursor(cursor));
        }
        self.flush()
    }

    fn hear(&mut self, news: News, known: Option<&Known>) -> Result<(), Error> {
        match news {
            News::Put(key, object) => {
                let seen = seen(&object, object.version.clone(), known);
                change(key, seen, known).map_or(Ok(()), |change| self.record(change))
            }
            News::Gone(key) => match known {
                Some(known) => self.miss(known),
                None => self.record(Change::RemoteAsAgreed(key)),
            },
            News::Listed(listed) => self.look_up(listed, known),
            News::Unusable(_) | News::Unreadable { .. } => Ok(()),
        }
    }

    /// A listing tells the version; only a new one has to be asked about.
    fn look_up(&mut self, listed: Listed, known: Option<&Known>) -> Result<(), Error> {
        let is_still = |then: &RemoteSeen| listed.is_still(&then.version) && !self.is_unlisted(&listed, then);
        let Some(then) = known.and_then(Known::remote).filter(is_still) else {
            self.questions.push(Question::Of(listed));
            return Ok(());
        };
        if then.version == listed.version {
            return Ok(());
        }
        let seen = RemoteSeen { node: then.node, version: listed.version };
        change(listed.key, seen, known).map_or(Ok(()), |change| self.record(change))
    }

    /// Whether this machine has written an object and died before it saw the time that the store gave to it: somebody may have given it other
    /// permissions since, which leave its ETag as it is.
    fn is_unlisted(&self, listed: &Listed, then: &RemoteSeen) -> bool {
        self.moment == Moment::Before && then.version.modified.is_none() && listed.version.modified.is_some()
    }

    fn miss(&mut self, known: &Known) -> Result<(), Error> {
        if known.remote().is_none() || self.view.hidden.hides(&known.key.path()) {
            return Ok(());
        }
        self.record(match known.base {
            Some(_) if self.can_ask => {
                self.questions.push(Question::Missing(known.key.clone()));
                return Ok(());
            }
            Some(_) => Change::See(Sighting::Remote(known.key.clone(), None)),
            None => Change::RemoteAsAgreed(known.key.clone()),
        })
    }

    /// Something below the name that the machine's folder has for itself at its top: written there, it would be there no more at the next look.
    fn pass_by(&mut self, key: &ObjectKey) {
        if self.view.hidden.hides(&key.path()) {
            return;
        }
        let top = std::iter::successors(Some(key.path()), RelPath::parent).last();
        let top = top.expect("because the first of them is there");
        let message =
            format!("`{top}` is a name that Heirloom has for itself, and is left alone on both sides");
        self.view.problems.push(Problem::found(Some(ObjectKey::file(&top)), message));
        self.view.hidden.add(top, Extent::Subtree);
    }

    fn complain(&mut self, news: &News) {
        let (key, what, why) = match news {
            News::Unusable(key) => (key, "is neither a file nor a directory there", String::new()),
            News::Unreadable { path, why } => (path, "cannot be read there", format!(": {why}")),
            News::Put(..) | News::Gone(_) | News::Listed(_) => return,
        };
        let problem = match ObjectKey::parse(key) {
            // What was agreed upon at a path or below it is not gone because a link, say, stands there now.
            Ok(path) if path.as_str() == key => {
                self.view.hidden.add(path.path(), Extent::Subtree);
                let message = format!("`{path}` {what}, and is left alone on both sides{why}");
                Problem::found(Some(path), message)
            }
            Ok(_) | Err(_) => {
                let key = key.escape_debug();
                let message =
                    format!("the object `{key}` has a key that cannot be a path, and is left alone");
                Problem::found(None, message)
            }
        };
        self.view.problems.push(problem);
    }

    fn record(&mut self, change: Change) -> Result<(), Error> {
        self.changes.push(change);
        if self.changes.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() {
            return Ok(());
        }
        self.journal.record(self.route, &changes).map_err(Error::Journal)
    }
}

impl News {
    fn key(&self) -> Option<&ObjectKey> {
        match self {
            Self::Put(key, _) | Self::Gone(key) => Some(key),
            Self::Listed(listed) => Some(&listed.key),
            Self::Unusable(_) | Self::Unreadable { .. } => None,
        }
    }
}

/// What to write down about an object; nothing if that is known.
pub(super) fn change(key: ObjectKey, seen: RemoteSeen, known: Option<&Known>) -> Option<Change> {
    if let Some(base) = known.and_then(|known| known.base.as_ref())
        && same(&base.agreed.remote_as_known(), &seen.node)
    {
        let has_news = known.is_some_and(|known| known.remote.is_some());
        let is_sharper = sharper(&base.version, &seen.version);
        return match (is_sharper, has_news) {
            (true, _) => Some(Change::Versioned(key, seen)),
            (false, true) => Some(Change::RemoteAsAgreed(key)),
            (false, false) => None,
        };
    }
    let is_known = known.and_then(|known| known.remote.as_ref()) == Some(&Some(seen.clone()));
    (!is_known).then_some(Change::See(Sighting::Remote(key, Some(seen))))
}

/// A store tells an object's time only in listings, so the version from a write lacks it.
fn sharper(then: &RemoteVersion, now: &RemoteVersion) -> bool {
    then.etag != now.etag || (now.modified.is_some() && now.modified != then.modified)
}

fn is_reserved(key: &ObjectKey) -> bool {
    key.path().components().next() == Some(".heirloom")
}

/// A listing of everything, and a question for each object that is new.
async fn list<R: Remote>(
    route: &Route,
    side: &R,
    journal: &Arc<Journal>,
    moment: Moment,
) -> Result<View, Error> {
    let (sender, questions) = mpsc::channel(WAITING_MAX);
    let listing = side.list().map_ok(|found| match found {
        bucket::Found::Object(listed) => News::Listed(listed),
        bucket::Found::Unusable(key) => News::Unusable(key),
        bucket::Found::Unreadable { path, why } => News::Unreadable { path, why },
    });
    let look = Look { order: Order::Whole, moment, cursor: None, rewound: false };
    let comparing = compare(route, journal, look, listing.boxed(), Some(sender));
    let asking = ask(route, side, journal, received(questions));
    let (compared, asked) = tokio::join!(comparing, asking);
    let mut view = compared?;
    let asked = asked?;
    view.problems.extend(asked.problems);
    view.hidden.paths.extend(asked.hidden.paths);
    Ok(view)
}

async fn ask<R: Remote>(
    route: &Route,
    side: &R,
    journal: &Arc<Journal>,
    questions: impl Stream<Item = Question> + Unpin,
) -> Result<View, Error> {
    let mut view = View::default();
    let mut answers = questions
        .map(|question| async move { (side.head(question.key()).await, question) })
        .buffer_unordered(HEADS_AT_ONCE)
        .ready_chunks(BATCH);
    while let Some(chunk) = answers.next().await {
        let mut heard = Vec::with_capacity(chunk.len());
        for (head, question) in chunk {
            match (head, question) {
                (Ok(Some(object)), question) => {
                    let key = question.key().clone();
                    let version = version_of(&object, question);
                    heard.push((key, Some((object, version))));
                }
                (Ok(None), Question::Missing(key)) => heard.push((key, None)),
                (Ok(None), Question::Of(_)) => {}
                (Err(error @ bucket::Error::Rejected { .. }), question) => {
                    view.problems.push(Problem::failed(question.key(), "looked at", &error));
                    view.hidden.add(question.key().path(), Extent::Entry);
                }
                (Err(error), _) => return Err(Error::Remote(error)),
            }
        }
        let (journal, route) = (Arc::clone(journal), route.id);
        let note = if side.may_forget() { unsaid::news } else { change };
        let record = move || {
            let mut changes = Vec::with_capacity(heard.len());
            for (key, found) in heard {
                let known = journal.known_at(route, &key)?;
                changes.extend(match found {
                    Some((object, version)) => {
                        note(key, seen(&object, version, known.as_ref()), known.as_ref())
                    }
                    None => Some(Change::See(Sighting::Remote(key, None))),
                });
            }
            journal.record(route, &changes)
        };
        blocking(record).await.map_err(Error::Journal)?;
    }
    Ok(view)
}

fn version_of(object: &Object, question: Question) -> RemoteVersion {
    match question {
        // The listing's time is the finer one, but it may be of another version by now.
        Question::Of(listed) if listed.version.etag == object.version.etag => listed.version,
        Question::Of(_) | Question::Missing(_) => object.version.clone(),
    }
}

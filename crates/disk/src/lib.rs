//! Local file trees: reading what is there, bringing bytes beside their target, putting them in place.
//!
//! Invariant: this crate never knows object storage, the journal, or what ought to be synced. It blocks,
//! and its callers own the threads. Whatever it is asked to change, it is told what must still be there
//! ([`Expect`], a [`Stamp`](model::Stamp)); where something else is there by then, it changes nothing and
//! says [`Error::Changed`]. It never follows a symlink below a [`Root`], not even one planted meanwhile.
//!
//! ```text
//!             Root::open ──► scan ──► Found … Problem …         (what is there)
//!                  │
//!                  ├──► digest · survey · read_small · open_file  (bytes out, witnessed by a stamp)
//!                  ├──► stage · stage_resumable ──► write ──► place  (bytes in, all or nothing)
//!                  ├──► remove · rename · set_meta · …           (only what is as expected)
//!                  └──► sync_directories · sweep                 (make it last; clear what a crash left)
//!             Watcher ──► Noticed                                (hints on when to scan)
//! ```
//!
//! # What lasts, and when
//!
//! A placed file's *bytes* are on the medium before its name shows them. The *name* itself, like every
//! removal, rename and new directory, is on the medium once [`Root::sync_directories`] returned for that
//! path, so that many changes share one flush. Call it before remembering elsewhere that a change was made. [`Ready`] lets the bytes of many
//! files share one as well, and [`Rounds`] brings those together that wait at the same time.
//!
//! Read next: `beneath` (why no path escapes), `scan` (what counts as there), `place` (how a
//! file is replaced without losing an edit made in the same moment).

mod alter;
mod beneath;
mod chunks;
mod entry;
mod error;
mod flush;
mod listing;
mod mounts;
mod place;
mod read;
mod resume;
mod root;
mod rounds;
mod scan;
mod stage;
mod survey;
mod sweep;
mod temporary;
#[cfg(test)]
mod testing;
mod unflushed;
mod watch;
mod waypoints;

pub use beneath::open as open_beneath;
pub use chunks::Chunker;
pub use entry::{Expect, Extent, Found, Identity, Problem, Reason, Special};
pub use error::Error;
pub use flush::flush;
pub use mounts::Mounts;
pub use read::{OpenFile, digest_of};
pub use root::Root;
pub use rounds::{Awaited, Rounds, Running};
pub use scan::{Enter, Filter, Scan};
pub use stage::{Ready, Staged, begins_sparse};
pub use survey::{Survey, Surveyed};
pub use sweep::Swept;
pub use temporary::{PREFIX as TEMPORARY_PREFIX, is_temporary};
pub use unflushed::Unflushed;
pub use watch::{Limit, Noticed, Watcher, watches_needed};
pub use waypoints::Waypoints;

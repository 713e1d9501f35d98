//! Running a cycle: observe both sides, plan, apply the plan, remember what came of it.
//!
//! The same engine runs on laptop and pi. It decides nothing: what to do is [`plan::sync`]'s answer, and every effect
//! re-checks what the plan expects, so that whatever changed meanwhile is met by a new plan, not by force.
//!
//! ```text
//!  observe local  ─► scan, read what changed ──┐
//!                                              ├─► journal: base and sightings ◄── remember ◄──┐
//!  observe remote ─► ask what changed, or list ┘        │                      (in batches)    │
//!                                                       ├─► survey ─► halt                     │
//!                                                       └─► plan, pass by pass ─► apply ───────┘
//! ```
//!
//! Invariant: effects go through [`Local`] and [`Remote`] only, so that a simulation can stand in for both. What a crash
//! leaves behind needs no log: an effect that was not remembered is observed again, and then both sides agree.
//!
//! Everything streams: memory is bounded by a directory and a page of the journal, never by the tree.
//!
//! Read next: [`Cycle`] (one cycle), `observe` (how little is read), `decide` (why it plans more than once), `apply` (effects), [`Keeper`] (the daemon's loop).

mod afterwards;
mod apply;
pub mod backoff;
mod cycle;
mod decide;
mod error;
mod flushes;
mod folder;
pub mod hooks;
mod keeper;
mod leave_out;
mod observe;
mod place;
mod progress;
mod remember;
mod report;
mod route;
pub mod sealed;
pub mod sides;
mod surveys;
pub mod threads;

pub use cycle::{Cycle, DiskWord, Options, Resume};
pub use error::Error;
pub use folder::Folder;
pub use keeper::{Keeper, Moment, Notice, STOP_GRACE, Turn, TurnOf, or_stopped};
pub use place::{Place, Sending, Store};
pub use progress::{Progress, Snapshot, Stage};
pub use report::{Nature, Outcome, Problem, Report};
pub use route::Route;
pub use sealed::Sealed;
pub use sides::{Local, Remote};

//! Deciding, and nothing else.
//!
//! Every function here takes what was observed and returns what should be done, as data. Invariant: no
//! input or output, no `async`, no clock, no randomness, no environment; whatever a decision depends on is an argument.
//! That is why the whole of this crate is tested by tables, by enumerating every small world, and by properties.
//!
//! Data flow: `bucket` and `disk` observe, the `journal` remembers, [`sync::sync`] decides, and the `sync` crate's
//! engine carries out exactly that, re-checking each action's expectation right before it acts.
//!
//! Read next: [`sync`] (two-way synchronisation), [`ignore`] (which paths are left alone), [`mount`] (which disk it is), [`delta`] (how a large file is sent).

pub mod delta;
pub mod ignore;
pub mod mount;
pub mod sync;

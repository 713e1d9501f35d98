//! The control socket: how a command reaches the daemon of its machine.
//!
//! ```text
//! command ── Request, one line of JSON ──► <state_dir>/control.sock ──► Desk (the daemon)
//!         ◄── Answers, a line each: what is said on the way, and at last how it ended ──┘
//! ```
//!
//! Invariant: what travels is what a person would have been shown, in both renderings, so that a command says the same whether it did the
//! work itself or the daemon did. Nobody but the daemon's own user gets in.
//!
//! Rejected: HTTP (a port for every machine, and nobody but us to speak it), and files in the state directory (which one side must poll for).
//!
//! Read next: [`message`] (what is said), `profile::daemon` (who answers).

pub(crate) mod client;
pub(crate) mod message;
mod place;
pub(crate) mod server;

#[cfg(test)]
mod tests;

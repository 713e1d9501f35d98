//! The archive against real files, real git and real sockets.

#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod checkout;
mod crash;
mod fetch;
mod history;
mod server;
mod snapshot;
mod world;

//! The archive against real files, real git and real sockets.

mod checkout;
mod crash;
mod fetch;
mod history;
mod server;
mod snapshot;
mod world;

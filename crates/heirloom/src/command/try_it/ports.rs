//! The usual port, or any other that is free.

use crate::failure::{Explain as _, Failure};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;

/// Listens on loopback only: this is a trial, not a server.
pub(super) async fn open(usual: u16) -> Result<TcpListener, Failure> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(at(usual)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(at(0)).await.attempting("found no free port on 127.0.0.1"),
    }
}

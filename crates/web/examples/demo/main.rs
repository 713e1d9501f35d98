//! Fills a temporary archive with a family's sample files over some weeks and serves its pages.
//!
//! `cargo run -p heirloom-web --example demo [PORT [DAYS]]` prints a sign-in link that works once; two more users see the
//! other states a page can be in.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]

mod picture;
mod sample;

use accounts::{Accounts, Permission};
use model::{UnixNanos, UserName};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let accounts = Accounts::open(&place.path().join("heirloom.db"))?;
    let users =
        ["alice", "bob", "newcomer"].map(|name| UserName::new(name).expect("because these are names"));
    for user in &users {
        accounts.add_user(user, now())?;
    }
    let [alice, bob, newcomer] = &users;
    let archives = place.path().join("archives");
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().map_or(Ok(8085), |port| port.parse::<u16>())?;
    let days = arguments.next().map_or(Ok(22), |days| days.parse::<u32>())?;
    sample::fill(&archives, alice, now(), days)?;
    sample::fill_small(&archives, bob, now())?;
    accounts.grant(alice, &bob.bucket(), Permission::Read)?;
    let key = accounts.add_key(alice, "demo", now())?;

    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    for user in [alice, bob, newcomer] {
        let token = accounts.create_sign_in(user, now(), Duration::from_hours(1))?;
        println!("http://127.0.0.1:{port}/sign-in?token={}", token.reveal());
    }
    println!("{} {}", key.id.as_str(), key.secret.reveal());
    let router = web::router(web::Options {
        accounts,
        archives,
        base_url: None,
        s3_endpoint: Some("http://127.0.0.1:9000".to_owned()),
        readiness: Arc::new(|| Ok(())),
        snapshot: Arc::new(|_, _| Ok(None)),
        clock: now,
        timezone: chrono_tz::Europe::Berlin,
    });
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        // Without a terminal to interrupt it, the demo runs until it is ended otherwise.
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    web::serve(listener, router, shutdown).await?;
    Ok(())
}

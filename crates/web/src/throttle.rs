//! Slows down whoever guesses keys.
//!
//! A secret has far more bits than anyone can guess, so this is no wall but a damper: it keeps logs readable
//! and a leaked half of a key useless. In memory, because forgetting it at a restart costs nothing.

use model::UnixNanos;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

/// Failures that an address may have within the window.
const FAILURES_MAX: u32 = 10;
const WINDOW_NANOS: i64 = 10 * 60 * 1_000_000_000;
/// Addresses remembered; beyond it the oldest windows are dropped.
const ADDRESSES_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<IpAddr, Window>>);

#[derive(Debug)]
struct Window {
    begin: UnixNanos,
    failures: u32,
}

impl Window {
    fn is_open(&self, now: UnixNanos) -> bool {
        // A clock that was set back closes the window too.
        (0..WINDOW_NANOS).contains(&now.0.saturating_sub(self.begin.0))
    }
}

impl Throttle {
    /// Whether this address must wait before it may try again.
    pub(crate) fn refuses(&self, address: IpAddr, now: UnixNanos) -> bool {
        let windows = self.windows();
        windows
            .get(&subnet(address))
            .is_some_and(|window| window.is_open(now) && window.failures >= FAILURES_MAX)
    }

    /// Notes a wrong key or token.
    pub(crate) fn failed(&self, address: IpAddr, now: UnixNanos) {
        let mut windows = self.windows();
        if windows.len() >= ADDRESSES_MAX {
            windows.retain(|_, window| window.is_open(now));
            if windows.len() >= ADDRESSES_MAX {
                windows.clear();
            }
        }
        let window = windows.entry(subnet(address)).or_insert(Window { begin: now, failures: 0 });
        if !window.is_open(now) {
            *window = Window { begin: now, failures: 0 };
        }
        window.failures += 1;
    }

    fn windows(&self) -> std::sync::MutexGuard<'_, HashMap<IpAddr, Window>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn subnet(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
mod tests;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn ten_failures_close_the_door_for_ten_minutes() {
    let throttle = Throttle::default();
    let now = UnixNanos(1_000);
    for _ in 0..FAILURES_MAX {
        assert!(!throttle.refuses(address("192.0.2.7"), now));
        throttle.failed(address("192.0.2.7"), now);
    }
    assert!(throttle.refuses(address("192.0.2.7"), now));
    assert!(throttle.refuses(address("::ffff:192.0.2.7"), now), "the same host, written differently");
    assert!(!throttle.refuses(address("192.0.2.8"), now));
    assert!(!throttle.refuses(address("192.0.2.7"), UnixNanos(now.0 + WINDOW_NANOS)));
    assert!(!throttle.refuses(address("192.0.2.7"), UnixNanos(0)), "a clock set back locks nobody out");
}

#[test]
fn a_network_of_addresses_is_one_guesser() {
    let throttle = Throttle::default();
    for host in 0..FAILURES_MAX {
        throttle.failed(address(&format!("2001:db8::{host:x}")), UnixNanos(0));
    }
    assert!(throttle.refuses(address("2001:db8::ffff"), UnixNanos(0)));
    assert!(!throttle.refuses(address("2001:db8:0:1::1"), UnixNanos(0)));
}

#[test]
fn memory_is_bounded() {
    let throttle = Throttle::default();
    for host in 0..30_000_u32 {
        throttle.failed(IpAddr::V4(host.into()), UnixNanos(0));
    }
    assert!(throttle.windows().len() <= ADDRESSES_MAX);
}

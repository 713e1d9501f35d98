use super::{Pulse, feel, get, nearby, place};
use model::UnixNanos;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_mins(5);

fn at(seconds: i64) -> UnixNanos {
    UnixNanos::from_seconds_and_nanos(seconds, 0)
}

#[test]
fn a_pulse_counts_for_three_intervals() {
    let directory = tempfile::tempdir().unwrap();
    let pulse = Pulse { ok: true, message: "synced 12 files".to_owned(), at: 1_000_000 };
    pulse.leave(directory.path()).unwrap();
    let ok = |now| feel(directory.path(), INTERVAL, at(now)).ok;
    assert!(ok(1_000_000));
    assert!(ok(1_000_900));
    assert!(!ok(1_000_901));
    assert!(ok(5), "a clock that was set back is not the daemon's fault");
    assert_eq!(feel(directory.path(), INTERVAL, at(1_000_000)).message, "synced 12 files");
    assert!(feel(directory.path(), Duration::from_secs(1), at(1_000_060)).ok, "a minute is always granted");
}

#[test]
fn a_bad_cycle_no_cycle_and_a_damaged_file_are_unwell() {
    let directory = tempfile::tempdir().unwrap();
    let health = feel(directory.path(), INTERVAL, at(0));
    assert!(!health.ok && health.message.contains("first cycle"), "{health}");
    std::fs::write(place(directory.path()), "{").unwrap();
    let health = feel(directory.path(), INTERVAL, at(0));
    assert!(!health.ok && health.message.contains("is damaged"), "{health}");
    Pulse::new(false, "halted: the folder looks emptied").leave(directory.path()).unwrap();
    let health = feel(directory.path(), INTERVAL, crate::session::now());
    assert_eq!(health.to_string(), "not well: halted: the folder looks emptied");
}

#[test]
fn a_server_is_asked_over_loopback() {
    assert_eq!(nearby("0.0.0.0:80".parse().unwrap()), "127.0.0.1:80".parse().unwrap());
    assert_eq!(nearby("[::]:80".parse().unwrap()), "[::1]:80".parse().unwrap());
    assert_eq!(nearby("10.0.0.1:80".parse().unwrap()), "10.0.0.1:80".parse().unwrap());
}

#[test]
fn the_status_of_an_answer() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Some(200)),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", Some(503)),
        ("SSH-2.0\r\n", None),
        ("", None),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        assert_eq!(get(address, "/healthz").ok(), expected, "{answer}");
        assert!(server.join().unwrap().starts_with("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:"));
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(get(free, "/").is_err());
}

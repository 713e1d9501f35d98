//! A bad line between a machine and its cloud: a TCP proxy that cuts, refuses, stalls and delays.
//!
//! What befalls a connection is drawn when it is opened. Apart from refusals, which answer the first request in the cloud's stead, nothing
//! here knows HTTP: a line breaks between any two bytes.

use crate::chance::Chance;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that are handed on at once.
const PIECE: usize = 16 << 10;

/// What befalls a connection.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    None,
    /// It breaks once so many bytes went up.
    CutUp(u64),
    /// It breaks once so many bytes came down.
    CutDown(u64),
    /// Nothing moves for a while once so many bytes came down.
    Stall(u64, Duration),
    /// Every piece takes a while.
    Delay(Duration),
    /// The first request is answered so, and not handed on.
    Refuse(&'static str),
}

const REFUSALS: [&str; 3] = [
    "503 Slow Down\r\nContent-Type: application/xml\r\nRetry-After: 1\r\n\r\n\
     <?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>",
    "500 Internal Server Error\r\nContent-Type: application/xml\r\n\r\n\
     <?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>",
    "502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html><body>Bad Gateway</body></html>",
];

impl Mishap {
    /// What befalls the connection of this number: the first ones meet everything there is, so that a test need not hope for it.
    fn of(number: u64, chance: &mut Chance) -> Self {
        // As many breaks after a few bytes as after many.
        let bytes = 1 << chance.below(23);
        let bytes = bytes + chance.below(bytes);
        let pause = Duration::from_millis(1 + chance.below(1_500));
        let dice = [0, 20, 60, 40, 50].get(usize::try_from(number).unwrap_or(usize::MAX)).copied();
        match dice.unwrap_or_else(|| chance.below(100)) {
            0..20 => Self::CutUp(bytes),
            20..40 => Self::CutDown(bytes),
            40..50 => Self::Stall(bytes, pause),
            50..60 => Self::Delay(pause / 100),
            60..75 => Self::Refuse(chance.pick::<&str>(&REFUSALS)),
            _ => Self::None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::CutUp(_) => "cut on the way up",
            Self::CutDown(_) => "cut on the way down",
            Self::Stall(..) => "stall",
            Self::Delay(_) => "delay",
            Self::Refuse(_) => "refusal",
        }
    }
}

/// The line; it is good until it is [`Line::spoil`]ed.
pub(crate) struct Line {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    cloud: u16,
    chance: Mutex<Chance>,
    is_bad: AtomicBool,
    /// Connections opened while it was bad.
    bad: AtomicU64,
    is_over: AtomicBool,
    befell: Mutex<BTreeMap<&'static str, u32>>,
}

impl Line {
    pub(crate) fn to(cloud: u16, chance: Chance) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            cloud,
            chance: Mutex::new(chance),
            is_bad: AtomicBool::new(false),
            bad: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            befell: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if own.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(connection), shared) = (connection, Arc::clone(&own)) else { continue };
                // A connection that breaks is what this is for.
                thread::spawn(move || drop(shared.carry(&connection)));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn spoil(&self) {
        self.shared.is_bad.store(true, Ordering::Relaxed);
    }

    pub(crate) fn mend(&self) {
        self.shared.is_bad.store(false, Ordering::Relaxed);
    }

    /// How often what befell a connection.
    pub(crate) fn befell(&self) -> BTreeMap<&'static str, u32> {
        self.shared.befell.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // So that the thread that waits for connections looks.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn carry(&self, machine: &TcpStream) -> std::io::Result<()> {
        let mishap = if self.is_bad.load(Ordering::Relaxed) {
            let number = self.bad.fetch_add(1, Ordering::Relaxed);
            Mishap::of(number, &mut self.chance.lock().unwrap_or_else(PoisonError::into_inner))
        } else {
            Mishap::None
        };
        *self.befell.lock().unwrap_or_else(PoisonError::into_inner).entry(mishap.name()).or_default() += 1;
        if let Mishap::Refuse(answer) = mishap {
            return refuse(machine, answer);
        }
        let cloud = TcpStream::connect(("127.0.0.1", self.cloud))?;
        thread::scope(|scope| {
            scope.spawn(|| pump(machine, &cloud, mishap, Way::Up));
            pump(&cloud, machine, mishap, Way::Down);
        });
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// Hands on what comes, until an end closes or the mishap comes.
fn pump(mut from: &TcpStream, mut to: &TcpStream, mishap: Mishap, way: Way) {
    let (mut piece, mut moved) = (vec![0; PIECE], 0_u64);
    loop {
        let room = match mishap {
            Mishap::CutUp(bytes) if way == Way::Up => bytes - moved,
            Mishap::CutDown(bytes) if way == Way::Down => bytes - moved,
            _ => u64::MAX,
        };
        let room = usize::try_from(room).unwrap_or(PIECE).min(PIECE);
        let Ok(length @ 1..) = from.read(&mut piece[..room]) else { break };
        match mishap {
            Mishap::Delay(pause) => thread::sleep(pause),
            Mishap::Stall(at, pause) if way == Way::Down && (moved..moved + length as u64).contains(&at) => {
                thread::sleep(pause);
            }
            _ => {}
        }
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
        moved += length as u64;
    }
    // A broken line is broken in both directions.
    for end in [from, to] {
        drop(end.shutdown(Shutdown::Both));
    }
}

/// Takes the request, as servers do before they answer, and says no.
fn refuse(mut machine: &TcpStream, answer: &str) -> std::io::Result<()> {
    let (mut request, mut piece) = (Vec::new(), vec![0; PIECE]);
    let end = loop {
        if let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        match machine.read(&mut piece)? {
            0 => return Ok(()),
            length => request.extend_from_slice(&piece[..length]),
        }
    };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut left = length.map_or(0, |length| length.parse().unwrap_or(0)) + end;
    left = left.saturating_sub(request.len());
    while left > 0 {
        match machine.read(&mut piece)? {
            0 => return Ok(()),
            length => left = left.saturating_sub(length),
        }
    }
    let (status, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let length = body.len();
    let body = if head.starts_with("head ") { "" } else { body };
    write!(machine, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")?;
    machine.shutdown(Shutdown::Both)
}

use super::*;
use crate::{Identities, NewIdentity, OpenRead};
use age::secrecy::ExposeSecret as _;

fn pair() -> (Recipients, Identities) {
    let key = NewIdentity::generate();
    let recipients = Recipients::parse(&[key.recipient]).unwrap();
    (recipients, Identities::parse(key.secret.expose_secret().as_bytes(), None).unwrap())
}

fn plain(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) % 251).unwrap()).collect()
}

const SIZES: [usize; 15] =
    [0, 1, 15, 16, 17, 65_519, 65_520, 65_535, 65_536, 65_537, 65_552, 131_071, 131_072, 131_073, 1_000_000];

#[test]
fn the_size_is_known_before_the_first_byte() {
    let (recipients, identities) = pair();
    for size in SIZES {
        let plain = plain(size);
        // However the bytes arrive.
        for step in [1_000, 65_536, 70_000, 1 << 20] {
            let mut writing = Sealer::new(&recipients);
            let announced = writing.sealed_size(size as u64);
            let mut sealed = Vec::new();
            for part in plain.chunks(step) {
                sealed.extend_from_slice(&writing.push(part));
            }
            sealed.extend_from_slice(&writing.finish());
            assert_eq!(sealed.len() as u64, announced, "{size} in steps of {step}");
            let mut opened = Vec::new();
            OpenRead::new(&identities, &sealed[..]).read_to_end(&mut opened).unwrap();
            assert!(opened == plain, "{size} in steps of {step}");
        }
    }
}

#[test]
fn a_reader_seals_what_it_reads() {
    let (recipients, identities) = pair();
    for size in SIZES {
        let plain = plain(size);
        let writing = Sealer::new(&recipients);
        let announced = writing.sealed_size(size as u64);
        let mut sealed = Vec::new();
        SealRead::new(writing, &plain[..]).read_to_end(&mut sealed).unwrap();
        assert_eq!(sealed.len() as u64, announced);
        let mut opened = Vec::new();
        OpenRead::new(&identities, &sealed[..]).read_to_end(&mut opened).unwrap();
        assert!(opened == plain, "{size}");
    }
}

#[test]
fn a_failing_reader_is_not_an_end() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0.is_multiple_of(2) { Err(io::Error::other("on purpose")) } else { Ok(buffer.len()) }
        }
    }
    let (recipients, _) = pair();
    let mut reader = SealRead::new(Sealer::new(&recipients), Failing(0));
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "on purpose");
}

#[test]
fn memory_does_not_grow_with_what_is_sealed() {
    let (recipients, identities) = pair();
    let mut writing = Sealer::new(&recipients);
    let mut reading = crate::Opener::new(&identities);
    let (part, mut size) = (plain(100_000), 0);
    for _ in 0..50 {
        let sealed = writing.push(&part);
        assert!(sealed.len() < part.len() + (1 << 16) + 2_000);
        assert!(writing.outbox.look(<[u8]>::is_empty));
        let opened = reading.push(sealed).unwrap();
        assert!(opened.len() < part.len() + (1 << 17));
        size += opened.len();
    }
    size += reading.push(writing.finish()).unwrap().len();
    let end = reading.finish().unwrap();
    assert_eq!((size + end.rest.len(), end.size), (50 * part.len(), 50 * part.len() as u64));
}

#[test]
fn the_same_bytes_are_sealed_differently_each_time() {
    let (recipients, _) = pair();
    let seal = || {
        let mut writing = Sealer::new(&recipients);
        [writing.push(b"plain"), writing.finish()].concat()
    };
    assert_ne!(seal(), seal());
}

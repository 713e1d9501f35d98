use super::*;
use crate::header::HEADER_MOST;
use crate::{NewIdentity, Recipients, Sealer};
use age::secrecy::ExposeSecret as _;
use proptest::prelude::*;

fn pair() -> (Recipients, Identities) {
    let key = NewIdentity::generate();
    let recipients = Recipients::parse(&[key.recipient]).unwrap();
    (recipients, Identities::parse(key.secret.expose_secret().as_bytes(), None).unwrap())
}

/// The sealed bytes, and how many of them come before the first chunk.
fn sealed(recipients: &Recipients, plain: &[u8]) -> (Vec<u8>, usize) {
    let mut writing = Sealer::new(recipients);
    let header = usize::try_from(writing.sealed_size(0)).unwrap() - 16;
    ([writing.push(plain), writing.finish()].concat(), header)
}

/// What comes out before the end or the error, and which it was.
fn open(identities: &Identities, sealed: &[u8], step: usize) -> (Vec<u8>, Result<u64, Error>) {
    let mut reading = Opener::new(identities);
    let mut plain = Vec::new();
    for part in sealed.chunks(step) {
        match reading.push(Bytes::copy_from_slice(part)) {
            Ok(opened) => plain.extend_from_slice(&opened),
            Err(error) => {
                assert!(reading.finish().is_err(), "an error stays one");
                return (plain, Err(error));
            }
        }
    }
    let end = reading.finish().map(|opened| {
        plain.extend_from_slice(&opened.rest);
        opened.size
    });
    (plain, end)
}

#[test]
fn what_is_cut_off_anywhere_is_never_whole() {
    let (recipients, identities) = pair();
    let plain: Vec<u8> = (0..150_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let (whole, header) = sealed(&recipients, &plain);
    let chunk = 65_536 + 16;
    let lengths = (0..header + 40)
        .chain([header + chunk - 1, header + chunk, header + chunk + 1, header + chunk + 16])
        .chain([header + 2 * chunk, whole.len() - 1]);
    for length in lengths {
        let (before, end) = open(&identities, &whole[..length], 40_000);
        assert_eq!(before, plain[..before.len()], "cut at {length}");
        match end {
            Err(Error::NotSealed) => assert!(length < MAGIC.len(), "cut at {length}"),
            Err(Error::Damaged { .. }) => assert!(length >= MAGIC.len(), "cut at {length}"),
            other => panic!("cut at {length}: {other:?}"),
        }
    }
    assert_eq!(open(&identities, &whole, 40_000).1.unwrap(), 150_000);
}

#[test]
fn what_follows_the_end_is_damage() {
    let (recipients, identities) = pair();
    for size in [0, 10, 65_536, 65_537] {
        let (mut whole, _) = sealed(&recipients, &vec![7; size]);
        whole.push(0);
        let (_, end) = open(&identities, &whole, 10_000);
        assert!(matches!(end, Err(Error::Damaged { .. })), "{size}: {end:?}");
    }
}

#[test]
fn the_wrong_identity_is_told_from_damage() {
    let (recipients, identities) = pair();
    let (whole, header) = sealed(&recipients, b"plain");
    for wrong in [pair().1, Identities::default()] {
        let (before, end) = open(&wrong, &whole, 7);
        assert!(before.is_empty());
        let error = end.unwrap_err();
        assert!(matches!(error, Error::NoIdentity { lock: Lock::Keys }), "{error:?}");
        assert_eq!(error.to_string(), "it is sealed for keys, and none of the identities opens it");
    }
    assert!(wrong_is_given_by_the_reader(&whole));
    // The header's own check.
    let mut torn = whole.clone();
    torn[header - NONCE - 3] ^= 1;
    assert!(matches!(open(&identities, &torn, 50).1, Err(Error::Damaged { .. })));
}

fn wrong_is_given_by_the_reader(whole: &[u8]) -> bool {
    let error = OpenRead::new(&pair().1, whole).read_to_end(&mut Vec::new()).unwrap_err();
    matches!(Error::from_io(error), Ok(Error::NoIdentity { .. }))
}

#[test]
fn what_was_never_sealed_is_told_from_damage() {
    let identities = pair().1;
    let armored = b"-----BEGIN AGE ENCRYPTED FILE-----\n";
    for plain in [&b""[..], b"x", b"a plain text that is long enough", b"age-encryption", armored] {
        let (before, end) = open(&identities, plain, 5);
        assert!(before.is_empty() && matches!(end, Err(Error::NotSealed)), "{end:?}");
    }
    let endless: Vec<u8> = [b"age-encryption.org/v1\n".to_vec(), vec![b'x'; HEADER_MOST]].concat();
    let newer = b"age-encryption.org/v9\n-> x\n\n--- abc\n0123456789abcdef".to_vec();
    for odd in [endless, newer] {
        let (_, end) = open(&identities, &odd, 5_000);
        assert!(matches!(end, Err(Error::Damaged { .. })), "{end:?}");
    }
}

#[test]
fn a_reader_below_that_fails_is_told_from_damage() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from(io::ErrorKind::ConnectionReset))
        }
    }
    let error = OpenRead::new(&pair().1, Failing).read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(Error::from_io(error).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_byte_can_change_unnoticed(
        size in 0_usize..200_000,
        place in any::<prop::sample::Index>(),
        bit in 0_u32..8,
        step in 1_usize..100_000,
    ) {
        let (recipients, identities) = pair();
        let plain = vec![7; size];
        let (mut whole, _) = sealed(&recipients, &plain);
        let (before, end) = open(&identities, &whole, step);
        prop_assert!(before == plain);
        prop_assert_eq!(end.unwrap(), size as u64);
        let at = place.index(whole.len());
        whole[at] ^= 1 << bit;
        let (before, end) = open(&identities, &whole, step);
        prop_assert!(end.is_err(), "byte {at}");
        prop_assert!(before == plain[..before.len()]);
    }

    #[test]
    fn nothing_that_arrives_is_fatal(
        start in prop_oneof![Just(&b"age-encryption.org/v1\n-> X25519 "[..]), Just(&b""[..])],
        rest in proptest::collection::vec(any::<u8>(), 0..400),
        step in 1_usize..50,
    ) {
        let (_, end) = open(&pair().1, &[start, &rest].concat(), step);
        prop_assert!(end.is_err());
    }
}

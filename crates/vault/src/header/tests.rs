use super::*;
use crate::{NewIdentity, Recipients, Sealer};

fn recipients() -> Recipients {
    Recipients::parse(&[NewIdentity::generate().recipient]).unwrap()
}

#[test]
fn a_seal_is_read_from_the_first_bytes_and_is_never_used_twice() {
    let recipients = recipients();
    let seal_once = || {
        let mut sealer = Sealer::new(&recipients);
        let seal = sealer.seal().clone();
        let whole = [sealer.push(b"the same content"), sealer.finish()].concat();
        (seal, whole)
    };
    let ((one, sealed), (other, _)) = (seal_once(), seal_once());
    assert_ne!(one, other);
    let lengths: Vec<usize> =
        (0..=sealed.len()).filter(|&end| Seal::of(&sealed[..end]).unwrap().is_some()).collect();
    assert_eq!(Seal::of(&sealed).unwrap(), Some(one.clone()));
    let header = lengths[0];
    assert_eq!(lengths, (header..=sealed.len()).collect::<Vec<_>>(), "from the header's end on");
    assert_eq!(Seal::of(&sealed[..header]).unwrap(), Some(one));
}

#[test]
fn what_is_not_sealed_has_none() {
    for plain in [&b"age-encryption.com/v1\n"[..], b"x", b"\n--- abc\n"] {
        assert!(matches!(Seal::of(plain), Err(Error::NotSealed)), "{plain:?}");
    }
    assert!(Seal::of(b"age-enc").unwrap().is_none(), "it may still become one");
    assert!(Seal::of(b"age-encryption.org/v1\n--- \n").is_err(), "an empty seal is none");
}

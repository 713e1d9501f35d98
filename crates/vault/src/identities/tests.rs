use super::*;
use crate::{NewIdentity, Opener, Recipients, Sealer};
use bytes::Bytes;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

fn sealed(recipients: &Recipients, plain: &[u8]) -> Bytes {
    let mut writing = Sealer::new(recipients);
    [writing.push(plain), writing.finish()].concat().into()
}

fn open(identities: &Identities, sealed: Bytes) -> Result<Bytes, Error> {
    let mut reading = Opener::new(identities);
    let first = reading.push(sealed)?;
    Ok([first, reading.finish()?.rest].concat().into())
}

#[test]
fn an_identity_file_may_hold_several_keys_and_comments() {
    let keys = [NewIdentity::generate(), NewIdentity::generate()];
    let [one, other] = &keys;
    let file = format!(
        "# created: 2026-11-20T10:15:00Z\r\n# public key: {}\r\n{}\r\n\r\n{}",
        one.recipient,
        one.secret.expose_secret(),
        other.secret.expose_secret()
    );
    let identities = Identities::parse(file.as_bytes(), None).unwrap();
    for key in &keys {
        let recipients = Recipients::parse(std::slice::from_ref(&key.recipient)).unwrap();
        assert_eq!(open(&identities, sealed(&recipients, b"plain")).unwrap(), "plain");
    }
    assert_eq!(format!("{identities:?}"), "Identities(2 keys, 0 passphrases)");
}

#[test]
fn what_is_no_identity_is_named_by_its_line_and_not_repeated() {
    let key = NewIdentity::generate();
    let secret = key.secret.expose_secret();
    let cases = [
        (format!("# mine\n\n{}x", &secret[..secret.len() - 1]), "(line 3)", "mistyped"),
        (format!("{secret}\n{}", key.recipient), "(line 2)", "a public key opens nothing"),
        ("ssh-ed25519 AAAA".to_owned(), "(line 1)", "a public key opens nothing"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blb".to_owned(), "(line 1)", "the key has no end"),
        (
            "\n-----BEGIN PRIVATE KEY-----\nb3Blb\n-----END PRIVATE KEY-----".to_owned(),
            "(line 2)",
            "not an SSH private key",
        ),
        ("# nothing\n".to_owned(), "", "there are none"),
    ];
    for (text, line, reason) in cases {
        let refusal = Identities::parse(text.as_bytes(), None).unwrap_err().to_string();
        assert!(refusal.contains(reason) && refusal.ends_with(line), "{refusal}");
        assert!(!refusal.contains(&secret[20..40]) && !refusal.contains("b3Blb"), "{refusal}");
    }
    assert!(matches!(Identities::parse(b"\xff\xfe", None), Err(Error::Identity { line: 0, .. })));
}

#[test]
fn a_passphrase_opens_what_it_sealed_and_guards_an_identity_file() {
    let right = passphrase("open sesame");
    let recipients = Recipients::new(&[], Some(right.clone())).unwrap();
    let key = NewIdentity::generate();
    let file = sealed(&recipients, key.secret.expose_secret().as_bytes());

    let wrong = Identities::with_passphrase(passphrase("open barley"));
    assert!(matches!(open(&wrong, file.clone()), Err(Error::NoIdentity { lock: crate::Lock::Passphrase })));
    let either = wrong.and(Identities::with_passphrase(right.clone()));
    assert_eq!(open(&either, file.clone()).unwrap(), key.secret.expose_secret().as_bytes());

    let refused = |given| Identities::parse(&file, given).unwrap_err();
    assert!(matches!(refused(None), Error::Protected { line: 1, given: false }));
    assert!(matches!(refused(Some(&passphrase("open barley"))), Error::Protected { given: true, .. }));
    let identities = Identities::parse(&file, Some(&right)).unwrap();
    let recipients = Recipients::parse(&[key.recipient]).unwrap();
    assert_eq!(open(&identities, sealed(&recipients, b"plain")).unwrap(), "plain");
}

#[test]
fn a_passphrase_may_not_ask_for_endless_work() {
    let mut recipient = age::scrypt::Recipient::new("x".to_owned().into());
    recipient.set_work_factor(1);
    let mut sealed = age::encrypt(&recipient, b"plain").unwrap();
    let at = sealed.windows(3).position(|window| window == b" 1\n").unwrap();
    sealed.splice(at + 1..at + 2, *b"30");
    let opened = open(&Identities::with_passphrase(passphrase("x")), sealed.into());
    assert!(matches!(opened, Err(Error::TooMuchWork { asked: 30, most: WORK_MOST })), "{opened:?}");
}

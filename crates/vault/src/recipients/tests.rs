use super::*;

const ED25519: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOy/t5UcunxZ2j5/G+iBbs6muNiOyHQlPR4gxahQfyLE alice@laptop";

fn parse(texts: &[&str]) -> Result<Recipients, Error> {
    Recipients::parse(&texts.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn refusal(text: &str) -> String {
    parse(&[text]).unwrap_err().to_string()
}

#[test]
fn public_keys_are_read() {
    let key = crate::NewIdentity::generate().recipient;
    let parsed = parse(&[&format!(" {key}\n"), ED25519]).unwrap();
    let bare = ED25519.strip_suffix(" alice@laptop").unwrap();
    assert_eq!(format!("{parsed:?}"), format!("Recipients[{key:?}, {bare:?}]"));
}

#[test]
fn what_is_no_recipient_is_named_with_what_would_be() {
    let accepted = "accepted are `age1…`, `ssh-ed25519 …` and `ssh-rsa …` (2048 to 4096 bits)";
    let mistyped = crate::NewIdentity::generate().recipient.replace("age1", "age1q");
    let cases = [
        (mistyped.as_str(), "not an X25519 key, or mistyped"),
        ("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t", "not an X25519 key"),
        ("ssh-ed25519 AAAA", "mistyped or cut off"),
        ("alice", "not a public key"),
        ("", "not a public key"),
        (
            "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDiFVdWAZ3W+Fxx47pMr+WtJTV+Q9YEimUouLsWG7exbndB8vL6ITrhB9HN5BGRUo8mzoyh1CO4CgDSva5YvE1s=",
            "an SSH key of kind ecdsa-sha2-nistp256 cannot encrypt",
        ),
    ];
    for (text, reason) in cases {
        let refusal = refusal(text);
        assert!(refusal.contains(reason) && refusal.ends_with(accepted), "{refusal}");
        let start: String = text.chars().take(20).collect();
        assert!(refusal.contains(&format!("`{start}")), "{refusal}");
    }
    assert!(refusal(&format!("alice\n{ED25519}")).contains("`alice…`"));
}

#[test]
fn a_secret_given_by_mistake_is_not_repeated() {
    use age::secrecy::ExposeSecret as _;
    let secret = crate::NewIdentity::generate().secret.expose_secret().to_owned();
    for text in
        [secret.clone(), secret.to_lowercase(), format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}")]
    {
        let refusal = refusal(&text).to_uppercase();
        assert!(refusal.contains("A SECRET KEY") && !refusal.contains(&secret[20..]), "{refusal}");
    }
}

#[test]
fn a_passphrase_stands_alone_and_is_not_printed() {
    let passphrase = || Passphrase::new("open sesame".to_owned());
    let mixed = Recipients::new(&[ED25519.to_owned()], passphrase()).unwrap_err();
    assert_eq!(
        mixed.to_string(),
        "cannot seal for these recipients: a passphrase stands alone, it cannot be mixed with keys"
    );
    assert!(matches!(parse(&[]), Err(Error::Recipients { .. })));
    assert!(Passphrase::new(String::new()).is_none());
    let alone = Recipients::new(&[], passphrase()).unwrap();
    assert_eq!(format!("{alone:?} {:?}", passphrase()), "Recipients(passphrase) Some(Passphrase(…))");
}

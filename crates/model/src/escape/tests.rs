use super::*;
use proptest::prelude::*;

#[test]
fn names_and_their_texts() {
    let table: &[(&[u8], &str)] = &[
        (b"plain.txt", "plain.txt"),
        (b".hidden", ".hidden"),
        ("grüße 🎉".as_bytes(), "grüße 🎉"),
        (b"50% off", "50% off"),
        (b"a%20b", "a%20b"),
        (b"100%25", "100%25"),
        (b"two\nlines", "two%0Alines"),
        (b"two\nlines 50%", "two%0Alines 50%25"),
        (b"two%0Alines", "two%250Alines"),
        (b"two%250Alines", "two%25250Alines"),
        (b" lead", "%20lead"),
        (b"trail ", "trail%20"),
        (b" ", "%20"),
        (b"  ", "%20%20"),
        (b"   ", "%20 %20"),
        ("\u{3000}wide".as_bytes(), "%E3%80%80wide"),
        (b"caf\xe9", "caf%E9"),
        (b"\xff\xfe", "%FF%FE"),
        (b"%00", "%00"),
        (b"%2F", "%2F"),
        (b"%E9", "%25E9"),
        (b"%C3%A9", "%C3%A9"),
    ];
    for (name, text) in table {
        assert_eq!(encode(name), *text, "encode {name:?}");
        assert_eq!(decode(text), *name, "decode {text:?}");
    }
}

/// Pieces that make escapes, and escapes of escapes, likely.
fn tricky() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"%".to_vec()),
        Just(b"%25".to_vec()),
        Just(b"0A".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"E9".to_vec()),
        Just(vec![0xC3]),
        Just(vec![0xA9]),
        "[a-z0-9A-F%]{0,3}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_name_comes_back(name in tricky()) {
        let text = encode(&name).into_owned();
        prop_assert_eq!(decode(&text).into_owned(), name);
        prop_assert!(!text.chars().any(char::is_control));
        prop_assert_eq!(text.trim(), text.as_str());
    }

    #[test]
    fn every_text_is_the_text_of_one_name(name in tricky()) {
        if let Ok(text) = String::from_utf8(name)
            && text.trim() == text && !text.chars().any(char::is_control)
        {
            let decoded = decode(&text).into_owned();
            prop_assert_eq!(encode(&decoded).into_owned(), text);
        }
    }

    #[test]
    fn any_bytes_survive(name in prop::collection::vec(1_u8.., 1..40)) {
        prop_assert_eq!(decode(&encode(&name)).into_owned(), name);
    }
}

//! Bytes as text, where they are text.

use std::borrow::Cow;

/// Reads UTF-8, UTF-16 with its mark, and as a last resort the Windows reading of single bytes, in which old
/// letters were written. `None`: the bytes are no text.
pub(crate) fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let text = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(std::str::from_utf8(rest).ok()?),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) if looks_like_letters(bytes) => {
                Cow::Owned(bytes.iter().map(|&byte| windows(byte)).collect())
            }
            Err(_) => return None,
        },
    };
    let controls = text.bytes().filter(|byte| is_odd_control(*byte)).count();
    // Terminal recordings hold some escapes; a program file holds many.
    (!text.contains('\0') && controls * 50 <= text.len()).then_some(text)
}

fn utf16(bytes: &[u8], join: fn([u8; 2]) -> u16) -> Option<String> {
    let (units, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(units.iter().map(|unit| join(*unit))).collect::<Result<_, _>>().ok()
}

fn is_odd_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c)
}

/// At least half ASCII, and no control characters, as a letter in a western language is.
fn looks_like_letters(bytes: &[u8]) -> bool {
    let high = bytes.iter().filter(|byte| **byte >= 0x80).count();
    !bytes.iter().any(|&byte| is_odd_control(byte)) && high * 2 <= bytes.len()
}

/// Windows-1252, which contains Latin-1; the five bytes it leaves open become the replacement character.
fn windows(byte: u8) -> char {
    const FROM_0X80: [char; 32] = [
        '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}',
        '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => FROM_0X80[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_letters_are_readable() {
        assert_eq!(decode("Grüße".as_bytes()).as_deref(), Some("Grüße"));
        assert_eq!(decode(b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe").as_deref(), Some("Grüße"));
        assert_eq!(decode(b"\xff\xfeG\0r\0\xfc\0").as_deref(), Some("Grü"));
        assert_eq!(decode(b"\xfe\xff\0G\0r\0\xfc").as_deref(), Some("Grü"));
        assert_eq!(decode(b"Viele liebe Gr\xfc\xdfe, 5 \x80").as_deref(), Some("Viele liebe Grüße, 5 €"));
        assert_eq!(decode(b"").as_deref(), Some(""));
    }

    #[test]
    fn programs_and_pictures_are_no_text() {
        assert_eq!(decode(b"\x7fELF\x02\x01\x01\0\0"), None);
        assert_eq!(decode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), None);
        assert_eq!(decode(b"\xff\xfe\x00\xd8"), None, "half a surrogate pair");
        assert_eq!(decode(b"a\0b"), None);
    }
}

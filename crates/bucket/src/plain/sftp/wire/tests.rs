use super::*;
use proptest::prelude::*;

fn string(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
}

#[test]
fn the_greeting_tells_what_a_server_can() {
    let mut packet = vec![2, 0, 0, 0, 3];
    for (name, version) in
        [("posix-rename@openssh.com", "1"), ("statvfs@openssh.com", "2"), ("fsync@openssh.com", "9")]
    {
        packet.extend([string(name.as_bytes()), string(version.as_bytes())].concat());
    }
    let extensions = Extensions { posix_rename: true, sync: false, copy: false, space: true };
    assert_eq!(greeting(packet.into()), Some(extensions));
    assert_eq!(greeting(Bytes::from_static(&[2, 0, 0, 0, 2])), None);
    // What a login that greets its user looks like.
    assert_eq!(greeting(Bytes::from_static(b"Welcome!")), None);
}

#[test]
fn a_request_is_framed() {
    let packet = Request::Rename { from: "a", to: "bc" }.encode(7);
    let expected = [&[0, 0, 0, 16, 18, 0, 0, 0, 7][..], &string(b"a"), &string(b"bc")].concat();
    assert_eq!(packet, expected);
}

#[test]
fn names_need_not_be_text() {
    let mut packet = vec![104, 0, 0, 0, 9, 0, 0, 0, 1];
    packet.extend([string(b"latin\xe9"), string(b"-rw-r--r-- latin\xe9")].concat());
    // Size, owner, permissions, times, and one extension.
    packet.extend(0x8000_000f_u32.to_be_bytes());
    packet.extend(5_u64.to_be_bytes());
    packet.extend([0; 8]);
    packet.extend(0o100_644_u32.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    packet.extend([&[0, 0, 0, 1][..], &string(b"x"), &string(b"y")].concat());
    let attributes = Attributes { size: Some(5), permissions: Some(0o100_644), modified: Some(2) };
    let names = Reply::Names(vec![(b"latin\xe9".to_vec(), attributes)]);
    assert_eq!(reply(packet.into()), Some((9, names)));
}

#[test]
fn a_status_may_lack_its_message() {
    let status = |code, message: &str| Some((1, Reply::Status { code, message: message.to_owned() }));
    let bare = [101, 0, 0, 0, 1, 0, 0, 0, 2];
    assert_eq!(reply(Bytes::copy_from_slice(&bare)), status(Code::NoSuchFile, ""));
    let told = [&[101, 0, 0, 0, 1, 0, 0, 0, 4][..], &string(b"Failure"), &string(b"en")].concat();
    assert_eq!(reply(told.into()), status(Code::Failure, "Failure"));
}

proptest! {
    #[test]
    fn nothing_that_arrives_is_fatal(kind in 98_u8..110, rest in proptest::collection::vec(any::<u8>(), 0..80)) {
        let packet: Vec<u8> = [vec![kind], rest].concat();
        reply(packet.clone().into());
        greeting(packet.into());
    }
}

use super::*;

fn line(told: Told<'_>) -> String {
    let mut lines = Lines::default();
    let piece = lines.add(told).unwrap_or_else(|| lines.take());
    String::from_utf8(piece.to_vec()).unwrap()
}

#[test]
fn each_line_says_what_it_is() {
    let cursor = Cursor::parse("abc-7").unwrap();
    let head = line(Told::Head { cursor, extent: Extent::Since });
    assert_eq!(head, "{\"changes\":1,\"extent\":\"since\",\"cursor\":\"abc-7\"}\n");
    let put = |about| line(Told::Put { key: "a\"b", etag: "t", size: 5, modified_ms: -1, about });
    let plain = "{\"put\":\"a\\\"b\",\"etag\":\"t\",\"size\":5,\"modified\":-1}\n";
    assert_eq!(put(None), plain);
    assert_eq!(put(Some("{\"content_type\":\"text/x\"}")), plain);
    assert_eq!(put(Some("not what it should be")), plain);
    let labelled = put(Some("{\"metadata\":{\"a\":\"\\n\"},\"expires\":\"never\"}"));
    assert_eq!(labelled, plain.replace("}\n", ",\"metadata\":{\"a\":\"\\n\"}}\n"));
    assert_eq!(line(Told::Gone { key: "é" }), "{\"gone\":\"é\"}\n");
    assert_eq!(line(Told::End { count: 2 }), "{\"end\":2}\n");
}

#[test]
fn lines_are_sent_in_pieces() {
    let mut lines = Lines::default();
    let key = "k".repeat(1000);
    let pieces = (0..200).filter_map(|_| lines.add(Told::Gone { key: &key })).collect::<Vec<_>>();
    assert_eq!(pieces.len(), 3);
    assert!(pieces.iter().all(|piece| piece.len() < PIECE + 1100 && piece.ends_with(b"\n")));
    assert!(lines.add(Told::End { count: 200 }).is_some(), "the end waits for nothing");
}

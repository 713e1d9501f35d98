use super::*;

fn typed(name: &str) -> Option<ContentType> {
    content_type(&RelPath::from_key(name).unwrap())
}

#[test]
fn what_could_run_is_sandboxed_or_plain_text() {
    for name in ["a.html", "a.HTM", "a.xhtml", "a.svg", "a.xml", "a.swf", "a.mht", "a.xht", "a.wasm", "a.exe"]
    {
        assert_eq!(typed(name).map_or(Trust::Sandboxed, |typed| typed.trust), Trust::Sandboxed, "{name}");
    }
    for name in ["a.js", "a.mjs", "a.css", "a.rs", "a.py", "a.txt", "a.md", "a.ts"] {
        assert_eq!(typed(name).unwrap().value, PLAIN_TEXT, "{name}");
    }
}

#[test]
fn passive_types_keep_their_name() {
    for (name, value) in [
        ("a.png", "image/png"),
        ("B.JPG", "image/jpeg"),
        ("a.mp4", "video/mp4"),
        ("a.mp3", "audio/mpeg"),
        ("a.pdf", "application/pdf"),
        ("a.csv", "text/csv; charset=utf-8"),
    ] {
        let typed = typed(name).unwrap();
        assert_eq!((typed.value.as_str(), typed.trust), (value, Trust::Passive), "{name}");
    }
}

#[test]
fn bytes_decide_where_the_name_is_silent() {
    assert_eq!(typed("Makefile"), None);
    assert_eq!(typed(".profile"), None);
    assert_eq!(by_bytes(b"all:\n").value, PLAIN_TEXT);
    assert_eq!(by_bytes("Zoë".as_bytes().split_at(3).0).value, PLAIN_TEXT, "cut inside a character");
    assert_eq!(by_bytes(b"\x7fELF\0").trust, Trust::Sandboxed);
    assert_eq!(by_bytes(b"<script>").value, PLAIN_TEXT);
}

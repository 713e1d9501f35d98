use super::*;

fn rendered(text: &str) -> String {
    let place = Place {
        bucket: BucketName::new("alice").unwrap(),
        at: "0123abcd".to_owned(),
        folder: Some(RelPath::from_key("diary/2026").unwrap()),
    };
    render(text, &place)
}

#[test]
fn nothing_in_a_letter_runs() {
    for text in [
        "<script>alert(1)</script>",
        "text <img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "![x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<a href='javascript:alert(1)'>x</a>",
        "```\"><script>\n</code></pre><script>alert(1)</script>\n```",
        "[x]: javascript:alert(1)\n\n[x]",
        "<!-- --><iframe src=//evil></iframe>",
        "[x](java&#10;script:alert(1))",
        "![\"onerror=alert(1) x=\"](a.png)",
    ] {
        let html = rendered(text);
        let lower = html.to_lowercase();
        for bad in [
            "<script",
            "<iframe",
            "<img src=x",
            "href=\"javascript",
            "src=\"javascript",
            "\"data:",
            "\"onerror",
        ] {
            assert!(!lower.contains(bad), "{text} gave {html}");
        }
    }
}

#[test]
fn relative_links_stay_in_the_snapshot() {
    for (text, expected) in [
        ("[x](next.md)", "href=\"/alice/file/0123abcd/diary/2026/next.md\""),
        ("[x](./a%20b.md#top)", "href=\"/alice/file/0123abcd/diary/2026/a%20b.md#top\""),
        ("[x](../../photos/a.jpg)", "href=\"/alice/file/0123abcd/photos/a.jpg\""),
        ("![x](/photos/a.jpg)", "src=\"/alice/raw/0123abcd/photos/a.jpg\""),
        ("[x](../../../../etc/passwd)", "href=\"../../../../etc/passwd\""),
        ("[x](https://example.org/a)", "href=\"https://example.org/a\""),
        ("[x](//example.org/a)", "href=\"//example.org/a\""),
        ("[x](#part)", "href=\"#part\""),
        ("[x](mailto:a@b)", "href=\"mailto:a@b\""),
    ] {
        let html = rendered(text);
        assert!(html.contains(expected), "{text} gave {html}");
    }
}

#[test]
fn code_is_coloured_and_tables_are_tables() {
    assert!(rendered("```rust\nfn main() {}\n```").contains("<span class=ht>fn</span>"));
    assert!(rendered("|a|b|\n|-|-|\n|1|2|").contains("<table>"));
    assert!(rendered("- [x] done").contains("type=\"checkbox\""));
}

use super::*;

fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[test]
fn every_line_is_complete_and_nothing_is_lost() {
    let source = "/* a\n comment */\nfn main() {\r\n    let s = \"<b>&amp;\n two lines\";\n}\n\n// end";
    let syntax = syntax_for("main.rs", source);
    assert!(syntax.is_some());
    let lines = lines(source, syntax);
    let expected: Vec<&str> = source.lines().collect();
    assert_eq!(lines.iter().map(|line| text_of(line)).collect::<Vec<_>>(), expected);
    for line in &lines {
        assert_eq!(line.matches("<span").count(), line.matches("</span>").count(), "{line}");
    }
    assert!(lines[0].contains("class=hc") && lines[1].contains("class=hc"), "{lines:?}");
}

#[test]
fn names_choose_grammars() {
    for (name, text, expected) in [
        ("a.py", "", Some("Python")),
        ("A.PY", "", Some("Python")),
        ("Makefile", "", Some("Makefile")),
        ("run", "#!/bin/bash\n", Some("Bourne Again Shell (bash)")),
        ("notes.txt", "", None),
        ("odd", "", None),
    ] {
        assert_eq!(syntax_for(name, text).map(|syntax| syntax.name.as_str()), expected, "{name}");
    }
}

#[test]
fn a_minified_line_is_shown_plain() {
    let source = format!("let a = 1;\n{}\nlet b = 2;\n", "x=1;".repeat(50_000));
    let begun = std::time::Instant::now();
    let lines = lines(&source, syntax_for("a.js", ""));
    assert_eq!(lines.len(), 3);
    assert!(begun.elapsed().as_secs() < 5);
}

#[test]
fn plain_text_is_escaped() {
    assert_eq!(lines("<script>'\"&", None), ["&lt;script&gt;&#39;&quot;&amp;"]);
}

use super::*;

fn sketch(comparison: &Comparison) -> String {
    let mark = |role| match role {
        Role::Same => ' ',
        Role::Added => '+',
        Role::Removed => '-',
        Role::Hunk => '@',
    };
    let lines = comparison.lines.iter().map(|line| format!("{}{}\n", mark(line.role), line.text));
    lines.collect::<Vec<_>>().concat()
}

fn numbered(count: u32, word: &str) -> String {
    (1..=count).map(|line| format!("{word}{line}\n")).collect::<Vec<_>>().concat()
}

#[test]
fn changes_stand_in_their_surroundings() {
    let before = numbered(20, "");
    let after = before.replace("5\n", "five\n").replace("17\n", "").replace("18\n", "18\n18b\n");
    let comparison = compare(&before, &after);
    assert_eq!((comparison.added, comparison.removed), (3, 3));
    // "15" holds a "5" too.
    assert!(sketch(&comparison).starts_with("@line 2\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@line 12\n"));
}

#[test]
fn edges() {
    assert_eq!(compare("a\n", "a\n").lines, []);
    assert_eq!(sketch(&compare("", "a\nb")), "@a new text\n+a\n+b\n");
    assert_eq!(sketch(&compare("a\n", "")), "@line 1\n-a\n");
    let close = compare("1\n2\n3\n4\n5\n", "one\n2\n3\n4\nfive\n");
    assert_eq!(sketch(&close), "@line 1\n-1\n+one\n 2\n 3\n 4\n-5\n+five\n", "near hunks share their lines");
}

#[test]
fn a_rewritten_text_is_capped() {
    let (before, after) = (numbered(5000, "old "), numbered(5000, "new "));
    let comparison = compare(&before, &after);
    assert!(comparison.capped && comparison.lines.len() == LINES_MAX);
}

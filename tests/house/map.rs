//! The architecture document: short, and citing only what exists.

use crate::{read, root};
use std::collections::BTreeMap;

/// One row of the table of crates.
pub(crate) struct Crate {
    /// `None` for what only tests use.
    pub(crate) level: Option<u32>,
}

pub(crate) fn document() -> String {
    read(&root().join("crates/ARCHITECTURE.md"))
}

/// The rows `| level | `crate` | permission | what it does |`.
pub(crate) fn crates() -> BTreeMap<String, Crate> {
    let rows = document();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let table = rows.lines().skip_while(|line| !line.starts_with("| level | crate |")).skip(2);
    let crates: BTreeMap<_, _> = table
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let row = cells(line);
            let level = row[1].parse().ok();
            assert!(level.is_some() || row[1] == "–", "no level in {line}");
            (row[2].trim_matches('`').to_owned(), Crate { level })
        })
        .collect();
    assert!(crates.len() > 5, "the table of crates is missing");
    crates
}

#[test]
fn the_map_is_short() {
    let lines = document().lines().count();
    assert!(lines <= 250, "crates/ARCHITECTURE.md has {lines} lines; a map has 250 at most");
}

#[test]
fn every_cited_path_exists() {
    let document = document();
    let cited = document.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = cited
        .filter(|text| ["crates/", "tests/", "profiles/"].iter().any(|start| text.starts_with(start)))
        .filter(|text| !text.contains(['<', '*', '{', ' ']))
        .collect();
    assert!(!paths.is_empty(), "the map cites nothing");
    let missing: Vec<_> = paths.iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "crates/ARCHITECTURE.md cites what does not exist: {missing:?}");
}

//! A file that holds one idea is not long.

use crate::{files_below, read, root};

/// The longest a product file may be. Tests are not counted: tables may be long, logic may not.
const LINES_MAX: usize = 600;

#[test]
fn product_files_are_small() {
    let is_product = |path: &str| {
        let is_source = [".rs", ".html", ".css", ".js"].iter().any(|ending| path.ends_with(ending));
        is_source && !path.contains("/tests/") && !path.ends_with("/tests.rs") && !path.contains("/examples/")
    };
    let mut long = Vec::new();
    let mut seen = 0;
    for path in files_below(&root().join("crates")) {
        let Some(name) = path.to_str().filter(|name| is_product(name)) else { continue };
        seen += 1;
        let text = read(&path);
        let product = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        if product > LINES_MAX {
            long.push(format!("{name}: {product} lines"));
        }
    }
    assert!(seen > 50, "only {seen} product files were found");
    assert!(long.is_empty(), "over {LINES_MAX} lines: {long:#?}");
}

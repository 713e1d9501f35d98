//! Programs that not every machine has.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Whether a program is there. A test that needs it is skipped without, see [`skip`].
#[must_use]
pub fn have(program: &str) -> bool {
    let there = path_of(program).is_some();
    if !there {
        skip(&format!("{program} is not installed"));
    }
    there
}

/// Says that a test cannot run here, and why; where all must run, with `CI=true` or `HEIRLOOM_REQUIRE_TOOLS`, it fails.
pub fn skip(why: &str) {
    let asked = std::env::var_os("HEIRLOOM_REQUIRE_TOOLS").is_some();
    let required = asked || std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!required, "{why}, and every test must run here (CI or HEIRLOOM_REQUIRE_TOOLS is set)");
    // Past what the test runner captures: it shows nothing of a test that passes.
    drop(writeln!(std::io::stderr(), "SKIPPED: {why}"));
}

pub(crate) fn path_of(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian has the programs of an administrator.
    let more = ["/usr/sbin", "/sbin"].map(|place| Path::new(place).to_owned());
    std::env::split_paths(&path).chain(more).map(|one| one.join(program)).find(|path| path.is_file())
}

//! Where the configuration is looked for.

use super::environment::Environment;
use super::error::Error;
use std::path::{Path, PathBuf};

/// The variable that names a configuration.
pub(crate) const VARIABLE: &str = "HEIRLOOM_CONFIG";

/// The file to load: what the person named (`--config`, then `$HEIRLOOM_CONFIG`), else the first of the usual
/// places that has one. A file that was named is never passed over for another one.
///
/// `here` is the current directory.
pub(crate) fn find(flag: Option<&Path>, environment: &Environment, here: &Path) -> Result<PathBuf, Error> {
    if let Some(named) = flag.or_else(|| environment.given(VARIABLE).map(Path::new)) {
        return Ok(named.to_owned());
    }
    let mut tried = vec![format!("${VARIABLE} (not set)")];
    for (path, shown) in usual_places(environment, here) {
        match std::fs::metadata(&path) {
            Ok(_) => return Ok(shown),
            Err(error) if is_absent(&error) => tried.push(shown.display().to_string()),
            Err(source) => return Err(Error::Read { path, source }),
        }
    }
    Err(Error::NotFound { tried })
}

/// Each place, and how it is shown.
fn usual_places(environment: &Environment, here: &Path) -> Vec<(PathBuf, PathBuf)> {
    let below_home = || environment.given("HOME").map(|home| Path::new(home).join(".config"));
    let personal = environment.given("XDG_CONFIG_HOME").map(PathBuf::from).or_else(below_home);
    let mut places = vec![(here.join("heirloom.yml"), PathBuf::from("./heirloom.yml"))];
    let absolute = [personal, Some(PathBuf::from("/etc"))];
    for directory in absolute.into_iter().flatten() {
        let path = directory.join("heirloom/config.yml");
        places.push((path.clone(), path));
    }
    places
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;

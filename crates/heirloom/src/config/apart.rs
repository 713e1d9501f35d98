//! What would be kept twice: folders in each other, and one place under two names.
//!
//! Two states that meet in a folder and in a destination send the same file there twice, and settle each other's conflicts. With other
//! destinations, or with the inner folder left out of the outer state, they do not meet: a folder may go to one place in clear and to another
//! one encrypted.

use super::access::Access;
use super::destination::{Destination, Plain};
use super::laptop::{DestinationName, Folder, State};
use model::{RelPath, StateName};
use plan::ignore::{IgnoreRules, IgnoreTree, Shape};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// The state with a folder that lies in another one and what to tell of it, where `real` is a folder's path as it is compared.
pub(crate) fn folders(
    states: &BTreeMap<StateName, State>,
    real: impl Fn(&Path) -> PathBuf,
) -> Option<(&StateName, String)> {
    let all: Vec<(&StateName, &State, &Folder)> = states
        .iter()
        .flat_map(|(name, state)| state.folders.iter().map(move |folder| (name, state, folder)))
        .collect();
    all.iter().enumerate().find_map(|(at, (name, state, folder))| {
        let inner = real(&folder.path);
        let mut others = all.iter().enumerate().filter(|(other, _)| *other != at);
        others.find_map(|(other_at, (other, outer, above))| {
            let below = inner.strip_prefix(real(&above.path)).ok()?.as_os_str().as_bytes();
            let meet = state.destinations.iter().any(|one| outer.destinations.contains(one));
            // Of two that are the same folder, the second one is too much.
            if !meet || leaves_out(outer, below) || (below.is_empty() && other_at > at) {
                return None;
            }
            let (inner, above, below) = (folder.path.display(), above.path.display(), String::from_utf8_lossy(below));
            let message = if below.is_empty() {
                format!("{inner} is a folder of the state `{other}` already, and both go to the same destination")
            } else if name == other {
                format!("{inner} lies in {above}, and is kept with it")
            } else {
                format!(
                    "{inner} lies in {above}, which the state `{other}` keeps with everything in it; leave it out there with `ignore: [/{below}/]`, or here"
                )
            };
            Some((*name, message))
        })
    })
}

fn leaves_out(outer: &State, below: &[u8]) -> bool {
    let rules = IgnoreRules::new(&outer.ignore).map(IgnoreTree::new);
    let below = RelPath::from_os_bytes(below);
    matches!((rules, below), (Ok(rules), Ok(below)) if rules.ignores(&below, Shape::Directory))
}

/// The destination that is the place of another one, by which key of its section, and what to tell of it.
pub(crate) fn destinations(
    all: &BTreeMap<DestinationName, Destination>,
) -> Option<(&DestinationName, &'static str, String)> {
    all.iter().enumerate().find_map(|(at, (name, one))| {
        all.iter().take(at).find_map(|(other, before)| {
            let (key, same) = meet(one, before)?;
            let message = if same {
                format!("this is the same place as the destination `{other}`; two destinations are two places")
            } else {
                format!("this place and that of the destination `{other}` lie in each other; put them side by side")
            };
            Some((name, key, message))
        })
    })
}

/// The key that tells where both are, if they meet there, and whether it is the same place.
fn meet(one: &Destination, other: &Destination) -> Option<(&'static str, bool)> {
    use Destination::{Plain as Tree, S3};
    let tidy = |path: &str| path.trim_end_matches('/').to_owned();
    let (key, same, nested) = match (one, other) {
        (S3(Access::Join(one)), S3(Access::Join(other))) => ("join", one == other, false),
        (S3(Access::Keys(one)), S3(Access::Keys(other))) => {
            ("bucket", (&one.endpoint, &one.bucket) == (&other.endpoint, &other.bucket), false)
        }
        (Tree(Plain::Fs(one)), Tree(Plain::Fs(other))) => {
            ("path", one == other, one.starts_with(other) || other.starts_with(one))
        }
        (Tree(Plain::Webdav(one)), Tree(Plain::Webdav(other))) => {
            ("url", tidy(&one.url) == tidy(&other.url), false)
        }
        (Tree(Plain::Sftp(one)), Tree(Plain::Sftp(other))) => {
            let server = (&one.host, one.port, &one.user) == (&other.host, other.port, &other.user);
            ("path", server && tidy(&one.path) == tidy(&other.path), false)
        }
        _ => return None,
    };
    (same || nested).then_some((key, same))
}

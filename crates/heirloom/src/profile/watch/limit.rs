//! What to tell a person when the system grants too few watches: how many are needed, and what to raise.

use disk::Limit;
use std::fs;
use std::path::Path;

/// A limit of the system, by the name that `sysctl` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sysctl {
    name: &'static str,
    value: u64,
}

/// Why a folder cannot be watched, in one sentence.
pub(super) fn explain(folder: &Path, limit: Limit) -> String {
    let needed = match limit {
        Limit::Watches => disk::watches_needed(folder),
        Limit::Watchers => 1,
    };
    let names = match limit {
        Limit::Watches => ["fs.inotify.max_user_watches", "user.max_inotify_watches"],
        Limit::Watchers => ["fs.inotify.max_user_instances", "user.max_inotify_instances"],
    };
    sentence(folder, limit, needed, tightest(names.map(read)))
}

/// A user's limit and that of their name space both hold; the lower one is in the way.
fn tightest(limits: [Option<Sysctl>; 2]) -> Option<Sysctl> {
    limits.into_iter().flatten().min_by_key(|limit| limit.value)
}

fn read(name: &'static str) -> Option<Sysctl> {
    let text = fs::read_to_string(Path::new("/proc/sys").join(name.replace('.', "/"))).ok()?;
    Some(Sysctl { name, value: text.trim().parse().ok()? })
}

fn sentence(folder: &Path, limit: Limit, needed: u64, tightest: Option<Sysctl>) -> String {
    let folder = folder.display();
    let need = match limit {
        Limit::Watches => {
            format!("watching {folder} takes {needed} watches, more than the system grants this user")
        }
        Limit::Watchers => format!("the system grants this user no further watcher for {folder}"),
    };
    match tightest {
        None => need,
        Some(Sysctl { name, value }) => {
            let raised = value.saturating_add(needed).checked_next_power_of_two().unwrap_or(u64::MAX);
            format!(
                "{need} ({name} is {value}, shared by all programs); raise it: `sudo sysctl -w {name}={raised}`"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_what_is_needed_and_what_to_raise() {
        let watches = Sysctl { name: "fs.inotify.max_user_watches", value: 8192 };
        insta::assert_snapshot!(
            sentence(Path::new("/data"), Limit::Watches, 50_000, Some(watches)),
            @"watching /data takes 50000 watches, more than the system grants this user (fs.inotify.max_user_watches is 8192, shared by all programs); raise it: `sudo sysctl -w fs.inotify.max_user_watches=65536`"
        );
        let instances = Sysctl { name: "fs.inotify.max_user_instances", value: 128 };
        insta::assert_snapshot!(
            sentence(Path::new("/data"), Limit::Watchers, 1, Some(instances)),
            @"the system grants this user no further watcher for /data (fs.inotify.max_user_instances is 128, shared by all programs); raise it: `sudo sysctl -w fs.inotify.max_user_instances=256`"
        );
        assert!(!sentence(Path::new("/data"), Limit::Watches, 9, None).contains("raise"));
    }

    #[test]
    fn the_lower_limit_is_the_one_in_the_way() {
        let one = |name, value| Some(Sysctl { name, value });
        assert_eq!(tightest([one("user's", 100), one("name space's", 10)]), one("name space's", 10));
        assert_eq!(tightest([one("user's", 100), one("name space's", 100)]), one("user's", 100));
        assert_eq!(tightest([None, one("name space's", 1)]), one("name space's", 1));
        assert_eq!(tightest([None, None]), None);
    }
}

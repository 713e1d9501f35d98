//! Arrows point down: a crate may use crates of lower levels only, and the pure ones next to nothing.

use crate::{map, root};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// The crate's own name, without the workspace's prefix, and what it is built from.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let text = |value: &Value| value.as_str().expect("a name is text").to_owned();
    let packages = metadata["packages"].as_array().expect("a workspace has packages");
    packages
        .iter()
        .map(|package| {
            let built_from = package["dependencies"].as_array().expect("an array").iter();
            let built_from = built_from.filter(|dependency| dependency["kind"] != "dev");
            (own_name(&text(&package["name"])), built_from.map(|one| own_name(&text(&one["name"]))).collect())
        })
        .collect()
}

fn own_name(package: &str) -> String {
    package.strip_prefix("heirloom-").unwrap_or(package).to_owned()
}

#[test]
fn the_table_names_every_crate_and_no_other() {
    let (built, mapped): (BTreeSet<_>, BTreeSet<_>) =
        (dependencies().into_keys().collect(), map::crates().into_keys().collect());
    assert_eq!(built, mapped, "crates of the workspace (left), rows of the table (right)");
}

#[test]
fn arrows_point_down() {
    let levels = map::crates();
    let mut wrong = Vec::new();
    for (name, built_from) in dependencies() {
        for other in built_from.iter().filter(|other| levels.contains_key(*other)) {
            let down = match (levels[&name].level, levels[other].level) {
                (Some(own), Some(other)) => other < own,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if !down {
                wrong.push(format!("{name} uses {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "upward or sideways: {wrong:?}");
}

#[test]
fn pure_crates_know_nothing_of_the_world() {
    let allowed: BTreeMap<&str, &[&str]> =
        [("model", &[][..]), ("plan", &["model", "ignore", "thiserror"][..])].into();
    let dependencies = dependencies();
    for (name, allowed) in allowed {
        let allowed: BTreeSet<String> = allowed.iter().map(ToString::to_string).collect();
        let more: Vec<_> = dependencies[name].difference(&allowed).collect();
        assert!(more.is_empty(), "{name} is pure and may not use {more:?}");
        let bans = crate::read(&root().join("crates").join(name).join(".clippy.toml"));
        for banned in ["SystemTime::now", "Instant::now", "env::var", "File::open", "HashMap"] {
            assert!(bans.contains(banned), "crates/{name}/.clippy.toml no longer bans {banned}");
        }
    }
}

#[test]
fn every_crate_obeys_the_workspace_lints() {
    for name in dependencies().into_keys() {
        let manifest = crate::read(&root().join("crates").join(&name).join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} does not take the workspace's lints");
    }
}

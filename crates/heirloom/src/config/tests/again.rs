//! Every configuration that loads means what was written, and means the same again.

use super::super::access::Access;
use super::super::laptop::State;
use super::super::{Config, Laptop};
use super::load;
use plan::sync::{Direction, MaxDelete};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What a person means.
#[derive(Clone, Debug)]
struct Meant {
    machine: String,
    access: MeantAccess,
    states: BTreeMap<String, MeantState>,
    flow: bool,
}

#[derive(Clone, Debug)]
enum MeantAccess {
    Join(String),
    Keys { port: u16, bucket: String, id: String, secret: String },
}

#[derive(Clone, Debug)]
struct MeantState {
    folders: Vec<String>,
    direction: Direction,
    seconds: u64,
    ignore: Vec<String>,
    max_delete: MaxDelete,
}

/// Texts that YAML or the expansion of variables might take for something else.
fn tricky() -> impl Strategy<Value = String> {
    const SPECIAL: [&str; 12] =
        ["${NAME}", "$$", "null", "1e3", "007", "a: b # c", "'", "[x]", "~", "yes", "*a", "&b"];
    prop_oneof!["[ -~]{1,12}", "\\PC{1,8}", proptest::sample::select(&SPECIAL[..]).prop_map(str::to_owned)]
}

fn access() -> impl Strategy<Value = MeantAccess> {
    let keys = (1024..=u16::MAX, "[a-z0-9]{3,20}", tricky(), tricky())
        .prop_map(|(port, bucket, id, secret)| MeantAccess::Keys { port, bucket, id, secret });
    prop_oneof!["/[a-z0-9 ]{1,8}[a-z]".prop_map(MeantAccess::Join), keys]
}

fn state() -> impl Strategy<Value = MeantState> {
    let direction = prop_oneof![Just(Direction::TwoWay), Just(Direction::Push), Just(Direction::Pull)];
    let max_delete =
        prop_oneof![(0..=100u8).prop_map(MaxDelete::Percent), any::<u64>().prop_map(MaxDelete::Count)];
    (
        vec("[a-zA-Z0-9 _-]{0,6}[a-z]", 1..4),
        direction,
        1..1_000_000u64,
        vec("[a-z*. ]{0,5}[a-z]", 0..3),
        max_delete,
    )
        .prop_map(|(mut folders, direction, seconds, ignore, max_delete)| {
            folders.sort();
            folders.dedup();
            MeantState { folders, direction, seconds, ignore, max_delete }
        })
}

fn meant() -> impl Strategy<Value = Meant> {
    ("[a-zA-Z0-9_-]{1,10}", access(), btree_map("[a-zA-Z0-9_-]{1,10}", state(), 1..4), any::<bool>())
        .prop_map(|(machine, access, states, flow)| Meant { machine, access, states, flow })
}

/// A text as YAML's single quotes hold it, with dollar signs that stay.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''").replace('$', "$$"))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.map(|item| quoted(&item)).collect::<Vec<_>>().join(", "))
}

/// The meaning as YAML, its states in block or flow style.
fn written(meant: &Meant) -> String {
    let access = match &meant.access {
        MeantAccess::Join(path) => format!("{{join: {}}}", quoted(path)),
        MeantAccess::Keys { port, bucket, id, secret } => format!(
            "{{endpoint: 'http://cloud:{port}', bucket: {}, access_key_id: {}, secret_access_key: {}}}",
            quoted(bucket),
            quoted(id),
            quoted(secret)
        ),
    };
    let mut yaml = format!(
        "profile: laptop # a comment with ${{NOTHING}}\nmachine: {}\nstate_dir: /s\ndestinations: {{d: {access}}}\n",
        quoted(&meant.machine)
    );
    yaml.push_str("states:\n");
    for (name, state) in &meant.states {
        let entries = [
            format!("folders: {}", list(state.folders.iter().map(|folder| format!("/data/{name}/{folder}")))),
            format!("direction: {}", word(state.direction)),
            format!("interval: {}s", state.seconds),
            format!("ignore: {}", list(state.ignore.iter().cloned())),
            match state.max_delete {
                MaxDelete::Percent(share) => format!("max_delete: {share}%"),
                MaxDelete::Count(count) => format!("max_delete: {count}"),
            },
        ];
        let name = quoted(name);
        if meant.flow {
            writeln!(yaml, "  {name}: {{{}}}", entries.join(", ")).unwrap();
        } else {
            writeln!(yaml, "  {name}:\n    {}", entries.join("\n    ")).unwrap();
        }
    }
    yaml
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::TwoWay => "two-way",
        Direction::Push => "push",
        Direction::Pull => "pull",
    }
}

fn assert_means(laptop: &Laptop, meant: &Meant) {
    assert_eq!(laptop.machine.as_str(), meant.machine);
    assert_eq!(laptop.states.len(), meant.states.len());
    for ((name, state), (meant_name, meant)) in laptop.states.iter().zip(&meant.states) {
        assert_eq!(name.as_str(), meant_name);
        assert_state(state, meant_name, meant);
    }
    let destination = laptop.destinations.values().next().unwrap();
    match (destination.access().unwrap(), &meant.access) {
        (Access::Join(path), MeantAccess::Join(meant)) => assert_eq!(path, &PathBuf::from(meant)),
        (access @ Access::Keys(_), MeantAccess::Keys { port, bucket, id, secret }) => {
            let join = access.resolve().unwrap();
            assert_eq!(join.endpoint.as_str(), format!("http://cloud:{port}"));
            assert_eq!((join.bucket.as_str(), &join.access_key_id), (bucket.as_str(), id));
            assert_eq!(join.secret_access_key.reveal(), secret);
        }
        (access, meant) => panic!("{access:?} {meant:?}"),
    }
}

fn assert_state(state: &State, name: &str, meant: &MeantState) {
    let prefix = |folder: &String| match meant.folders.len() {
        1 => name.to_owned(),
        _ => format!("{name}/{folder}"),
    };
    let folders: Vec<_> =
        (state.folders.iter()).map(|folder| (folder.path.clone(), folder.prefix.to_os_bytes())).collect();
    let meant_folders: Vec<_> = (meant.folders.iter())
        .map(|folder| (PathBuf::from(format!("/data/{name}/{folder}")), prefix(folder).into_bytes()))
        .collect();
    assert_eq!(folders, meant_folders);
    assert_eq!(state.destinations.len(), 1);
    assert_eq!((state.direction, state.interval.as_secs()), (meant.direction, meant.seconds));
    assert_eq!((&state.ignore, state.max_delete), (&meant.ignore, meant.max_delete));
}

proptest! {
    #[test]
    fn what_was_written_is_what_is_meant(meant in meant()) {
        let yaml = written(&meant);
        let config = load(&yaml).map_err(TestCaseError::fail)?;
        let Config::Laptop(laptop) = &config else { panic!("{config:?}") };
        assert_means(laptop, &meant);
        prop_assert_eq!(load(&yaml), Ok(config));
    }

    #[test]
    fn no_text_makes_loading_panic(text in "([a-z: \\[\\]{}\n*&!|>'\"$#%-]|profile: (laptop|cloud|pi)\n){0,60}") {
        drop(load(&text));
    }
}

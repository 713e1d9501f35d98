//! Many seeds, each run twice, on all cores.

use crate::plant;
use crate::run::run;
use crate::trace::Keep;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Seeds of an ordinary test run: a minute or so of two cores. `HEIRLOOM_SEEDS` says otherwise: how many, or which (`2000..9000`).
const SEEDS: Range<u64> = 0..10_000;

/// Seeds in which a planted bug must show; the first that shows it ends the search.
const SEEDS_FOR_A_PLANT: Range<u64> = 0..10_000;

/// Seeds that go wrong, after which a search ends: the cause of one shows better beside another.
const FAILURES_TOLD: usize = 8;

/// How much of a story is told, unless it was asked for.
const LINES_TOLD: usize = 100;

/// A seed that went wrong.
struct Failure {
    seed: u64,
    wrong: String,
}

fn seeds() -> Range<u64> {
    if let Some(seed) = only_seed() {
        return seed..seed + 1;
    }
    let Ok(text) = std::env::var("HEIRLOOM_SEEDS") else { return SEEDS };
    let (first, end) = text.split_once("..").unwrap_or(("0", &text));
    number("HEIRLOOM_SEEDS", first)..number("HEIRLOOM_SEEDS", end)
}

/// The one seed that is to be run, and told in full.
fn only_seed() -> Option<u64> {
    std::env::var("HEIRLOOM_SEED").ok().map(|text| number("HEIRLOOM_SEED", &text))
}

fn number(name: &str, text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{name}: `{text}` is no number"))
}

/// What happened in all runs together.
type Census = Mutex<BTreeMap<&'static str, u64>>;

/// What a world in which all of this can happen has seen after a thousand runs.
const HAPPENS: [&str; 27] = [
    "answers lost",
    "conflict copies",
    "contents looked for at the end",
    "copies by the store",
    "deaths",
    "deletions looked for at the end",
    "edits",
    "effects judged by an agreement",
    "effects refused",
    "events",
    "halts: emptied",
    "halts: mass deletion",
    "halts: replaced",
    "journals lost",
    "journals thrown back with the power",
    "large downloads",
    "large downloads gone on with",
    "large uploads",
    "local renames",
    "parts not sent again",
    "requests carried out twice",
    "requests lost",
    "resyncs",
    "rounds until all is at rest",
    "rules changed",
    "servers restored",
    "stale listings",
];

/// What is wrong with a seed, if anything.
fn try_seed(seed: u64, census: &Census) -> Option<String> {
    let keep = if only_seed().is_some() { Keep::Words } else { Keep::Sum };
    let (first, second) = (run(seed, None, keep), run(seed, None, keep));
    for (what, count) in first.census {
        *census.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += count;
    }
    if first.sum != second.sum {
        let lines = first.story.lines().zip(second.story.lines());
        let differing = lines.into_iter().find(|(one, other)| one != other);
        return Some(format!("two runs of it differ: {differing:?}"));
    }
    (!first.wrong.is_empty()).then(|| first.wrong.join("\n"))
}

/// Seeds that go wrong, in their order. After `enough` of them no further one is begun.
fn search(seeds: Range<u64>, enough: usize, test: impl Fn(u64) -> Option<String> + Sync) -> Vec<Failure> {
    let (next, found) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    if let Some(wrong) = test(seed) {
                        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                        found.push(Failure { seed, wrong });
                        if found.len() >= enough {
                            next.store(seeds.end, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|failure| failure.seed);
    found
}

fn tell(failure: &Failure, all: &[Failure]) -> String {
    let Failure { seed, wrong } = failure;
    let story = run(*seed, None, Keep::Words).story;
    let whole = only_seed().is_some();
    let cut = story.rmatch_indices('\n').nth(LINES_TOLD).filter(|_| !whole);
    let story = &story[cut.map_or(0, |(at, _)| at + 1)..];
    let others: String = all.iter().fold(String::new(), |mut others, Failure { seed, wrong }| {
        let first = wrong.lines().next().unwrap_or_default();
        writeln!(others, "seed {seed}: {first}").expect("writing to memory does not fail");
        others
    });
    format!(
        "{story}\n{wrong}\n\n{others}\nagain with HEIRLOOM_SEED={seed} cargo test -p heirloom-sync --test simulation"
    )
}

#[test]
fn every_promise_holds_under_every_seed() {
    let (census, seeds) = (Census::default(), seeds());
    let is_whole = seeds.end - seeds.start >= 1_000;
    let failures = search(seeds, FAILURES_TOLD, |seed| try_seed(seed, &census));
    if let Some(first) = failures.first() {
        panic!("{}", tell(first, &failures));
    }
    let census = census.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{census:#?}");
    let missing = HAPPENS.iter().find(|what| is_whole && !census.contains_key(*what));
    assert_eq!(missing, None, "it never happens");
}

#[test]
fn every_planted_bug_is_found() {
    for plant in plant::ALL {
        let wrong = |seed| {
            let wrong = run(seed, Some(plant), Keep::Sum).wrong;
            (!wrong.is_empty()).then(|| wrong.join("\n"))
        };
        let found = search(SEEDS_FOR_A_PLANT, 1, wrong);
        let Some(Failure { seed, wrong }) = found.first() else { panic!("nobody noticed that {plant:?}") };
        println!("{plant:?} shows under seed {seed}: {wrong}");
    }
}

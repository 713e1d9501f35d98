//! Many seeds, each run twice, on all cores.

use crate::plant::{self, Plant};
use crate::run::run;
use crate::trace::Keep;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Seeds of an ordinary test run, which takes a minute or two; `HEIRLOOM_SEEDS` says otherwise.
const SEEDS: u64 = 500;

/// Seeds in which a planted bug must show; the first that shows it ends the search.
const SEEDS_FOR_A_PLANT: u64 = 20_000;

/// How much of a story is told, unless it was asked for.
const LINES_TOLD: usize = 100;

/// A seed that went wrong.
struct Failure {
    seed: u64,
    wrong: String,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// What is wrong with a seed, if anything.
fn try_seed(seed: u64, plant: Option<Plant>) -> Option<String> {
    let (first, second) = (run(seed, plant, Keep::Sum), run(seed, plant, Keep::Sum));
    if first.sum != second.sum {
        return Some("two runs of it differ".to_owned());
    }
    (!first.wrong.is_empty()).then(|| first.wrong.join("\n"))
}

/// The first seed, in time, that goes wrong.
fn search(seeds: u64, test: impl Fn(u64) -> Option<String> + Sync) -> Option<Failure> {
    let (next, found) = (AtomicU64::new(0), Mutex::new(None));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    if let Some(wrong) = test(seed) {
                        next.store(seeds, Ordering::Relaxed);
                        found
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .get_or_insert(Failure { seed, wrong });
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn tell(failure: &Failure) -> String {
    let Failure { seed, wrong } = failure;
    let story = run(*seed, None, Keep::Words).story;
    let whole = number("HEIRLOOM_SEED").is_some();
    let cut = story.rmatch_indices('\n').nth(LINES_TOLD).filter(|_| !whole);
    let story = &story[cut.map_or(0, |(at, _)| at + 1)..];
    format!(
        "{story}\n{wrong}\n\nseed {seed}; again with HEIRLOOM_SEED={seed} cargo test -p heirloom-sync --test simulation"
    )
}

#[test]
fn every_promise_holds_under_every_seed() {
    let failure = match number("HEIRLOOM_SEED") {
        Some(seed) => try_seed(seed, None).map(|wrong| Failure { seed, wrong }),
        None => search(number("HEIRLOOM_SEEDS").unwrap_or(SEEDS), |seed| try_seed(seed, None)),
    };
    if let Some(failure) = failure {
        panic!("{}", tell(&failure));
    }
}

#[test]
fn every_planted_bug_is_found() {
    for plant in plant::ALL {
        let wrong = |seed| {
            let wrong = run(seed, Some(plant), Keep::Sum).wrong;
            (!wrong.is_empty()).then(|| wrong.join("\n"))
        };
        let found = search(SEEDS_FOR_A_PLANT, wrong);
        assert!(found.is_some(), "nobody noticed that {plant:?}");
    }
}

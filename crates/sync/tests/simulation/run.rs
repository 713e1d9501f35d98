//! One run: a world made by a seed, a while of chaos, a while of calm, and the verdict.

use crate::events::{self, Luck};
use crate::machine::{live, run_once};
use crate::objects::Objects;
use crate::oracle;
use crate::person;
use crate::plant::Plant;
use crate::random::Random;
use crate::trace::{Keep, Trace};
use crate::weather::Weather;
use crate::world::{Machine, State, World};
use futures::future::join_all;
use plan::sync::{Direction, MaxDelete};
use std::collections::BTreeMap;
use std::time::Duration;
use sync::{Nature, Outcome, Problem};
use tokio_util::sync::CancellationToken;

/// Bytes of content beyond which a file goes and comes by parts here: what was appended to.
const LARGE: u64 = 4;

/// Rounds of all machines after which they must have come to rest.
const ROUNDS_MAX: usize = 8;

/// What came of a run.
pub(crate) struct Verdict {
    /// Everything that is wrong.
    pub(crate) wrong: Vec<String>,
    /// Two runs of a seed have the same.
    pub(crate) sum: u64,
    /// The whole story, if it was kept.
    pub(crate) story: String,
    /// How often what happened.
    pub(crate) census: BTreeMap<&'static str, u64>,
}

/// Runs a seed.
pub(crate) fn run(seed: u64, plant: Option<Plant>, keep: Keep) -> Verdict {
    sync::threads::run_inline();
    sync::threads::take_for_large_beyond(LARGE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let world = World::new(make(seed, plant, keep));
        settle(&world).await;
        chaos(&world).await;
        let rest = calm(&world).await;
        let state = &mut *world.lock();
        let mut wrong = oracle::judge(state);
        wrong.extend(rest.err());
        let mut census = std::mem::take(&mut state.census);
        census.insert("contents looked for at the end", state.ledger.at_stake().count() as u64);
        census.insert("deletions looked for at the end", state.ledger.buried().count() as u64);
        let (sum, story) = (state.trace.sum(), state.trace.words().to_owned());
        Verdict { wrong, sum, story, census }
    })
}

fn make(seed: u64, plant: Option<Plant>, keep: Keep) -> State {
    let mut random = Random::new(seed);
    let has_feed = random.chance(700) || plant == Some(Plant::FeedDropsDeletions);
    let bucket = if has_feed { Objects::with_feed() } else { Objects::default() };
    let mut state = State::new(random, Trace::new(keep), bucket);
    state.plant = plant;
    let count = *state.random.pick(&[2, 2, 2, 3, 3, 4]);
    let limits =
        [MaxDelete::Percent(100), MaxDelete::Percent(100), MaxDelete::Percent(25), MaxDelete::Count(1)];
    let limit = *state.random.pick(&limits);
    let mut directions = vec![Direction::TwoWay];
    if state.random.chance(300) {
        directions.extend([Direction::Push, Direction::Pull]);
    }
    for index in 0..count {
        let direction = *state.random.pick(&directions);
        state.machines.push(Machine::new(index, direction, limit));
    }
    if state.random.chance(250) || state.plants(Plant::DisksLookLikeDirectories) {
        for machine in 0..count {
            let now = state.clock(machine);
            if state.random.chance(600) {
                state.machines[machine].insert_disk(now);
            }
        }
    }
    state
}

/// Most stories begin with files that all machines hold.
async fn settle(world: &World) {
    let machines = {
        let mut state = world.lock();
        if state.random.chance(350) {
            return;
        }
        for _ in 0..3 + state.random.below(9) {
            person::begin(&mut state);
        }
        state.machines.len()
    };
    for machine in 0..machines {
        rests(world, machine).await;
    }
}

async fn chaos(world: &World) {
    let (luck, machines, count, ends_gently) = {
        let mut state = world.lock();
        state.weather = Weather::of(&mut state.random);
        if state.bucket.has_feed() {
            state.weather.stale = 0;
        }
        if state.plants(Plant::MediumLies) {
            // Only a death in the middle of a pass shows it.
            (state.weather.crash, state.weather.power) = (20, 1_000);
        }
        state.edits_left = u32::try_from(state.random.below(30)).unwrap();
        let count = 4 + u32::try_from(state.random.below(28)).unwrap();
        (Luck::of(&mut state), state.machines.len(), count, state.random.chance(500))
    };
    let stop = CancellationToken::new();
    let lives = join_all((0..machines).map(|index| live(world.clone(), index, stop.clone())));
    let story = async {
        events::befall(world, &luck, count).await;
        stop.cancel();
        if !ends_gently {
            let mut state = world.lock();
            (0..machines).for_each(|machine| state.die(machine));
        }
    };
    tokio::join!(story, lives);
    world.lock().calm_down();
}

/// Lets all machines come to rest.
async fn calm(world: &World) -> Result<(), String> {
    let machines = world.lock().machines.len();
    for _ in 0..ROUNDS_MAX {
        // Conflict copies of one second have one name.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = world.lock().bucket.writes;
        let mut is_resting = true;
        for machine in 0..machines {
            is_resting &= rests(world, machine).await;
        }
        world.lock().count("rounds until all is at rest");
        if is_resting && world.lock().bucket.writes == before {
            return rest(world).await;
        }
    }
    Err(format!("no rest after {ROUNDS_MAX} rounds"))
}

/// One run of a machine; whether there was nothing to do.
async fn rests(world: &World, machine: usize) -> bool {
    let who = world.lock().start(machine);
    match run_once(world, who).await {
        Ok(Outcome::Done(_)) if world.lock().machines[machine].asks() => {
            world.lock().machines[machine].is_resumed = true;
            false
        }
        Ok(Outcome::Done(report)) => {
            let is_left = |problem: &Problem| problem.nature == Nature::Left;
            report.problems.iter().all(is_left) && report.overtaken.count() == 0 && !report.did_something()
        }
        Ok(Outcome::Halted(_)) => {
            world.lock().machines[machine].is_resumed = true;
            false
        }
        Ok(Outcome::Planned(..)) | Err(_) => false,
    }
}

/// Another round costs each machine one request, and changes nothing.
async fn rest(world: &World) -> Result<(), String> {
    let machines = world.lock().machines.len();
    for machine in 0..machines {
        let traffic = || {
            let state = world.lock();
            (state.bucket.requests, state.bucket.writes)
        };
        let before = traffic();
        if !rests(world, machine).await {
            return Err(format!("machine {machine} does not rest"));
        }
        let after = traffic();
        if after != (before.0 + 1, before.1) {
            return Err(format!(
                "machine {machine} rests, and yet: {before:?} requests and writes, then {after:?}"
            ));
        }
    }
    Ok(())
}

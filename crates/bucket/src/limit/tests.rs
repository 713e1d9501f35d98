use super::*;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

#[tokio::test(start_paused = true)]
async fn bytes_take_as_long_as_the_limit_says() {
    let limiter = Limiter::new(MIB);
    let begun = Instant::now();
    for _ in 0..160 {
        limiter.take(64 << 10).await;
    }
    // Ten seconds' worth: the last step may begin one step before its end.
    let seconds = begun.elapsed().as_secs_f64();
    assert!((9.9..=10.0).contains(&seconds), "{seconds}");
    assert_eq!(limiter.taken(), 10 * MIB);
}

#[tokio::test(start_paused = true)]
async fn several_share_one_limit() {
    let limiter = Limiter::new(MIB);
    let begun = Instant::now();
    let one = |limiter: Limiter| async move {
        for _ in 0..20 {
            limiter.take(64 << 10).await;
        }
        begun.elapsed()
    };
    let ended = futures::future::join_all((0..8).map(|_| one(limiter.clone()))).await;
    // Ten seconds for all, and nobody is through long before the others.
    let seconds: Vec<f64> = ended.iter().map(Duration::as_secs_f64).collect();
    assert!(seconds.iter().all(|seconds| (8.5..=10.0).contains(seconds)), "{seconds:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_made_up_for_a_little_and_not_at_all_later() {
    let limiter = Limiter::new(MIB);
    limiter.take(64 << 10).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    let begun = Instant::now();
    for _ in 0..32 {
        limiter.take(64 << 10).await;
    }
    // Two seconds' worth, less what may be made up for.
    let seconds = begun.elapsed().as_secs_f64();
    assert!((1.6..=2.0).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn one_big_piece_makes_the_next_one_wait() {
    let limiter = Limiter::new(MIB);
    let begun = Instant::now();
    limiter.take(8 << 20).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    limiter.take(1).await;
    assert_eq!(begun.elapsed().as_secs(), 8);
}

#[tokio::test(start_paused = true)]
async fn no_limit_never_waits() {
    let mut pass = Pass::new(None);
    let begun = Instant::now();
    for _ in 0..1000 {
        std::future::poll_fn(|context| pass.poll(1 << 30, context)).await;
    }
    assert_eq!((begun.elapsed(), pass.step(7)), (Duration::ZERO, 7));
}

#[test]
fn steps_are_small_and_not_tiny() {
    for (rate, step) in [(0, 1024), (4096, 1024), (32 << 10, 2048), (MIB, 64 << 10), (u64::MAX, 64 << 10)] {
        assert_eq!(Limiter::new(rate).step(), step, "{rate}");
    }
    assert_eq!(Limiter::new(1).rate(), Limiter::RATE_MIN);
}

proptest! {
    /// However pieces and pauses fall, no window gets more than its share, one piece and what may be made up for.
    #[test]
    fn no_window_gets_more_than_its_share(
        rate in 5_000_u64..10_000_000,
        pieces in proptest::collection::vec((1_usize..100_000, 0_u64..400), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limiter = Limiter::new(rate);
            let mut moved: Vec<(Instant, u64)> = Vec::new();
            for (bytes, pause) in pieces {
                limiter.take(bytes).await;
                moved.push((Instant::now(), bytes as u64));
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            for from in 0..moved.len() {
                let mut sum = 0;
                for (at, bytes) in &moved[from..] {
                    // The last piece of a window only begins in it; a timer counts in milliseconds.
                    let window = at.duration_since(moved[from].0) + SLACK + Duration::from_millis(2);
                    let share = window.as_nanos() * u128::from(limiter.rate()) / 1_000_000_000;
                    prop_assert!(u128::from(sum) <= share, "{sum} bytes in {window:?}, {share} are allowed");
                    sum += bytes;
                }
            }
            Ok(())
        })?;
    }
}

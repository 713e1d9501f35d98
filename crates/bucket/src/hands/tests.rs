use super::*;
use futures::future::join_all;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn all_is_done_and_never_by_more_than_there_are() {
    let hands = Hands::new(3);
    let at_work = Arc::new(AtomicUsize::new(0));
    let work = |number: usize| {
        let at_work = Arc::clone(&at_work);
        hands.run(move || {
            assert!(at_work.fetch_add(1, Ordering::SeqCst) < 3);
            std::thread::yield_now();
            at_work.fetch_sub(1, Ordering::SeqCst);
            number
        })
    };
    assert_eq!(join_all((0..500).map(work)).await, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_panic_goes_on_with_whoever_asked_and_others_are_served() {
    let hands = Arc::new(Hands::new(1));
    let asked = Arc::clone(&hands);
    let failed = tokio::spawn(async move { asked.run(|| panic!("told")).await });
    assert!(failed.await.unwrap_err().is_panic());
    assert_eq!(hands.run(|| 7).await, 7);
}

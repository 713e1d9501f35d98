//! Where blocking work is done: on threads made for that, or, in a simulation, right here.
//!
//! A simulation must do the same thing in the same order every time, so it cannot have threads. Nothing else differs.

use std::cell::Cell;

thread_local! {
    static INLINE: Cell<bool> = const { Cell::new(false) };
}

/// Makes this thread do blocking work itself from now on. For simulations.
pub fn run_inline() {
    INLINE.set(true);
}

/// Does blocking work. A panic in it goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    if INLINE.get() {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

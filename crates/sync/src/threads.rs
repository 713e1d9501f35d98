//! What differs in a simulation: blocking work is done right here instead of on threads made for that, and large is what it says.
//!
//! A simulation must do the same thing in the same order every time, so it cannot have threads. The rest is the same engine.

use std::cell::Cell;

thread_local! {
    static INLINE: Cell<bool> = const { Cell::new(false) };
    static LARGE_BEYOND: Cell<u64> = const { Cell::new(bucket::PUT_SIZE_MAX) };
}

/// Makes this thread do blocking work itself from now on. For simulations.
pub fn run_inline() {
    INLINE.set(true);
}

/// Makes this thread take files of more than so many bytes for large, which go and come by parts. For simulations, whose files are all small.
pub fn take_for_large_beyond(bytes: u64) {
    LARGE_BEYOND.set(bytes);
}

/// Whether a file of this size goes by parts.
pub(crate) fn is_large(size: u64) -> bool {
    size > LARGE_BEYOND.get()
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

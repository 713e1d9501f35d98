//! Takes a snapshot of a directory and says what it cost: `snapshot LIVE REPOSITORY`.

use archive::{Archive, Outcome, SnapshotContext};
use model::{MachineName, UnixNanos};
use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(live), Some(repository)) = (arguments.next(), arguments.next()) else {
        return Err("usage: snapshot LIVE REPOSITORY".into());
    };
    let context = SnapshotContext {
        author: "bench".into(),
        author_email: "bench@localhost".into(),
        machine: MachineName::new("bench")?,
        time: UnixNanos(1_764_547_200_000_000_000),
        utc_offset_seconds: 0,
        incomplete: Vec::new(),
    };
    let started = Instant::now();
    let outcome = Archive::init(&repository)?.snapshot(&live, &context, &|_| {})?;
    let seconds = started.elapsed().as_secs_f64();
    let work = outcome.work();
    let what = match &outcome {
        Outcome::Created(created) => format!(
            "{} files, {} bytes: {} added, {} changed, {} deleted",
            created.files, created.bytes, created.added, created.modified, created.deleted
        ),
        Outcome::Unchanged { .. } => "unchanged".into(),
    };
    #[expect(clippy::print_stdout, reason = "this is what it is for")]
    {
        println!("{seconds:.3} s; {what}; read {} files, {} bytes", work.files_read, work.bytes_read);
        for problem in outcome.problems() {
            println!("problem: {}: {}", problem.path, problem.reason);
        }
    }
    Ok(())
}

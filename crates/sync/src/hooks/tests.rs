use super::{Around, Codes, Failed, Hooks, How, Occasion, Subject, Work};
use model::StateName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const CODES: Codes = Codes { skipped: 3, stopped: 130 };

fn hooks(commands: &[(Occasion, String)], timeout: Duration) -> Hooks {
    Hooks { commands: commands.iter().cloned().collect::<BTreeMap<_, _>>(), timeout }
}

fn subject() -> Subject {
    Subject {
        state: StateName::new("papers").unwrap(),
        folders: vec![PathBuf::from("/data/a b"), PathBuf::from("/data/c")],
        snapshot: None,
    }
}

/// Runs a backup that ends with `code`, with these hooks around it.
async fn backup(hooks: &Hooks, code: u8) -> Around<&'static str> {
    let stop = CancellationToken::new();
    hooks.around(Work::Backup, &subject(), CODES, &stop, async { ("done", code) }).await
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come about");
}

fn read(place: &Path, name: &str) -> String {
    std::fs::read_to_string(place.join(name)).unwrap_or_default()
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn they_are_told_what_they_are_run_around() {
    let place = tempfile::tempdir().unwrap();
    let print = |name: &str| {
        format!("env | grep -A1 ^HEIRLOOM_ | grep -v ^-- | sort > {}/{name}; pwd", place.path().display())
    };
    let all = Occasion::ALL.map(|occasion| (occasion, print(occasion.as_str())));
    let hooks = hooks(&all, MINUTE);
    let around = backup(&hooks, 20).await;
    assert_eq!((around.done, around.failed.len()), (Some("done"), 0));
    let said = |name| read(place.path(), name);
    let before = said("before_backup");
    assert!(before.contains("HEIRLOOM_STATE=papers\n"), "{before}");
    assert!(before.contains("HEIRLOOM_FOLDERS=/data/a b\n"), "{before}");
    assert!(before.contains("/data/c\n"), "one folder on each line: {before}");
    assert!(!before.contains("EXIT_CODE") && !before.contains("SNAPSHOT"), "{before}");
    assert!(said("after_backup").contains("HEIRLOOM_EXIT_CODE=20\n"));
    assert_eq!(said("before_restore"), "", "nothing was restored");

    let subject = Subject { snapshot: Some("cloud::alice::x".to_owned()), ..subject() };
    let stop = CancellationToken::new();
    hooks.around(Work::Restore, &subject, CODES, &stop, async { ((), 0) }).await;
    assert!(said("before_restore").contains("HEIRLOOM_SNAPSHOT=cloud::alice::x\n"));
    assert!(said("after_restore").contains("HEIRLOOM_EXIT_CODE=0\n"));
}

#[tokio::test]
async fn one_that_fails_skips_the_work_and_the_one_after_runs() {
    let place = tempfile::tempdir().unwrap();
    let hooks = hooks(
        &[
            (
                Occasion::BeforeBackup,
                "for n in 1 2 3 4 5 6; do echo line $n; done; printf 'no \\033[1mdatabase' >&2; exit 7"
                    .to_owned(),
            ),
            (Occasion::AfterBackup, format!("echo $HEIRLOOM_EXIT_CODE > {}/after", place.path().display())),
        ],
        MINUTE,
    );
    let around = backup(&hooks, 0).await;
    assert_eq!(around.done, None, "the work was not begun");
    let [Failed { occasion: Occasion::BeforeBackup, how: How::Exited(7), .. }] = &around.failed[..] else {
        panic!("{:?}", around.failed)
    };
    assert_eq!(
        around.failed[0].to_string(),
        "the before_backup hook of papers ended with exit code 7: line 3 | line 4 | line 5 | line 6 | no  [1mdatabase"
    );
    assert_eq!(read(place.path(), "after"), "3\n");
}

#[tokio::test]
async fn one_after_that_fails_is_told() {
    let hooks = hooks(&[(Occasion::AfterBackup, "kill -KILL $$".to_owned())], MINUTE);
    let around = backup(&hooks, 0).await;
    assert_eq!(around.done, Some("done"));
    assert_eq!(around.failed[0].how, How::Killed(9));
}

#[tokio::test]
async fn one_that_is_too_slow_is_ended_with_all_it_started() {
    let place = tempfile::tempdir().unwrap();
    let shown = place.path().display();
    // The grandchild does not heed the request; its last sign of life must not come.
    let command = format!(
        "(trap '' TERM; echo $$ > {shown}/began; sleep 2; echo alive > {shown}/survived) & \
         trap 'echo asked > {shown}/asked; exit 0' TERM; wait; wait"
    );
    let hooks = hooks(&[(Occasion::BeforeBackup, command)], Duration::from_millis(300));
    let around = backup(&hooks, 0).await;
    assert_eq!(around.done, None);
    assert_eq!(around.failed[0].how, How::TimedOut(Duration::from_millis(300)));
    assert!(!read(place.path(), "began").is_empty());
    assert_eq!(read(place.path(), "asked"), "asked\n");
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert_eq!(read(place.path(), "survived"), "");
}

#[tokio::test]
async fn a_stop_ends_the_hook_and_the_one_after_still_runs() {
    let place = tempfile::tempdir().unwrap();
    let shown = place.path().display();
    let hooks = hooks(
        &[
            (Occasion::BeforeBackup, format!("echo > {shown}/began; sleep 600")),
            (Occasion::AfterBackup, format!("echo $HEIRLOOM_EXIT_CODE > {shown}/after; sleep 600")),
        ],
        MINUTE,
    );
    let (stop, told) = (CancellationToken::new(), subject());
    let running = hooks.around(Work::Backup, &told, CODES, &stop, async { ((), 0) });
    let stopping = async {
        eventually("the hook", || place.path().join("began").exists()).await;
        stop.cancel();
    };
    let (around, ()) = tokio::join!(running, stopping);
    assert!(around.done.is_none());
    let hows: Vec<_> = around.failed.iter().map(|failed| failed.how).collect();
    assert_eq!(hows, [How::Stopped, How::Stopped], "the second was given its time, and no more");
    assert_eq!(read(place.path(), "after"), "130\n");
}

#[tokio::test]
async fn nothing_begins_after_a_stop() {
    let place = tempfile::tempdir().unwrap();
    let touch = format!("touch {}/ran", place.path().display());
    let hooks = hooks(&[(Occasion::BeforeBackup, touch.clone()), (Occasion::AfterBackup, touch)], MINUTE);
    let stop = CancellationToken::new();
    stop.cancel();
    let around = hooks.around(Work::Backup, &subject(), CODES, &stop, async { ((), 0) }).await;
    assert!(around.done.is_none() && around.failed[0].how == How::Stopped);
    assert!(!place.path().join("ran").exists());
}

#[tokio::test]
async fn dropped_it_is_killed() {
    let place = tempfile::tempdir().unwrap();
    let shown = place.path().display();
    let command = format!("echo > {shown}/began; sleep 1; echo > {shown}/survived");
    let hooks = hooks(&[(Occasion::BeforeBackup, command)], MINUTE);
    tokio::select! {
        _ = backup(&hooks, 0) => panic!("it sleeps"),
        () = eventually("the hook", || place.path().join("began").exists()) => {}
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert!(!place.path().join("survived").exists());
}

#[tokio::test]
async fn what_it_leaves_in_the_background_is_not_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let shown = place.path().display();
    let command = format!("(while [ ! -e {shown}/go ]; do sleep 0.05; done; echo > {shown}/went) &");
    let around = backup(&hooks(&[(Occasion::BeforeBackup, command)], MINUTE), 0).await;
    assert!(around.failed.is_empty() && around.done.is_some());
    std::fs::write(place.path().join("go"), "").unwrap();
    eventually("the rest", || place.path().join("went").exists()).await;
}

#[tokio::test]
async fn a_flood_of_output_does_not_stop_it() {
    let flood = "yes | head -c 3000000; echo; head -c 100000 /dev/zero; echo last; exit 1".to_owned();
    let around = backup(&hooks(&[(Occasion::BeforeBackup, flood)], MINUTE), 0).await;
    assert_eq!(around.failed[0].tail.last().map(String::as_str), Some("last"));
}

//! Both sides over a real socket.

use super::client::ask;
use super::message::{Answer, Ask};
use super::place::{NAME, address};
use super::server::{Asker, Desk, Socket};
use crate::failure::{Colour, Exit, Failure};
use crate::profile::words::Word;
use crate::report::{Format, Look, Report, Screen, Verbosity};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Says what it was asked, waits if it is asked to fetch, and fails at syncing.
#[derive(Default)]
struct Clerk {
    asked: Mutex<Vec<Ask>>,
    go_on: Notify,
    done: Notify,
}

impl Desk for Clerk {
    fn answer(self: Arc<Self>, ask: Ask, to: Asker) -> BoxFuture<'static, Exit> {
        async move {
            self.asked.lock().unwrap().push(ask.clone());
            to.report().note("at once");
            let exit = match ask {
                Ask::Status => Exit::Ok,
                Ask::Sync { .. } => {
                    to.report().fail(&Failure::new(Exit::Halted, "cause").context("attempt"));
                    Exit::Halted
                }
                Ask::Fetch => {
                    self.go_on.notified().await;
                    to.report().verbatim("at last");
                    Exit::Ok
                }
            };
            self.done.notify_one();
            exit
        }
        .boxed()
    }
}

struct Office {
    place: TempDir,
    clerk: Arc<Clerk>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Office {
    fn open() -> Self {
        let place = tempfile::tempdir().unwrap();
        let (clerk, stop) = (Arc::new(Clerk::default()), CancellationToken::new());
        let serving = serve(place.path(), &clerk, &stop);
        Self { place, clerk, stop, serving }
    }
}

fn serve(state_dir: &Path, clerk: &Arc<Clerk>, stop: &CancellationToken) -> tokio::task::JoinHandle<()> {
    let socket = Socket::open(state_dir).unwrap();
    tokio::spawn(socket.serve(Arc::clone(clerk), stop.clone()))
}

/// A port, and what is written to it.
fn port() -> (Report, Arc<Mutex<Vec<u8>>>) {
    struct Paper(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            std::io::Write::write(&mut *self.0.lock().unwrap(), bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let paper = Arc::new(Mutex::new(Vec::new()));
    let look = Look {
        format: Format::Human,
        verbosity: Verbosity::Normal,
        screen: Screen::Plain,
        colour: Colour::Off,
    };
    let (results, notes) = (Paper(Arc::clone(&paper)), Paper(Arc::clone(&paper)));
    (Report::new(look, Box::new(results), Box::new(notes)), paper)
}

fn text(paper: &Mutex<Vec<u8>>) -> String {
    String::from_utf8(paper.lock().unwrap().clone()).unwrap()
}

async fn asked(state_dir: &Path, what: Ask) -> (Result<Exit, Failure>, String) {
    let (report, paper) = port();
    let exit = match ask(state_dir, what, Duration::ZERO).await.unwrap() {
        Some(asked) => asked.repeat(&report).await,
        None => panic!("nobody is there"),
    };
    (exit, text(&paper))
}

#[tokio::test]
async fn what_the_daemon_says_is_repeated_and_its_exit_code_is_taken() {
    let office = Office::open();
    let sync =
        Ask::Sync { states: vec!["photos".into()], destination: None, dry_run: true, word: Word::None };
    let (exit, said) = asked(office.place.path(), sync.clone()).await;
    assert_eq!(exit.unwrap(), Exit::Halted);
    assert_eq!(said, "at once\nerror: attempt\n  caused by: cause\n");
    assert_eq!(*office.clerk.asked.lock().unwrap(), [sync]);
}

#[tokio::test]
async fn one_request_does_not_wait_for_another() {
    let office = Office::open();
    let slow = asked(office.place.path(), Ask::Fetch);
    let quick = async {
        let (exit, _) = asked(office.place.path(), Ask::Status).await;
        office.clerk.go_on.notify_one();
        exit
    };
    let ((slow, said), quick) = tokio::join!(slow, quick);
    assert_eq!((slow.unwrap(), quick.unwrap()), (Exit::Ok, Exit::Ok));
    assert_eq!(said, "at once\nat last\n");
}

#[tokio::test]
async fn the_work_goes_on_when_the_command_is_gone() {
    let office = Office::open();
    let gone = ask(office.place.path(), Ask::Fetch, Duration::ZERO).await.unwrap();
    drop(gone);
    office.clerk.go_on.notify_one();
    office.clerk.done.notified().await;
}

#[tokio::test]
async fn the_last_answer_arrives_when_the_daemon_is_told_to_stop() {
    let office = Office::open();
    let (report, paper) = port();
    let waiting = ask(office.place.path(), Ask::Fetch, Duration::ZERO).await.unwrap().unwrap();
    while office.clerk.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    office.stop.cancel();
    office.clerk.go_on.notify_one();
    assert_eq!(waiting.repeat(&report).await.unwrap(), Exit::Ok);
    assert_eq!(text(&paper), "at once\nat last\n");
    office.serving.await.unwrap();
    assert!(!office.place.path().join(NAME).exists(), "the socket goes with its daemon");
}

#[tokio::test]
async fn nobody_there_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    assert!(ask(place.path(), Ask::Status, Duration::ZERO).await.unwrap().is_none());
    assert!(ask(&place.path().join("missing"), Ask::Status, Duration::ZERO).await.unwrap().is_none());
    // The socket of a daemon that was killed.
    drop(std::os::unix::net::UnixListener::bind(place.path().join(NAME)).unwrap());
    assert!(ask(place.path(), Ask::Status, Duration::ZERO).await.unwrap().is_none());
    // The next daemon takes its place.
    let (clerk, stop) = (Arc::new(Clerk::default()), CancellationToken::new());
    let _serving = serve(place.path(), &clerk, &stop);
    assert_eq!(asked(place.path(), Ask::Status).await.0.unwrap(), Exit::Ok);
}

#[tokio::test]
async fn a_daemon_that_is_being_started_is_waited_for() {
    let place = tempfile::tempdir().unwrap();
    let (clerk, stop) = (Arc::new(Clerk::default()), CancellationToken::new());
    let late = async {
        tokio::task::yield_now().await;
        // Kept for as long as the test runs.
        Some(serve(place.path(), &clerk, &stop))
    };
    let (asked, _serving) = tokio::join!(ask(place.path(), Ask::Status, Duration::from_mins(2)), late);
    assert!(asked.unwrap().is_some());
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_is_none() {
    let place = tempfile::tempdir().unwrap();
    let deep: PathBuf = (0..12).fold(place.path().to_owned(), |path, _| path.join("a-long-name-in-between"));
    fs::create_dir_all(&deep).unwrap();
    assert!(deep.as_os_str().len() > 200);
    let (clerk, stop) = (Arc::new(Clerk::default()), CancellationToken::new());
    let _serving = serve(&deep, &clerk, &stop);
    assert!(deep.join(NAME).exists());
    assert_eq!(asked(&deep, Ask::Status).await.0.unwrap(), Exit::Ok);
}

#[tokio::test]
async fn nobody_else_may_open_it() {
    let office = Office::open();
    let mode = fs::metadata(office.place.path().join(NAME)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The answer to a line that no command of this version sends.
async fn raw(state_dir: &Path, line: &str) -> Vec<Answer> {
    let mut stream = UnixStream::connect(address(state_dir).unwrap().path).await.unwrap();
    stream.write_all(line.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().map(|line| Answer::parse(line).unwrap()).collect()
}

#[tokio::test]
async fn what_is_not_understood_is_refused_with_a_reason() {
    let office = Office::open();
    for line in ["{\"version\":9,\"ask\":\"status\"}\n", "hello\n"] {
        let answers = raw(office.place.path(), line).await;
        assert_eq!(answers.len(), 2, "{answers:?}");
        assert_eq!(answers[1], Answer::End { code: Exit::Failed.code() });
    }
    // Somebody who says nothing gets no answer, and is nobody's problem.
    assert!(raw(office.place.path(), "").now_or_never().is_none());
    assert!(office.clerk.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_daemon_that_dies_in_between_is_told() {
    let place = tempfile::tempdir().unwrap();
    let listener = tokio::net::UnixListener::bind(place.path().join(NAME)).unwrap();
    let dying = async { drop(listener.accept().await.unwrap()) };
    let (report, _) = port();
    let asking = async { ask(place.path(), Ask::Status, Duration::ZERO).await };
    let (asked, ()) = tokio::join!(asking, dying);
    if let Ok(Some(asked)) = asked {
        let failure = asked.repeat(&report).await.unwrap_err();
        assert_eq!(failure.kind(), Exit::Failed);
        assert!(failure.text(Colour::Off).contains("ended before it had answered"));
    }
}

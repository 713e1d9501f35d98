//! Measurements; run with `cargo test --profile relfast -p heirloom-bucket -- --ignored --nocapture speed`.

use crate::cloud::Cloud;
use bucket::{Bucket, Changes, Cursor, Options, Prefix};
use futures::TryStreamExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const COUNT: usize = 200_000;

const CHILD: &str = "HEIRLOOM_TEST_CLOUD_IN";

/// The server, in a process of its own, so that its memory can be told from the client's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs only as the child of a measurement"]
async fn serve_until_killed() {
    let Ok(parent) = std::env::var(CHILD) else { return };
    let directory = tempfile::tempdir_in(&parent).unwrap();
    let live = directory.path().join("live/alice");
    for at in 0..COUNT {
        let folder = live.join(format!("documents/folder {:04}", at / 100));
        if at % 100 == 0 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        std::fs::write(folder.join(format!("a file with a name {at:06}.txt")), at.to_string()).unwrap();
    }
    let cloud = Cloud::start_in(directory).await;
    let Options { endpoint, access_key_id, secret_access_key, .. } = &cloud.options;
    std::fs::write(format!("{parent}/new"), format!("{endpoint} {access_key_id} {secret_access_key}"))
        .unwrap();
    std::fs::rename(format!("{parent}/new"), format!("{parent}/ready")).unwrap();
    std::future::pending::<()>().await;
}

/// A process that does not outlive its value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Process {
    fn memory(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let lines = status
            .lines()
            .filter(|line| ["VmHWM", "RssAnon", "RssFile"].iter().any(|name| line.starts_with(name)));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ")
    }
}

async fn start(parent: &Path) -> (Process, Bucket) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "speed::serve_until_killed"])
        .env(CHILD, parent)
        .stdout(Stdio::null())
        .spawn()
        .map(Process)
        .unwrap();
    for _ in 0..6000 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if let Ok(line) = std::fs::read_to_string(parent.join("ready")) {
            let [endpoint, id, secret] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let options = Options {
                access_key_id: id.into(),
                secret_access_key: secret.into(),
                ..crate::options(endpoint.into())
            };
            return (child, Bucket::connect(&options).unwrap());
        }
    }
    panic!("the child did not start");
}

async fn changes(bucket: &Bucket, since: Option<&Cursor>) -> (Cursor, usize) {
    let (Changes::Everything(mut feed) | Changes::Since(mut feed)) =
        bucket.changes(&Prefix::root(), since, Duration::ZERO).await.unwrap()
    else {
        panic!("our own gateway tells changes")
    };
    let mut count = 0;
    while feed.next().await.unwrap().is_some() {
        count += 1;
    }
    (feed.cursor, count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn changes_and_listings() {
    let parent = tempfile::tempdir().unwrap();
    let (server, bucket) = start(parent.path()).await;
    println!("server after start       {}", server.memory());
    let mut cursor = None;
    for _ in 0..3 {
        let start = Instant::now();
        let (here, count) = changes(&bucket, None).await;
        println!("everything {count:<13} {:>8.3} s", start.elapsed().as_secs_f64());
        cursor = Some(here);
    }
    println!("server                   {}", server.memory());
    for _ in 0..3 {
        let start = Instant::now();
        let count =
            bucket.list_stream(&Prefix::root()).try_fold(0, async |count, _| Ok(count + 1)).await.unwrap();
        println!("list {count:<19} {:>8.3} s", start.elapsed().as_secs_f64());
    }
    println!("server                   {}", server.memory());
    let rounds = 500;
    let start = Instant::now();
    for _ in 0..rounds {
        assert_eq!(changes(&bucket, cursor.as_ref()).await.1, 0);
    }
    println!(
        "nothing changed          {:>8.3} ms",
        start.elapsed().as_secs_f64() * 1000.0 / f64::from(rounds)
    );
    let start = Instant::now();
    for _ in 0..rounds {
        bucket.probe().await.unwrap();
    }
    println!(
        "a listing of one         {:>8.3} ms",
        start.elapsed().as_secs_f64() * 1000.0 / f64::from(rounds)
    );
}

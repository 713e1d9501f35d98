//! After crashes, and after the index was lost.

use crate::client::{Client, md5_hex};
use crate::server::Server;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Everything that a client sees of alice's bucket.
async fn view(server: &Server) -> Vec<(String, String, String, Option<String>)> {
    let mut seen = Vec::new();
    for key in server.alice.get("/alice").await.expect(200).tags("Key") {
        let got = server.alice.get(&format!("/alice/{key}")).await.expect(200);
        let mode = got.header("x-amz-meta-mode").map(|mode| mode.trim_start_matches('0').to_owned());
        seen.push((key, got.etag(), got.text(), mode));
    }
    seen
}

async fn fill(server: &Server) {
    for (key, body, mode) in [
        ("a", "one", "100644"),
        ("dir/b", "two", "100600"),
        ("dir/sub/c", "", "100755"),
        ("link", "dir/b", "120777"),
        ("empty/", "", "40755"),
        ("dir-x", "three", "100644"),
    ] {
        let call = server.alice.call("PUT", &format!("/alice/{key}")).header("x-amz-meta-mode", mode);
        call.header("x-amz-meta-mtime", "1000000000.25").body(body).send().await.expect(200);
    }
}

#[tokio::test]
async fn a_lost_index_is_built_again() {
    let server = Server::start().await;
    fill(&server).await;
    let before = view(&server).await;
    assert_eq!(before.len(), 6);
    let server = server
        .restart(|data| {
            for name in ["index.db", "index.db-wal", "index.db-shm"] {
                drop(std::fs::remove_file(data.join(name)));
            }
        })
        .await;
    assert_eq!(view(&server).await, before);
    let head = server.alice.head("/alice/a").await;
    assert_eq!(head.header("x-amz-meta-mtime"), Some("1000000000.250000000"));
}

#[tokio::test]
async fn a_damaged_index_is_set_aside_and_built_again() {
    let server = Server::start().await;
    fill(&server).await;
    let before = view(&server).await;
    let server = server
        .restart(|data| {
            std::fs::write(data.join("index.db"), "this is no database, whatever its name says").unwrap();
        })
        .await;
    assert_eq!(view(&server).await, before);
    assert!(server.data_dir().join("index.db.damaged-1").exists());
}

#[tokio::test]
async fn a_restart_changes_nothing_and_reads_nothing() {
    let server = Server::start().await;
    fill(&server).await;
    let before = view(&server).await;
    let server = server.restart(|_| ()).await;
    assert_eq!(view(&server).await, before);
    let outcome = server.gateway.reconcile(&model::BucketName::new("alice").unwrap()).unwrap();
    assert_eq!((outcome.objects, outcome.corrected, outcome.problems.len()), (6, 0, 0));
}

#[tokio::test]
async fn changes_made_while_stopped_are_found() {
    let server = Server::start().await;
    fill(&server).await;
    let server = server
        .restart(|data| {
            let live = data.join("live/alice");
            std::fs::write(live.join("a"), "changed").unwrap();
            std::fs::remove_dir_all(live.join("dir")).unwrap();
            std::fs::remove_dir(live.join("empty")).unwrap();
            std::fs::create_dir_all(live.join("new/empty")).unwrap();
            std::fs::write(live.join("new/file"), "new").unwrap();
        })
        .await;
    let seen = view(&server).await;
    let keys: Vec<_> = seen.iter().map(|(key, ..)| key.as_str()).collect();
    assert_eq!(keys, ["a", "dir-x", "link", "new/empty/", "new/file"]);
    assert_eq!(seen[0].2, "changed");
    server.alice.put("/alice/dir", "a file, now that the directory has gone").await.expect(200);
}

#[tokio::test]
async fn what_a_crash_left_behind_is_cleared_away() {
    let server = Server::start().await;
    fill(&server).await;
    let before = view(&server).await;
    let server = server
        .restart(|data| {
            std::fs::write(data.join("incoming/draft-17"), "half").unwrap();
            std::os::unix::fs::symlink("x", data.join("incoming/draft-18")).unwrap();
        })
        .await;
    assert!(server.drafts().is_empty());
    assert_eq!(view(&server).await, before);
}

#[tokio::test]
async fn a_file_that_was_renamed_but_not_recorded_is_found() {
    let server = Server::start().await;
    fill(&server).await;
    // What is left when the power fails after the rename: the new file, and the index of before.
    let server = server
        .restart(|data| {
            std::fs::write(data.join("incoming/draft"), "acknowledged").unwrap();
            std::fs::rename(data.join("incoming/draft"), data.join("live/alice/dir/b")).unwrap();
        })
        .await;
    assert_eq!(server.alice.get("/alice/dir/b").await.expect(200).body, "acknowledged");
}

#[tokio::test]
async fn two_gateways_do_not_share_a_directory() {
    let server = Server::start().await;
    let options = gateway::Options { data_dir: server.data_dir().into(), region: "x".into(), domain: None };
    let second = gateway::Gateway::open(options, server.accounts.clone());
    assert!(matches!(second, Err(gateway::Error::Busy { .. })));
}

#[tokio::test]
async fn clients_and_comparisons_do_not_disturb_each_other() {
    let server = Server::start().await;
    let gateway = std::sync::Arc::clone(&server.gateway);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = std::sync::Arc::clone(&stop);
    let comparing = tokio::task::spawn_blocking(move || {
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let outcome = gateway.reconcile(&model::BucketName::new("alice").unwrap()).unwrap();
            assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
        }
    });
    let mut tasks = Vec::new();
    for worker in 0..8 {
        let client = server.alice.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..40 {
                let path = format!("/alice/dir{}/sub/{worker}", round % 3);
                client.put(&path, format!("{worker} {round}")).await.expect(200);
                assert_eq!(client.get(&path).await.expect(200).text(), format!("{worker} {round}"));
                client.delete(&path).await.expect(204);
                client.head(&path).await.expect(404);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    comparing.await.unwrap();
    let left = server.alice.get("/alice").await.tags("Key");
    assert!(left.iter().all(|key| key.ends_with('/')), "{left:?}");
}

const CHILD: &str = "HEIRLOOM_TEST_GATEWAY_IN";

/// A server in a process of its own, for the test below to kill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs only as the child of another test"]
async fn serve_until_killed() {
    let Ok(data_dir) = std::env::var(CHILD) else { return };
    let server = Server::start_in(Path::new(&data_dir)).await;
    let (id, secret) = (server.alice.id(), server.alice.secret());
    let line = format!("{} {id} {secret}", server.address);
    std::fs::write(format!("{data_dir}.new"), line).unwrap();
    std::fs::rename(format!("{data_dir}.new"), format!("{data_dir}.ready")).unwrap();
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

async fn start_child(data_dir: &str) -> (Process, Client) {
    let ready = format!("{data_dir}.ready");
    drop(std::fs::remove_file(&ready));
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "recovery::serve_until_killed"])
        .env(CHILD, data_dir)
        .stdout(Stdio::null())
        .spawn()
        .map(Process)
        .unwrap();
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if let Ok(line) = std::fs::read_to_string(&ready) {
            let [address, id, secret] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            return (child, Client::new(address.parse().unwrap(), id, secret));
        }
    }
    panic!("the child did not start");
}

/// Promise: every byte string a client was told is stored is there, and nothing is there by half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_gateway_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data").to_str().unwrap().to_owned();
    let body = |worker: usize, round: usize| format!("{worker} {round} ").repeat(1 + worker * 3000);
    for after_ms in [150, 400, 700] {
        let (child, client) = start_child(&data_dir).await;
        let mut tasks = Vec::new();
        for worker in 0..6 {
            let client = client.clone();
            tasks.push(tokio::spawn(async move {
                for round in 0.. {
                    let path = format!("/alice/dir{}/{worker}", round % 5);
                    let call = client.call("PUT", &path).header("x-amz-meta-round", &round.to_string());
                    let Some(answer) = call.body(body(worker, round)).try_send().await else { return round };
                    answer.expect(200);
                }
                0
            }));
        }
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        drop(child);
        let mut acknowledged = Vec::new();
        for task in tasks {
            acknowledged.push(task.await.unwrap());
        }
        let (_child, client) = start_child(&data_dir).await;
        for (worker, &cut_off) in acknowledged.iter().enumerate() {
            for round in cut_off.saturating_sub(5)..cut_off {
                let got = client.get(&format!("/alice/dir{}/{worker}", round % 5)).await.expect(200);
                // The write that was cut off may have happened, or not.
                let allowed = [body(worker, round), body(worker, cut_off)];
                let whole = got.text();
                let cut_off_here = cut_off % 5 == round % 5;
                assert!(
                    whole == allowed[0] || (cut_off_here && whole == allowed[1]),
                    "{worker} {round} {cut_off}"
                );
                assert_eq!(got.etag(), md5_hex(&got.body));
            }
        }
        assert!(acknowledged.iter().sum::<usize>() > 0);
    }
    let left = std::fs::read_dir(Path::new(&data_dir).join("incoming")).unwrap().count();
    assert_eq!(left, 1, "drafts of the crash are gone");
}

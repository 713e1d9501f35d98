//! Measurements; run with `cargo test --release -p heirloom-gateway -- --ignored --nocapture speed`.

#![expect(clippy::print_stdout, reason = "measurements are printed")]

use crate::opendal_client::operator;
use crate::server::Server;
use futures::{StreamExt, stream};
use std::future::Future;
use std::time::Instant;

const COUNT: usize = 20_000;
const CONCURRENCY: usize = 32;

async fn measure<F: Future<Output = ()>>(what: &str, work: impl Fn(usize) -> F) {
    let start = Instant::now();
    stream::iter(0..COUNT).map(work).buffer_unordered(CONCURRENCY).collect::<()>().await;
    let seconds = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a measurement")]
    let rate = COUNT as f64 / seconds;
    println!("{what:<24} {seconds:>8.2} s {rate:>9.0} /s");
}

fn path(at: usize) -> String {
    format!("dir{:03}/file{at:05}", at / 100)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn small_files() {
    let server = Server::start().await;
    let operator = &operator(&server);
    let content = vec![b'x'; 4096];
    measure("PUT 4 KiB", |at| {
        let content = content.clone();
        async move { drop(operator.write(&path(at), content).await.unwrap()) }
    })
    .await;
    let start = Instant::now();
    assert_eq!(operator.list_with("").recursive(true).await.unwrap().len(), COUNT);
    println!("list {COUNT:<19} {:>8.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    assert_eq!(operator.list("").await.unwrap().len(), COUNT / 100);
    println!("list top               {:>8.4} s", start.elapsed().as_secs_f64());
    measure("HEAD", |at| async move { drop(operator.stat(&path(at)).await.unwrap()) }).await;
    measure("GET", |at| async move { drop(operator.read(&path(at)).await.unwrap()) }).await;
    let start = Instant::now();
    server.gateway.reconcile(&model::BucketName::new("alice").unwrap()).unwrap();
    println!("reconcile {COUNT:<14} {:>8.3} s", start.elapsed().as_secs_f64());
    let start = Instant::now();
    operator.delete_iter((0..COUNT).map(path)).await.unwrap();
    println!("delete {COUNT:<17} {:>8.3} s", start.elapsed().as_secs_f64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn large_files() {
    let server = Server::start().await;
    let operator = &operator(&server);
    let content: Vec<u8> = (0..256_u32 << 20).map(|at| (at % 251) as u8).collect();
    let report = |what: &str, start: Instant| {
        println!(
            "{what:<24} {:>8.2} s {:>9.0} MiB/s",
            start.elapsed().as_secs_f64(),
            256.0 / start.elapsed().as_secs_f64()
        );
    };
    let start = Instant::now();
    operator.write("whole", content.clone()).await.unwrap();
    report("PUT 256 MiB", start);
    let start = Instant::now();
    let mut writer = operator.writer_with("parts").chunk(16 << 20).concurrent(4).await.unwrap();
    writer.write(content.clone()).await.unwrap();
    writer.close().await.unwrap();
    report("multipart 256 MiB", start);
    let start = Instant::now();
    assert_eq!(operator.read("whole").await.unwrap().len(), content.len());
    report("GET 256 MiB", start);
    let start = Instant::now();
    operator.copy("whole", "copy").await.unwrap();
    report("COPY 256 MiB", start);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn parts_of_large_files() {
    let server = Server::start().await;
    let content: Vec<u8> = (0..256_u32 << 20).map(|at| (at % 251) as u8).collect();
    operator(&server).write("whole", content).await.unwrap();
    let client = &server.alice;
    let started = client.call("POST", "/alice/copy").query("uploads", "").send().await.expect(200);
    let id = &started.tag("UploadId").unwrap().to_owned();
    let start = Instant::now();
    stream::iter(0..32_u32)
        .map(|at| async move {
            let call = client.call("PUT", "/alice/copy").query("uploadId", id);
            let call =
                call.query("partNumber", &(at + 1).to_string()).header("x-amz-copy-source", "alice/whole");
            let range = format!("bytes={}-{}", at << 23, ((at + 1) << 23) - 1);
            call.header("x-amz-copy-source-range", &range).send().await.expect(200);
        })
        .buffer_unordered(4)
        .collect::<()>()
        .await;
    let seconds = start.elapsed().as_secs_f64();
    println!("copy 32 parts of 8 MiB   {seconds:>8.2} s {:>9.0} MiB/s", 256.0 / seconds);
    let parts = client.call("GET", "/alice/copy").query("uploadId", id).send().await.expect(200).tags("ETag");
    let part = |(at, tag): (usize, &String)| {
        format!("<Part><PartNumber>{}</PartNumber><ETag>{tag}</ETag></Part>", at + 1)
    };
    let parts: String = parts.iter().enumerate().map(part).collect();
    let xml = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let start = Instant::now();
    client.call("POST", "/alice/copy").query("uploadId", id).body(xml).send().await.expect(200);
    let seconds = start.elapsed().as_secs_f64();
    println!("join them                {seconds:>8.2} s {:>9.0} MiB/s", 256.0 / seconds);
}

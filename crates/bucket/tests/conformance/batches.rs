//! Many small objects at once, on our own gateway: seen from the line that they cross.

use crate::cloud::Cloud;
use crate::{file, key};
use bucket::{Bucket, Changes, Error, Expect, Options, Prefix};
use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::future::join_all;
use model::RemoteVersion;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const OBJECTS: usize = 400;

/// What crosses the line to a server.
#[derive(Default)]
struct Line {
    requests: AtomicUsize,
    batches: AtomicUsize,
    /// How many answers to batches are to get lost.
    lose: AtomicUsize,
}

impl Line {
    /// Puts a line before the server of `options`.
    async fn before(options: &Options) -> (Arc<Self>, Options) {
        let line = Arc::new(Self::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = options.endpoint.trim_start_matches("http://").to_owned();
        let carrying = Arc::clone(&line);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(Arc::clone(&carrying).carry(client, server));
            }
        });
        (line, Options { endpoint, ..options.clone() })
    }

    async fn carry(self: Arc<Self>, client: TcpStream, server: TcpStream) {
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.into_split(), server.into_split());
        let losing = Arc::new(AtomicUsize::new(0));
        let (up, down) = (Arc::clone(&losing), losing);
        let upward = async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                self.look(&buffer[..read], &up);
                if to_server.write_all(&buffer[..read]).await.is_err() {
                    break;
                }
            }
        };
        let downward = async move {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
                let is_lost = down.load(Ordering::SeqCst) > 0;
                if is_lost || to_client.write_all(&buffer[..read]).await.is_err() {
                    break;
                }
            }
        };
        // Whichever ends first breaks the line.
        tokio::select! {
            () = upward => {}
            () = downward => {}
        }
    }

    /// A request begins with its method, and no object here looks like one.
    fn look(&self, bytes: &[u8], losing: &AtomicUsize) {
        let begins =
            [&b"PUT /"[..], b"GET /", b"HEAD /", b"POST /"].iter().any(|word| bytes.starts_with(word));
        self.requests.fetch_add(usize::from(begins), Ordering::SeqCst);
        if bytes.starts_with(b"POST /")
            && bytes[..80.min(bytes.len())].windows(14).any(|part| part == b"heirloom-batch")
        {
            self.batches.fetch_add(1, Ordering::SeqCst);
            if self.lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
            {
                losing.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

fn content(number: usize) -> Bytes {
    format!("content {number}").into()
}

async fn connect(options: &Options) -> Bucket {
    let bucket = Bucket::connect(options).unwrap();
    let told = bucket.changes(&Prefix::root(), None, Duration::ZERO).await.unwrap();
    assert!(matches!(told, Changes::Everything(_)));
    bucket
}

async fn put_all(bucket: &Bucket, expect: &[Expect]) -> Vec<Result<RemoteVersion, Error>> {
    let put = |number| async move {
        let (key, bytes) = (key(&format!("d/{number}")), content(number));
        bucket.put(&Prefix::root(), &key, &file(&bytes), bytes, &expect[number % expect.len()]).await
    };
    join_all((0..OBJECTS).map(put)).await
}

#[tokio::test]
async fn what_waits_together_goes_together() {
    let cloud = Cloud::start().await;
    let (line, options) = Line::before(&cloud.options).await;
    let bucket = connect(&options).await;
    let written = put_all(&bucket, &[Expect::Absent]).await;
    let versions: Vec<RemoteVersion> = written.into_iter().map(Result::unwrap).collect();
    let requests = line.requests.load(Ordering::SeqCst);
    assert!(requests < OBJECTS / 10, "{requests} requests for {OBJECTS} objects");

    let read = |number: usize| {
        let (bucket, versions) = (&bucket, &versions);
        async move {
            let (key, size) = (key(&format!("d/{number}")), content(number).len() as u64);
            let got = bucket.get_sized(&Prefix::root(), &key, &versions[number], size).await.unwrap();
            assert_eq!(got.object.version.etag, versions[number].etag);
            (got.object, got.body.try_collect::<Vec<Bytes>>().await.unwrap().concat())
        }
    };
    let before = line.requests.load(Ordering::SeqCst);
    let all = join_all((0..OBJECTS).map(read)).await;
    assert!(all.iter().enumerate().all(|(number, (_, bytes))| content(number) == *bytes));
    let requests = line.requests.load(Ordering::SeqCst) - before;
    assert!(requests < OBJECTS / 10, "{requests} requests for {OBJECTS} objects");

    // Described as a look at it would.
    let looked = bucket.head(&Prefix::root(), &key("d/7")).await.unwrap().unwrap();
    assert_eq!(all[7].0, looked);
}

#[tokio::test]
async fn each_condition_is_its_own() {
    let cloud = Cloud::start().await;
    let bucket = connect(&cloud.options).await;
    let written = put_all(&bucket, &[Expect::Absent]).await;
    let first = written.into_iter().next().unwrap().unwrap();
    let theirs = file(b"theirs");
    bucket
        .put(
            &Prefix::root(),
            &key("d/1"),
            &theirs,
            Bytes::from_static(b"theirs"),
            &Expect::Version(RemoteVersion {
                etag: model::ETag::new(&crate::md5(&content(1)).to_string()),
                modified: None,
            }),
        )
        .await
        .unwrap();
    // What stands there is what was sent: that counts as written, as after a lost answer. Elsewhere it does not.
    let again = put_all(&bucket, &[Expect::Absent, Expect::Version(first)]).await;
    assert!(again[0].is_ok() && again[2].is_ok(), "{:?}", again[0]);
    assert!(matches!(again[1], Err(Error::Changed { .. })), "{:?}", again[1]);
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_has_happened() {
    let cloud = Cloud::start().await;
    let (line, options) = Line::before(&cloud.options).await;
    let bucket = connect(&options).await;
    line.lose.store(1, Ordering::SeqCst);
    let written = put_all(&bucket, &[Expect::Absent]).await;
    let failed: Vec<_> = written.iter().filter(|outcome| outcome.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(line.lose.load(Ordering::SeqCst), 0, "an answer was lost");
}

//! Large objects: gone on with after a crash, changed in part, read in ranges.

use crate::cloud::Cloud;
use crate::store::Conditions;
use crate::{below, fake, file, key, md5, meta, options};
use bucket::{Bucket, Error, Expect, PartDone, Parts, Prefix, Upload, Write};
use bytes::Bytes;
use futures::TryStreamExt as _;
use model::{Chunk, ChunkDigest, ETag, Node, ObjectKey, RemoteVersion, UploadId};
use std::future::Future;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const MIB: usize = 1 << 20;

/// Bytes in which no two mebibytes are the same.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = vec![0; length.next_multiple_of(8)];
    for word in bytes.as_chunks_mut::<8>().0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *word = state.to_le_bytes();
    }
    bytes.truncate(length);
    bytes
}

/// Chunks of a mebibyte each; where they are cut is no matter here.
fn chunks_of(bytes: &[u8]) -> Vec<Chunk> {
    let chunk = |part: &[u8]| Chunk {
        length: u32::try_from(part.len()).unwrap(),
        digest: ChunkDigest::from_blake3(*blake3::hash(part).as_bytes()),
    };
    bytes.chunks(MIB).map(chunk).collect()
}

fn source(all: &[u8]) -> impl FnMut(u64, usize) -> std::future::Ready<io::Result<Bytes>> {
    |offset, length| {
        let start = usize::try_from(offset).unwrap();
        std::future::ready(Ok(Bytes::copy_from_slice(&all[start..start + length])))
    }
}

struct Counted(Mutex<[u64; 3]>);

impl Counted {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn note(&self, done: PartDone) {
        let at = match done {
            PartDone::Sent(_) => 0,
            PartDone::Held(_) => 1,
            PartDone::Copied(_) => 2,
        };
        self.0.lock().unwrap()[at] += done.length();
    }

    /// Bytes sent, held, copied.
    fn total(&self) -> [u64; 3] {
        *self.0.lock().unwrap()
    }
}

async fn begin(bucket: &Bucket, prefix: &Prefix, node: &Node) -> Upload {
    bucket.begin_upload(prefix, &key("film"), node).await.unwrap()
}

async fn read(
    bucket: &Bucket,
    prefix: &Prefix,
    version: &RemoteVersion,
    from: usize,
    size: usize,
) -> Vec<u8> {
    let stream = bucket.get_stream(prefix, &key("film"), version, from as u64, size as u64);
    stream.try_collect::<Vec<_>>().await.unwrap().concat()
}

/// Asks the store in memory and the gateway.
async fn ask<Fut: Future<Output = ()>>(question: impl Fn(bucket::Options) -> Fut) {
    let (store, _) = fake().await;
    question(options(format!("http://{}", store.address))).await;
    let cloud = Cloud::start().await;
    question(cloud.options.clone()).await;
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_after_a_crash() {
    ask(async |options| {
        let prefix = below("large");
        let all = noise(1, 60 * MIB + 5);
        let node = file(&all);
        let name = key("film");
        let write = Write { prefix: &prefix, key: &name, node: &node, expect: &Expect::Absent };
        let parts = Parts::plain(node.size);
        // The process dies when a few parts are there.
        let bucket = Bucket::connect(&options).unwrap();
        let upload = begin(&bucket, &prefix, &node).await;
        let arrived = AtomicUsize::new(0);
        let crash = tokio::sync::Notify::new();
        let done = |_| {
            if arrived.fetch_add(1, Ordering::SeqCst) == 2 {
                crash.notify_one();
            }
        };
        tokio::select! {
            biased;
            () = crash.notified() => {}
            _ = bucket.upload(write, &upload, &parts, source(&all), done) => panic!("it was to be cut off"),
        }
        let id = upload.id().clone();
        drop((bucket, upload));

        let bucket = Bucket::connect(&options).unwrap();
        let upload = bucket.resume_upload(&prefix, &name, &id).await.unwrap().expect("the store knows it");
        assert!(upload.held() >= 3 * 8 * MIB as u64, "{}", upload.held());
        let counted = Counted::new();
        let version =
            bucket.upload(write, &upload, &parts, source(&all), |done| counted.note(done)).await.unwrap();
        let [sent, held, copied] = counted.total();
        assert_eq!((sent + held, copied), (node.size, 0));
        assert!(held >= 3 * 8 * MIB as u64, "sent {sent}, held {held}");
        assert_eq!(bucket.head(&prefix, &name).await.unwrap().unwrap().node(), Some(node));
        assert_eq!(md5(&read(&bucket, &prefix, &version, 0, all.len()).await), node.content);
        // It is over.
        assert!(bucket.resume_upload(&prefix, &name, &id).await.unwrap().is_none());
        bucket.abort_upload(&prefix, &name, &id).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_since_the_crash_is_sent_again() {
    let (store, bucket) = fake().await;
    let prefix = below("large");
    let name = key("film");
    let all = noise(2, 40 * MIB);
    let node = file(&all);
    let write = Write { prefix: &prefix, key: &name, node: &node, expect: &Expect::Absent };
    let parts = Parts::plain(node.size);
    let upload = begin(&bucket, &prefix, &node).await;
    store.with(|state| state.manners.parts_left = Some(2));
    let failed = bucket.upload(write, &upload, &parts, source(&all), |_| {}).await.unwrap_err();
    assert!(failed.leaves_upload(), "{failed:?}");
    store.with(|state| {
        state.manners = crate::store::Manners { page: Some(1), ..Default::default() };
        state.sent = 0;
    });
    let id = upload.id().clone();
    // Other bytes in every part, as a file changed under the same name would have. Which parts are there, and whether one more
    // arrived while the line broke, is a matter of luck.
    let mut upload = bucket.resume_upload(&prefix, &name, &id).await.unwrap().unwrap();
    assert!(upload.held() >= 16 * MIB as u64, "{}", upload.held());
    let mut changed = all.clone();
    changed.iter_mut().step_by(8 * MIB).for_each(|byte| *byte ^= 1);
    let node = file(&changed);
    let write = Write { prefix: &prefix, key: &name, node: &node, expect: &Expect::Absent };
    bucket.upload(write, &upload, &parts, source(&changed), |_| {}).await.unwrap();
    store.with(|state| {
        assert_eq!(md5(&state.objects["large/film"].body), node.content);
        assert!(state.sent >= all.len(), "{}", state.sent);
    });
    // An id that nobody knows.
    assert!(bucket.resume_upload(&prefix, &name, &UploadId::new("u99")).await.unwrap().is_none());
    // One that the store has lost since it was asked.
    upload = bucket.begin_upload(&prefix, &name, &node).await.unwrap();
    bucket.abort_upload(&prefix, &name, upload.id()).await.unwrap();
    let version = bucket.head(&prefix, &name).await.unwrap().unwrap().version;
    let other = Node { meta: meta(0o600), ..node };
    let expect = Expect::Version(version);
    let write = Write { node: &other, expect: &expect, ..write };
    let lost = bucket.upload(write, &upload, &parts, source(&changed), |_| {}).await.unwrap_err();
    assert!(matches!(lost, Error::Changed { .. }) && !lost.leaves_upload(), "{lost:?}");
}

/// A version in the store, another one, and the parts that make it of the first.
struct Delta {
    prefix: Prefix,
    name: ObjectKey,
    new: Vec<u8>,
    chunks: Vec<Chunk>,
    pieces: Vec<model::Piece>,
    old: RemoteVersion,
}

impl Delta {
    /// So many bytes, into whose middle another MiB is inserted.
    async fn prepare(bucket: &Bucket, size: usize) -> Self {
        let (prefix, name) = (below("large"), key("film"));
        let all = noise(3, size);
        let node = file(&all);
        let old = bucket.put_parts(&prefix, &name, &node, source(&all), &Expect::Absent).await.unwrap();
        let new = [&all[..size / 2], &noise(4, MIB), &all[size / 2..]].concat();
        let chunks = chunks_of(&new);
        let pieces = plan::delta::pieces(&chunks_of(&all), &chunks);
        Self { prefix, name, new, chunks, pieces, old }
    }

    fn parts(&self, base: &RemoteVersion) -> Parts {
        Parts::along(&self.chunks, self.pieces.clone(), Some((self.name.clone(), base.clone())))
    }

    async fn upload(
        &self,
        bucket: &Bucket,
        base: &RemoteVersion,
        counted: &Counted,
    ) -> Result<RemoteVersion, Error> {
        let node = file(&self.new);
        let expect = Expect::Version(self.old.clone());
        let write = Write { prefix: &self.prefix, key: &self.name, node: &node, expect: &expect };
        let upload = begin(bucket, &self.prefix, &node).await;
        let done = |done| counted.note(done);
        bucket.upload(write, &upload, &self.parts(base), source(&self.new), done).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_changed_is_sent() {
    ask(async |options| {
        let bucket = Bucket::connect(&options).unwrap();
        let delta = Delta::prepare(&bucket, 64 * MIB).await;
        let counted = Counted::new();
        let version = delta.upload(&bucket, &delta.old, &counted).await.unwrap();
        let [sent, held, copied] = counted.total();
        assert_eq!((sent + copied, held), (delta.new.len() as u64, 0));
        assert!(sent <= 8 * MIB as u64, "{sent}");
        let node = file(&delta.new);
        assert_eq!(bucket.head(&delta.prefix, &delta.name).await.unwrap().unwrap().node(), Some(node));
        assert_eq!(md5(&read(&bucket, &delta.prefix, &version, 0, delta.new.len()).await), node.content);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_copied_from_another_version() {
    ask(async |options| {
        let bucket = Bucket::connect(&options).unwrap();
        let delta = Delta::prepare(&bucket, 16 * MIB).await;
        let other = RemoteVersion { etag: ETag::new("0123456789abcdef0123456789abcdef-8"), modified: None };
        let refused = delta.upload(&bucket, &other, &Counted::new()).await;
        assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
        // It is replaced after the parts were laid out.
        let theirs = Bytes::from_static(b"theirs");
        let expect = Expect::Version(delta.old.clone());
        let replaced = bucket.put(&delta.prefix, &delta.name, &file(&theirs), theirs, &expect).await.unwrap();
        let refused = delta.upload(&bucket, &delta.old, &Counted::new()).await;
        assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
        let found = bucket.head(&delta.prefix, &delta.name).await.unwrap().unwrap();
        assert_eq!(found.version.etag, replaced.etag);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_careless_store_is_looked_at_after_copying() {
    let (store, bucket) = fake().await;
    let delta = Delta::prepare(&bucket, 16 * MIB).await;
    store.with(|state| state.manners.conditions = Conditions::Careless);
    let replacing = store.clone();
    let done = move |done| {
        // While the parts are copied, someone else replaces what they are copied from, by as many other bytes.
        if matches!(done, PartDone::Copied(_)) {
            replacing.with(|state| state.insert("large/film", &noise(9, 16 * MIB), &[]));
        }
    };
    let node = file(&delta.new);
    let expect = Expect::Version(delta.old.clone());
    let write = Write { prefix: &delta.prefix, key: &delta.name, node: &node, expect: &expect };
    let upload = begin(&bucket, &delta.prefix, &node).await;
    let refused = bucket.upload(write, &upload, &delta.parts(&delta.old), source(&delta.new), done).await;
    assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    store.with(|state| {
        assert_eq!(md5(&state.objects["large/film"].body), md5(&noise(9, 16 * MIB)));
        assert_eq!(state.uploads(), 0);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_copy_parts_says_so_once() {
    let (store, bucket) = fake().await;
    let delta = Delta::prepare(&bucket, 16 * MIB).await;
    store.with(|state| state.manners.no_part_copies = true);
    assert!(bucket.copies_parts());
    let refused = delta.upload(&bucket, &delta.old, &Counted::new()).await.unwrap_err();
    assert_eq!(refused.retry(), bucket::Retry::Replan);
    assert!(!bucket.copies_parts());
    assert_eq!(store.with(|state| state.uploads()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_other_than_the_announced_chunks_never_arrive() {
    let (store, bucket) = fake().await;
    let mut delta = Delta::prepare(&bucket, 16 * MIB).await;
    let before = store.with(|state| state.objects["large/film"].etag.clone());
    let fresh = 8 * MIB + 7;
    delta.new[fresh] ^= 1;
    let refused = delta.upload(&bucket, &delta.old, &Counted::new()).await;
    assert!(matches!(refused, Err(Error::Changed { .. })), "{refused:?}");
    store.with(|state| assert_eq!((state.objects["large/film"].etag.clone(), state.uploads()), (before, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_whose_tags_are_no_digests_are_read_back_once() {
    let (store, bucket) = fake().await;
    store.with(|state| state.manners.opaque_tags = true);
    let prefix = below("large");
    for name in ["first", "second"] {
        let all = noise(5, 9 * MIB);
        store.with(|state| state.requests.clear());
        bucket.put_parts(&prefix, &key(name), &file(&all), source(&all), &Expect::Absent).await.unwrap();
        let reads =
            store.with(|state| state.requests.iter().filter(|request| request.starts_with("GET")).count());
        assert_eq!(reads, usize::from(name == "first"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_write_leaves_no_parts() {
    let (store, bucket) = fake().await;
    let prefix = below("large");
    let endless = |offset: u64, length: usize| async move {
        if offset > 0 {
            std::future::pending::<()>().await;
        }
        Ok(Bytes::from(vec![0; length]))
    };
    let node = file(&vec![0; 20 * MIB]);
    let name = key("film");
    let writing = bucket.put_parts(&prefix, &name, &node, endless, &Expect::Absent);
    let watched = store.clone();
    let arrived = async {
        while watched.with(|state| state.sent) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = writing => panic!("it cannot end"),
        () = arrived => {}
    }
    while store.with(|state| state.uploads()) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn old_uploads_are_aborted_below_the_prefix_alone() {
    let (store, bucket) = fake().await;
    let node = file(b"x");
    let kept = bucket.begin_upload(&below("other"), &key("film"), &node).await.unwrap();
    for name in ["a", "b & c"] {
        bucket.begin_upload(&below("large"), &key(name), &node).await.unwrap();
    }
    assert_eq!(bucket.abort_old_uploads(&below("large")).await.unwrap(), 2);
    assert_eq!(store.with(|state| state.uploads()), 1);
    assert!(bucket.resume_upload(&below("other"), &key("film"), kept.id()).await.unwrap().is_some());
    // What is new stays.
    let cloud = Cloud::start().await;
    let bucket = Bucket::connect(&cloud.options).unwrap();
    let begun = bucket.begin_upload(&below("large"), &key("film"), &node).await.unwrap();
    assert_eq!(bucket.abort_old_uploads(&below("large")).await.unwrap(), 0);
    assert!(bucket.resume_upload(&below("large"), &key("film"), begun.id()).await.unwrap().is_some());
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_goes_on_from_any_byte() {
    ask(async |options| {
        let bucket = Bucket::connect(&options).unwrap();
        let prefix = below("large");
        let name = key("film");
        let all = noise(6, 50 * MIB + 11);
        let node = file(&all);
        let version = bucket.put_parts(&prefix, &name, &node, source(&all), &Expect::Absent).await.unwrap();
        for from in [0, 1, 8 * MIB, 49 * MIB + 3, all.len() - 1, all.len()] {
            assert!(read(&bucket, &prefix, &version, from, all.len()).await == all[from..], "from {from}");
        }
        let other = RemoteVersion { etag: ETag::new("0123456789abcdef0123456789abcdef-7"), modified: None };
        let mut stream = bucket.get_stream(&prefix, &name, &other, 0, node.size);
        assert!(matches!(stream.try_next().await, Err(Error::Changed { .. })));
    })
    .await;
}

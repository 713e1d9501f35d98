//! What the engine relies on, asked of every store at hand.
//!
//! `suite` holds the questions. They are put to a small store in memory, to Heirloom's own gateway, to plain trees (see `trees`), and to another server if
//! `HEIRLOOM_TEST_S3_ENDPOINT`, `…_BUCKET`, `…_KEY` and `…_SECRET` name one (the bucket must exist). `faults` holds what only
//! a store with bad manners can show, `plain` what only plain trees can, `large` what concerns large objects, `long`
//! what concerns many.

#![expect(clippy::unwrap_used, reason = "tests")]

mod batches;
mod changes;
mod cloud;
mod destination;
mod faults;
mod large;
mod long;
mod plain;
mod speed;
mod store;
mod suite;
mod trees;

use bucket::{Bucket, Options, Prefix};
use model::{BucketName, ContentId, Kind, Meta, Mode, Node, ObjectKey, Owner, RelPath, UnixNanos};

fn options(endpoint: String) -> Options {
    Options {
        endpoint,
        region: "us-east-1".into(),
        bucket: BucketName::new(store::BUCKET).unwrap(),
        access_key_id: "key-id".into(),
        secret_access_key: "secret".into(),
        concurrency: 8,
        limits: bucket::Limits::default(),
    }
}

async fn fake() -> (store::Store, Bucket) {
    let store = store::Store::start().await;
    let bucket = Bucket::connect(&options(format!("http://{}", store.address))).unwrap();
    (store, bucket)
}

/// The real server that the environment names.
fn real() -> Option<Options> {
    let variable = |name: &str| std::env::var(format!("HEIRLOOM_TEST_S3_{name}")).ok();
    Some(Options {
        bucket: BucketName::new(&variable("BUCKET")?).unwrap(),
        access_key_id: variable("KEY")?,
        secret_access_key: variable("SECRET")?,
        ..options(variable("ENDPOINT")?)
    })
}

fn key(text: &str) -> ObjectKey {
    let key = ObjectKey::parse(text).unwrap();
    assert_eq!(key.as_str(), text, "a test's key is spelt as it is stored");
    key
}

fn below(text: &str) -> Prefix {
    Prefix::below(&RelPath::from_key(text).unwrap())
}

fn file(body: &[u8]) -> Node {
    Node { kind: Kind::File, content: md5(body), size: body.len() as u64, meta: meta(0o644) }
}

fn meta(mode: u32) -> Meta {
    Meta {
        mtime: Some(UnixNanos(1_700_000_000_123_456_789)),
        mode: Some(Mode::from_st_mode(mode)),
        owner: Some(Owner { uid: 1000, gid: 100 }),
        ..Meta::default()
    }
}

fn md5(body: &[u8]) -> ContentId {
    use md5::{Digest as _, Md5};
    ContentId::from_md5(Md5::digest(body).into())
}

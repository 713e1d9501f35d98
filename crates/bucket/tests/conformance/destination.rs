//! Whatever files can be kept in: the suite asks all of them the same.

use bucket::{Bucket, Conditions, Deleted, Error, Expect, Get, Listing, Object, Plain, Prefix};
use bytes::Bytes;
use model::{Node, ObjectKey, RemoteVersion};
use std::io;
use std::ops::Range;

#[derive(Clone)]
pub(crate) enum Destination {
    Bucket(Bucket),
    Plain(Plain),
}

/// Calls the same method on either.
macro_rules! either {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match $self {
            Destination::Bucket(bucket) => bucket.$method($($argument),*).await,
            Destination::Plain(plain) => plain.$method($($argument),*).await,
        }
    };
}

impl Destination {
    /// Whether a listing tells the digests of small files.
    pub(crate) fn lists_content(&self) -> bool {
        matches!(self, Self::Bucket(_))
    }

    pub(crate) fn conditions(&self) -> Conditions {
        match self {
            Self::Bucket(bucket) => bucket.conditions(),
            Self::Plain(plain) => plain.conditions(),
        }
    }

    pub(crate) async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        either!(self.list(prefix))
    }

    pub(crate) async fn head(&self, prefix: &Prefix, key: &ObjectKey) -> Result<Option<Object>, Error> {
        either!(self.head(prefix, key))
    }

    pub(crate) async fn get(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
    ) -> Result<Get, Error> {
        either!(self.get(prefix, key, version))
    }

    pub(crate) async fn get_range(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        range: Range<u64>,
    ) -> Result<Get, Error> {
        either!(self.get_range(prefix, key, version, range))
    }

    pub(crate) async fn put(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
        body: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        either!(self.put(prefix, key, node, body, expect))
    }

    pub(crate) async fn put_parts<F, Fut>(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
        next_part: F,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        either!(self.put_parts(prefix, key, node, next_part, expect))
    }

    pub(crate) async fn set_meta(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        either!(self.set_meta(prefix, key, node, version))
    }

    pub(crate) async fn copy(
        &self,
        prefix: &Prefix,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        either!(self.copy(prefix, from, version, to, node))
    }

    pub(crate) async fn delete(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
    ) -> Result<(), Error> {
        either!(self.delete(prefix, key, version))
    }

    pub(crate) async fn delete_many(
        &self,
        prefix: &Prefix,
        objects: Vec<(ObjectKey, RemoteVersion)>,
    ) -> Vec<Deleted> {
        either!(self.delete_many(prefix, objects))
    }
}

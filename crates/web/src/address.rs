//! The addresses of pages, in one place, so that no template ever joins strings into a link.
//!
//! A path stands in an address as its escaped text, each component percent-encoded once more; names with
//! `?`, `#`, `%` or a line feed therefore arrive as they left.

use crate::timeline::Sight;
use model::{BucketName, RelPath};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986 calls unreserved stays as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One component, or one value of a query, percent-encoded.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// `/` before each percent-encoded component; empty for the root.
fn tail(path: Option<&RelPath>) -> String {
    let Some(path) = path else { return String::new() };
    path.components().fold(String::new(), |mut tail, component| {
        tail.push('/');
        tail.extend(utf8_percent_encode(component, COMPONENT));
        tail
    })
}

/// The bucket's first page: its latest files.
pub(crate) fn bucket(bucket: &BucketName) -> String {
    format!("/{bucket}")
}

/// A folder as it was at a snapshot.
pub(crate) fn tree(bucket: &BucketName, at: &str, path: Option<&RelPath>) -> String {
    format!("/{bucket}/tree/{at}{}", tail(path))
}

/// A file as it was at a snapshot.
pub(crate) fn file(bucket: &BucketName, at: &str, path: &RelPath) -> String {
    format!("/{bucket}/file/{at}{}", tail(Some(path)))
}

/// A file's or a folder's page.
pub(crate) fn sight(sight: Sight, bucket: &BucketName, at: &str, path: Option<&RelPath>) -> String {
    match (sight, path) {
        (Sight::File, Some(path)) => file(bucket, at, path),
        (Sight::File | Sight::Folder, _) => tree(bucket, at, path),
    }
}

/// A file's exact bytes.
pub(crate) fn raw(bucket: &BucketName, at: &str, path: &RelPath) -> String {
    format!("/{bucket}/raw/{at}{}", tail(Some(path)))
}

/// The versions of one path; of the whole bucket without one.
pub(crate) fn versions(bucket: &BucketName, path: Option<&RelPath>) -> String {
    match path {
        Some(_) => format!("/{bucket}/versions{}", tail(path)),
        None => snapshots(bucket),
    }
}

/// The list of snapshots.
pub(crate) fn snapshots(bucket: &BucketName) -> String {
    format!("/{bucket}/snapshots")
}

/// What a snapshot changed, in all or at one path.
pub(crate) fn changes(bucket: &BucketName, at: &str, path: Option<&RelPath>) -> String {
    format!("/{bucket}/changes/{at}{}", tail(path))
}

/// A folder as one file; `suffix` is `tar` or `zip`.
pub(crate) fn download(bucket: &BucketName, at: &str, path: Option<&RelPath>, suffix: &str) -> String {
    format!("/{bucket}/download/{at}{}.{suffix}", tail(path))
}

/// The sign-in page that leads back to `next`.
pub(crate) fn sign_in(next: &str) -> String {
    if next == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={}", encode(next)) }
}

/// Where to go after signing in: only ever a path on this server.
pub(crate) fn local_only(next: Option<&str>) -> &str {
    match next {
        Some(next)
            if next.starts_with('/')
                && !next.starts_with("//")
                && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') =>
        {
            next
        }
        Some(_) | None => "/",
    }
}

#[cfg(test)]
mod tests;

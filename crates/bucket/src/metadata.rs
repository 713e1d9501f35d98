//! What an object's user metadata says about a file, in the words of rclone.
//!
//! | key | value |
//! |---|---|
//! | `mtime` | seconds since 1970 as a decimal fraction, to the nanosecond: `1700000000.123456789` |
//! | `mode` | `st_mode` in octal, with the bits that tell a file from a symlink: `100644`, `120777`, `40755` |
//! | `uid`, `gid` | decimal |
//! | `md5chksum` | MD5 in base64, where the store's tag is none |
//! | `sealed` | `age`: the bytes are an age file; time, mode and owner are those of what is inside |
//!
//! Written strictly, read tolerantly: whatever cannot be understood counts as not said, because a foreign
//! client's habit is no reason to lose a file. Rejected: a key of our own with everything in it, which no other tool reads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{ContentId, Kind, Meta, Mode, Node, Owner};

mod time;

pub(crate) use time::parse as parse_time;

const TYPE_MASK: u32 = 0o170_000;
const TYPE_FILE: u32 = 0o100_000;
const TYPE_SYMLINK: u32 = 0o120_000;
const TYPE_DIRECTORY: u32 = 0o040_000;

/// What sealed bytes are: see <https://age-encryption.org/v1>.
const SEALED: &str = "age";

/// What an object's metadata says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) kind: Kind,
    pub(crate) meta: Meta,
    pub(crate) content: Option<ContentId>,
}

/// The metadata of an object that holds `node`; with a digest if `digest` is given and known.
///
/// A symlink always says its mode: nothing else tells that it is one.
pub(crate) fn encode(node: &Node, digest: Option<ContentId>) -> Vec<(&'static str, String)> {
    let mut pairs = Vec::with_capacity(6);
    if let Some(digest) = digest.filter(ContentId::is_known) {
        pairs.push(("md5chksum", STANDARD.encode(digest.as_bytes())));
    }
    if let Some(mtime) = node.meta.mtime {
        pairs.push(("mtime", time::encode(mtime)));
    }
    let mode = match (node.meta.mode, node.kind) {
        (Some(mode), Kind::File) => Some(TYPE_FILE | mode.bits()),
        (Some(mode), Kind::Directory) => Some(TYPE_DIRECTORY | mode.bits()),
        (mode, Kind::Symlink) => Some(TYPE_SYMLINK | mode.map_or(0o777, Mode::bits)),
        (None, Kind::File | Kind::Directory) => None,
    };
    if let Some(mode) = mode {
        pairs.push(("mode", format!("{mode:o}")));
    }
    if let Some(owner) = node.meta.owner {
        pairs.push(("uid", owner.uid.to_string()));
        pairs.push(("gid", owner.gid.to_string()));
    }
    if node.meta.sealed {
        pairs.push(("sealed", SEALED.to_owned()));
    }
    pairs
}

/// What pairs of metadata say; the keys without `x-amz-meta-`, in any case.
pub(crate) fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Said {
    let mut said = Said { kind: Kind::File, meta: Meta::default(), content: None };
    let (mut uid, mut gid) = (None, None);
    for (key, value) in pairs {
        let value = value.trim();
        match key.to_ascii_lowercase().as_str() {
            "mtime" => said.meta.mtime = time::parse(value),
            "mode" => {
                if let Ok(mode) = u32::from_str_radix(value.strip_prefix("0o").unwrap_or(value), 8) {
                    said.meta.mode = Some(Mode::from_st_mode(mode));
                    match mode & TYPE_MASK {
                        TYPE_SYMLINK => said.kind = Kind::Symlink,
                        TYPE_DIRECTORY => said.kind = Kind::Directory,
                        _ => {}
                    }
                }
            }
            "uid" => uid = value.parse().ok(),
            "gid" => gid = value.parse().ok(),
            "md5chksum" => said.content = digest(value),
            "sealed" => said.meta.sealed = value == SEALED,
            _ => {}
        }
    }
    if let (Some(uid), Some(gid)) = (uid, gid) {
        said.meta.owner = Some(Owner { uid, gid });
    }
    said
}

fn digest(base64: &str) -> Option<ContentId> {
    let bytes = STANDARD.decode(base64).ok()?;
    Some(ContentId::from_md5(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests;

//! One directory in the stat cache.

use crate::live::Stat;
use gix::ObjectId;
use std::io::Read;

/// Marks in front of an entry.
const END: u8 = 0;
const FILE: u8 = 1;
const RACY_FILE: u8 = 2;
const DIRECTORY: u8 = 3;
const RECORD: u8 = 4;

/// What the scan found in a directory, and what the snapshot made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The directory's true path; empty at the root.
    pub(crate) path: Vec<u8>,
    /// Its tree; `None` if it holds no file, at any depth.
    pub(crate) tree: Option<ObjectId>,
    /// Its directory in the metadata tree, and the file in there that is its own.
    pub(crate) metadata: ObjectId,
    pub(crate) metadata_file: ObjectId,
    /// Its mode, and the time that the metadata file gives for it.
    pub(crate) mode: u32,
    pub(crate) mtime: i64,
    /// Sorted by name.
    pub(crate) files: Vec<CachedFile>,
    /// Sorted.
    pub(crate) directories: Vec<Vec<u8>>,
}

/// A file or symbolic link, when its content was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CachedFile {
    pub(crate) name: Vec<u8>,
    pub(crate) mode: u32,
    pub(crate) size: u64,
    pub(crate) mtime: i64,
    pub(crate) ctime: i64,
    pub(crate) inode: u64,
    pub(crate) id: ObjectId,
    /// Whether it may have changed since without a trace. Decided when the record is written.
    pub(crate) is_racy: bool,
}

impl CachedFile {
    pub(crate) fn new(name: Vec<u8>, stat: &Stat, id: ObjectId) -> Self {
        let Stat { mode, size, mtime, ctime, inode, .. } = *stat;
        Self { name, mode, size, mtime, ctime, inode, id, is_racy: false }
    }

    /// Whether the file is the one that was read.
    pub(crate) fn has(&self, stat: &Stat) -> bool {
        (self.mode, self.size, self.mtime, self.ctime, self.inode)
            == (stat.mode, stat.size, stat.mtime, stat.ctime, stat.inode)
    }
}

impl Record {
    pub(super) fn encode(&self, is_racy: impl Fn(&CachedFile) -> bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.path.len() + 96 * self.files.len());
        out.push(RECORD);
        put_bytes(&mut out, &self.path);
        let null = ObjectId::null(gix::hash::Kind::Sha1);
        out.extend_from_slice(self.tree.unwrap_or(null).as_slice());
        out.extend_from_slice(self.metadata.as_slice());
        out.extend_from_slice(self.metadata_file.as_slice());
        out.extend_from_slice(&self.mode.to_le_bytes());
        out.extend_from_slice(&self.mtime.to_le_bytes());
        for file in &self.files {
            out.push(if is_racy(file) { RACY_FILE } else { FILE });
            put_bytes(&mut out, &file.name);
            out.extend_from_slice(&file.mode.to_le_bytes());
            out.extend_from_slice(&file.size.to_le_bytes());
            out.extend_from_slice(&file.mtime.to_le_bytes());
            out.extend_from_slice(&file.ctime.to_le_bytes());
            out.extend_from_slice(&file.inode.to_le_bytes());
            out.extend_from_slice(file.id.as_slice());
        }
        for directory in &self.directories {
            out.push(DIRECTORY);
            put_bytes(&mut out, directory);
        }
        out.push(END);
        out
    }

    /// `None` at the end, and where the bytes are not a record.
    pub(super) fn decode(input: &mut impl Read) -> Option<Self> {
        if array::<1>(input)? != [RECORD] {
            return None;
        }
        let path = bytes(input)?;
        let tree = id(input)?;
        let mut record = Self {
            path,
            tree: (!tree.is_null()).then_some(tree),
            metadata: id(input)?,
            metadata_file: id(input)?,
            mode: u32::from_le_bytes(array(input)?),
            mtime: i64::from_le_bytes(array(input)?),
            files: Vec::new(),
            directories: Vec::new(),
        };
        loop {
            match array::<1>(input)? {
                [END] => return Some(record),
                [DIRECTORY] => record.directories.push(bytes(input)?),
                [mark @ (FILE | RACY_FILE)] => record.files.push(CachedFile {
                    name: bytes(input)?,
                    mode: u32::from_le_bytes(array(input)?),
                    size: u64::from_le_bytes(array(input)?),
                    mtime: i64::from_le_bytes(array(input)?),
                    ctime: i64::from_le_bytes(array(input)?),
                    inode: u64::from_le_bytes(array(input)?),
                    id: id(input)?,
                    is_racy: mark == RACY_FILE,
                }),
                _ => return None,
            }
        }
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a path is shorter than 4 GiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

fn bytes(input: &mut impl Read) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_le_bytes(array(input)?)).ok()?;
    // No path is longer; a damaged length must not become an allocation.
    if length > 1 << 16 {
        return None;
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn id(input: &mut impl Read) -> Option<ObjectId> {
    array::<20>(input).map(|bytes| ObjectId::from_bytes_or_panic(&bytes))
}

fn array<const N: usize>(input: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

//! The bytes of a file.
//!
//! Small files come whole from `gix`. A large file that its pack holds as it is, which is how snapshots write
//! it, is inflated piece by piece; one that `git repack` has made a delta of can only be had whole, in memory.

use super::{Entry, EntryId, History};
use crate::Error;
use flate2::bufread::ZlibDecoder;
use gix::ObjectId;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

/// Files above are streamed if that can be done.
const WHOLE_MAX: u64 = 4 << 20;
const CHUNK: usize = 128 << 10;
/// Kind of an entry in a pack: a blob that is no delta.
const PACKED_BLOB: u8 = 3;

impl History {
    /// The whole content of a file, or the target of a symbolic link, if it is no larger than `limit` bytes;
    /// [`Error::TooLarge`] otherwise.
    pub fn read(&self, entry: &Entry, limit: u64) -> Result<Vec<u8>, Error> {
        let size = self.size(entry.id.0)?;
        if size > limit {
            return Err(Error::TooLarge { path: entry.path.to_string(), size, limit });
        }
        self.whole(entry)
    }

    /// Writes the given bytes of a file, or all of them, to `out`; returns how many there were. A range beyond the
    /// end is cut off.
    ///
    /// Memory is bounded for a file as a snapshot wrote it; one that a repack has turned into a delta is held
    /// whole. A range costs inflating everything before it.
    pub fn copy_to(
        &self,
        entry: &Entry,
        range: Option<Range<u64>>,
        out: &mut dyn Write,
    ) -> Result<u64, Error> {
        let size = self.size(entry.id.0)?;
        let range = range.unwrap_or(0..size);
        let range = range.start.min(size)..range.end.min(size);
        let copying = |source| Error::Git { doing: format!("copy {}", entry.path), source: Box::new(source) };
        if range.is_empty() {
            return Ok(0);
        }
        if size > WHOLE_MAX
            && let Some(mut content) = self.open_packed(entry.id)?
        {
            return copy_range(&mut content, &range, out).map_err(copying);
        }
        let content = self.whole(entry)?;
        let index = |at: u64| usize::try_from(at).expect("the content is in memory");
        out.write_all(&content[index(range.start)..index(range.end)]).map_err(copying)?;
        Ok(range.end - range.start)
    }

    fn whole(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        let object = self.repo.find_object(entry.id.0).map_err(Error::git(format!("read {}", entry.path)))?;
        Ok(object.detach().data)
    }

    /// Opens the object where it lies in a pack; `None` if it is a delta, or not in a pack.
    fn open_packed(&self, id: EntryId) -> Result<Option<ZlibDecoder<BufReader<File>>>, Error> {
        let packs = self.repo.objects.store_ref().path().join("pack");
        for file in fs::read_dir(&packs).map_err(Error::io("list", &packs))? {
            let path = file.map_err(Error::io("list", &packs))?.path();
            if path.extension().is_some_and(|extension| extension == "idx")
                && let Some(offset) = offset_in(&path, id.0)
            {
                let pack = path.with_extension("pack");
                return open_at(&pack, offset).map_err(Error::io("read", &pack));
            }
        }
        Ok(None)
    }
}

/// Where a pack has an object. An index that cannot be read, because a repack just removed it, has none.
fn offset_in(index: &Path, id: ObjectId) -> Option<u64> {
    let index = gix::odb::pack::index::File::at(index, gix::hash::Kind::Sha1).ok()?;
    index.lookup(id).map(|at| index.pack_offset_at_index(at))
}

fn open_at(pack: &Path, offset: u64) -> io::Result<Option<ZlibDecoder<BufReader<File>>>> {
    let mut file = File::open(pack)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::with_capacity(CHUNK, file);
    let mut byte = [0];
    reader.read_exact(&mut byte)?;
    let kind = (byte[0] >> 4) & 7;
    // The size goes on as long as the highest bit is set.
    while byte[0] & 0x80 != 0 {
        reader.read_exact(&mut byte)?;
    }
    Ok((kind == PACKED_BLOB).then(|| ZlibDecoder::new(reader)))
}

fn copy_range(content: &mut impl Read, range: &Range<u64>, out: &mut dyn Write) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut at = 0;
    while at < range.end {
        let read = content.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = at + read as u64;
        let within = |position: u64| {
            usize::try_from(position.clamp(at, end) - at).expect("no more than the buffer holds")
        };
        out.write_all(&buffer[within(range.start)..within(range.end)])?;
        at = end;
    }
    Ok(range.end - range.start)
}

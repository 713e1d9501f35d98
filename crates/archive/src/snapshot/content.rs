//! Reading one live file into the pack, whole or not at all.
//!
//! A file may change while it is read. What is recorded must have existed, so the file's `stat` before and
//! after must agree; otherwise it is read again, and given up after a few attempts.

use super::worker::Writer;
use crate::live::{self, Stat};
use crate::{Error, pack};
use flate2::FlushCompress;
use gix::ObjectId;
use gix::objs::Kind;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Files above are streamed through; up to here they are held in memory.
const WHOLE_MAX: u64 = 8 << 20;
const ATTEMPTS: u32 = 3;
const CHUNK: usize = 256 << 10;

/// What came of reading a file.
#[derive(Debug)]
pub(super) enum Reading {
    /// The content is in the archive under this id, and the file looked so meanwhile.
    Done(ObjectId, Stat),
    /// There is no such file any more.
    Gone,
    /// It could not be read, for this reason.
    Failed(String),
}

/// Why one attempt came to nothing.
enum Setback {
    /// The file changed meanwhile; it may be worth another attempt.
    Changed,
    File(Errno),
    /// The whole snapshot fails.
    Fatal(Error),
}

impl From<Errno> for Setback {
    fn from(error: Errno) -> Self {
        Self::File(error)
    }
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

/// Reads what stands at `name` and hands it to the pack.
pub(super) fn read(
    writer: &mut Writer<'_>,
    directory: BorrowedFd<'_>,
    name: &[u8],
) -> Result<Reading, Error> {
    for _ in 0..ATTEMPTS {
        let attempt = match live::stat_at(directory, name) {
            Ok(stat) if stat.file_type() == FileType::Symlink => read_link(writer, directory, name, stat),
            Ok(_) => read_file(writer, directory, name),
            Err(error) => Err(error.into()),
        };
        match attempt {
            Ok((id, stat)) => return Ok(Reading::Done(id, stat)),
            Err(Setback::File(Errno::NOENT)) => return Ok(Reading::Gone),
            // A link took the file's place just now.
            Err(Setback::Changed | Setback::File(Errno::LOOP)) => {}
            Err(Setback::File(error)) => return Ok(Reading::Failed(describe(error))),
            Err(Setback::Fatal(error)) => return Err(error),
        }
    }
    Ok(Reading::Failed(format!("it changed while it was read, {ATTEMPTS} times in a row")))
}

/// An error of the operating system as a sentence's end, without its number.
pub(super) fn describe(error: Errno) -> String {
    let text = std::io::Error::from(error).to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

type Attempt = Result<(ObjectId, Stat), Setback>;

fn read_link(writer: &mut Writer<'_>, directory: BorrowedFd<'_>, name: &[u8], before: Stat) -> Attempt {
    let target = rustix::fs::readlinkat(directory, name, Vec::new())?;
    if !live::stat_at(directory, name)?.same_version(&before) {
        return Err(Setback::Changed);
    }
    let target = target.as_bytes();
    writer.count_read(target.len() as u64);
    Ok((writer.put(Kind::Blob, target)?, before))
}

fn read_file(writer: &mut Writer<'_>, directory: BorrowedFd<'_>, name: &[u8]) -> Attempt {
    let file = live::open_file(directory, name)?;
    let before = live::stat(&file)?;
    if before.file_type() != FileType::RegularFile {
        return Err(Setback::Changed);
    }
    if before.size > WHOLE_MAX {
        return stream(writer, &file, before);
    }
    let mut buffer = writer.take_buffer();
    let outcome = read_whole(&file, before, &mut buffer).and_then(|content| {
        writer.count_read(before.size);
        Ok((writer.put(Kind::Blob, content)?, before))
    });
    writer.return_buffer(buffer);
    outcome
}

fn read_whole<'a>(file: &OwnedFd, before: Stat, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], Setback> {
    let size = usize::try_from(before.size).expect("small enough to be held in memory");
    // One byte more than the file has, so that growth shows. The buffer only grows: clearing it for every file
    // would cost as much as hashing.
    if buffer.len() <= size {
        buffer.resize(size + 1, 0);
    }
    let content = &mut buffer[..=size];
    let mut filled = 0;
    while filled < content.len() {
        match rustix::io::read(file, &mut content[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if filled == size && live::stat(file)?.same_version(&before) {
        return Ok(&buffer[..size]);
    }
    Err(Setback::Changed)
}

/// Deflates and hashes a large file straight into the pack. If the archive turns out to hold it, or it
/// changed, the pack is cut back to where it was.
fn stream(writer: &mut Writer<'_>, file: &OwnedFd, before: Stat) -> Attempt {
    let incompressible = sample(file, before.size)?;
    let mut content = writer.take_buffer();
    content.resize(content.len().max(CHUNK), 0);
    let outcome = stream_with(writer, file, before, incompressible, &mut content);
    writer.return_buffer(content);
    outcome
}

fn stream_with(
    writer: &mut Writer<'_>,
    file: &OwnedFd,
    before: Stat,
    incompressible: bool,
    content: &mut [u8],
) -> Attempt {
    let Writer { pack, deflater, .. } = writer;
    let mut tail = pack.tail();
    let mut streamed = tail.start(Kind::Blob, before.size)?;
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&gix::objs::encode::loose_header(Kind::Blob, before.size));
    deflater.choose(incompressible);
    let mut deflated = Vec::new();
    let mut total = 0;
    let read = loop {
        match rustix::io::read(file, &mut *content) {
            Ok(0) => break Ok(()),
            Ok(read) => {
                total += read as u64;
                hasher.update(&content[..read]);
                deflater.feed(&content[..read], FlushCompress::None, &mut deflated);
            }
            Err(Errno::INTR) => {}
            Err(error) => break Err(Setback::from(error)),
        }
        if total > before.size {
            break Err(Setback::Changed);
        }
        streamed.write(&deflated)?;
        deflated.clear();
    };
    let checked = read.and_then(|()| {
        let unchanged = total == before.size && live::stat(file)?.same_version(&before);
        if unchanged { Ok(()) } else { Err(Setback::Changed) }
    });
    if let Err(setback) = checked {
        streamed.discard()?;
        return Err(setback);
    }
    deflater.feed(&[], FlushCompress::Finish, &mut deflated);
    streamed.write(&deflated)?;
    let id = match hasher.try_finalize() {
        Ok(id) => id,
        Err(error) => {
            streamed.discard()?;
            return Err(Error::git("identify a file")(error).into());
        }
    };
    if writer.is_new(id) {
        streamed.keep(id);
    } else {
        streamed.discard()?;
    }
    drop(tail);
    writer.count_read(total);
    Ok((id, before))
}

/// Whether a large file looks compressed already, at its start, middle and end.
fn sample(file: impl AsFd, size: u64) -> Result<bool, Errno> {
    let mut samples = [[0_u8; 1024]; 3];
    let last = size.saturating_sub(1024);
    for (sample, at) in samples.iter_mut().zip([0, last / 2, last]) {
        rustix::io::pread(file.as_fd(), sample, at)?;
    }
    Ok(pack::entropy_is_high(&samples.each_ref().map(<[u8; 1024]>::as_slice)))
}

//! zip, because everybody can open one.
//!
//! Names are UTF-8 (a name that is not is written in its escaped form), times are local to two seconds as the
//! format has it and exact to the second in the extended field, modes and symbolic links are as Unix keeps
//! them. Large files use zip64.

use super::{Folder, walk};
use crate::stream::Outcome;
use crate::{dates, media};
use archive::Entry;
use chrono::{Datelike, Timelike};
use chrono_tz::Tz;
use model::Kind;
use std::io::Write;
use zip::write::{FullFileOptions, SimpleFileOptions};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// From this size on the zip64 fields are needed, with room for what deflate may add.
const LARGE: u64 = 0xf000_0000;
const EXTENDED_TIMESTAMP: u16 = 0x5455;
const TARGET_MAX: u64 = 64 * 1024;

pub(super) fn write(folder: &Folder, out: &mut dyn Write) -> Outcome {
    let zone = folder.past.zone();
    let mut zip = ZipWriter::new_stream(out);
    let written = walk::each(folder, |entry, below| {
        let name = format!("{}/{below}", folder.name());
        let options = options(entry, zone)?;
        match entry.kind {
            Kind::Directory => Ok(zip.add_directory(name, options)?),
            Kind::Symlink => {
                let target = folder.past.history.read(entry, TARGET_MAX)?;
                Ok(zip.add_symlink(name, String::from_utf8_lossy(&target), options)?)
            }
            Kind::File => {
                zip.start_file(name, options)?;
                folder.past.history.copy_to(entry, None, &mut zip)?;
                Ok(())
            }
        }
    });
    // Also after a failure, for its destructor would complain about the connection that is gone.
    let finished = zip.finish();
    written?;
    finished?.into_inner().flush()?;
    Ok(())
}

fn options(entry: &Entry, zone: Tz) -> zip::result::ZipResult<FullFileOptions<'static, 'static>> {
    let method = if media::is_compressed_already(&entry.path) || entry.size == 0 {
        CompressionMethod::Stored
    } else {
        CompressionMethod::Deflated
    };
    let mut options = SimpleFileOptions::default()
        .compression_method(method)
        .large_file(entry.size >= LARGE)
        .unix_permissions(super::mode(entry))
        .into_full_options();
    if let Some(mtime) = entry.mtime {
        if let Some(time) = dos_time(mtime, zone) {
            options = options.last_modified_time(time);
        }
        if let Ok(seconds) = i32::try_from(mtime.seconds_and_nanos().0) {
            let mut field = vec![1_u8];
            field.extend_from_slice(&seconds.to_le_bytes());
            options.add_extra_field(EXTENDED_TIMESTAMP, field, false)?;
        }
    }
    Ok(options)
}

/// The years that the format knows are 1980 to 2107.
fn dos_time(time: model::UnixNanos, zone: Tz) -> Option<DateTime> {
    let time = dates::local(time, zone);
    let small = |number: u32| u8::try_from(number).ok();
    DateTime::from_date_and_time(
        u16::try_from(time.year()).ok()?,
        small(time.month())?,
        small(time.day())?,
        small(time.hour())?,
        small(time.minute())?,
        small(time.second())?,
    )
    .ok()
}

//! Cursors: where in the changes of this index somebody is, and whether that is still a place in it.
//!
//! Changes are numbered, but a number alone proves nothing: after a backup of the index has been put back, the numbers behind the
//! backup are given out a second time, for other changes. So each opening of the index begins an *epoch* with a random id,
//! and a cursor is an epoch and a number. The index knows a cursor if the epoch is one of its own and the number was given out
//! before the next epoch began:
//!
//! ```text
//!   epoch a        epoch b            epoch c (open)
//! ├──────────────┼──────────────────┼────────►
//! 0              17                 40        52
//!
//! a-9   known      b-41   unknown: in this index, the epoch ended at 40
//! b-40  known      d-3    unknown: not an epoch of this index
//! ```
//!
//! Put back, an index has only the epochs it had when the backup was made, and the last of these ends where the backup ended.
//! What was handed out later, in whichever epoch, is unknown from then on, however far the numbers go meanwhile. What was handed
//! out before is still right: the backup holds exactly those changes. The same holds when a power failure takes the last
//! changes, which the index does not flush one by one.
//!
//! Not covered: a machine that is put back together with its memory, as virtual machines can be, goes on in the same epoch.
//!
//! Rejected: a hash over all changes, which would cover even that, and would have to be stored with every change.

use rusqlite::{Connection, OptionalExtension};

/// How many epochs are remembered: a century of daily restarts, or a day of restarting every second. Cursors of older ones are
/// unknown.
const EPOCHS_MAX: i64 = 100_000;

/// A place in the changes of an index. Its text means nothing to anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    epoch: String,
    pub(super) sequence: i64,
}

impl Cursor {
    /// Takes a cursor as a client gives it back. `None` if it can be none of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, sequence) = text.split_once('-')?;
        let digits = sequence.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = sequence.parse().ok().filter(|_| digits)?;
        Some(Self { epoch: epoch.to_owned(), sequence })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.epoch, self.sequence)
    }
}

/// What a cursor is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The index may have been another one, or another state of this one, when the cursor was handed out.
    Unknown,
    /// It was a place in this index, but some deletions since then are forgotten.
    Forgotten,
    /// Everything that changed since can be told.
    Known,
}

/// Begins an epoch.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO epochs (id, first)
         VALUES (lower(hex(randomblob(8))), (SELECT coalesce(max(last), 0) FROM sequences))",
        [],
    )?;
    connection
        .execute("DELETE FROM epochs WHERE number <= (SELECT max(number) FROM epochs) - ?1", [EPOCHS_MAX])?;
    Ok(())
}

/// The place behind all changes that the connection sees.
pub(super) fn here(connection: &Connection) -> rusqlite::Result<Cursor> {
    let mut here = connection.prepare_cached(
        "SELECT (SELECT id FROM epochs ORDER BY number DESC LIMIT 1), coalesce(max(last), 0) FROM sequences",
    )?;
    here.query_row([], |row| Ok(Cursor { epoch: row.get(0)?, sequence: row.get(1)? }))
}

pub(super) fn standing(connection: &Connection, cursor: &Cursor) -> rusqlite::Result<Standing> {
    let mut epoch = connection.prepare_cached(
        "SELECT first,
                coalesce((SELECT next.first FROM epochs AS next WHERE next.number > epochs.number
                          ORDER BY next.number LIMIT 1),
                         (SELECT coalesce(max(last), 0) FROM sequences)),
                (SELECT sequence FROM forgotten)
         FROM epochs WHERE id = ?1",
    )?;
    let row = epoch.query_row([&cursor.epoch], |row| <(i64, i64, i64)>::try_from(row)).optional()?;
    Ok(match row {
        Some((first, last, forgotten)) if (first..=last).contains(&cursor.sequence) => {
            if cursor.sequence < forgotten { Standing::Forgotten } else { Standing::Known }
        }
        _ => Standing::Unknown,
    })
}

#[cfg(test)]
mod tests;

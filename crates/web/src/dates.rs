//! Points in time as a family reads them, in the configured time zone.

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use model::UnixNanos;

/// One point in time in every wording that pages use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct When {
    /// For `<time datetime>`: RFC 3339 with the zone's offset.
    pub iso: String,
    /// `Fri 20 Nov 2026, 03:00`.
    pub full: String,
    /// `Friday 20 November 2026`.
    pub day: String,
    /// `20 Nov 2026`.
    pub date: String,
    /// `03:00`.
    pub clock: String,
    /// `today 03:00`, `yesterday 03:00`, `Tuesday 03:00`, or the full date.
    pub relative: String,
}

/// Describes `time` as seen from `now`; neither decides anything.
pub(crate) fn describe(time: UnixNanos, now: UnixNanos, zone: Tz) -> When {
    let (time, now) = (local(time, zone), local(now, zone));
    let full = time.format("%a %-d %b %Y, %H:%M").to_string();
    let clock = time.format("%H:%M").to_string();
    let relative = match now.num_days_from_ce() - time.num_days_from_ce() {
        0 => format!("today {clock}"),
        1 => format!("yesterday {clock}"),
        2..=6 => format!("{} {clock}", time.format("%A")),
        _ => full.clone(),
    };
    When {
        iso: time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        day: time.format("%A %-d %B %Y").to_string(),
        date: time.format("%-d %b %Y").to_string(),
        full,
        clock,
        relative,
    }
}

/// `2026-11-20`, for the names of downloads.
pub(crate) fn stamp(time: UnixNanos, zone: Tz) -> String {
    local(time, zone).format("%Y-%m-%d").to_string()
}

/// Every `i64` of nanoseconds lies within the years that chrono knows.
pub(crate) fn local(time: UnixNanos, zone: Tz) -> DateTime<Tz> {
    DateTime::<Utc>::from_timestamp_nanos(time.0).with_timezone(&zone)
}

/// For the `Last-Modified` family of headers (RFC 9110 §5.6.7).
pub(crate) fn http(time: UnixNanos) -> String {
    DateTime::<Utc>::from_timestamp_nanos(time.0).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests;

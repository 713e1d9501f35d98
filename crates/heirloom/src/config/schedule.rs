//! When snapshots are taken: a cron expression in a time zone.

use chrono::{DateTime, TimeZone as _};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// A cron expression of five fields that comes due at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The expression, parsed.
    pub(crate) cron: Cron,
    /// The expression, as written.
    pub(crate) expression: String,
    /// The time zone that it is meant in.
    pub(crate) timezone: Tz,
}

/// Takes five cron fields, or a nickname like `@daily`.
pub(crate) fn cron(text: &str) -> Result<(Cron, String), String> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(text).map_err(|error| {
        format!(
            "`{text}` is not a schedule ({error}); write minute, hour, day, month and weekday, \
             like `0 3 * * *` for every night at three"
        )
    })?;
    // The thirtieth of February parses; only the search for it shows that it never comes.
    if cron.find_next_occurrence(&reference(), false).is_err() {
        return Err(format!("`{text}` never comes due"));
    }
    Ok((cron, text.to_owned()))
}

/// Before a leap day, so that a yearly schedule on it is found.
fn reference() -> DateTime<Tz> {
    Tz::UTC.with_ymd_and_hms(2024, 1, 1, 0, 0, 0).single().expect("because the date exists in UTC")
}

/// Takes the name of a time zone.
pub(crate) fn timezone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        let names: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        let guess = super::spelling::nearest(text, &names).map(|guess| format!(" (did you mean `{guess}`?)"));
        let guess = guess.unwrap_or_else(|| "; write it like Europe/Berlin or UTC".to_owned());
        format!("`{text}` is not a time zone{guess}")
    })
}

#[cfg(test)]
mod tests;

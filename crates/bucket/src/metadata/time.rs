//! Points in time as people and programs write them into metadata.

use model::UnixNanos;

const NANOS: u64 = 1_000_000_000;

/// Decimal seconds, to the nanosecond, negative before 1970.
pub(super) fn encode(time: UnixNanos) -> String {
    let sign = if time.0 < 0 { "-" } else { "" };
    let magnitude = time.0.unsigned_abs();
    format!("{sign}{}.{:09}", magnitude / NANOS, magnitude % NANOS)
}

/// Decimal seconds, seconds with an exponent, or a date: `2017-09-24T19:53:52.5Z`, `2017-09-24 19:53:52.000000000 +0000`.
pub(crate) fn parse(text: &str) -> Option<UnixNanos> {
    decimal(text).or_else(|| exponent(text)).or_else(|| date(text))
}

fn decimal(text: &str) -> Option<UnixNanos> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let seconds = if whole.is_empty() { 0 } else { digits(whole)? };
    let nanos = i128::from(seconds) * i128::from(NANOS) + i128::from(nanos_of_fraction(fraction)?);
    Some(clamp(if negative { -nanos } else { nanos }))
}

fn exponent(text: &str) -> Option<UnixNanos> {
    let seconds: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "a float's cast clamps, which is what is wanted")]
    seconds.is_finite().then_some(UnixNanos((seconds * 1e9) as i64))
}

/// `YYYY-MM-DD`, then `T` or a space, `HH:MM:SS`, a fraction, and a zone as RFC 3339 or RFC 2822 write it.
fn date(text: &str) -> Option<UnixNanos> {
    let (day, clock) = text.split_once(['T', 't', ' '])?;
    let mut parts = day.splitn(3, '-');
    let (year, month, day) = (digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?);
    let clock_end = clock.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(clock_end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute, second) = (digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?);
    if year > 9999
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 24
        || minute > 59
        || second > 60
    {
        return None;
    }
    let days = days_since_1970(i64::try_from(year).ok()?, month, day);
    let of_day = i64::try_from(hour * 3600 + minute * 60 + second).ok()?;
    let seconds = days * 86_400 + of_day - offset(zone.trim())?;
    let nanos = i128::from(seconds) * i128::from(NANOS) + i128::from(nanos_of_fraction(fraction)?);
    Some(clamp(nanos))
}

/// Seconds east of Greenwich. No zone means UTC: every program that leaves it out writes UTC.
fn offset(zone: &str) -> Option<i64> {
    // Go prints the zone twice, `+0000 UTC`.
    let zone = zone.split(' ').next().unwrap_or(zone);
    let east = match zone.chars().next() {
        None => return Some(0),
        Some('+') => 1,
        Some('-') => -1,
        Some(_) => return matches!(zone, "Z" | "z" | "UTC" | "GMT").then_some(0),
    };
    let digits: String = zone.chars().skip(1).filter(|&c| c != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let packed: i64 = digits.parse().ok()?;
    Some(east * (packed / 100 * 3600 + packed % 100 * 60))
}

/// Days of the Gregorian calendar, by Howard Hinnant's `days_from_civil` for years from 0.
fn days_since_1970(year: i64, month: u64, day: u64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let month_from_march = i64::try_from((month + 9) % 12).expect("a month is small");
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::try_from(day).expect("a day is small") - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Nine digits of a fraction; what is finer is cut off.
fn nanos_of_fraction(fraction: &str) -> Option<u64> {
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(digits.fold(0, |nanos, digit| nanos * 10 + u64::from(digit - b'0')))
}

/// A number made of digits alone (`parse` would take a sign).
fn digits(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())).then(|| text.parse().ok())?
}

fn clamp(nanos: i128) -> UnixNanos {
    let bound = if nanos < 0 { i64::MIN } else { i64::MAX };
    UnixNanos(i64::try_from(nanos).unwrap_or(bound))
}

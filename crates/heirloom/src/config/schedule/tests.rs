use super::{cron, timezone};

#[test]
fn five_fields_that_come_due() {
    for text in ["0 3 * * *", "*/15 * * * *", "0 0 29 2 *", "30 4 * * SUN", "@daily", "0 3 L * *"] {
        assert!(cron(text).is_ok(), "{text}: {:?}", cron(text));
    }
    for text in ["", "often", "0 3 * *", "0 0 3 * * *", "60 3 * * *", "0 24 * * *", "0 3 * * * 2026"] {
        assert!(cron(text).unwrap_err().contains("is not a schedule"), "{text}");
    }
}

#[test]
fn a_day_that_never_comes_is_rejected() {
    assert_eq!(cron("0 3 30 2 *").unwrap_err(), "`0 3 30 2 *` never comes due");
    assert_eq!(cron("0 3 31 4,6,9,11 *").unwrap_err(), "`0 3 31 4,6,9,11 *` never comes due");
}

#[test]
fn time_zones_by_name() {
    assert_eq!(timezone("Europe/Berlin"), Ok(chrono_tz::Europe::Berlin));
    assert_eq!(
        timezone("Europe/Berlim").unwrap_err(),
        "`Europe/Berlim` is not a time zone (did you mean `Europe/Berlin`?)"
    );
    assert_eq!(
        timezone("home").unwrap_err(),
        "`home` is not a time zone; write it like Europe/Berlin or UTC"
    );
}

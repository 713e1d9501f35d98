//! Spans of time, as people read them.

/// A span in its largest two units, rounded up.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        3600..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long ago something was.
pub(crate) fn ago(seconds: u64) -> String {
    match seconds {
        0 => "just now".to_owned(),
        1..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded_up() {
        assert_eq!(
            [0, 59, 60, 61, 3600, 5400, 200_000].map(span),
            ["0 s", "59 s", "1 min", "2 min", "1 h 0 min", "1 h 30 min", "2 days"]
        );
    }

    #[test]
    fn times_past_are_rounded_down() {
        assert_eq!(
            [0, 59, 60, 119, 3600, 90_000, 200_000].map(ago),
            ["just now", "59 s ago", "1 min ago", "1 min ago", "1 h ago", "25 h ago", "2 days ago"]
        );
    }
}

//! `START-HERE.html`: what the drive says to someone who has never heard of Heirloom.
//!
//! A page without scripts or anything from elsewhere, readable in any browser in fifty years.

use askama::Template;

/// The page. Times and sizes come as text: this crate knows no time zone.
#[derive(Clone, Debug, Template)]
#[template(path = "start-here.html")]
pub struct Guide {
    /// The machine that keeps the drive.
    pub machine: String,
    /// When the page was written.
    pub written: String,
    /// What the drive holds.
    pub buckets: Vec<GuideBucket>,
}

/// What a drive holds of one bucket.
#[derive(Clone, Debug)]
pub struct GuideBucket {
    /// Whose.
    pub name: String,
    /// When the files last agreed with the cloud's.
    pub synced: Option<String>,
    /// When the latest snapshot in the archive was taken.
    pub latest_snapshot: Option<String>,
    /// How many snapshots the archive holds.
    pub snapshots: usize,
}

impl Guide {
    /// The whole page.
    #[must_use]
    pub fn html(&self) -> String {
        self.render().expect("rendering into memory does not fail")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_leads_to_files_and_history() {
        let bucket = GuideBucket {
            name: "alice".into(),
            synced: Some("20 November 2026, 10:15".into()),
            latest_snapshot: None,
            snapshots: 0,
        };
        let guide = Guide { machine: "attic <pi>".into(), written: "today".into(), buckets: vec![bucket] };
        let html = guide.html();
        assert!(html.contains(r#"href="files/alice/""#));
        assert!(html.contains("archives/alice.git"));
        assert!(html.contains("20 November 2026, 10:15"));
        assert!(!html.contains("<pi>"), "text is escaped");
        assert!(!html.contains("<script") && !html.contains("http"), "nothing runs, nothing is loaded");
    }
}

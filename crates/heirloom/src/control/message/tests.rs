use super::*;
use crate::failure::{Exit, Failure};
use crate::report::{Action, Counts};

#[test]
fn requests_are_one_line_each() {
    let sync =
        Ask::Sync { states: vec!["documents".into()], destination: None, dry_run: false, word: Word::Resync };
    for (ask, line) in [
        (Ask::Status, r#"{"version":3,"ask":"status"}"#),
        (Ask::Fetch, r#"{"version":3,"ask":"fetch"}"#),
        (
            sync,
            r#"{"version":3,"ask":"sync","states":["documents"],"destination":null,"dry_run":false,"word":"resync"}"#,
        ),
    ] {
        let request = Request::new(ask.clone());
        assert_eq!(request.line(), format!("{line}\n"));
        assert_eq!(Request::parse(line), Ok(ask));
    }
}

#[test]
fn another_version_is_told_by_its_number_whatever_it_asks_for() {
    let line = r#"{"version":7,"ask":"levitate","how":["high"]}"#;
    assert_eq!(Request::parse(line), Err(Misunderstood::Version(7)));
}

#[test]
fn what_is_no_request_is_refused() {
    for line in [
        "",
        "status",
        "{}",
        "[]",
        r#"{"version":3}"#,
        r#"{"version":3,"ask":"levitate"}"#,
        r#"{"version":"1","ask":"status"}"#,
    ] {
        assert!(matches!(Request::parse(line), Err(Misunderstood::Unknown(_))), "{line}");
    }
}

#[test]
fn answers_arrive_as_they_were_given() {
    let counts = Counts { files_done: 1, files: 2, bytes_done: 3, bytes: u64::MAX };
    let failure = Failure::new(Exit::Halted, "cause\nin two lines").context("attempt").hint("Look.");
    let said = [
        Said::Result {
            text: "documents → cloud: 1 uploaded".into(),
            json: r#"{"message_type":"synced"}"#.into(),
        },
        Said::Verbatim { text: "upload a\nupload b\n".into() },
        Said::Note { text: String::new() },
        Said::Aside { text: "\u{1b}[1m".into() },
        Said::Failure(failure.told()),
        Said::Progress { action: Action::Syncing, counts },
        Said::NoProgress,
    ];
    let answers = said.into_iter().map(|what| Answer::Said { what }).chain([Answer::End { code: 20 }]);
    for answer in answers {
        let line = answer.line();
        assert_eq!(line.find('\n'), Some(line.len() - 1), "one line: {line}");
        assert_eq!(Answer::parse(&line).unwrap(), answer);
    }
}

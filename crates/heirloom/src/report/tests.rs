use super::{Action, Counts, Format, Look, Message, Repeated, Report, Row, Said, Screen, Verbosity};
use crate::failure::{Colour, Exit, Failure};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// What was written, seen from outside.
#[derive(Clone, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn look(format: Format, verbosity: Verbosity) -> Look {
    Look { format, verbosity, screen: Screen::Plain, colour: Colour::Off }
}

pub(super) fn report(format: Format, verbosity: Verbosity) -> (Report, Paper, Paper) {
    let (results, notes) = (Paper::default(), Paper::default());
    let port = Report::new(look(format, verbosity), Box::new(results.clone()), Box::new(notes.clone()));
    (port, results, notes)
}

#[derive(Serialize)]
struct Synced {
    files: u64,
    folder: &'static str,
}

impl Message for Synced {
    const TYPE: &'static str = "synced";
}

impl fmt::Display for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "synced {} files in {}", self.files, self.folder)
    }
}

impl Row for Synced {
    const TYPE: &'static str = "folder";
    const HEADERS: &'static [&'static str] = &["folder", "files"];

    fn cells(&self) -> Vec<String> {
        vec![self.folder.to_owned(), self.files.to_string()]
    }
}

const ROWS: [Synced; 2] = [Synced { files: 12, folder: "/data/ä" }, Synced { files: 3, folder: "/x" }];

#[test]
fn people_read_texts_and_programs_json() {
    let (port, results, notes) = report(Format::Human, Verbosity::Normal);
    port.say(&ROWS[0]);
    port.table(&ROWS, "nothing");
    port.note("a note");
    assert_eq!(results.text(), "synced 12 files in /data/ä\nFOLDER   FILES\n/data/ä  12\n/x       3\n");
    assert_eq!(notes.text(), "a note\n");

    let (port, results, notes) = report(Format::Json, Verbosity::Normal);
    port.say(&ROWS[0]);
    port.table(&ROWS[1..], "nothing");
    port.note("a note");
    assert_eq!(
        results.text(),
        "{\"message_type\":\"synced\",\"files\":12,\"folder\":\"/data/ä\"}\n\
         {\"message_type\":\"folder\",\"files\":3,\"folder\":\"/x\"}\n"
    );
    assert_eq!(notes.text(), "");
}

#[test]
fn quiet_leaves_out_the_notes() {
    let said = |verbosity| {
        let (port, results, notes) = report(Format::Human, verbosity);
        port.table::<Synced>(&[], "no folders");
        assert_eq!(results.text(), "");
        notes.text()
    };
    assert_eq!(said(Verbosity::Quiet), "");
    assert_eq!(said(Verbosity::Normal), "no folders\n");
}

/// A pipe or disk that takes nothing.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_went_away_is_fine_and_a_full_disk_is_not() {
    let outcome = |kind| {
        let results = Box::new(Broken(kind));
        let port = Report::new(look(Format::Human, Verbosity::Normal), results, Box::new(Paper::default()));
        port.say(&ROWS[0]);
        port.say(&ROWS[1]);
        port.finish().map_err(|error| error.kind())
    };
    assert_eq!(outcome(io::ErrorKind::BrokenPipe), Ok(()));
    assert_eq!(outcome(io::ErrorKind::StorageFull), Err(io::ErrorKind::StorageFull));
}

#[test]
fn log_lines_share_the_way_of_notes() {
    let (mut port, results, notes) = report(Format::Json, Verbosity::Quiet);
    port.write_all(b"{\"level\":\"INFO\"}\n").unwrap();
    assert_eq!((results.text().as_str(), notes.text().as_str()), ("", "{\"level\":\"INFO\"}\n"));
}

/// What is said elsewhere is repeated here, as if it had been said here in the first place.
#[test]
fn what_is_said_elsewhere_looks_the_same_here() {
    let say_all = |port: &Report| {
        port.say(&ROWS[0]);
        port.note("a note");
        port.verbatim("as it is\n");
        port.aside("in any case");
        let failure = Failure::new(Exit::Busy, "cause").context("attempt").hint("Wait.");
        port.fail(&failure);
    };
    for (format, verbosity) in [
        (Format::Human, Verbosity::Normal),
        (Format::Human, Verbosity::Quiet),
        (Format::Json, Verbosity::Normal),
    ] {
        let (here, results, notes) = report(format, verbosity);
        say_all(&here);
        let (repeating, results_there, notes_there) = report(format, verbosity);
        let (sender, receiver) = std::sync::mpsc::channel();
        say_all(&Report::far(move |said| sender.send(said).unwrap()));
        let mut shown = Repeated::default();
        for said in receiver.try_iter() {
            let line = serde_json::to_string(&said).unwrap();
            repeating.repeat(serde_json::from_str(&line).unwrap(), &mut shown);
        }
        assert_eq!(results_there.text(), results.text());
        assert_eq!(notes_there.text(), notes.text());
    }
}

#[test]
fn progress_travels_and_ends() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let far = Report::far(move |said| sender.send(said).unwrap());
    let counts = Counts { files_done: 1, files: 2, bytes_done: 3, bytes: 4 };
    far.progress(Action::Syncing).show(counts);
    let said: Vec<Said> = receiver.try_iter().collect();
    assert_eq!(said, [Said::Progress { action: Action::Syncing, counts }, Said::NoProgress]);
}

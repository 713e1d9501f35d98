use super::*;
use crate::testing::{Scratch, rel};
use std::fs;

fn temporary(scratch: &Scratch, content: &str) -> Temporary {
    let place = scratch.root.place(&rel("f")).unwrap();
    let (temporary, file) = Temporary::create_file(place.directory).unwrap();
    rustix::io::write(&file, content.as_bytes()).unwrap();
    temporary
}

#[test]
fn an_edit_between_the_last_look_and_the_exchange_gets_its_name_back() {
    let scratch = Scratch::new();
    let expected = scratch.write("f", "planned on");
    // By now every check has passed; this is the microsecond that remains.
    scratch.write("f", "edited since");
    let mut ours = temporary(&scratch, "from afar");
    assert_eq!(put_instead(&mut ours, c"f", &expected), Ok(Put::Refused));
    drop(ours);
    assert_eq!(scratch.read("f"), "edited since");
    assert_eq!(scratch.names("."), ["f"]);
}

#[test]
fn so_does_an_edit_that_arrives_by_rename() {
    let scratch = Scratch::new();
    let expected = scratch.write("f", "planned on");
    scratch.write("g", "planned on");
    fs::rename(scratch.path("g"), scratch.path("f")).unwrap();
    let mut ours = temporary(&scratch, "from afar");
    assert_eq!(put_instead(&mut ours, c"f", &expected), Ok(Put::Refused));
    drop(ours);
    assert_eq!((scratch.read("f"), scratch.names(".")), ("planned on".into(), vec!["f".into()]));
}

#[test]
fn what_vanished_is_not_replaced() {
    let scratch = Scratch::new();
    let expected = scratch.write("f", "x");
    fs::remove_file(scratch.path("f")).unwrap();
    let mut ours = temporary(&scratch, "y");
    assert_eq!(put_instead(&mut ours, c"f", &expected), Ok(Put::Refused));
    drop(ours);
    assert!(scratch.names(".").is_empty());
}

#[test]
fn a_file_edited_while_it_is_taken_away_comes_back() {
    let scratch = Scratch::new();
    let expected = scratch.write("f", "planned on");
    scratch.write("f", "edited since");
    let place = scratch.root.place(&rel("f")).unwrap();
    assert_eq!(take_away(&place.directory, c"f", &expected), Ok(Put::Refused));
    assert_eq!((scratch.read("f"), scratch.names(".")), ("edited since".into(), vec!["f".into()]));
    assert_eq!(take_away(&place.directory, c"f", &scratch.stamp("f")), Ok(Put::Done));
    assert!(scratch.names(".").is_empty());
}

#[test]
fn an_edit_whose_name_was_taken_meanwhile_is_kept_under_another() {
    let scratch = Scratch::new();
    scratch.write(".heirloom-tmp-aside", "an edit");
    scratch.write("f", "a second edit");
    let place = scratch.root.place(&rel("f")).unwrap();
    give_name_back(&place.directory, &c".heirloom-tmp-aside".to_owned(), c"f").unwrap();
    let names = scratch.names(".");
    assert_eq!((scratch.read("f"), names.len()), ("a second edit".into(), 2));
    assert!(names[1].starts_with("heirloom-rescued-"), "{names:?}");
    assert_eq!(scratch.read(&names[1]), "an edit");
}

#[test]
fn where_flags_are_unknown_a_link_refuses_as_well() {
    let scratch = Scratch::new();
    scratch.write("from", "new");
    scratch.write("to", "old");
    let directory = scratch.root.place(&rel("f")).unwrap().directory;
    assert_eq!(put_new_by_link(&directory, c"from", &directory, c"to"), Ok(Put::Refused));
    assert_eq!((scratch.read("from"), scratch.read("to")), ("new".into(), "old".into()));
    assert_eq!(put_new_by_link(&directory, c"from", &directory, c"free"), Ok(Put::Done));
    assert_eq!((scratch.names("."), scratch.read("free")), (vec!["free".into(), "to".into()], "new".into()));
    // No file system links directories, so this takes the last way of all.
    fs::create_dir(scratch.path("d")).unwrap();
    assert_eq!(put_new_by_link(&directory, c"d", &directory, c"free"), Ok(Put::Refused));
    assert_eq!(put_new_by_link(&directory, c"d", &directory, c"e"), Ok(Put::Done));
    assert!(scratch.exists("e"));
}

#[test]
fn where_nothing_can_be_exchanged_a_look_comes_right_before() {
    let scratch = Scratch::new();
    let old = scratch.write("f", "planned on");
    scratch.write("f", "edited since");
    let ours = temporary(&scratch, "from afar");
    assert_eq!(put_instead_after_a_look(&ours, c"f", &old), Ok(Put::Refused));
    assert_eq!(scratch.read("f"), "edited since");
    assert_eq!(put_instead_after_a_look(&ours, c"f", &scratch.stamp("f")), Ok(Put::Done));
    drop(ours);
    assert_eq!((scratch.read("f"), scratch.names(".")), ("from afar".into(), vec!["f".into()]));
}

use super::*;
use crate::temporary::{displacing, making, new_id};
use crate::testing::{Scratch, rel};
use crate::{Expect, Found};
use model::{Meta, Stamp};
use std::os::unix::fs::symlink;
use std::sync::mpsc::TryRecvError;

fn text(name: &CString) -> String {
    name.to_str().unwrap().to_owned()
}

#[test]
fn what_a_crash_left_goes_and_what_is_in_the_making_stays() {
    let scratch = Scratch::new();
    let stale = format!("a/{}", text(&making(new_id())));
    scratch.write(&stale, "half a file");
    symlink("x", scratch.path(&format!("a/{}", text(&making(new_id()))))).unwrap();
    let mut live = scratch.root.stage(&rel("a/b/live")).unwrap();
    live.write(b"alive").unwrap();
    scratch.write("a/.heirloom-tmp-notes", "a person's own");
    let swept = scratch.root.sweep().unwrap();
    assert_eq!((swept.removed, swept.rescued.len(), swept.problems.len()), (2, 0, 0));
    assert_eq!(scratch.names("a"), [".heirloom-tmp-notes", "b"]);
    live.place(&Meta::default(), Expect::Absent).unwrap();
    assert_eq!(scratch.read("a/b/live"), "alive");
}

/// What a crash leaves between the exchange and the look at what was displaced.
fn crash_while_displacing(scratch: &Scratch, expected: &Stamp) -> (Found, String) {
    let ours = scratch.root.stage(&rel("d/ours")).unwrap().place(&Meta::default(), Expect::Absent).unwrap();
    let name = format!("d/{}", text(&displacing(new_id(), ours.stamp.inode, expected)));
    std::fs::rename(scratch.path("d/f"), scratch.path(&name)).unwrap();
    std::fs::rename(scratch.path("d/ours"), scratch.path("d/f")).unwrap();
    (ours, name)
}

#[test]
fn a_version_that_was_to_be_replaced_goes() {
    let scratch = Scratch::new();
    let expected = scratch.write("d/f", "old");
    let (_, name) = crash_while_displacing(&scratch, &expected);
    assert_eq!(scratch.root.sweep().unwrap().removed, 1);
    assert!(!scratch.exists(&name) && scratch.exists("d/f"));
}

#[test]
fn an_edit_that_nobody_saw_is_kept_where_it_shows() {
    let scratch = Scratch::new();
    let expected = scratch.write("d/f", "old");
    scratch.write("d/f", "an edit of the last moment");
    crash_while_displacing(&scratch, &expected);
    let swept = scratch.root.sweep().unwrap();
    assert_eq!((swept.removed, swept.rescued.len()), (0, 1));
    assert_eq!(scratch.read(swept.rescued[0].as_str()), "an edit of the last moment");
    assert_eq!(scratch.keys(), ["d/f", swept.rescued[0].as_str()]);
}

#[test]
fn what_had_not_changed_places_yet_goes() {
    let scratch = Scratch::new();
    let expected = scratch.write("f", "old");
    let ours = scratch.write("ours", "new");
    let name = text(&displacing(new_id(), ours.inode, &expected));
    std::fs::rename(scratch.path("ours"), scratch.path(&name)).unwrap();
    assert_eq!(scratch.root.sweep().unwrap().removed, 1);
    assert_eq!((scratch.names("."), scratch.read("f")), (vec!["f".into()], "old".into()));
}

#[test]
fn a_file_that_was_being_removed_goes_unless_it_was_edited() {
    let scratch = Scratch::new();
    for (now, left) in [("seen", 0), ("edited since", 1)] {
        let expected = scratch.write("f", "seen");
        if now != "seen" {
            scratch.write("f", now);
        }
        std::fs::rename(scratch.path("f"), scratch.path(&text(&displacing(new_id(), 0, &expected)))).unwrap();
        assert_eq!(scratch.root.sweep().unwrap().rescued.len(), left);
        assert_eq!(scratch.names(".").len(), left);
    }
}

#[test]
fn a_symlink_leads_no_sweep_astray() {
    let scratch = Scratch::new();
    let stale = scratch.outside().join(text(&making(new_id())));
    std::fs::write(&stale, "").unwrap();
    symlink(scratch.outside(), scratch.path("out")).unwrap();
    assert_eq!(scratch.root.sweep().unwrap().removed, 0);
    assert!(stale.exists());
}

#[test]
fn sweeping_while_others_work_harms_nobody() {
    let scratch = Scratch::new();
    let (working, done) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let scratch = &scratch;
        scope.spawn(move || {
            while done.try_recv() == Err(TryRecvError::Empty) {
                assert!(scratch.root.sweep().unwrap().rescued.is_empty());
            }
        });
        // Dropped at the end or by a panic, it ends the sweeping.
        let _working = working;
        let mut stamp: Option<Stamp> = None;
        for round in 0..150 {
            let mut staged = scratch.root.stage(&rel("d/f")).unwrap();
            staged.write(format!("{round}").as_bytes()).unwrap();
            let expect = stamp.map_or(Expect::Absent, Expect::Unchanged);
            stamp = Some(staged.place(&Meta::default(), expect).unwrap().stamp);
            assert_eq!(scratch.read("d/f"), round.to_string());
            scratch.root.place_symlink(&rel("l"), b"x", &Meta::default(), Expect::Absent).unwrap();
            scratch.root.remove(&rel("l"), &scratch.stamp("l"), &|_| false).unwrap();
        }
    });
    assert_eq!(scratch.keys(), ["d/f"]);
}

#[test]
fn what_waits_to_be_gone_on_with_waits_a_week() {
    let scratch = Scratch::new();
    scratch.write("d/other", "");
    let begin = || scratch.root.stage_resumable(&rel("d/f"), "v1").unwrap();
    begin().write(b"begun").unwrap();
    let now = SystemTime::now();
    let sweep = |at| scratch.root.sweep_but(Spare::UnfinishedAt(at)).unwrap().removed;
    assert_eq!((sweep(now), sweep(now + WAIT_MAX / 2), sweep(now - WAIT_MAX / 2)), (0, 0, 0));
    let working = begin();
    assert_eq!((working.length(), sweep(now + WAIT_MAX * 2)), (5, 0));
    drop(working);
    assert_eq!(sweep(now - WAIT_MAX * 2), 1);
    begin().write(b"begun").unwrap();
    assert_eq!(sweep(now + WAIT_MAX * 2), 1);
    assert_eq!(scratch.names("d"), ["other"]);
}

#[test]
fn a_name_like_a_temporarys_is_a_persons() {
    let scratch = Scratch::new();
    let id = "0123456789abcdef";
    let names = [format!("d/.heirloom-tmp-{id}"), format!("d/.heirloom-tmp-{id}-{id}")];
    for name in &names {
        scratch.write(name, "a person's");
    }
    let swept = scratch.root.sweep_but(Spare::Nothing).unwrap();
    assert_eq!((swept.removed, swept.rescued.len(), scratch.names("d").len()), (0, 0, 2));
}

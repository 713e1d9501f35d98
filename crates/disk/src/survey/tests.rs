use super::*;
use crate::digest_of;
use crate::testing::{Scratch, is_changed, noise, rel};
use std::fs;

#[test]
fn a_pass_tells_what_two_would() {
    let scratch = Scratch::new();
    for size in [0, 5, BLOCK - 1, BLOCK, 9 * BLOCK + 17] {
        let bytes = noise(7, size);
        fs::write(scratch.path("f"), &bytes).unwrap();
        let surveyed = scratch.root.survey(&rel("f"), &scratch.stamp("f"), None).unwrap();
        let mut chunker = Chunker::new();
        chunker.update(&bytes);
        assert_eq!((surveyed.content, &surveyed.chunks), (digest_of(&bytes), &chunker.finish()), "{size}");
        for step in [1000, 3 * BLOCK] {
            let mut survey = Survey::new();
            bytes.chunks(step).for_each(|part| survey.update(part));
            let stepped = survey.finish();
            assert_eq!(
                (stepped.content, &stepped.chunks),
                (surveyed.content, &surveyed.chunks),
                "{size} in steps of {step}"
            );
        }
    }
}

#[test]
fn another_version_is_not_surveyed() {
    let scratch = Scratch::new();
    let old = scratch.write("f", "one");
    scratch.write("f", "two");
    assert!(is_changed(scratch.root.survey(&rel("f"), &old, None)));
}

#[test]
fn an_abandoned_survey_ends() {
    let mut survey = Survey::new();
    survey.update(&noise(9, 3 * BLOCK));
    drop(survey);
}

#[test]
fn a_changed_file_is_surveyed_from_its_change_on() {
    let scratch = Scratch::new();
    let old = noise(3, 21 * BLOCK + 5);
    let survey = |bytes: &[u8], before: Option<&Surveyed>| {
        fs::write(scratch.path("f"), bytes).unwrap();
        scratch.root.survey(&rel("f"), &scratch.stamp("f"), before).unwrap()
    };
    let before = survey(&old, None);
    assert_eq!(before.waypoints.up_to(u64::MAX).1.map(|(offset, _)| offset), Some(20 * BLOCK as u64));
    assert_eq!(Waypoints::from_bytes(before.waypoints.as_bytes().to_vec()), before.waypoints);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut new = old.clone();
        change(&mut new);
        new
    };
    let at = 15 * BLOCK + 77;
    for new in [
        old.clone(),
        changed(&|bytes| bytes[at] ^= 1),
        changed(&|bytes| bytes[0] ^= 1),
        changed(&|bytes| bytes.extend_from_slice(b"and more")),
        changed(&|bytes| bytes.truncate(at)),
        changed(&|bytes| bytes.truncate(5)),
        changed(&|bytes| drop(bytes.splice(at..at, *b"inserted"))),
        Vec::new(),
    ] {
        let (fresh, again) = (survey(&new, None), survey(&new, Some(&before)));
        assert_eq!((again.content, &again.chunks), (fresh.content, &fresh.chunks), "{}", new.len());
        assert_eq!(again.content, digest_of(&new));
        // What is known of this one serves the next, too.
        let next = [&new[..], b"next"].concat();
        assert_eq!(survey(&next, Some(&again)).content, digest_of(&next));
    }
    let unknown = Surveyed { waypoints: Waypoints::from_bytes(vec![1, 2, 3]), ..before };
    assert_eq!(survey(&old[..at], Some(&unknown)).content, digest_of(&old[..at]));
}

#[test]
fn nothing_is_hashed_that_is_known() {
    let scratch = Scratch::new();
    let bytes = noise(3, 13 * BLOCK);
    fs::write(scratch.path("f"), &bytes).unwrap();
    let mut before = scratch.root.survey(&rel("f"), &scratch.stamp("f"), None).unwrap();
    // Told a wrong content, it is believed: neither here nor in front of the waypoint anything was hashed.
    before.content = digest_of(b"another");
    assert_eq!(scratch.root.survey(&rel("f"), &scratch.stamp("f"), Some(&before)).unwrap(), before);
    let mut wrong = Survey::new();
    noise(4, 13 * BLOCK).chunks(BLOCK).for_each(|block| wrong.update(block));
    before.waypoints = wrong.finish().waypoints;
    fs::write(scratch.path("f"), [&bytes[..], b"more"].concat()).unwrap();
    let after = scratch.root.survey(&rel("f"), &scratch.stamp("f"), Some(&before)).unwrap();
    assert_ne!(after.content, digest_of(&[&bytes[..], b"more"].concat()));
}

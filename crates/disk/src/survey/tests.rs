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
        let surveyed = scratch.root.survey(&rel("f"), &scratch.stamp("f")).unwrap();
        let mut chunker = Chunker::new();
        chunker.update(&bytes);
        assert_eq!(surveyed, Surveyed { content: digest_of(&bytes), chunks: chunker.finish() }, "{size}");
        for step in [1000, 3 * BLOCK] {
            let mut survey = Survey::new();
            bytes.chunks(step).for_each(|part| survey.update(part));
            assert_eq!(survey.finish(), surveyed, "{size} in steps of {step}");
        }
    }
}

#[test]
fn another_version_is_not_surveyed() {
    let scratch = Scratch::new();
    let old = scratch.write("f", "one");
    scratch.write("f", "two");
    assert!(is_changed(scratch.root.survey(&rel("f"), &old)));
}

#[test]
fn an_abandoned_survey_ends() {
    let mut survey = Survey::new();
    survey.update(&noise(9, 3 * BLOCK));
    drop(survey);
}

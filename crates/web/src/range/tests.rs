use super::*;

#[test]
fn every_form_of_rfc_9110() {
    for (header, expected) in [
        (None, Wanted::Whole),
        (Some("bytes=0-499"), Wanted::Part(0..500)),
        (Some("bytes=500-999"), Wanted::Part(500..1000)),
        (Some("bytes=500-"), Wanted::Part(500..1000)),
        (Some("bytes=-300"), Wanted::Part(700..1000)),
        (Some("bytes=-3000"), Wanted::Part(0..1000)),
        (Some("bytes=900-5000"), Wanted::Part(900..1000)),
        (Some("bytes=0-0"), Wanted::Part(0..1)),
        (Some("bytes=999-999"), Wanted::Part(999..1000)),
        (Some("bytes=1000-"), Wanted::Beyond),
        (Some("bytes=99999999999999999999999-"), Wanted::Beyond),
        (Some("bytes=0-99999999999999999999999"), Wanted::Part(0..1000)),
        (Some("bytes=-0"), Wanted::Beyond),
        (Some("bytes=5-2"), Wanted::Whole),
        (Some("bytes=0-1,5-6"), Wanted::Whole),
        (Some("bytes=-"), Wanted::Whole),
        (Some("bytes=a-b"), Wanted::Whole),
        (Some("bytes=+1-2"), Wanted::Whole),
        (Some("lines=1-2"), Wanted::Whole),
    ] {
        assert_eq!(parse(header, 1000), expected, "{header:?}");
    }
    assert_eq!(parse(Some("bytes=0-"), 0), Wanted::Beyond);
    assert_eq!(parse(Some("bytes=-5"), 0), Wanted::Beyond);
}

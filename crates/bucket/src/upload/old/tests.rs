use super::*;

#[test]
fn only_what_is_older_than_a_week_is_old() {
    let upload = "<Key>a&amp;b</Key><UploadId>u1</UploadId><Initiated>2022-11-06T08:00:00.250Z</Initiated>";
    let begun = 1_667_721_600;
    assert_eq!(old_upload(upload, begun + AGE_MAX_SECONDS), None);
    assert_eq!(old_upload(upload, begun + AGE_MAX_SECONDS + 1), Some(("a&b".into(), UploadId::new("u1"))));
    assert_eq!(old_upload(upload, begun - AGE_MAX_SECONDS * 2), None);
    assert_eq!(old_upload("<Key>a</Key><UploadId>u1</UploadId>", i64::MAX), None);
}

use super::*;

#[test]
fn states_follow_clans_grammar() {
    for good in ["documents", "Photos_2026", "a", "-"] {
        assert!(StateName::new(good).is_ok(), "{good}");
    }
    for bad in ["", "a b", "a/b", "é", "..", ".heirloom"] {
        assert!(StateName::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn buckets_follow_s3s_rule() {
    for good in ["alice", "a-b", "123"] {
        assert!(BucketName::new(good).is_ok(), "{good}");
    }
    for bad in ["al", "Alice", "a.b", "-ab", "ab-", "a_b", "../x"] {
        assert!(BucketName::new(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_error_names_the_rule() {
    let error = UserName::new("Al ice").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`Al ice` is not a user name: 3 to 63 lower-case letters, digits or `-`, \
         starting and ending with a letter or digit"
    );
}

#[test]
fn buckets_of_other_stores_may_have_dots() {
    for fit in ["photos.anna.example", "a-b", "192.168.5.4x"] {
        assert_eq!(BucketName::of_any_store(fit).unwrap().as_str(), fit);
    }
    for unfit in ["a..b", ".ab", "ab.", "a_b", "Ab.c", "192.168.5.4", "ab"] {
        assert!(BucketName::of_any_store(unfit).is_err(), "{unfit}");
    }
    assert!(BucketName::new("photos.anna").is_err(), "it would be a repository's");
}

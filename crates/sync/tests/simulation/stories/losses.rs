//! Contents that were almost lost.

use super::Story;
use crate::world::{Cue, State, Twist};
use std::collections::BTreeSet;
use sync::Error;

/// By all that can be seen, it is the file that was agreed upon, and the bucket has none.
#[test]
fn what_is_moved_back_after_a_deletion_that_nobody_heard_of_is_kept() {
    Story::tell(2, async |story| {
        story.write(0, "d/a", "one");
        story.sync(0).await;
        story.sync(1).await;
        story.rename(0, "d/a", "a");
        story.cue("delete", "d/a", |_, _| Twist::Unanswered);
        assert!(matches!(story.run(0).await, Err(Error::Remote(_))));
        assert_eq!(story.in_bucket("d/a"), None);

        story.rename(0, "a", "d/a");
        story.sync(0).await;
        story.sync(1).await;
        assert_eq!(story.in_bucket("d/a").as_deref(), Some("one"));
        for machine in [0, 1] {
            assert_eq!(story.read(machine, "d/a").as_deref(), Some("one"));
            assert_eq!(story.read(machine, "a"), None);
        }
    });
}

/// What the journal was told right before the effect outlasts the machine, as it says of itself.
#[test]
fn what_is_moved_back_after_a_deletion_that_the_power_failed_upon_is_kept() {
    Story::tell(2, async |story| {
        story.write(0, "d/a", "one");
        story.sync(0).await;
        story.sync(1).await;
        story.rename(0, "d/a", "a");
        story.may_lose_power(0);
        story.cue("delete", "d/a", |_, _| Twist::Unanswered);
        assert!(matches!(story.run(0).await, Err(Error::Remote(_))));
        story.0.lock().machines[0].is_dark = true;

        story.rename(0, "a", "d/a");
        story.sync(0).await;
        story.sync(1).await;
        assert_eq!(story.in_bucket("d/a").as_deref(), Some("one"));
        assert_eq!(story.read(0, "d/a").as_deref(), Some("one"));
        assert_eq!(story.read(1, "d/a").as_deref(), Some("one"));
    });
}

/// What the cloud had in between is in the folder, and nobody wrote it there.
#[test]
fn what_was_received_before_a_death_is_not_sent_when_the_cloud_is_as_it_was() {
    Story::tell(2, async |story| {
        story.write(0, "a", "one");
        story.write(0, "b", "two");
        story.sync(0).await;
        story.sync(1).await;
        swap(&story, "one", "two");
        story.sync(0).await;
        story.cue("write", "b", |state, _| {
            let act = |_: &mut State, _| Twist::Refused;
            state.cue = Some(Cue { what: "make durable", key: "1", act });
            Twist::Refused
        });
        assert!(story.run(1).await.is_err());
        assert_eq!(story.read(1, "a").as_deref(), Some("two"));
        assert_eq!(story.read(1, "b").as_deref(), Some("two"));

        swap(&story, "two", "one");
        story.sync(0).await;
        for machine in [1, 0] {
            story.sync(machine).await;
            assert_eq!(story.read(machine, "a").as_deref(), Some("one"));
            assert_eq!(story.read(machine, "b").as_deref(), Some("two"));
        }
    });
}

/// What the folder had in between is in the cloud, and for all that is known somebody else sent it.
#[test]
fn what_was_sent_before_a_death_does_not_cost_what_the_folder_has_again() {
    Story::tell(1, async |story| {
        story.write(0, "a", "one");
        story.write(0, "b", "two");
        story.sync(0).await;
        swap(&story, "one", "two");
        story.cue("put", "a", |_, _| Twist::Unanswered);
        assert!(story.run(0).await.is_err());
        assert_eq!(story.in_bucket("a").as_deref(), Some("two"));
        assert_eq!(story.in_bucket("b").as_deref(), Some("two"));

        swap(&story, "two", "one");
        assert_eq!(story.sync(0).await.conflicts.len(), 1);
        assert_eq!(story.read(0, &story.copies(0)[0]).as_deref(), Some("one"));
        assert_eq!(story.in_bucket(&story.copies(0)[0]).as_deref(), Some("one"));
    });
}

/// Exchanges what machine 0 has in two files, as with three renames.
fn swap(story: &Story, a: &str, b: &str) {
    assert_eq!(story.read(0, "a").as_deref(), Some(a));
    story.write(0, "a", b);
    story.write(0, "b", a);
}

/// The doubt about a server that was put back does not end for what nobody looked at.
#[test]
fn what_a_restored_server_shows_once_a_rule_has_ended_costs_nothing() {
    Story::tell(1, async |story| {
        story.write(0, "d/a", "old");
        story.write(0, "b", "of no account");
        story.sync(0).await;
        story.0.lock().bucket.back_up();
        story.write(0, "d/a", "new");
        story.sync(0).await;
        story.leave_alone(0, &["d"]);
        story.restore_server();
        story.sync(0).await;
        story.leave_alone(0, &[]);
        story.sync(0).await;
        assert_eq!(story.copies(0).len(), 1);
        let versions = BTreeSet::from([story.read(0, "d/a"), story.read(0, &story.copies(0)[0])]);
        assert_eq!(versions, BTreeSet::from(["old", "new"].map(|text| Some(text.to_owned()))));
    });
}

/// One person has moved it to the one name, the other one back.
#[test]
fn what_two_people_have_moved_past_each_other_is_kept() {
    Story::tell(2, async |story| {
        story.write(0, "a", "a");
        story.write(0, "b", "b");
        story.sync(0).await;
        story.sync(1).await;
        swap(&story, "a", "b");
        story.sync(0).await;
        story.cue("write", "a", |_, _| Twist::Refused);
        story.sync(1).await;
        assert_eq!(story.read(1, "b").as_deref(), Some("a"), "half of it came");
        story.remove(1, "a");
        story.rename(1, "b", "a");
        story.sync(1).await;
        story.sync(0).await;
        let names = ["a".to_owned(), story.copies(0).pop().unwrap()];
        let versions: BTreeSet<_> = names.iter().filter_map(|name| story.read(0, name)).collect();
        assert_eq!(versions, BTreeSet::from(["a", "b"].map(ToOwned::to_owned)));
    });
}

/// Each of two people trusts in the twin that the other one does away with, or moves over the other name.
#[test]
fn a_content_that_each_of_two_people_still_has_under_a_name_is_kept() {
    let acts: [fn(&Story, usize, &str, &str); 3] = [
        |story, machine, gone, _| story.remove(machine, gone),
        |story, machine, gone, kept| story.rename(machine, gone, kept),
        |story, machine, gone, kept| {
            story.write(machine, kept, "one");
            story.remove(machine, gone);
        },
    ];
    for (first, second) in [(0, 0), (1, 1), (2, 2), (0, 1), (1, 0), (2, 1), (0, 2)] {
        for order in [[0, 1, 0], [1, 0, 1]] {
            Story::tell(2, async |story| {
                story.write(0, "a", "one");
                story.write(0, "b", "one");
                story.sync(0).await;
                story.sync(1).await;
                acts[first](&story, 0, "a", "b");
                acts[second](&story, 1, "b", "a");
                for machine in order {
                    story.sync(machine).await;
                }
                let holds = |machine| {
                    let held = ["a", "b"].map(|name| story.read(machine, name));
                    held.iter().filter(|held| held.as_deref() == Some("one")).count()
                };
                let (here, there) = (holds(0), holds(1));
                assert!(here > 0 && here == there, "{first} {second} {order:?}: {here} and {there}");
                assert_eq!(story.copies(0), [""; 0]);
            });
        }
    }
}

/// What a store answers to a write does not tell the time that it gave to the object; only a listing does.
#[test]
fn permissions_that_were_set_before_the_writer_had_listed_what_it_wrote_arrive() {
    Story::tell(2, async |story| {
        let story = story.without_feed();
        story.write(0, "paper", "one");
        story.cue("put", "paper", |state, _| {
            state.cue = Some(Cue { what: "list", key: "", act: |_, _| Twist::Lost });
            Twist::None
        });
        assert!(matches!(story.run(0).await, Err(Error::Remote(_))));
        story.sync(1).await;
        story.chmod(1, "paper", 0o755);
        story.sync(1).await;
        story.sync(0).await;
        assert_eq!(story.mode(0, "paper"), Some(0o755));
    });
}

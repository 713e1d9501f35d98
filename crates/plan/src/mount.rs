//! Whether what is below a mount point is decided upon: whether the disk is there that was synced.
//!
//! A disk that is away leaves an empty directory in its place, or what other programs write there meanwhile, and another disk has other files;
//! path by path, either looks as if a person had deleted and changed files. Only of the very disk that was synced may anything be missing. Where
//! it cannot be told which disk it is, most of what was on it has to be there.

use model::{DiskId, ObjectKey, RelPath};
use std::collections::BTreeMap;

/// What is mounted at a point now, compared with what was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is, and something was.
    Away,
    /// The same disk.
    Same,
    /// Another disk, or one where nothing was known to be mounted.
    Another,
    /// Something, as before; whether it is the same cannot be told.
    Untold,
}

impl Standing {
    /// By what is known of a point and what is mounted there now, each with which disk that is, if that can be told. `None`: it is no mount point.
    #[must_use]
    pub fn of(known: Option<Option<&DiskId>>, now: Option<Option<&DiskId>>) -> Option<Self> {
        Some(match (known, now) {
            (None, None) => return None,
            (Some(_), None) => Self::Away,
            (Some(Some(known)), Some(Some(now))) if known == now => Self::Same,
            (None, Some(_)) | (Some(Some(_)), Some(Some(_))) => Self::Another,
            (Some(_), Some(_)) => Self::Untold,
        })
    }
}

/// What the local side shows of the files below a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Below {
    /// Agreed upon, and there as agreed.
    pub intact: u64,
    /// Agreed upon, and there in another version.
    pub changed: u64,
    /// Agreed upon, and not there.
    pub gone: u64,
    /// Agreed upon, and not looked at, because a rule leaves them alone.
    pub resting: u64,
    /// Not agreed upon, and on the remote side alone.
    pub waiting: u64,
    /// Whether a rule leaves all of it alone.
    pub is_covered: bool,
}

impl Below {
    /// The same where a rule leaves all of it alone, be it from now on: nothing was looked at.
    #[must_use]
    pub fn at_rest(self) -> Self {
        Self { intact: 0, resting: self.resting + self.intact, is_covered: true, ..self }
    }

    /// The same without what is part of it.
    #[must_use]
    pub fn without(self, part: &Self) -> Self {
        Self {
            intact: self.intact.saturating_sub(part.intact),
            changed: self.changed.saturating_sub(part.changed),
            gone: self.gone.saturating_sub(part.gone),
            resting: self.resting.saturating_sub(part.resting),
            waiting: self.waiting.saturating_sub(part.waiting),
            is_covered: self.is_covered,
        }
    }
}

/// What is made of a mount point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is a directory like any other from now on.
    Forget,
    /// It stays known as it is: nothing is decided below it, and so nothing is found out.
    Leave,
    /// It is the place of what is mounted there now.
    Remember,
    /// Both sides are left alone below it, until a person has looked.
    Doubt(Doubt),
}

/// What is the matter with a mount point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The disk is not there.
    Away {
        /// How many of its files are not there as they were.
        lost: u64,
    },
    /// The same, and nothing is agreed upon there any more.
    Unagreed {
        /// How many files the remote side has for it.
        waiting: u64,
    },
    /// Another disk is there.
    Another,
}

/// What is the matter with mount points.
pub type Doubts = BTreeMap<ObjectKey, Doubt>;

impl Doubt {
    /// What a person is told of it.
    #[must_use]
    pub fn said_of(&self, point: &RelPath) -> String {
        let files = |count: u64| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        let what = match self {
            Self::Away { lost } => {
                let files = files(*lost);
                format!("the disk that was mounted at {point} is not there, with {files} missing or changed")
            }
            Self::Unagreed { waiting } => {
                let files = files(*waiting);
                format!(
                    "the disk that was mounted at {point} is not there, with {files} waiting to be received"
                )
            }
            Self::Another => format!("{point} holds another disk than the one that was synced there"),
        };
        format!("{what}; nothing below it is touched on either side until that disk is back")
    }
}

/// Those of these points that lie below no other one.
pub fn top_level<'p>(points: impl Iterator<Item = &'p ObjectKey>) -> Vec<&'p ObjectKey> {
    let mut tops: Vec<&ObjectKey> = Vec::new();
    for point in points {
        // In their order, what lies below a directory comes right after it.
        if !tops.last().is_some_and(|top| point.as_str().starts_with(top.as_str())) {
            tops.push(point);
        }
    }
    tops
}

/// Only the outermost of several points can be seen.
#[must_use]
pub fn outermost(mut doubts: Doubts) -> Doubts {
    let tops: Vec<ObjectKey> = top_level(doubts.keys()).into_iter().cloned().collect();
    doubts.retain(|point, _| tops.contains(point));
    doubts
}

/// What is made of a point that stands so, with this below it. `doubted`: whether it was in doubt already. Should the folder or the bucket have been
/// another one meanwhile, nothing is agreed upon there any more, and yet the disk is not back.
#[must_use]
pub fn verdict(standing: Standing, doubted: bool, below: &Below) -> Verdict {
    let Below { intact, changed, gone, resting, waiting, is_covered } = *below;
    let lost = changed + gone;
    let waits = doubted && waiting > 0;
    match standing {
        Standing::Away if lost > 0 => Verdict::Doubt(Doubt::Away { lost }),
        // Somebody has copied the disk into the directory.
        Standing::Away if intact > 0 => Verdict::Forget,
        Standing::Away if waits => Verdict::Doubt(Doubt::Unagreed { waiting }),
        Standing::Away | Standing::Another if intact == 0 && resting > 0 && is_covered => Verdict::Leave,
        // What is not looked at may be missing, and what came instead would be missing once the disk is back.
        Standing::Away if resting > 0 => Verdict::Doubt(Doubt::Away { lost: resting }),
        Standing::Away => Verdict::Forget,
        Standing::Another if lost > 0 || waits => Verdict::Doubt(Doubt::Another),
        Standing::Another if intact == 0 && resting > 0 => Verdict::Doubt(Doubt::Another),
        // Two disks may have a file in common, and a person seldom deletes most of one.
        Standing::Untold if gone > intact || intact == 0 && waits => Verdict::Doubt(Doubt::Another),
        Standing::Same | Standing::Another | Standing::Untold => Verdict::Remember,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_the_same_only_if_both_are_told() {
        let (one, two) = (DiskId::new("uuid 1 /"), DiskId::new("uuid 2 /"));
        let (one, two) = (Some(Some(&one)), Some(Some(&two)));
        let untold = Some(None);
        let table = [
            (None, None, None),
            (one, None, Some(Standing::Away)),
            (untold, None, Some(Standing::Away)),
            (None, one, Some(Standing::Another)),
            (None, untold, Some(Standing::Another)),
            (one, one, Some(Standing::Same)),
            (one, two, Some(Standing::Another)),
            (one, untold, Some(Standing::Untold)),
            (untold, one, Some(Standing::Untold)),
            (untold, untold, Some(Standing::Untold)),
        ];
        for (known, now, standing) in table {
            assert_eq!(Standing::of(known, now), standing, "{known:?} {now:?}");
        }
    }

    #[test]
    fn of_points_below_each_other_the_outermost_is_told() {
        let key = |key: &str| ObjectKey::parse(key).unwrap();
        let points = ["a-b/", "a/", "a/b/", "a/b/c/", "a0/", "b/c/", "b/d/"].map(key);
        let told = outermost(points.iter().map(|point| (point.clone(), Doubt::Another)).collect());
        assert_eq!(told.into_keys().collect::<Vec<_>>(), ["a-b/", "a/", "a0/", "b/c/", "b/d/"].map(key));
        assert_eq!(top_level(points[2..4].iter()), [&points[2]]);
    }

    #[test]
    fn only_of_the_very_disk_anything_may_be_missing() {
        use Standing::{Another, Away, Same, Untold};
        use Verdict::{Forget, Leave, Remember};
        const AWAY: Verdict = Verdict::Doubt(Doubt::Away { lost: 2 });
        const OTHER: Verdict = Verdict::Doubt(Doubt::Another);
        let nothing = Below::default();
        let intact = Below { intact: 3, ..nothing };
        let gone = Below { gone: 2, ..nothing };
        let changed = Below { changed: 2, ..nothing };
        let resting = Below { resting: 2, ..nothing };
        let waiting = Below { waiting: 2, ..nothing };
        let some = |below: Below| Below { intact: 3, ..below };
        let table = [
            (nothing, [Forget, Remember, Remember, Remember]),
            (intact, [Forget, Remember, Remember, Remember]),
            (gone, [AWAY, Remember, OTHER, OTHER]),
            (changed, [AWAY, Remember, OTHER, Remember]),
            (resting, [AWAY, Remember, OTHER, Remember]),
            (resting.at_rest(), [Leave, Remember, Leave, Remember]),
            (intact.at_rest(), [Leave, Remember, Leave, Remember]),
            (waiting, [Forget, Remember, Remember, Remember]),
            (some(gone), [AWAY, Remember, OTHER, Remember]),
            (some(changed), [AWAY, Remember, OTHER, Remember]),
            (some(resting), [Forget, Remember, Remember, Remember]),
            (some(waiting), [Forget, Remember, Remember, Remember]),
            (Below { resting: 1, ..gone }, [AWAY, Remember, OTHER, OTHER]),
            (Below { intact: 1, ..gone }, [AWAY, Remember, OTHER, OTHER]),
        ];
        for (below, expected) in table {
            let found = [Away, Same, Another, Untold].map(|standing| verdict(standing, false, &below));
            assert_eq!(found, expected, "{below:?}");
            if below.waiting == 0 {
                let doubted = [Away, Same, Another, Untold].map(|standing| verdict(standing, true, &below));
                assert_eq!(doubted, expected, "{below:?}, in doubt already");
            }
        }
        let doubted =
            |below: Below| [Away, Same, Another, Untold].map(|standing| verdict(standing, true, &below));
        let unagreed = Verdict::Doubt(Doubt::Unagreed { waiting: 2 });
        assert_eq!(doubted(waiting), [unagreed, Remember, OTHER, OTHER]);
        assert_eq!(doubted(Below { resting: 1, ..waiting }), [unagreed, Remember, OTHER, OTHER]);
        assert_eq!(doubted(some(waiting)), [Forget, Remember, OTHER, Remember]);
    }
}

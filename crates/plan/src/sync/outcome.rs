//! What planning returns: data that prints itself and that an executor carries out without deciding.

use super::place::Step;
use model::{ByteSize, Kind, Node, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One of the two sides of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The machine's folder.
    Local,
    /// Its place in the bucket.
    Remote,
}

impl Side {
    /// The opposite side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Local => Self::Remote,
            Self::Remote => Self::Local,
        }
    }

    /// `local` or `remote`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

/// Which sides may be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    #[default]
    TwoWay,
    /// Only the remote side, which follows the local one.
    Push,
    /// Only the local side, which follows the remote one.
    Pull,
}

impl Direction {
    /// The side that is followed and never written, if there is one.
    #[must_use]
    pub fn leads(self) -> Option<Side> {
        match self {
            Self::TwoWay => None,
            Self::Push => Some(Side::Local),
            Self::Pull => Some(Side::Remote),
        }
    }

    /// Whether `side` may be written.
    #[must_use]
    pub fn writes(self, side: Side) -> bool {
        self.leads() != Some(side)
    }

    /// The side whose version of a path gives up the name when both want it.
    #[must_use]
    pub fn yields(self) -> Side {
        self.leads().map_or(Side::Local, Side::other)
    }
}

/// What planning comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Carry this out.
    Proceed(Plan),
    /// Do nothing until a person has looked.
    Halt(Halt),
}

/// Everything to be done, and everything to be remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// First: versions that move out of each other's way.
    pub conflicts: Vec<Conflict>,
    /// Then: these, phase by phase.
    pub actions: Vec<Action>,
    /// Files that only get another name on a side; none of the actions is about them.
    pub moves: Vec<Move>,
    /// What is already so and needs only to be remembered.
    pub settled: Vec<Settled>,
    /// Files that the side that follows does not get.
    pub left: Vec<(ObjectKey, Left)>,
    /// Directories that stand for themselves once the plan is carried out: not to be tidied away.
    pub directories: BTreeSet<ObjectKey>,
}

impl Plan {
    /// Whether there is nothing to do on either side.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conflicts.is_empty() && self.actions.is_empty() && self.moves.is_empty()
    }

    /// Takes up a step about `key`.
    pub fn add(&mut self, key: &ObjectKey, step: Step) {
        match step {
            Step::Conflict(conflict) => self.conflicts.push(conflict),
            Step::Act(action) => self.actions.push(action),
            Step::Settled(settled) => self.settled.push(settled),
            Step::Left(left) => self.left.push((key.clone(), left)),
            Step::Stands => drop(self.directories.insert(key.clone())),
        }
    }

    /// Brings the steps into the order in which they are carried out.
    pub fn sort(&mut self) {
        self.conflicts.sort_by(|one, other| one.key.cmp(&other.key));
        self.actions.sort_by(|one, other| {
            (one.phase, &one.key, one.side).cmp(&(other.phase, &other.key, other.side))
        });
    }
}

/// A file that gets another name on a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which side is written.
    pub side: Side,
    /// The name that it has there.
    pub from: ObjectKey,
    /// The name that it gets.
    pub to: ObjectKey,
}

/// One change of one path on one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Which side is written.
    pub side: Side,
    /// At which key.
    pub key: ObjectKey,
    /// What must still be there; the executor refuses otherwise.
    pub expect: Option<Node>,
    /// What to do.
    pub change: Change,
    /// When, relative to the others.
    pub phase: Phase,
}

/// What to do at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Bring over what the other side holds at the same key.
    Write(Written),
    /// Adopt the other side's time and permissions.
    SetMeta(Written),
    /// Remove it.
    Delete,
}

/// A node to be written, as the other side shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written(pub Node);

/// The order of actions: those of one phase commute, phases do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Deletions without which a write could not happen (a file where a directory is to be, or the reverse).
    ClearTheWay,
    /// Writes.
    Write,
    /// All other deletions: after the writes, so that a crash leaves rather too much than too little.
    Tidy,
    /// Directories that stand for themselves: last, because one that forbids writing would keep out its own files.
    Furnish,
}

/// Two versions that both want one name. Both are kept: one of them is renamed, and that is all.
///
/// What follows (the copy reaching the other side, the other version taking the name) is ordinary work for
/// the next cycle, so a crash in between needs no care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The contested key.
    pub key: ObjectKey,
    /// The key under which the yielding version goes on.
    pub copy: ObjectKey,
    /// What contests it.
    pub with: InTheWay,
    /// On which sides to rename, and what must still be there.
    pub moves: BTreeMap<Side, Node>,
}

/// What a yielding version makes way for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InTheWay {
    /// The other side's version.
    Version,
    /// A directory of that name. The file yields, because a directory cannot be renamed without
    /// renaming all it holds.
    Directory,
}

/// Why the side that follows does not get a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It has a directory of its own in its place.
    Directory,
    /// It has a file, as the side that leads does, where a directory above would have to be.
    File,
    /// It has a version of its own in its place that was set aside before: a second machine that leads there would go on for ever.
    Insisted,
    /// It has a version of its own in its place of which nobody can tell whether it was set aside before.
    Unknown,
}

/// A change of the base that needs no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Both sides hold this.
    Agree {
        /// Where.
        key: ObjectKey,
        /// As the local side shows it.
        local: Node,
        /// As the remote side shows it.
        remote: Node,
    },
    /// Neither side holds anything.
    Forget {
        /// Where.
        key: ObjectKey,
    },
    /// What was agreed on counts for nothing any more, and what a side shows is its own.
    Part {
        /// Where.
        key: ObjectKey,
    },
    /// A rule has both sides left alone from now on.
    Rest {
        /// Where.
        key: ObjectKey,
    },
    /// No rule does any more, and both sides hold something.
    Wake {
        /// Where.
        key: ObjectKey,
    },
}

/// Why nothing is done until a person has looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// A side that held files shows none at all.
    Emptied {
        /// Which side.
        side: Side,
        /// How many files it held when both sides last agreed.
        held: u64,
    },
    /// More deletions than is normal would be carried over.
    MassDeletion {
        /// On which side files would be deleted.
        side: Side,
        /// How many.
        deletions: u64,
        /// Out of how many that both sides held.
        held: u64,
        /// How many would have been accepted.
        limit: u64,
    },
    /// A side is not the one that was agreed with, and what it shows would take files from the other.
    Replaced {
        /// Which side: a bucket that was put back to an older state, another directory in the folder's place.
        side: Side,
        /// How many files would be deleted on the other side.
        deleted: u64,
        /// How many files there would get other content.
        replaced: u64,
    },
    /// Another directory is in the folder's place, and what was there would be received into it once more.
    Vacant {
        /// How many files it lacks.
        missing: u64,
    },
    /// Two trees that never met, each with many files, have hardly one in common.
    Strangers {
        /// Files on the local side.
        local: u64,
        /// Files on the remote side.
        remote: u64,
        /// Files that are the same on both.
        same: u64,
    },
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match (&self.change, self.side) {
            (Change::Write(Written(node)), side) => {
                let verb = if side == Side::Local { "download" } else { "upload" };
                write!(f, "{verb} {key}")?;
                match node.kind {
                    Kind::File => write!(f, " ({})", ByteSize(node.size)),
                    Kind::Symlink => f.write_str(" (symlink)"),
                    Kind::Directory => Ok(()),
                }
            }
            (Change::SetMeta(_), side) => write!(f, "update time and permissions of {side} {key}"),
            (Change::Delete, side) => write!(f, "delete {side} {key}"),
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, copy, with, moves } = self;
        let mut sides = moves.keys().map(|side| side.name());
        match (with, sides.next(), sides.next()) {
            (InTheWay::Version, Some(yields), None) => {
                write!(f, "conflict at {key}: the sides hold two versions; the {yields} one becomes {copy}")
            }
            (InTheWay::Directory, Some(yields), None) => {
                write!(f, "conflict at {key}: a directory takes the name; the {yields} file becomes {copy}")
            }
            (InTheWay::Directory, ..) => {
                write!(f, "conflict at {key}: a directory takes the name; the file becomes {copy}")
            }
            (InTheWay::Version, ..) => write!(f, "conflict at {key}: one version becomes {copy}"),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "move {} {} → {}", self.side, self.from, self.to)
    }
}

impl fmt::Display for Plan {
    /// One line per conflict, move and action, in the order in which they are carried out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.conflicts.iter().try_for_each(|conflict| writeln!(f, "{conflict}"))?;
        (self.moves.iter()).try_for_each(|one| writeln!(f, "{one}"))?;
        self.actions.iter().try_for_each(|action| writeln!(f, "{action}"))?;
        self.left.iter().try_for_each(|(key, left)| writeln!(f, "leave {key}: {left}"))
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory of its own is in its place",
            Self::File => "a file has the name of a directory above it, on both sides",
            Self::Insisted => {
                "somebody puts another version in its place, again and again; it is kept beside it"
            }
            Self::Unknown => "another version is in its place, which cannot be looked into here",
        })
    }
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Emptied { side, held } => {
                write!(f, "the {side} side is empty, but held {} when both sides last agreed", files(*held))
            }
            Self::MassDeletion { side, deletions, held, limit } => write!(
                f,
                "{deletions} of {held} files would be deleted on the {side} side; up to {limit} is taken as normal"
            ),
            Self::Replaced { side, deleted, replaced } => {
                let what = match side {
                    Side::Local => "another directory is in the folder's place",
                    Side::Remote => "the destination is another one, or was put back to an older state",
                };
                let other = side.other();
                let deleted = files(*deleted);
                write!(f, "{what}; {deleted} would be deleted and {replaced} replaced on the {other} side")
            }
            Self::Vacant { missing } => {
                let missing = files(*missing);
                write!(
                    f,
                    "another directory is in the folder's place; {missing} that it lacks would be received into it"
                )
            }
            Self::Strangers { local, remote, same } => {
                let common = if *same == 0 {
                    "nothing".to_owned()
                } else {
                    format!("hardly anything ({})", files(*same))
                };
                write!(
                    f,
                    "this folder and its place in the destination never met and have {common} in common: {local} files here, {remote} there"
                )
            }
        }
    }
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

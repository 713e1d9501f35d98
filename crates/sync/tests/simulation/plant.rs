//! Bugs planted on purpose: a simulation that does not find these finds nothing.

/// One bug, in an adapter or in what the engine is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// The folder replaces a file without looking whether it is still the expected one.
    FolderReplacesUnseen,
    /// The folder removes a file without looking whether it is still the expected one.
    FolderRemovesUnseen,
    /// The store does what it is told whatever stands there.
    StoreIgnoresConditions,
    /// The feed does not tell of deletions.
    FeedDropsDeletions,
    /// After a cycle, one agreement is missing from the journal.
    JournalForgets,
    /// The journal does not keep what a rule has left alone.
    JournalForgetsRest,
    /// A directory that cannot be read looks empty.
    UnreadableLooksEmpty,
    /// Nobody looks whether a folder was emptied, or is another one.
    GuardsAreOff,
    /// What was recorded durably goes with the power as well.
    MediumLies,
    /// A resync deletes what the other side has no more.
    ResyncCountsTheBase,
    /// Nobody looks what is mounted in the folder.
    DisksLookLikeDirectories,
    /// A renamed file may take another one's name.
    RenameReplaces,
}

pub(crate) const ALL: [Plant; 12] = [
    Plant::FolderReplacesUnseen,
    Plant::FolderRemovesUnseen,
    Plant::StoreIgnoresConditions,
    Plant::FeedDropsDeletions,
    Plant::JournalForgets,
    Plant::JournalForgetsRest,
    Plant::UnreadableLooksEmpty,
    Plant::GuardsAreOff,
    Plant::MediumLies,
    Plant::ResyncCountsTheBase,
    Plant::DisksLookLikeDirectories,
    Plant::RenameReplaces,
];

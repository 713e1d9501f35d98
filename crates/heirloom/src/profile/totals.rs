//! What a plan comes to, for a person who has it listed before it is carried out.

use crate::report::counted;
use model::{ByteSize, Kind};
use plan::sync::{Action, Change, Plan, Side, Written};
use serde::Serialize;
use std::fmt;

/// Files, and bytes of them.
#[derive(Default, Serialize)]
struct Transfer {
    files: u64,
    bytes: u64,
}

/// All of a plan.
#[derive(Default, Serialize)]
pub(super) struct Totals {
    sent: Transfer,
    received: Transfer,
    deleted_local: u64,
    deleted_remote: u64,
    moved: u64,
    /// Directories that are made or removed are among them: a directory is its permissions.
    updated: u64,
    conflicts: u64,
}

impl Totals {
    pub(super) fn of(plan: &Plan) -> Self {
        let (moved, conflicts) = (plan.moves.len() as u64, plan.conflicts.len() as u64);
        let mut totals = Self { moved, conflicts, ..Self::default() };
        for action in &plan.actions {
            totals.add(action);
        }
        totals
    }

    fn add(&mut self, action: &Action) {
        match (&action.change, action.side) {
            _ if action.key.is_directory() => self.updated += 1,
            (Change::Write(Written(node)), side) => {
                let transfer = if side == Side::Local { &mut self.received } else { &mut self.sent };
                transfer.files += 1;
                transfer.bytes += if node.kind == Kind::File { node.size } else { 0 };
            }
            (Change::SetMeta(_), _) => self.updated += 1,
            (Change::Delete, Side::Local) => self.deleted_local += 1,
            (Change::Delete, Side::Remote) => self.deleted_remote += 1,
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let transfer = |Transfer { files, bytes }: &Transfer, verb: &str| {
            (*files > 0).then(|| format!("{files} to {verb} ({})", ByteSize(*bytes)))
        };
        let parts = [
            transfer(&self.sent, "send"),
            transfer(&self.received, "receive"),
            count(self.moved, "to move"),
            count(self.deleted_local, "to delete here"),
            count(self.deleted_remote, "to delete there"),
            count(self.updated, "to update"),
            (self.conflicts > 0).then(|| counted(self.conflicts, "conflict")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

//! The removals that had effect, for screens and for what nodes state of them (ruling A2).

use super::super::history::History;
use super::super::op::ControlOp;
use super::super::verdict::Kept;
use super::Ground;
use crate::ids::{EntryId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// A removal from a group, or a lowering of roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalRecord {
    /// The entry.
    pub entry: EntryId,
    /// Who did it.
    pub by: Option<UserId>,
    /// Of whom a role was taken.
    pub users: BTreeSet<UserId>,
    /// How far each log counts that had not seen it.
    pub cuts: Kept,
    /// It takes people out; else it lowers roles.
    pub is_revocation: bool,
}

impl Ground {
    /// All of them, in the order of their ids.
    pub(super) fn removals(&self, history: &History) -> Vec<RemovalRecord> {
        let mut found: BTreeMap<EntryId, RemovalRecord> = BTreeMap::new();
        for (user, given) in &self.given {
            for kill in given.iter().flat_map(|one| &one.kills) {
                let entry = &history.entries()[kill.index];
                let is_revocation = matches!(entry.op, ControlOp::Revoke(_));
                if !is_revocation && !matches!(entry.op, ControlOp::Grant(_)) {
                    continue;
                }
                let record = found.entry(entry.id).or_insert_with(|| RemovalRecord {
                    entry: entry.id,
                    by: entry.actor,
                    users: BTreeSet::new(),
                    cuts: (*kill.cuts).clone(),
                    is_revocation,
                });
                record.users.insert(*user);
                // What one does of one's own accord cuts nothing: it says nothing of the others in the same entry.
                if record.cuts.is_whole() {
                    record.cuts = (*kill.cuts).clone();
                } else if !kill.cuts.is_whole() {
                    record.cuts = record.cuts.or(&kill.cuts);
                }
            }
        }
        found.into_values().collect()
    }
}

//! When a revision of the constitution is final (ruling A1).

use super::super::constitution::{Chain, Revision};
use super::super::history::History;
use super::super::history::graph::Place;
use super::super::witness;
use super::OrgState;
use crate::ids::{EntryId, NodeId};
use std::collections::BTreeMap;

/// A majority of the nodes admitted under the parent stand for the candidate, which the trial chain ends. Who
/// is admitted is judged with the candidate's own cuts, so that a removed admin cannot outvote it with new nodes. Answers
/// the seniority of the longest admitted node that stands for it: it decides when two are final, each by its own cuts.
pub(super) fn final_by(history: &History, trial: &Chain, siblings: &[&Revision]) -> Option<(u32, EntryId)> {
    let candidate = trial.last()?;
    let state = OrgState::under(trial.clone(), history);
    let electorate: BTreeMap<NodeId, (u32, EntryId)> = state
        .inner
        .book
        .nodes(None)
        .into_iter()
        .filter(|(_, admit)| {
            let past = state.inner.graph.get(&admit.fact.id).map(|node| &node.past);
            past.is_none_or(|past| {
                !candidate.is_named_in(Some(past)) && !siblings.iter().any(|one| one.is_named_in(Some(past)))
            })
        })
        .map(|(node, admit)| (node, admit.fact.rank()))
        .collect();
    let rivals: Vec<Place> = siblings.iter().flat_map(|one| &one.carriers).copied().collect();
    let supporters = witness::stand_for(history, &candidate.carriers, &rivals);
    let standing: Vec<_> = supporters.iter().filter_map(|node| electorate.get(node)).collect();
    if 2 * standing.len() > electorate.len() { standing.into_iter().min().copied() } else { None }
}

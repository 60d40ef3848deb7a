//! Of two things that exclude each other, which did the others see first? Used where two revisions of the constitution
//! compete (ruling A1) and where two sites claim one person.
//!
//! A node stands for what it named in an entry that knew no rival. Whoever comes late with a rival finds the honest nodes
//! standing already. A node that stands for both, which takes two branches or logs, counts for neither.

use super::history::History;
use super::history::graph::Place;
use crate::ids::NodeId;
use std::collections::BTreeSet;

/// The nodes that stand for the candidate: logged at these places, its rivals at those.
pub(crate) fn stand_for(history: &History, candidate: &[Place], rivals: &[Place]) -> BTreeSet<NodeId> {
    let (for_it, against) = (first_namers(history, candidate, rivals), first_namers(history, rivals, candidate));
    for_it.difference(&against).copied().collect()
}

/// Nodes with an entry that is or names one of these and none of those. What a chain saw only grows, so the first entry
/// that names one of these tells.
fn first_namers(history: &History, these: &[Place], those: &[Place]) -> BTreeSet<NodeId> {
    let graph = history.graph();
    let names = |index: usize, places: &[Place]| {
        let node = graph.node(index);
        places.iter().any(|place| *place == node.place || node.past.has(*place))
    };
    graph
        .chains()
        .filter_map(|chain| chain.get(chain.partition_point(|index| !names(*index, these))))
        .filter(|index| !names(**index, those))
        .map(|index| history.entries()[*index].node)
        .collect()
}

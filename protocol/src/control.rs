//! Who may do what: one pure function of the set of control entries.
//!
//! Three tiers, each judged after the one above: the constitution (who is admin), the registry (sites, nodes, people),
//! the groups (roles). Authority flows downwards only. Nothing here depends on the order of arrival, on time or on how
//! things are stored; what back-dating can gain is decided by what others had seen (`docs/protocol.md` §2,
//! `docs/decisions/0003-control-evaluation.md`).

pub mod constitution;
pub mod grants;
pub mod history;
pub mod op;
pub mod registry;
pub mod table;
pub mod verdict;
mod witness;

pub use history::{ControlEntry, History, Inserted};
pub use verdict::{Reason, Standing, Verdict};

#[cfg(test)]
mod tests;

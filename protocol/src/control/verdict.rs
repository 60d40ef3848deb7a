//! What is said of an entry: it counts, it does not and why, or it waits.

use super::op::Cut;
use crate::ids::LogId;
use std::collections::BTreeMap;

/// Why an operation has no effect (INV-27). The codes are stable: interfaces and records use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The person is not known, or not any more.
    UnknownUser,
    /// The person is disabled.
    Disabled,
    /// The node is not known as one of the organisation.
    UnknownNode,
    /// The node is revoked, and this lies beyond what counts of it.
    NodeRevoked,
    /// The node was revoked before; a key is admitted at most once.
    KeySpent,
    /// The site is not known.
    UnknownSite,
    /// The entry is not written by a node of the person's home site.
    NotHome,
    /// Only an admin may do it.
    NotAdmin,
    /// The admin was removed by a later constitution, and this lies beyond what counts of them.
    AdminRemoved,
    /// The entry rests on a revision of the constitution that lost against another.
    RevisionVoid,
    /// The revision's form or signatures are not in order.
    RevisionRefused,
    /// Already so: the node is admitted, the person registered, the role held.
    AlreadyThere,
    /// There is nothing of that name to act on.
    NotThere,
    /// The person has no role in the group.
    NotMember,
    /// The person's role does not permit it.
    RoleTooLow,
    /// The role would permit it, the group's policy does not.
    PolicyForbids,
    /// The other's role is senior.
    Junior,
    /// The person had been removed, or the role lowered, and this was not seen by who did it.
    Removed,
    /// The group is not open.
    NotOpen,
    /// The person was removed and must be let in again by a facilitator.
    Banned,
    /// Membership follows the registry: nobody joins or leaves.
    MembershipDerived,
    /// An operation of this kind has no place in this scope or form.
    Misplaced,
    /// The log is forked and was sealed, and this lies beyond.
    Sealed,
    /// A kind of a newer version.
    Unsupported,
}

impl Reason {
    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown_user",
            Self::Disabled => "disabled",
            Self::UnknownNode => "unknown_node",
            Self::NodeRevoked => "node_revoked",
            Self::KeySpent => "key_spent",
            Self::UnknownSite => "unknown_site",
            Self::NotHome => "not_home",
            Self::NotAdmin => "not_admin",
            Self::AdminRemoved => "admin_removed",
            Self::RevisionVoid => "revision_void",
            Self::RevisionRefused => "revision_refused",
            Self::AlreadyThere => "already_there",
            Self::NotThere => "not_there",
            Self::NotMember => "not_member",
            Self::RoleTooLow => "role_too_low",
            Self::PolicyForbids => "policy_forbids",
            Self::Junior => "junior",
            Self::Removed => "removed",
            Self::NotOpen => "not_open",
            Self::Banned => "banned",
            Self::MembershipDerived => "membership_derived",
            Self::Misplaced => "misplaced",
            Self::Sealed => "sealed",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Whether one entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Valid,
    /// It does not.
    Void(Reason),
    /// Something it names is missing.
    Pending,
}

/// How far logs count: the last position of each that does. What of one that is not named, says who uses it.
pub(crate) type Limits = BTreeMap<LogId, u64>;

/// The limits that cuts set: of several about one log the furthest.
pub(crate) fn limits_of(cuts: &[Cut]) -> Limits {
    let mut limits = Limits::new();
    for cut in cuts {
        let last = limits.entry(cut.log).or_insert(cut.seq);
        *last = (*last).max(cut.seq);
    }
    limits
}

/// What counts of a log that is not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Unnamed {
    /// Nothing: whoever lost a right could else go on in logs that nobody knew.
    Nothing,
    /// All of it.
    #[default]
    Whole,
}

/// How far logs count after a removal, a lowering or a policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The last position of each log that is named.
    pub(crate) named: Limits,
    /// And of all others.
    pub(crate) unnamed: Unnamed,
}

impl Kept {
    /// Whether everything counts.
    pub(crate) fn is_whole(&self) -> bool {
        self.named.is_empty() && self.unnamed == Unnamed::Whole
    }

    /// The last position of a log that counts; `None` where all of it does. At 0 a log is opened, so there stands no word.
    pub(crate) fn last(&self, log: &LogId) -> Option<u64> {
        self.named.get(log).copied().or((self.unnamed == Unnamed::Nothing).then_some(0))
    }

    /// What both leave.
    #[must_use]
    pub(crate) fn and(&self, other: &Self) -> Self {
        let least = |log| self.last(log).into_iter().chain(other.last(log)).min();
        let named = self.named.keys().chain(other.named.keys()).filter_map(|log| Some((*log, least(log)?))).collect();
        Self { named, unnamed: self.unnamed.min(other.unnamed) }
    }

    /// What either leaves.
    #[must_use]
    pub(crate) fn or(&self, other: &Self) -> Self {
        let most = |log| Some(self.last(log)?.max(other.last(log)?));
        let named = self.named.keys().chain(other.named.keys()).filter_map(|log| Some((*log, most(log)?))).collect();
        Self { named, unnamed: self.unnamed.max(other.unnamed) }
    }
}

/// Whether entries of one person under one frontier count; the same for all logs but for the cuts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// They count, up to the cuts.
    Valid {
        /// How far each log counts that a removal or policy cuts.
        cuts: Kept,
        /// Why what lies beyond does not.
        beyond: Reason,
    },
    /// None counts.
    Void(Reason),
    /// Something that the frontier names is missing.
    Pending,
}

impl Standing {
    /// Whether the entry at this position of this log counts.
    pub fn verdict(&self, log: &LogId, seq: u64) -> Verdict {
        match self {
            Self::Valid { cuts, beyond } if cuts.last(log).is_some_and(|last| seq > last) => Verdict::Void(*beyond),
            Self::Valid { .. } => Verdict::Valid,
            Self::Void(reason) => Verdict::Void(*reason),
            Self::Pending => Verdict::Pending,
        }
    }
}

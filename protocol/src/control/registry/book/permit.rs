//! Which operations of the organisation have effect: one rule each (N1–N8).

use super::super::fact::Revocation;
use super::Book;
use crate::control::constitution;
use crate::control::history::ControlEntry;
use crate::control::history::graph::{Graph, Past, Place};
use crate::control::op::{ConstitutionSigned, ControlOp, Cut, LogSeal};
use crate::control::registry::seal::VOICES;
use crate::control::verdict::Reason;
use crate::ids::{EntryId, NodeId, OrgId, UserId};
use crate::limits::NAME_CHARS_MAX;
use crate::log::fork::ForkProof;
use std::collections::BTreeSet;

/// With this many admins one alone does not revoke a node (N2).
const ADMINS_FOR_TWO: usize = 3;

/// Who writes, and what they had seen.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) actor: Option<UserId>,
    pub(super) node: &'a NodeId,
    pub(super) past: Option<&'a Past>,
    /// Where the entry stands; `None` for one not yet written.
    pub(super) entry: Option<(&'a ControlEntry, Place)>,
}

impl Book {
    /// Whether an operation would have effect.
    pub(crate) fn allows(
        &self,
        op: &ControlOp,
        actor: Option<UserId>,
        node: &NodeId,
        past: Option<&Past>,
    ) -> Result<(), Reason> {
        self.permits(op, Writer { actor, node, past, entry: None })
    }

    pub(super) fn permits(&self, op: &ControlOp, writer: Writer<'_>) -> Result<(), Reason> {
        if writer.past.is_some_and(|past| self.chain.rests_on_lost(past)) {
            return Err(Reason::RevisionVoid);
        }
        match op {
            // These give nothing by themselves; a newcomer's log opens before it is of use.
            ControlOp::LogOpen(_) | ControlOp::See(_) | ControlOp::Seen(_) => Ok(()),
            ControlOp::Constitution(signed) => self.permits_constitution(signed),
            ControlOp::SiteSet(set) => {
                if set.name.chars().count() > NAME_CHARS_MAX || set.company.chars().count() > NAME_CHARS_MAX {
                    return Err(Reason::Misplaced);
                }
                let own = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)? == set.site;
                if own { Ok(()) } else { self.by_admin(writer) }
            }
            ControlOp::NodeAdmit(admit) => {
                self.by_admin(writer)?;
                if self.is_known_revoked(&admit.node, writer.past) {
                    return Err(Reason::KeySpent);
                }
                if self.site_of(&admit.node, writer.past).is_some() { Err(Reason::AlreadyThere) } else { Ok(()) }
            }
            // Also of a key that is not admitted yet: an admission that comes later or at the same time is in vain (N2).
            ControlOp::NodeRevoke(_) => self.by_admin(writer),
            ControlOp::NodeSuspend(only) | ControlOp::NodeResume(only) => {
                self.by_admin(writer)?;
                self.site_of(&only.node, writer.past).map(|_| ()).ok_or(Reason::UnknownNode)
            }
            ControlOp::UserRegister(at) => {
                let own = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)?;
                if own != at.site {
                    return Err(Reason::NotHome);
                }
                if self.home(&at.user, writer.past).is_some() { Err(Reason::AlreadyThere) } else { Ok(()) }
            }
            ControlOp::UserDisable(only) | ControlOp::UserEnable(only) => {
                let own = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)?;
                let (home, _) = self.home(&only.user, writer.past).ok_or(Reason::UnknownUser)?;
                if own == home { Ok(()) } else { self.by_admin(writer) }
            }
            ControlOp::UserRehome(at) => {
                self.by_admin(writer)?;
                let (home, _) = self.home(&at.user, writer.past).ok_or(Reason::UnknownUser)?;
                if home == at.site {
                    return Err(Reason::AlreadyThere);
                }
                if self.has_site(&at.site, writer.past) { Ok(()) } else { Err(Reason::UnknownSite) }
            }
            // The home speaks for its people; nobody else may.
            ControlOp::UserKey(told) => {
                let own = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)?;
                let (home, _) = self.home(&told.user, writer.past).ok_or(Reason::UnknownUser)?;
                if own == home { Ok(()) } else { Err(Reason::NotHome) }
            }
            ControlOp::LogSeal(seal) => {
                self.by_admin(writer)?;
                self.permits_seal(seal, writer)
            }
            ControlOp::AppointOwner(appoint) => {
                self.by_admin(writer)?;
                self.home(&appoint.user, writer.past).map(|_| ()).ok_or(Reason::UnknownUser)
            }
            ControlOp::Unknown(kind) if *kind < 0x8000 => Err(Reason::Unsupported),
            ControlOp::Unknown(_) => Ok(()),
            _ => Err(Reason::Misplaced),
        }
    }

    /// A7: the log is shown to be forked, the end is not below the split, and the admin is of another site where the
    /// organisation has admins elsewhere.
    fn permits_seal(&self, seal: &LogSeal, writer: Writer<'_>) -> Result<(), Reason> {
        let org = OrgId(self.chain.revisions.first().ok_or(Reason::NotAdmin)?.id);
        let split = ForkProof::decode(&seal.proof).ok().and_then(|proof| proof.check(&org));
        let split = split.filter(|split| split.log == seal.log && split.node == seal.node && seal.seq >= split.seq);
        if split.is_none() {
            return Err(Reason::NotThere);
        }
        let own = self.site_of(&seal.node, writer.past);
        let here = self.site_of(writer.node, writer.past);
        if own == here && self.admins_elsewhere(&seal.node, writer.past) > 0 {
            return Err(Reason::NotHome);
        }
        Ok(())
    }

    /// How many admins are at home at another site than this node's.
    fn admins_elsewhere(&self, node: &NodeId, past: Option<&Past>) -> usize {
        let own = self.site_of(node, past);
        let Some(at) = self.chain.under(past) else { return 0 };
        let homes = self.chain.revisions[at].body.admins.iter().filter_map(|admin| self.home(&admin.user, past));
        homes.filter(|(home, _)| Some(*home) != own).count()
    }

    /// How many voices end a forked log of this node.
    pub(super) fn voices_needed(&self, node: &NodeId, past: &Past) -> usize {
        let elsewhere = self.admins_elsewhere(node, Some(past));
        let admins = self.chain.under(Some(past)).map_or(0, |at| self.chain.revisions[at].body.admins.len());
        VOICES.min(if elsewhere > 0 { elsewhere } else { admins }).max(1)
    }

    fn permits_constitution(&self, signed: &ConstitutionSigned) -> Result<(), Reason> {
        let id = constitution::revision_id(&signed.revision);
        let waits = self.chain.proposals.iter().any(|proposal| proposal.id == id);
        if waits || self.chain.revisions.iter().any(|revision| revision.id == id) {
            Ok(())
        } else if self.chain.lost.iter().any(|revision| revision.id == id) {
            Err(Reason::RevisionVoid)
        } else {
            Err(Reason::RevisionRefused)
        }
    }

    /// The actor is an admin under the revision that the entry names, and at home where it is written (ruling D3).
    fn by_admin(&self, writer: Writer<'_>) -> Result<(), Reason> {
        let actor = writer.actor.ok_or(Reason::NotAdmin)?;
        let at = self.chain.under(writer.past).ok_or(Reason::NotAdmin)?;
        let here = self.site_of(writer.node, writer.past).ok_or(Reason::UnknownNode)?;
        if !self.chain.revisions[at].names_admin(&actor) {
            return Err(Reason::NotAdmin);
        }
        let (home, _) = self.home(&actor, writer.past).ok_or(Reason::UnknownUser)?;
        if home != here {
            return Err(Reason::NotHome);
        }
        if !self.is_active(&actor, writer.past) {
            return Err(Reason::Disabled);
        }
        if self.is_cut(&actor, at, writer) { Err(Reason::AdminRemoved) } else { Ok(()) }
    }

    /// O4: a later revision removed the admin, and this lies beyond its cuts. A revision without cuts keeps all (A2).
    fn is_cut(&self, actor: &UserId, at: usize, writer: Writer<'_>) -> bool {
        let Some((entry, place)) = writer.entry else { return false };
        let removal = self.chain.revisions[at + 1..].iter().find(|revision| !revision.names_admin(actor));
        removal.is_some_and(|revision| {
            let cuts = &revision.body.cuts;
            !cuts.is_empty() && !covered(&self.graph, cuts, entry, place)
        })
    }

    /// Whether the revocations that are seen are enough to end the node (N2).
    fn is_known_revoked(&self, node: &NodeId, past: Option<&Past>) -> bool {
        let seen: Vec<&Revocation> =
            self.revocations.get(node).into_iter().flatten().filter(|one| one.fact.seen(past)).collect();
        seen.iter().any(|one| self.is_enough(one, &seen))
    }

    /// N2: one admin is enough below three, else another must say the same.
    pub(super) fn is_enough(&self, revocation: &Revocation, all: &[&Revocation]) -> bool {
        self.admins_needed(revocation) == 1 || all.iter().any(|other| other.actor != revocation.actor)
    }

    /// How many admins a revocation needs, by the constitution that it knew.
    pub(super) fn admins_needed(&self, revocation: &Revocation) -> usize {
        let past = &self.graph.node(revocation.fact.index).past;
        let admins = self.chain.under(Some(past)).map_or(0, |at| self.chain.revisions[at].body.admins.len());
        if admins < ADMINS_FOR_TWO { 1 } else { 2 }
    }
}

/// Whether cuts of a control log reach this entry: by its position, or because an entry that a cut names had seen it.
pub(crate) fn covered(graph: &Graph, cuts: &[Cut], entry: &ControlEntry, place: Place) -> bool {
    let named: BTreeSet<EntryId> = cuts.iter().map(|cut| cut.id).collect();
    cuts.iter().any(|cut| cut.log == entry.log && entry.seq <= cut.seq)
        || named.contains(&entry.id)
        || named.iter().filter_map(|id| graph.get(id)).any(|node| node.past.has(place))
}

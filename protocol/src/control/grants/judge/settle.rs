//! Grants and their ends, the most senior first.
//!
//! When a grant is judged, all that are senior to it are known, with what ends them; nothing else can bear on it. What an
//! entry's author was entitled to is therefore settled once found, and kept.

use super::super::super::op::{Access, ControlOp, Cut, Role};
use super::super::super::table::{Act, allows};
use super::super::super::verdict::{Kept, Reason, Unnamed, limits_of};
use super::super::{At, Given, Kill, Origin, Rank};
use super::{Claim, Judge, Made, Removal, Taking};
use crate::ids::UserId;
use std::sync::Arc;

impl Judge<'_> {
    /// Takes the claims in the order of seniority. Edits are judged between facilitators and members: only the former
    /// make them, and joining asks for them.
    pub(super) fn settle(&mut self) {
        let claims = std::mem::take(&mut self.claims);
        let (seniors, others): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| claim.role <= Role::Facilitator);
        for claim in seniors {
            self.settle_claim(&claim);
        }
        self.settle_edits();
        self.settle_bars();
        for claim in others {
            self.settle_claim(&claim);
        }
    }

    fn settle_claim(&mut self, claim: &Claim) {
        match self.is_made(claim) {
            Ok(()) => {
                let kills = self.kills(claim);
                let Claim { rank, origin, subject, role, .. } = *claim;
                self.ground.given.entry(subject).or_default().push(Given { rank, origin, role, kills });
            }
            Err(reason) if claim.made == Made::Joined => {
                self.voids.insert(claim.rank.3, reason);
            }
            Err(_) => {}
        }
    }

    /// G1, G2, G5, N7, ruling D2.
    fn is_made(&self, claim: &Claim) -> Result<(), Reason> {
        let Origin::Group(index) = claim.origin else { return Ok(()) };
        match claim.made {
            Made::Created | Made::Appointed => Ok(()),
            Made::Granted if self.is_entitled(index, Act::granting(claim.role), claim.rank) => Ok(()),
            Made::Granted => Err(Reason::RoleTooLow),
            Made::Joined if self.derived => Err(Reason::MembershipDerived),
            Made::Joined if self.access_for(At::Entry(index)) != Access::Open => Err(Reason::NotOpen),
            Made::Joined if self.is_banned(&claim.subject, At::Entry(index)) => Err(Reason::Banned),
            Made::Joined => Ok(()),
        }
    }

    /// The most senior live grant by which the author of this entry may do this (G2). Grants become known in the order of
    /// seniority, so the first that is found is the one for good.
    pub(super) fn authority(&self, index: usize, act: Act) -> Option<Rank> {
        if let Some(known) = self.authorities.borrow().get(&(index, act)) {
            return Some(*known);
        }
        let actor = self.history.entries()[index].actor.filter(|_| self.spoken[index].is_ok())?;
        let rank = self.ground.authority(&actor, act, At::Entry(index))?;
        self.authorities.borrow_mut().insert((index, act), rank);
        Some(rank)
    }

    /// Whether that grant is senior to the rank.
    pub(super) fn is_entitled(&self, index: usize, act: Act, over: Rank) -> bool {
        self.authority(index, act).is_some_and(|rank| rank < over)
    }

    /// What ends this grant (G4, G6, ruling A3).
    fn kills(&self, claim: &Claim) -> Vec<Kill> {
        let removals = self.removals.get(&claim.subject).map_or(&[][..], Vec::as_slice);
        let mut kills: Vec<Kill> = Vec::new();
        for kill in removals.iter().filter_map(|removal| self.kill(claim, removal)) {
            // Whatever a removal without cuts voids, an earlier one that it has seen voids too. Looking at two of them is
            // enough to keep the list of somebody who comes and goes without end short.
            let precedes = |other: &Kill| self.ground.graph.precedes(other.index, kill.index);
            if !kill.cuts.is_whole() || !kills.first().into_iter().chain(kills.last()).any(precedes) {
                kills.push(kill);
            }
        }
        kills
    }

    fn kill(&self, claim: &Claim, removal: &Removal) -> Option<Kill> {
        let index = removal.index;
        let at = At::Entry(index);
        let entry = &self.history.entries()[index];
        if matches!(claim.origin, Origin::Group(made) if made == index || self.ground.graph.precedes(index, made)) {
            return None;
        }
        let own = entry.actor == Some(claim.subject) && self.ground.sees(at, claim.origin);
        let by_oneself = match removal.taking {
            Taking::Left => own,
            Taking::Lowered(role) => own && claim.role < role && allows(claim.role, Act::granting(role)),
            Taking::Revoked => false,
        };
        if by_oneself {
            return Some(Kill { index, cuts: Arc::default() });
        }
        match removal.taking {
            Taking::Left => return None,
            Taking::Lowered(role) if claim.role >= role || !self.is_lowering(claim.subject, role, index) => {
                return None;
            }
            _ => {}
        }
        let act = Act::removing(claim.role);
        self.is_entitled(index, act, claim.rank).then(|| Kill { index, cuts: self.cuts(index, act) })
    }

    /// Giving a role lowers only if the author had seen a higher one: two people who invite at once do not fight.
    fn is_lowering(&self, subject: UserId, role: Role, index: usize) -> bool {
        self.by_subject.get(&subject).is_some_and(|all| {
            all.iter().any(|claim| claim.role < role && self.ground.sees(At::Entry(index), claim.origin))
        })
    }

    /// The removal's cuts, or those of its most senior amendment (G12); kept, since one removal may end many grants.
    fn cuts(&self, index: usize, act: Act) -> Arc<Kept> {
        if let Some(known) = self.cuts.borrow().get(&(index, act)) {
            return Arc::clone(known);
        }
        let cuts = Arc::new(self.find_cuts(index, act));
        self.cuts.borrow_mut().insert((index, act), Arc::clone(&cuts));
        cuts
    }

    /// The most senior amendment of a removal, the latest of its author (G12).
    fn amendment(&self, index: usize, act: Act) -> Option<&[Cut]> {
        let rank = self.authority(index, act);
        let all = self.amendments.get(&self.history.entries()[index].id);
        all.into_iter()
            .flatten()
            .filter_map(|(index, amend)| {
                let by = self.authority(*index, act).filter(|by| rank.is_some_and(|rank| *by <= rank))?;
                let node = self.ground.graph.node(*index);
                Some(((by, std::cmp::Reverse(node.height), self.history.entries()[*index].id), &*amend.cuts))
            })
            .min_by_key(|(order, _)| *order)
            .map(|(_, cuts)| cuts)
    }

    /// Whether an amendment replaced a removal's cuts.
    pub(super) fn is_amended(&self, index: usize, act: Act) -> bool {
        self.amendment(index, act).is_some()
    }

    /// A removal leaves nothing of logs that nobody names. So does a lowering, unless it has no cuts: then its author did
    /// not mean to lower.
    fn find_cuts(&self, index: usize, act: Act) -> Kept {
        let entry = &self.history.entries()[index];
        let (own, always): (&[Cut], Unnamed) = match &entry.op {
            ControlOp::Revoke(revoke) => (&revoke.cuts, Unnamed::Nothing),
            ControlOp::Grant(grant) => (&grant.cuts, Unnamed::Whole),
            _ => (&[], Unnamed::Whole),
        };
        let cuts = self.amendment(index, act).unwrap_or(own);
        let unnamed = if cuts.is_empty() { always } else { Unnamed::Nothing };
        Kept { named: limits_of(cuts), unnamed }
    }
}

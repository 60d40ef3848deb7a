//! The constitution as admins see it: who they are, and what waits for signatures.

use super::Reader;
use crate::clock::Millis;
use crate::engine::lookup::Found;
use crate::engine::query::{ConstitutionView, ProposalView};
use crate::ids::UserId;
use crate::keys::PublicKey;

impl Reader<'_> {
    /// The constitution in force; the caller has let the viewer in.
    pub fn constitution(&self) -> Option<ConstitutionView> {
        let state = self.view.org_state()?;
        let body = state.constitution()?;
        let proposals = state.proposals().iter().map(|proposal| {
            let found = Found::of(self.store, &proposal.entry);
            ProposalView {
                id: proposal.id,
                admins: proposal.body.admins.iter().map(|admin| admin.user).collect(),
                threshold: proposal.body.threshold,
                signed: proposal.signed.clone(),
                needed: proposal.needed,
                by: found.as_ref().and_then(|found| found.actor),
                at: found.map_or(Millis(0), |found| found.hlc.millis()),
            }
        });
        let mut both: Vec<UserId> =
            state.equivocations().iter().flat_map(|one| &one.signers).filter_map(|key| self.holder(key)).collect();
        both.sort_unstable();
        both.dedup();
        Some(ConstitutionView {
            revision: body.revision,
            admins: body.admins.iter().map(|admin| admin.user).collect(),
            threshold: body.threshold,
            recovery: body.recovery.clone(),
            recovery_needed: body.recovery_threshold as usize,
            proposals: proposals.collect(),
            equivocation: (!state.equivocations().is_empty()).then_some(both),
        })
    }

    /// Whether the person's public signing key is known.
    pub fn has_key(&self, user: UserId) -> bool {
        self.view.org_state().and_then(|state| state.user(&user)).is_some_and(|record| record.key.is_some())
    }

    /// Whose signing key this is, as far as it was told.
    fn holder(&self, key: &PublicKey) -> Option<UserId> {
        let users = self.view.org_state()?.users();
        users.iter().find(|(_, record)| record.key == Some(*key)).map(|(user, _)| *user)
    }
}

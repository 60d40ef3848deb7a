//! Changing the admins: a revision that one proposes and enough sign, each with the key that only their password opens
//! (ruling A12). Signatures travel as entries that carry the same revision.

use super::{Engine, Outcome};
use crate::codec;
use crate::control::constitution::{is_well_formed, revision_id};
use crate::control::op::{Admin, Class, Constitution, ConstitutionSignature, ConstitutionSigned, ControlOp, Cut};
use crate::engine::Cx;
use crate::engine::effect::{Answer, Notice, Refusal};
use crate::engine::write::Draft;
use crate::ids::UserId;
use crate::keys::{Context, PublicKey, SecretKey};
use std::collections::{BTreeMap, BTreeSet};

impl Engine {
    pub(super) fn propose(
        &mut self,
        cx: &mut Cx<'_>,
        actor: UserId,
        admins: &[UserId],
        threshold: u32,
        secret: &[u8; 32],
    ) -> Outcome {
        let key = self.admin_key(&actor, secret)?;
        let state = self.state()?;
        let (parent, current) = state.revision().zip(state.constitution()).ok_or(Refusal::NotSetUp)?;
        let wanted: BTreeSet<UserId> = admins.iter().copied().collect();
        let before: BTreeSet<UserId> = state.admins().collect();
        if wanted == before && threshold == current.threshold {
            return Err(Refusal::AlreadyThere);
        }
        let mut named = Vec::new();
        for user in &wanted {
            let record = state.user(user).filter(|record| record.active).ok_or(Refusal::NotFound)?;
            named.push(Admin { user: *user, key: record.key.ok_or(Refusal::KeyMissing)? });
        }
        let removes = !before.is_subset(&wanted);
        let revision = Constitution {
            revision: current.revision + 1,
            parent: Some(parent),
            admins: named,
            threshold,
            founder: None,
            nonce: cx.random(),
            by_recovery: false,
            // Whoever removes an admin says how far the others had seen (O4).
            cuts: if removes { self.control_heads() } else { Vec::new() },
            ..current.clone()
        };
        if !is_well_formed(&revision) {
            return Err(Refusal::Invalid);
        }
        self.carry(cx, actor, &[&key], codec::encode(&revision))
    }

    pub(super) fn sign(&mut self, cx: &mut Cx<'_>, actor: UserId, proposal: [u8; 32], secret: &[u8; 32]) -> Outcome {
        let key = self.admin_key(&actor, secret)?;
        let found = self.state()?.proposals().iter().find(|known| known.id == proposal).cloned();
        let found = found.ok_or(Refusal::NotFound)?;
        if found.signed.contains(&actor) {
            return Err(Refusal::AlreadyThere);
        }
        self.carry(cx, actor, &[&key], found.revision)
    }

    /// Enough recovery keys make the actor the one admin (O5): for an organisation whose admins are lost. The admins before
    /// stay people; what they did counts as far as it is known here.
    pub(super) fn recover(&mut self, cx: &mut Cx<'_>, actor: UserId, keys: &[[u8; 32]]) -> Outcome {
        let state = self.state()?;
        let (parent, current) = state.revision().zip(state.constitution()).ok_or(Refusal::NotSetUp)?;
        let record = state.user(&actor).filter(|record| record.active).ok_or(Refusal::NotFound)?;
        let key = record.key.ok_or(Refusal::KeyMissing)?;
        let signers: BTreeMap<PublicKey, SecretKey> =
            keys.iter().map(SecretKey::from_seed).map(|key| (key.public(), key)).collect();
        let enough = current.recovery_threshold > 0 && signers.len() >= current.recovery_threshold as usize;
        if !enough || !signers.keys().all(|key| current.recovery.contains(key)) {
            return Err(Refusal::Forbidden);
        }
        let revision = Constitution {
            revision: current.revision + 1,
            parent: Some(parent),
            admins: vec![Admin { user: actor, key }],
            threshold: 1,
            founder: None,
            nonce: cx.random(),
            by_recovery: true,
            cuts: self.control_heads(),
            ..current.clone()
        };
        if !is_well_formed(&revision) {
            return Err(Refusal::Invalid);
        }
        let signers: Vec<&SecretKey> = signers.values().collect();
        self.carry(cx, actor, &signers, codec::encode(&revision))
    }

    /// The actor's key, if the actor is an admin and it is theirs.
    fn admin_key(&self, actor: &UserId, secret: &[u8; 32]) -> Result<SecretKey, Refusal> {
        let key = SecretKey::from_seed(secret);
        let admins = self.state()?.constitution().map_or(&[][..], |body| &body.admins);
        match admins.iter().find(|admin| admin.user == *actor) {
            None => Err(Refusal::Forbidden),
            Some(admin) if admin.key == key.public() => Ok(key),
            Some(_) => Err(Refusal::KeyMissing),
        }
    }

    fn carry(&mut self, cx: &mut Cx<'_>, actor: UserId, keys: &[&SecretKey], revision: Vec<u8>) -> Outcome {
        let org = self.org().ok_or(Refusal::NotSetUp)?;
        let id = revision_id(&revision);
        let sign = |key: &&SecretKey| {
            let signature = key.sign(Context::Constitution, &org, &id);
            ConstitutionSignature { key: key.public(), signature }
        };
        let signatures = keys.iter().map(sign).collect();
        let op = ControlOp::Constitution(ConstitutionSigned { revision, signatures });
        let id = self.write(cx, self.org_scope(), Class::Control, Draft::control(&op, Some(actor)));
        self.evaluate_stale(cx);
        cx.notify(Notice::PeopleChanged);
        Ok(Answer::Done { id })
    }

    fn control_heads(&self) -> Vec<Cut> {
        let heights = self.heights(&self.org_scope(), Class::Control);
        let cut =
            |height: crate::log::Height| Cut { log: height.log, seq: height.next.saturating_sub(1), id: height.head };
        heights.into_iter().take(crate::limits::CUTS_MAX).map(cut).collect()
    }
}

//! How a node comes to belong to an organisation: it founds one, or takes over what a pairing handed to it.

use super::effect::{Answer, Notice, Refusal};
use super::input::Command;
use super::write::Draft;
use super::{Cx, Engine, Org};
use crate::codec;
use crate::control::History;
use crate::control::op::{
    Admin, Class, Constitution, ConstitutionSignature, ConstitutionSigned, ControlOp, Founder, SiteSet, UserAt,
};
use crate::entry::{Entry, batch};
use crate::group::{DataOp, Profile};
use crate::ids::{EntryId, OrgId, ScopeId};
use crate::keys::{self, Context, PublicKey, Purpose, SecretKey};
use crate::limits::RESPONSE_BYTES_MAX;
use crate::store::memory::MemoryStore;
use crate::store::{Store, Transaction, keys as rows};
use minicbor::bytes::ByteVec;

/// Version of the control rules that this code knows.
pub(crate) const RULES: u32 = 1;
/// Level of kinds that authors may use.
pub(crate) const FEATURES: u32 = 1;
/// Recovery signatures needed, where there are that many keys (O5).
const RECOVERY_THRESHOLD: u32 = 2;

/// The id of a revision: over its canonical bytes.
pub(crate) fn revision_id(revision: &[u8]) -> [u8; 32] {
    keys::derive(Purpose::Scope, &[revision])
}

impl Engine {
    /// From now on this node is of that organisation. Nothing that others write can say otherwise.
    pub(crate) fn found(&mut self, tx: &mut dyn Transaction, id: OrgId) {
        tx.put(&rows::organisation(), &id.0);
        self.recall_organisation(id);
    }

    /// This node is of that organisation since an earlier start.
    pub(crate) fn recall_organisation(&mut self, id: OrgId) {
        if self.org.is_none() {
            self.org = Some(Org { id, history: History::default() });
            self.view_mut().org = Some(id);
        }
    }

    pub(crate) fn create_organisation(&mut self, cx: &mut Cx<'_>, command: Command) -> Answer {
        let Command::CreateOrganisation {
            name,
            site,
            site_name,
            company,
            admin,
            admin_name,
            admin_key,
            admin_secret,
            recovery,
        } = command
        else {
            return Answer::Refused(Refusal::Invalid);
        };
        if self.org.is_some() {
            return Answer::Refused(Refusal::AlreadySetUp);
        }
        for text in [&name, &site_name, &admin_name] {
            if let Err(refusal) = super::command::check_name(text) {
                return Answer::Refused(refusal);
            }
        }
        let node = self.node();
        let constitution = Constitution {
            revision: 0,
            parent: None,
            name: name.trim().into(),
            admins: vec![Admin { user: admin, key: PublicKey(admin_key) }],
            threshold: 1,
            recovery_threshold: RECOVERY_THRESHOLD.min(recovery.len() as u32),
            recovery: recovery.into_iter().map(PublicKey).collect(),
            rules: RULES,
            features: FEATURES,
            founder: Some(Founder { node, sealing: self.identity.sealing_public(), site }),
            nonce: cx.random(),
            by_recovery: false,
            cuts: Vec::new(),
        };
        let revision = codec::encode(&constitution);
        let org = OrgId(revision_id(&revision));
        let signature = SecretKey::from_seed(&admin_secret).sign(Context::Constitution, &org, &org.0);
        let signed = ConstitutionSigned {
            revision,
            signatures: vec![ConstitutionSignature { key: PublicKey(admin_key), signature }],
        };
        self.found(cx.tx, org);
        let scope = ScopeId::from(org);
        self.published.insert(scope);
        let control = |engine: &mut Self, cx: &mut Cx<'_>, op: ControlOp, actor| {
            engine.write(cx, scope, Class::Control, Draft::control(&op, actor))
        };
        control(self, cx, ControlOp::Constitution(signed), None);
        let site_op = SiteSet { site, name: site_name.trim().into(), company: company.trim().into() };
        control(self, cx, ControlOp::SiteSet(site_op), Some(admin));
        control(self, cx, ControlOp::UserRegister(UserAt { user: admin, site }), None);
        self.evaluate_stale(cx);
        let profile = Profile { user: admin, name: admin_name.trim().into(), title: String::new() };
        let draft = Draft::data(&DataOp::Profile(profile), Some(admin), Vec::new());
        self.write(cx, scope, Class::Data, draft);
        cx.notify(Notice::Network);
        cx.notify(Notice::PeopleChanged);
        Answer::Done { id: EntryId(org.0) }
    }

    /// Takes over the organisation's control entries and checks that they admit this node.
    pub(crate) fn join_organisation(&mut self, cx: &mut Cx<'_>, welcome: &[u8]) -> Answer {
        if self.org.is_some() {
            return Answer::Refused(Refusal::AlreadySetUp);
        }
        let Some((org, batches)) = open_welcome(welcome) else { return Answer::Refused(Refusal::Invalid) };
        // Proved on a scratch engine first, so that a bad welcome leaves nothing behind.
        let mut trial = Self::open(self.identity.clone(), &MemoryStore::default());
        let mut memory = MemoryStore::default();
        let admitted = {
            let mut scratch = Cx::new(&mut memory, cx.now, &mut *cx.rng);
            trial.found(scratch.tx, org);
            trial.take_welcome(&mut scratch, &batches);
            trial.view.org_state().is_some_and(|state| state.knows_node(&self.node()))
        };
        if !admitted {
            return Answer::Refused(Refusal::Invalid);
        }
        self.found(cx.tx, org);
        self.take_welcome(cx, &batches);
        cx.notify(Notice::Network);
        Answer::Done { id: EntryId(org.0) }
    }

    /// Batches may name nodes that later batches admit: go round until nothing more is taken.
    fn take_welcome(&mut self, cx: &mut Cx<'_>, batches: &[Vec<Entry>]) {
        loop {
            let before = self.logs.values().map(|log| log.next).sum::<u64>();
            for entries in batches {
                self.ingest(cx, entries.clone());
                self.evaluate_stale(cx);
            }
            if self.logs.values().map(|log| log.next).sum::<u64>() == before {
                return;
            }
        }
    }
}

/// The organisation's control entries, for a node that was just admitted.
pub(crate) fn make_welcome(store: &dyn Store, org: OrgId, logs: impl Iterator<Item = crate::ids::LogId>) -> Vec<u8> {
    let batches: Vec<ByteVec> = logs
        .flat_map(|log| {
            let entries: Vec<Entry> = super::lookup::entries_of(store, &log, 0).collect();
            entries
                .chunks(crate::limits::RECORD_ENTRIES_MAX)
                .map(|run| batch::encode(run, batch::Signatures::All).into())
                .collect::<Vec<ByteVec>>()
        })
        .collect();
    codec::encode(&(org, batches))
}

fn open_welcome(bytes: &[u8]) -> Option<(OrgId, Vec<Vec<Entry>>)> {
    // Control logs only: bounded by the number of people and sites.
    let (org, batches): (OrgId, Vec<ByteVec>) = codec::decode("welcome", bytes, 16 * RESPONSE_BYTES_MAX).ok()?;
    let batches = batches.iter().map(|bytes| batch::decode(bytes)).collect::<Result<_, _>>().ok()?;
    Some((org, batches))
}

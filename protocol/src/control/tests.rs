//! A stage for authority: sites, nodes and people that write control entries with whatever frontier the test wants.
//! It proves nothing about signatures of entries; those are checked before the evaluator.

mod authority;
mod chain;
mod delivery;
mod laws;
mod members;
mod oracle;
mod policies;
mod random;
mod registrar;
mod scale;
mod turmoil;
mod vectors;

use super::grants::GroupState;
use super::op::{
    Access, Admin, AmendCut, AppointOwner, Class, Constitution, ConstitutionSignature, ConstitutionSigned, ControlOp,
    Cut, Founder, Grant, GroupCreate, GroupEdit, GroupKind, Guests, LogOpen, NodeAdmit, NodeOnly, NodeRevoke, Policy,
    Posting, Revoke, Role, RoleFor, See, Seen, SiteSet, UserAt, UserKey, UserMove, UserOnly,
};
use super::registry::OrgState;
use super::table::{Act, allows, permits};
use super::{ControlEntry, History, Inserted, Reason, Standing, Verdict};
use crate::codec;
use crate::ids::{EntryId, GroupId, LogId, NodeId, OrgId, SiteId, TicketId, UserId};
use crate::keys::{Context, Purpose, SecretKey, derive};
use std::collections::BTreeMap;

/// Which history an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Org,
    Group,
}

/// The n-th site has one node and any people; the 0-th is the founder's.
fn site(n: u8) -> SiteId {
    SiteId([n; 16])
}

fn node(n: u8) -> NodeId {
    NodeId([100 + n; 32])
}

/// The m-th person of the n-th site.
fn user(n: u8, m: u8) -> UserId {
    let mut id = [n; 16];
    id[15] = m;
    UserId(id)
}

fn admin_key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[50 + n; 32])
}

/// All entries written so far, in the order of writing.
#[derive(Clone)]
struct Stage {
    org: OrgId,
    first: Constitution,
    group: Option<GroupId>,
    entries: Vec<(Scope, ControlEntry)>,
    /// The newest entry of each node's log.
    tails: BTreeMap<(Scope, NodeId), ControlEntry>,
    /// Makes ids differ between stages.
    salt: u64,
    count: u64,
}

impl Stage {
    /// An organisation with this many sites; person 0 of site 0 is its admin, and all sites see all that is written here.
    fn new(sites: u8, salt: u64) -> Self {
        Self::with_admins(sites, salt, 1)
    }

    /// The same with the persons 0 of the first sites as admins from the beginning.
    fn with_admins(sites: u8, salt: u64, admins: u8) -> Self {
        let first = Constitution {
            revision: 0,
            parent: None,
            name: "Example".into(),
            admins: (0..admins).map(|n| Admin { user: user(n, 0), key: admin_key(n).public() }).collect(),
            threshold: u32::from(admins / 2 + 1),
            recovery: vec![admin_key(200).public(), admin_key(201).public(), admin_key(202).public()],
            recovery_threshold: 2,
            rules: 1,
            features: 1,
            founder: Some(Founder { node: node(0), sealing: [1; 32], site: site(0) }),
            nonce: [salt as u8; 16],
            by_recovery: false,
            cuts: Vec::new(),
        };
        let bytes = codec::encode(&first);
        let org = OrgId(super::constitution::revision_id(&bytes));
        let mut stage = Self {
            org,
            first: first.clone(),
            group: None,
            entries: Vec::new(),
            tails: BTreeMap::new(),
            salt,
            count: 0,
        };
        let keys: Vec<u8> = (0..admins).collect();
        let signed = stage.signed(&first, &keys);
        stage.write(Scope::Org, node(0), None, ControlOp::Constitution(signed), &[]);
        let named = SiteSet { site: site(0), name: "site 0".into(), company: String::new() };
        stage.org_op(0, Some(user(0, 0)), ControlOp::SiteSet(named));
        stage.register(0, 0);
        for n in 1..sites {
            stage.admit(n);
            stage.register(n, 0);
        }
        stage
    }

    fn signed(&self, revision: &Constitution, keys: &[u8]) -> ConstitutionSigned {
        let bytes = codec::encode(revision);
        let id = super::constitution::revision_id(&bytes);
        let signatures = keys
            .iter()
            .map(|n| ConstitutionSignature {
                key: admin_key(*n).public(),
                signature: admin_key(*n).sign(Context::Constitution, &self.org, &id),
            })
            .collect();
        ConstitutionSigned { revision: bytes, signatures }
    }

    /// Writes an entry into a node's log, opening it if need be. The frontier is exactly `ctl`.
    fn write(&mut self, scope: Scope, by: NodeId, actor: Option<UserId>, op: ControlOp, ctl: &[EntryId]) -> EntryId {
        let opens = matches!(op, ControlOp::GroupCreate(_));
        if !opens && !self.tails.contains_key(&(scope, by)) {
            self.open(scope, by, ctl);
        }
        let tail = self.tails.get(&(scope, by)).filter(|_| !opens).cloned();
        self.push(scope, by, actor, op, ctl, tail)
    }

    fn open(&mut self, scope: Scope, by: NodeId, ctl: &[EntryId]) {
        let open = LogOpen { node: by, class: Class::Control, nonce: [0; 16], previous: Vec::new() };
        self.push(scope, by, None, ControlOp::LogOpen(open), ctl, None);
    }

    fn push(
        &mut self,
        scope: Scope,
        by: NodeId,
        actor: Option<UserId>,
        op: ControlOp,
        ctl: &[EntryId],
        tail: Option<ControlEntry>,
    ) -> EntryId {
        self.count += 1;
        let id = EntryId(derive(Purpose::EntryId, &[&self.salt.to_be_bytes(), &self.count.to_be_bytes()]));
        let entry = ControlEntry {
            id,
            log: tail.as_ref().map_or(LogId::from(id), |tail| tail.log),
            seq: tail.as_ref().map_or(0, |tail| tail.seq + 1),
            node: by,
            actor,
            prev: tail.as_ref().map(|tail| tail.id),
            ctl: ctl.to_vec(),
            again: None,
            op,
        };
        self.tails.insert((scope, by), entry.clone());
        self.entries.push((scope, entry));
        id
    }

    /// The maximal entries of a scope among all written so far.
    fn heads(&self, scope: Scope) -> Vec<EntryId> {
        let history = self.history(scope);
        history.heads()
    }

    /// What a node names that has seen everything: both scopes' heads.
    fn everything(&self) -> Vec<EntryId> {
        let mut heads = self.heads(Scope::Org);
        if self.group.is_some() {
            heads.extend(self.heads(Scope::Group));
        }
        heads
    }

    fn history(&self, scope: Scope) -> History {
        let org: Vec<EntryId> =
            self.entries.iter().filter(|(of, _)| *of == Scope::Org).map(|(_, entry)| entry.id).collect();
        let mut history = History::default();
        for (_, entry) in self.entries.iter().filter(|(of, _)| *of == scope) {
            let outcome = history.insert(entry.clone(), &|id| scope == Scope::Group && org.contains(id));
            assert_ne!(outcome, Inserted::AlreadyHeld);
        }
        history
    }

    fn org_state(&self) -> OrgState {
        OrgState::evaluate(self.org, &self.history(Scope::Org))
    }

    fn group_state(&self) -> GroupState {
        GroupState::evaluate(self.group.expect("a group"), &self.history(Scope::Group), &self.org_state())
            .expect("its creation is here")
    }

    // --- words for tests ---------------------------------------------------------------------------------------------

    /// An entry of the organisation at the n-th site, having seen everything.
    fn org_op(&mut self, n: u8, actor: Option<UserId>, op: ControlOp) -> EntryId {
        let ctl = self.heads(Scope::Org);
        self.write(Scope::Org, node(n), actor, op, &ctl)
    }

    fn register(&mut self, n: u8, m: u8) -> EntryId {
        self.org_op(n, None, ControlOp::UserRegister(UserAt { user: user(n, m), site: site(n) }))
    }

    /// The admin of site 0 admits the n-th node at the n-th site.
    fn admit(&mut self, n: u8) -> EntryId {
        self.org_op(0, Some(user(0, 0)), admission(n))
    }

    /// An entry of the group by person 0 of the n-th site, with this frontier.
    fn by(&mut self, n: u8, op: ControlOp, ctl: &[EntryId]) -> EntryId {
        self.write(Scope::Group, node(n), Some(user(n, 0)), op, ctl)
    }

    /// Person 0 of site 0 creates a group.
    fn create(&mut self, access: Access) -> EntryId {
        self.create_as(0, GroupKind::Theme, access, None)
    }

    fn create_as(&mut self, n: u8, kind: GroupKind, access: Access, at: Option<SiteId>) -> EntryId {
        let create = GroupCreate {
            node: node(n),
            nonce: [0; 16],
            kind,
            access,
            name: "group".into(),
            purpose: String::new(),
            rules: 1,
            site: at,
        };
        let ctl = self.heads(Scope::Org);
        let id = self.by(n, ControlOp::GroupCreate(create), &ctl);
        self.group = Some(GroupId::from(id));
        id
    }
}

fn admission(n: u8) -> ControlOp {
    ControlOp::NodeAdmit(NodeAdmit {
        node: node(n),
        sealing: [n; 32],
        site: site(n),
        ticket: TicketId([n; 16]),
        caps: None,
    })
}

fn grant(n: u8, role: Role) -> ControlOp {
    ControlOp::Grant(Grant { roles: vec![RoleFor { user: user(n, 0), role }], cuts: Vec::new() })
}

fn revoke(n: u8) -> ControlOp {
    revoke_with(n, Vec::new())
}

fn revoke_with(n: u8, cuts: Vec<Cut>) -> ControlOp {
    ControlOp::Revoke(Revoke { users: vec![user(n, 0)], cuts })
}

fn edit_access(access: Access) -> ControlOp {
    ControlOp::GroupEdit(GroupEdit { access: Some(access), ..GroupEdit::default() })
}

fn edit_policy(post: Posting, cuts: Vec<Cut>) -> ControlOp {
    ControlOp::GroupEdit(GroupEdit { post: Some(post), cuts, ..GroupEdit::default() })
}

fn edit_guests(guests: Guests, cuts: Vec<Cut>) -> ControlOp {
    ControlOp::GroupEdit(GroupEdit { guests: Some(guests), cuts, ..GroupEdit::default() })
}

fn seen(revocation: EntryId, cuts: Vec<Cut>) -> ControlOp {
    ControlOp::Seen(Seen { revocation, cuts })
}

fn rename(name: &str) -> ControlOp {
    ControlOp::GroupEdit(GroupEdit { name: Some(name.into()), ..GroupEdit::default() })
}

fn cut(log: u8, seq: u64) -> Cut {
    Cut { log: data_log(log), seq, id: EntryId([0; 32]) }
}

fn data_log(n: u8) -> LogId {
    LogId([n; 32])
}

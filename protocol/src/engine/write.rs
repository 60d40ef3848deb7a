//! Own entries: numbered, timed, chained and signed. An own log is opened when it is first needed.

use super::ingest::control_entry;
use super::{Cx, Engine};
use crate::clock::{Hlc, is_ahead};
use crate::control::op::{Class, ControlOp, LogOpen, See, kind};
use crate::entry::{Body, Entry, Header};
use crate::group::DataOp;
use crate::ids::{EntryId, GroupId, LogId, OrgId, ScopeId, UserId};
use crate::limits::{CTL_HEADS_MAX, INCARNATIONS_MAX, SALT_BYTES, SEE_HEADS_MAX};
use crate::log;

/// What an own entry says beside its place in the log.
pub(crate) struct Draft {
    pub(crate) kind: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) actor: Option<UserId>,
    pub(crate) refs: Vec<EntryId>,
    /// It says again what an entry said that does not count.
    pub(crate) again: Option<Again>,
}

/// What a copy takes over from its original.
pub(crate) struct Again {
    pub(crate) original: EntryId,
    pub(crate) salt: [u8; SALT_BYTES],
    pub(crate) hlc: Hlc,
}

impl Draft {
    /// A control operation.
    pub(crate) fn control(op: &ControlOp, actor: Option<UserId>) -> Self {
        let (kind, body) = op.encode();
        Self { kind, body, actor, refs: Vec::new(), again: None }
    }

    /// A data operation.
    pub(crate) fn data(op: &DataOp, actor: Option<UserId>, refs: Vec<EntryId>) -> Self {
        let (kind, body) = op.encode();
        Self { kind, body, actor, refs, again: None }
    }
}

impl Engine {
    /// The control frontier that a new entry names: the heads of the organisation's history and of the group's.
    fn frontier(&self, scope: &ScopeId) -> Vec<EntryId> {
        let mut heads: Vec<EntryId> = self.org.iter().flat_map(|org| org.history.heads()).collect();
        if let Some(group) = self.groups.get(&GroupId::from(*scope)) {
            heads.extend(group.history.heads());
        }
        heads.sort_unstable();
        heads
    }

    /// Keeps the frontier within a header's room by folding many heads into one `see` entry (ruling D4).
    fn folded_frontier(&mut self, cx: &mut Cx<'_>, org: OrgId, scope: ScopeId) -> Vec<EntryId> {
        let frontier = self.frontier(&scope);
        if frontier.len() <= CTL_HEADS_MAX {
            return frontier;
        }
        let org_scope = ScopeId::from(org);
        let heads: Vec<EntryId> = self.org.iter().flat_map(|org| org.history.heads()).take(SEE_HEADS_MAX).collect();
        if heads.len() > CTL_HEADS_MAX / 2 {
            let see = Draft::control(&ControlOp::See(See { heads }), None);
            let ctl = self.own_frontier(&org_scope);
            self.append(cx, org, org_scope, Class::Control, see, ctl);
        }
        let frontier = self.frontier(&scope);
        if frontier.len() > CTL_HEADS_MAX && scope != org_scope {
            let heads = frontier.into_iter().take(SEE_HEADS_MAX).collect();
            let see = Draft::control(&ControlOp::See(See { heads }), None);
            let ctl = self.own_frontier(&scope);
            self.append(cx, org, scope, Class::Control, see, ctl);
            return self.frontier(&scope).into_iter().take(CTL_HEADS_MAX).collect();
        }
        frontier.into_iter().take(CTL_HEADS_MAX).collect()
    }

    /// The frontier in force in this node's control log of a scope: a `see` entry repeats it and names its heads in its body.
    fn own_frontier(&self, scope: &ScopeId) -> Vec<EntryId> {
        self.own
            .get(&(*scope, Class::Control))
            .and_then(|id| self.logs.get(id))
            .map_or(Vec::new(), |log| log.ctl.clone())
    }

    /// Writes an own entry and folds it. The caller has checked that it may.
    pub(crate) fn write(&mut self, cx: &mut Cx<'_>, scope: ScopeId, class: Class, draft: Draft) -> EntryId {
        let org = self.org().expect("commands are refused before there is an organisation");
        let ctl = self.folded_frontier(cx, org, scope);
        self.append(cx, org, scope, class, draft, ctl)
    }

    fn append(
        &mut self,
        cx: &mut Cx<'_>,
        org: OrgId,
        scope: ScopeId,
        class: Class,
        draft: Draft,
        ctl: Vec<EntryId>,
    ) -> EntryId {
        let as_of = draft.again.as_ref().map(|again| again.hlc);
        let id = match self.own.get(&(scope, class)) {
            Some(id) => *id,
            None => self.open_log(cx, org, scope, class, &ctl, as_of),
        };
        let log = self.logs[&id].clone();
        let explicit = log.ctl != ctl || log.next.is_multiple_of(self.tuning.explicit_every);
        let hlc = self.stamp(cx, Hlc(log.hlc), as_of);
        let salt = match &draft.again {
            Some(again) => again.salt,
            None => self.salt(cx, draft.kind),
        };
        let body = Body { salt, bytes: draft.body };
        let extra = draft.again.iter().map(|again| super::fork::again_key(&again.original)).collect();
        let header = Header {
            scope,
            log: Some(id),
            seq: log.next,
            prev: Some(log.head),
            hlc,
            ctl: explicit.then_some(ctl),
            kind: draft.kind,
            actor: draft.actor,
            body_len: body.bytes.len() as u32,
            body_commit: body.commitment(),
            refs: draft.refs,
            auth_proof: None,
            extra,
        };
        let entry = Entry::sign(header, body, &org, &self.identity.key);
        self.take_own(cx, &id, entry)
    }

    /// The time of a new own entry: now, or for a copy that of its original where the log allows it.
    fn stamp(&mut self, cx: &Cx<'_>, after: Hlc, as_of: Option<Hlc>) -> Hlc {
        let now = self.true_now(cx.now);
        match as_of.filter(|as_of| *as_of > after && !is_ahead(now, *as_of)) {
            Some(as_of) => as_of,
            None => {
                self.clock.correct(now);
                self.clock.tick(now, after)
            }
        }
    }

    /// The first entry that a request makes bears the request's salt; what only prepares it does not.
    fn salt(&mut self, cx: &mut Cx<'_>, of_kind: u16) -> [u8; SALT_BYTES] {
        match of_kind {
            kind::LOG_OPEN | kind::SEE => cx.random(),
            _ => self.request_salt.take().unwrap_or_else(|| cx.random()),
        }
    }

    /// Opens an own log of a scope, naming its earlier incarnations.
    fn open_log(
        &mut self,
        cx: &mut Cx<'_>,
        org: OrgId,
        scope: ScopeId,
        class: Class,
        ctl: &[EntryId],
        as_of: Option<Hlc>,
    ) -> LogId {
        let node = self.node();
        let previous = self
            .scopes
            .get(&scope)
            .into_iter()
            .flatten()
            .filter(|id| {
                self.logs.get(id).is_some_and(|log| log.node == node && log.class == class && log.branch.is_none())
            })
            .copied()
            .take(INCARNATIONS_MAX)
            .collect();
        let open = LogOpen { node, class, nonce: cx.random(), previous };
        let draft = Draft::control(&ControlOp::LogOpen(open), None);
        let entry = self.opening_entry(cx, org, scope, draft, ctl.to_vec(), as_of);
        let id = entry.log();
        self.opened_now.insert(id);
        self.note_log(id, log::opened(&entry, scope, class, node));
        self.take_own(cx, &id, entry);
        id
    }

    /// The entry that opens a log, or a group. A log opened for a copy begins before it.
    pub(crate) fn opening_entry(
        &mut self,
        cx: &mut Cx<'_>,
        org: OrgId,
        scope: ScopeId,
        draft: Draft,
        ctl: Vec<EntryId>,
        as_of: Option<Hlc>,
    ) -> Entry {
        let hlc = self.stamp(cx, Hlc(0), as_of.map(|as_of| Hlc(as_of.0.saturating_sub(1))));
        let body = Body { salt: self.salt(cx, draft.kind), bytes: draft.body };
        let header = Header {
            scope,
            log: None,
            seq: 0,
            prev: None,
            hlc,
            ctl: Some(ctl),
            kind: draft.kind,
            actor: draft.actor,
            body_len: body.bytes.len() as u32,
            body_commit: body.commitment(),
            refs: draft.refs,
            auth_proof: None,
            extra: Vec::new(),
        };
        Entry::sign(header, body, &org, &self.identity.key)
    }

    /// Creates a group: its first entry opens the creator's control log.
    pub(crate) fn open_group(&mut self, cx: &mut Cx<'_>, draft: Draft) -> GroupId {
        let org = self.org().expect("commands are refused before there is an organisation");
        let ctl = self.folded_frontier(cx, org, ScopeId::from(org));
        let entry = self.opening_entry(cx, org, ScopeId::from(org), draft, ctl, None);
        let group = GroupId::from(entry.id);
        let id = entry.log();
        self.opened_now.insert(id);
        self.published.insert(ScopeId::from(group));
        self.note_log(id, log::opened(&entry, ScopeId::from(group), Class::Control, self.node()));
        self.take_own(cx, &id, entry);
        group
    }

    fn take_own(&mut self, cx: &mut Cx<'_>, id: &LogId, entry: Entry) -> EntryId {
        let (entry_id, scope) = (entry.id, self.logs[id].scope);
        debug_assert!(control_entry(&entry, self.node(), &[]).is_some() || entry.header.kind >= kind::DATA);
        let run = [entry];
        self.store_run(cx, id, &run);
        self.fold_run(cx, id, &run);
        self.save_log(cx, id);
        let [entry] = run;
        cx.written.entry(scope).or_default().push(entry);
        entry_id
    }
}

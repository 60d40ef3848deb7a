//! What an administrator must know: raised once, kept across starts, gone when dismissed or when its cause is gone.
//! Facts are plain numbers and ids; words are the interface's.

use super::effect::Notice;
use super::{Cx, Engine};
use crate::codec;
use crate::ids::{BlobId, EntryId, LogId, NodeId, ScopeId};
use crate::keys::{self, Purpose};
use crate::store::keys::{Key, table};
use crate::store::{Direction, Store, keys as rows};
use minicbor::{Decode, Encode};
use std::sync::Arc;

/// Alarms kept: far more than anybody reads. Beyond, a new one is not kept.
const ALARMS_MAX: usize = 1_000;
/// Bytes of one alarm's row.
const ROW_BYTES_MAX: usize = 4_096;
/// A dismissed alarm comes back when there is news, but not sooner than after this.
const QUIET_MS: u64 = 60 * 60 * 1_000;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum AlarmKind {
    /// A node signed two histories.
    #[n(0)]
    Fork,
    /// This node went back in time: a backup was restored, or the machine was cloned.
    #[n(1)]
    Restored,
    /// A peer sent what no honest node sends, repeatedly.
    #[n(2)]
    Hostile,
    /// This node's clock differs from its peers'.
    #[n(3)]
    Clock,
    /// Stored data was damaged.
    #[n(4)]
    Damage,
    /// Admins signed two revisions of the constitution.
    #[n(5)]
    Equivocation,
    /// A page's changes upset this node's program: the page is not written in here.
    #[n(6)]
    Page,
}

impl AlarmKind {
    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Restored => "restored",
            Self::Hostile => "hostile",
            Self::Clock => "clock",
            Self::Damage => "damage",
            Self::Equivocation => "equivocation",
            Self::Page => "page",
        }
    }
}

/// A number or a short text beside an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Fact {
    /// A number.
    #[n(0)]
    Number(#[n(0)] i64),
    /// An id or a code.
    #[n(1)]
    Text(#[n(0)] String),
}

/// One alarm.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Alarm {
    /// What happened.
    #[n(0)]
    pub kind: AlarmKind,
    /// When it was first noticed, in milliseconds.
    #[n(1)]
    pub since: u64,
    /// The node concerned.
    #[n(2)]
    pub node: Option<NodeId>,
    /// The scope concerned.
    #[n(3)]
    pub scope: Option<ScopeId>,
    /// The log concerned.
    #[n(4)]
    pub log: Option<LogId>,
    /// Facts by name.
    #[n(5)]
    pub facts: Vec<(String, Fact)>,
    /// When somebody dismissed it.
    #[n(6)]
    pub dismissed: Option<u64>,
    /// The page concerned.
    #[n(7)]
    pub page: Option<EntryId>,
}

impl Alarm {
    pub(crate) fn new(kind: AlarmKind, node: Option<NodeId>) -> Self {
        Self { kind, since: 0, node, scope: None, log: None, facts: Vec::new(), dismissed: None, page: None }
    }

    pub(crate) fn number(mut self, name: &str, number: impl TryInto<i64>) -> Self {
        self.facts.push((name.into(), Fact::Number(number.try_into().unwrap_or(i64::MAX))));
        self
    }

    pub(crate) fn text(mut self, name: &str, text: impl Into<String>) -> Self {
        self.facts.push((name.into(), Fact::Text(text.into())));
        self
    }

    /// Its id: the same cause is the same alarm.
    pub fn id(&self) -> EntryId {
        let part = |id: Option<[u8; 32]>| id.unwrap_or_default();
        let node = self.node.as_ref().map_or(Vec::new(), |node| node.as_ref().to_vec());
        let scope = part(self.scope.map(|scope| scope.0));
        let log = part(self.log.map(|log| log.0));
        let page = part(self.page.map(|page| page.0));
        let parts: [&[u8]; 6] = [b"alarm", self.kind.code().as_bytes(), &scope, &log, &node, &page];
        EntryId(keys::derive(Purpose::Scope, &parts))
    }
}

impl Engine {
    pub(crate) fn load_alarms(&mut self, store: &dyn Store) {
        let (from, to) = Key::of(table::ALARM).prefix();
        for (_, row) in store.range(&from, &to, ALARMS_MAX, Direction::Forward) {
            if let Ok(alarm) = codec::decode::<Alarm>("alarm row", &row, ROW_BYTES_MAX) {
                Arc::make_mut(&mut self.view_mut().alarms).insert(alarm.id(), alarm);
            }
        }
    }

    /// Raises an alarm, or refreshes the facts of a standing one.
    pub(crate) fn raise(&mut self, cx: &mut Cx<'_>, mut alarm: Alarm) {
        let id = alarm.id();
        alarm.since = cx.now.0;
        match self.view.alarms.get(&id) {
            Some(known) if known.facts == alarm.facts => return,
            Some(known) if known.dismissed.is_some_and(|at| cx.now.0 < at.saturating_add(QUIET_MS)) => return,
            Some(known) if known.dismissed.is_none() => alarm.since = known.since,
            Some(_) => {}
            None if self.view.alarms.len() >= ALARMS_MAX => return,
            None => {}
        }
        cx.tx.put(&rows::alarm(&id), &codec::encode(&alarm));
        Arc::make_mut(&mut self.view_mut().alarms).insert(id, alarm);
        cx.notify(Notice::Alarms);
    }

    /// Records were found damaged: what they held is asked of the other sites, as anything else that is missing.
    pub(crate) fn records_lost(&mut self, cx: &mut Cx<'_>, places: u64, standing: Vec<Alarm>) {
        for alarm in standing.into_iter().take(ALARMS_MAX) {
            let id = alarm.id();
            cx.tx.put(&rows::alarm(&id), &codec::encode(&alarm));
            Arc::make_mut(&mut self.view_mut().alarms).insert(id, alarm);
        }
        self.raise_damage(cx, "records", places);
    }

    /// Files were found damaged: they are fetched again.
    pub(crate) fn blobs_lost(&mut self, cx: &mut Cx<'_>, blobs: Vec<BlobId>) {
        let count = blobs.len() as u64;
        for blob in blobs {
            self.blob_lost(cx, blob);
        }
        self.raise_damage(cx, "files", count);
    }

    /// A page is in quarantine here.
    pub(crate) fn page_quarantined(&mut self, cx: &mut Cx<'_>, page: EntryId) {
        let Some((group, _)) = self.page(cx, &page) else { return };
        let alarm = Alarm::new(AlarmKind::Page, Some(self.node()));
        self.raise(cx, Alarm { scope: Some(group.into()), page: Some(page), ..alarm });
    }

    /// A page that was in quarantine can be shown again: by a newer program, or because what upset it counts no more.
    pub(crate) fn page_sound(&mut self, cx: &mut Cx<'_>, page: EntryId) {
        let standing = self.view.alarms.iter().find(|(_, alarm)| alarm.page == Some(page)).map(|(id, _)| *id);
        if let Some(id) = standing {
            self.clear_alarm(cx, &id);
        }
    }

    /// Counts up since the alarm was raised first.
    fn raise_damage(&mut self, cx: &mut Cx<'_>, what: &str, count: u64) {
        let fresh = Alarm::new(AlarmKind::Damage, Some(self.node()));
        let known = self.view.alarms.get(&fresh.id());
        let before = |name: &str| {
            let fact = known.and_then(|alarm| alarm.facts.iter().find(|fact| fact.0 == name));
            match fact {
                Some((_, Fact::Number(number))) => u64::try_from(*number).unwrap_or(0),
                _ => 0,
            }
        };
        let counted = |name: &str| before(name) + if name == what { count } else { 0 };
        let alarm = fresh.number("records", counted("records")).number("files", counted("files"));
        self.raise(cx, alarm);
    }

    /// The cause is gone.
    pub(crate) fn clear_alarm(&mut self, cx: &mut Cx<'_>, id: &EntryId) {
        if self.view.alarms.contains_key(id) {
            cx.tx.delete(&rows::alarm(id));
            Arc::make_mut(&mut self.view_mut().alarms).remove(id);
            cx.notify(Notice::Alarms);
        }
    }

    /// Somebody has seen it and needs no reminder. False when there is no such alarm.
    pub(crate) fn dismiss_alarm(&mut self, cx: &mut Cx<'_>, id: &EntryId) -> bool {
        let Some(mut alarm) = self.view.alarms.get(id).filter(|alarm| alarm.dismissed.is_none()).cloned() else {
            return false;
        };
        alarm.dismissed = Some(cx.now.0);
        cx.tx.put(&rows::alarm(id), &codec::encode(&alarm));
        Arc::make_mut(&mut self.view_mut().alarms).insert(*id, alarm);
        cx.notify(Notice::Alarms);
        true
    }
}

//! The audit log: who did what to the site, as lines chained by their hashes. Ids, not content (`docs/protocol.md` §7.8).

use super::secret::Text;
use super::table::Table;
use super::{Local, LocalError};
use archipel_storage::kvlog::{Batch, KvLog};
use protocol::ids::UserId;
use serde::{Deserialize, Serialize};

/// Lines older than this go.
pub const AUDIT_KEPT_MS: u64 = 400 * 24 * 60 * 60 * 1000;
/// Lines kept at most: all of it is held in memory, about 300 bytes a line.
pub const AUDIT_LINES_MAX: u64 = 50_000;
/// Old lines removed with each new one: more than one, so that a shrunk limit is reached.
const PRUNED_AT_ONCE: usize = 4;

/// Something worth a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    at: u64,
    kind: &'static str,
    actor: Option<UserId>,
    subject: String,
}

impl Event {
    /// An event at a time in milliseconds, of a kind such as `login`.
    pub fn new(at: u64, kind: &'static str) -> Self {
        Self { at, kind, actor: None, subject: String::new() }
    }

    /// Whose doing.
    #[must_use]
    pub fn by(mut self, actor: UserId) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The id of what it happened to.
    #[must_use]
    pub fn about(mut self, subject: &str) -> Self {
        self.subject = subject.to_owned();
        self
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since 1970.
    pub at: u64,
    /// What.
    pub kind: String,
    actor: Option<Text<16>>,
    /// An id.
    pub subject: String,
    previous: Text<32>,
    hash: Text<32>,
}

impl Line {
    /// Whose doing.
    pub fn actor(&self) -> Option<UserId> {
        self.actor.map(|actor| UserId(actor.0))
    }

    fn digest(&self, number: u64) -> Text<32> {
        let mut hasher = blake3::Hasher::new_derive_key("archipel 2026 local audit v1");
        hasher.update(&self.previous.0).update(&number.to_be_bytes()).update(&self.at.to_be_bytes());
        for part in [self.kind.as_bytes(), self.subject.as_bytes()] {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
        }
        hasher.update(&self.actor.map_or([0; 16], |actor| actor.0));
        Text(*hasher.finalize().as_bytes())
    }
}

/// The end of the chain.
#[derive(Debug)]
pub(super) struct Chain {
    first: u64,
    next: u64,
    last: Text<32>,
    /// When each of the next lines to go was written; looked up as needed.
    rows: std::sync::Weak<KvLog>,
    /// `first`, `next` and `last` before the batch under way.
    before: Option<(u64, u64, Text<32>)>,
}

impl Chain {
    pub(super) fn load(rows: &std::sync::Arc<KvLog>) -> Result<Self, LocalError> {
        let lines = rows.prefix(Table::Audit.byte(), &[], None, usize::MAX);
        let (mut first, mut next, mut last) = (0, 0, Text([0; 32]));
        if let (Some((oldest, _)), Some((newest, value))) = (lines.first(), lines.last()) {
            let line: Line = serde_json::from_slice(value).map_err(|_| LocalError::Damaged { table: Table::Audit })?;
            (first, next, last) = (number(oldest), number(newest) + 1, line.hash);
        }
        Ok(Self { first, next, last, rows: std::sync::Arc::downgrade(rows), before: None })
    }

    pub(super) fn append(&mut self, batch: &mut Batch, event: Event) -> Result<(), LocalError> {
        self.before.get_or_insert((self.first, self.next, self.last));
        let actor = event.actor.map(|actor| Text(actor.0));
        let mut line = Line {
            at: event.at,
            kind: event.kind.to_owned(),
            actor,
            subject: event.subject,
            previous: self.last,
            hash: Text([0; 32]),
        };
        line.hash = line.digest(self.next);
        let value = serde_json::to_vec(&line).map_err(|_| LocalError::Damaged { table: Table::Audit })?;
        batch.add_put(Table::Audit.byte(), &self.next.to_be_bytes(), &value);
        self.last = line.hash;
        self.next += 1;
        for _ in 0..PRUNED_AT_ONCE {
            if !self.is_old(event.at) {
                break;
            }
            batch.add_delete(Table::Audit.byte(), &self.first.to_be_bytes());
            self.first += 1;
        }
        Ok(())
    }

    fn is_old(&self, now: u64) -> bool {
        if self.next - self.first > AUDIT_LINES_MAX {
            return true;
        }
        let Some(row) = self.rows.upgrade().and_then(|rows| rows.get(Table::Audit.byte(), &self.first.to_be_bytes()))
        else {
            return false;
        };
        serde_json::from_slice::<Line>(&row).is_ok_and(|line| line.at.saturating_add(AUDIT_KEPT_MS) < now)
    }

    pub(super) fn confirm(&mut self) {
        self.before = None;
    }

    pub(super) fn abandon(&mut self) {
        if let Some((first, next, last)) = self.before.take() {
            (self.first, self.next, self.last) = (first, next, last);
        }
    }
}

fn number(key: &[u8]) -> u64 {
    key.try_into().map(u64::from_be_bytes).unwrap_or(0)
}

impl Local {
    /// Writes a line of its own.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn note(&self, event: Event) -> Result<(), LocalError> {
        let mut writer = self.writer();
        writer.note(event)?;
        writer.commit()
    }

    /// The lines, oldest first, and whether each follows from the one before.
    pub fn audit(&self) -> (Vec<Line>, Intact) {
        let mut lines: Vec<Line> = Vec::new();
        let mut intact = Intact::Yes;
        for (key, value) in self.rows.prefix(Table::Audit.byte(), &[], None, usize::MAX) {
            let Ok(line) = serde_json::from_slice::<Line>(&value) else {
                intact = Intact::No;
                continue;
            };
            let follows = lines.last().is_none_or(|before| before.hash == line.previous);
            if !follows || line.digest(number(&key)) != line.hash {
                intact = Intact::No;
            }
            lines.push(line);
        }
        (lines, intact)
    }
}

/// Whether the chain of lines holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intact {
    /// It does.
    Yes,
    /// A line was changed or is missing.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    #[test]
    fn a_changed_or_missing_line_is_found() {
        let (_folder, rows, local) = for_test();
        for n in 0..5 {
            local.note(Event::new(n, "login").by(UserId([1; 16])).about("x")).unwrap();
        }
        let (lines, intact) = local.audit();
        assert_eq!((lines.len(), intact), (5, Intact::Yes));
        let mut forged = lines[2].clone();
        forged.subject = "y".into();
        let key = 2u64.to_be_bytes();
        rows.put(Table::Audit.byte(), &key, &serde_json::to_vec(&forged).unwrap()).unwrap();
        assert_eq!(local.audit().1, Intact::No);
        rows.delete(Table::Audit.byte(), &key).unwrap();
        assert_eq!(local.audit().1, Intact::No);
    }

    #[test]
    fn the_chain_goes_on_after_a_restart_and_old_lines_go() {
        let (_folder, rows, local) = for_test();
        local.note(Event::new(0, "login")).unwrap();
        let again = Local::open(rows).unwrap();
        again.note(Event::new(1, "logout")).unwrap();
        assert_eq!(again.audit().1, Intact::Yes);
        again.note(Event::new(AUDIT_KEPT_MS + 1, "login")).unwrap();
        let (lines, intact) = again.audit();
        assert_eq!((lines.len(), intact), (2, Intact::Yes));
    }
}

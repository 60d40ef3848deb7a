//! Every order in which entries can arrive.

use super::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Up to so many entries every order is tried, else a sample.
const EXHAUSTIVE_MAX: usize = 6;
const SAMPLES: usize = 1_000;
/// Orders of the whole stage, its founding included.
const WHOLE_SAMPLES: usize = 50;

impl Stage {
    /// Evaluates with the entries from `mark` on in every order (all entries, in sampled ones), and checks each result.
    fn in_every_order_from(&self, mark: usize, check: &dyn Fn(&OrgState, Option<&GroupState>)) {
        let (base, last) = self.entries.split_at(mark);
        let mut rng = ChaCha20Rng::seed_from_u64(self.salt);
        let evaluate = |entries: &mut dyn Iterator<Item = &(Scope, ControlEntry)>| {
            let (org, group) = self.deliver(entries);
            assert_eq!((org.waiting(), group.waiting()), (0, 0), "nothing is left waiting");
            let state = OrgState::evaluate(self.org, &org);
            let group = self.group.and_then(|id| GroupState::evaluate(id, &group, &state));
            check(&state, group.as_ref());
        };
        if last.len() <= EXHAUSTIVE_MAX {
            permutations(last.len(), &mut |order| {
                evaluate(&mut base.iter().chain(order.iter().map(|at| &last[*at])));
            });
        } else {
            for _ in 0..SAMPLES {
                let order = shuffled(last.len(), &mut rng);
                evaluate(&mut base.iter().chain(order.iter().map(|at| &last[*at])));
            }
        }
        for _ in 0..WHOLE_SAMPLES {
            let order = shuffled(self.entries.len(), &mut rng);
            evaluate(&mut order.iter().map(|at| &self.entries[*at]));
        }
    }

    /// The group as it is, after checking that every order of what was written since `mark` gives the same.
    pub(super) fn settled_from(&self, mark: usize) -> GroupState {
        let expected = self.group_state();
        self.in_every_order_from(mark, &|_, group| {
            let group = group.expect("a group");
            assert_eq!(group.members(), expected.members());
            assert_eq!(group.voids(), expected.voids());
            assert_eq!((group.name(), group.access()), (expected.name(), expected.access()));
            assert_eq!((group.policy(), group.removals()), (expected.policy(), expected.removals()));
        });
        expected
    }

    /// The organisation likewise.
    pub(super) fn org_settled_from(&self, mark: usize) -> OrgState {
        let expected = self.org_state();
        self.in_every_order_from(mark, &|org, _| assert_same_org(org, &expected));
        expected
    }

    /// Gives the entries to two histories, group entries waiting for those of the organisation.
    pub(super) fn deliver(&self, entries: &mut dyn Iterator<Item = &(Scope, ControlEntry)>) -> (History, History) {
        let (mut org, mut group) = (History::default(), History::default());
        for (scope, entry) in entries {
            match scope {
                Scope::Org => {
                    org.insert(entry.clone(), &|_| false);
                    group.retry(&|id| org.contains(id));
                }
                Scope::Group => {
                    group.insert(entry.clone(), &|id| org.contains(id));
                }
            }
        }
        (org, group)
    }
}

pub(super) fn assert_same_org(a: &OrgState, b: &OrgState) {
    assert_eq!(a.nodes(), b.nodes());
    assert_eq!(a.users(), b.users());
    assert_eq!(a.sites(), b.sites());
    assert_eq!(a.voids(), b.voids());
    assert_eq!(a.constitution(), b.constitution());
    assert_eq!(a.equivocations(), b.equivocations());
}

pub(super) fn shuffled(len: usize, rng: &mut ChaCha20Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    for at in (1..len).rev() {
        order.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize);
    }
    order
}

fn permutations(len: usize, visit: &mut dyn FnMut(&[usize])) {
    fn place(order: &mut Vec<usize>, from: usize, visit: &mut dyn FnMut(&[usize])) {
        if from == order.len() {
            return visit(order);
        }
        for at in from..order.len() {
            order.swap(from, at);
            place(order, from + 1, visit);
            order.swap(from, at);
        }
    }
    place(&mut (0..len).collect(), 0, visit);
}

#[test]
fn entries_wait_for_what_they_name_and_come_in_together() {
    let mut stage = Stage::new(2, 1);
    let created = stage.create(Access::Closed);
    let granted = stage.by(0, grant(1, Role::Owner), &[created]);
    let renamed = stage.by(1, rename("new"), &[granted]);
    let mut group = History::default();
    let of_group: Vec<_> = stage.entries.iter().filter(|(scope, _)| *scope == Scope::Group).collect();
    for (_, entry) in of_group.iter().rev() {
        let outcome = group.insert(entry.clone(), &|_| false);
        assert_eq!(outcome, Inserted::Pending);
        assert_eq!(group.insert(entry.clone(), &|_| false), Inserted::AlreadyHeld);
    }
    assert!(group.is_empty() && group.heads().is_empty());
    let org = stage.history(Scope::Org);
    assert!(group.retry(&|id| org.contains(id)));
    assert_eq!((group.len(), group.waiting()), (of_group.len(), 0));
    assert_eq!(group.heads(), [renamed]);
}

#[test]
fn s23_an_entry_that_names_an_unknown_one_is_pending_and_then_valid() {
    let mut stage = Stage::new(2, 2);
    let created = stage.create(Access::Closed);
    let known = stage.history(Scope::Group);
    let state = stage.group_state();
    let granted = stage.by(0, grant(1, Role::Member), &[created]);
    let ask = |state: &GroupState, history: &History| state.standing(history, &user(1, 0), &[granted], Act::Post);
    assert_eq!(ask(&state, &known), Standing::Pending);
    assert_eq!(ask(&state, &stage.history(Scope::Group)), Standing::Pending, "not judged yet");
    let verdict = ask(&stage.group_state(), &stage.history(Scope::Group)).verdict(&data_log(1), 3);
    assert_eq!(verdict, Verdict::Valid);
}

#[test]
fn s24_a_frontier_that_goes_backwards_is_malformed_with_all_that_follows() {
    let mut stage = Stage::new(2, 3);
    let created = stage.create(Access::Closed);
    let granted = stage.by(0, grant(1, Role::Owner), &[created]);
    stage.by(1, rename("one"), &[granted]);
    let backwards = stage.by(1, rename("two"), &[created]);
    let after = stage.by(1, rename("three"), &[granted]);
    for order in [[0, 1], [1, 0]] {
        let mut history = History::default();
        let (last, rest): (Vec<_>, Vec<_>) = stage
            .entries
            .iter()
            .filter(|(scope, _)| *scope == Scope::Group)
            .partition(|(_, entry)| entry.id == backwards || entry.id == after);
        for (_, entry) in rest {
            history.insert(entry.clone(), &|_| true);
        }
        for at in order {
            history.insert(last[at].1.clone(), &|_| true);
        }
        assert_eq!(history.insert(last[0].1.clone(), &|_| true), Inserted::Malformed);
        assert_eq!(history.insert(last[1].1.clone(), &|_| true), Inserted::Malformed);
        assert!(!history.contains(&backwards) && !history.contains(&after) && history.waiting() == 0);
    }
}

#[test]
fn a_log_that_does_not_open_or_skips_or_changes_hands_is_malformed() {
    let stage = Stage::new(1, 4);
    let history = stage.history(Scope::Org);
    let last = stage.entries.last().expect("some").1.clone();
    let id = EntryId([9; 32]);
    let next = ControlEntry { id, seq: last.seq + 1, prev: Some(last.id), ..last.clone() };
    let wrong = [
        ControlEntry { seq: 0, prev: None, ..next.clone() },
        ControlEntry { seq: next.seq + 1, ..next.clone() },
        ControlEntry { node: node(9), ..next.clone() },
        ControlEntry { log: LogId([9; 32]), ..next.clone() },
        ControlEntry { prev: None, ..next.clone() },
        ControlEntry { ctl: vec![last.id; 9], ..next.clone() },
    ];
    for entry in wrong {
        assert_eq!(history.clone().insert(entry.clone(), &|_| false), Inserted::Malformed, "{entry:?}");
    }
    assert_eq!(history.clone().insert(next, &|_| false), Inserted::Added);
}

//! Random histories by authors who name whatever past suits them, forge, fork and remove each other: the evaluator must
//! agree with the naive one, in every order, and keep INV-16 to INV-20 and INV-26.

use super::delivery::shuffled;
use super::oracle::Oracle;
use super::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Histories in a normal run; `ARCHIPEL_HISTORIES` asks for more.
const HISTORIES: u64 = 500;
const PEOPLE: u8 = 6;
const ENTRIES_MAX: u64 = 28;

const ROLES: [Role; 5] = [Role::Owner, Role::Facilitator, Role::Member, Role::Reader, Role::Guest];

struct Dice(ChaCha20Rng);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn person(&mut self) -> u8 {
        self.below(u64::from(PEOPLE)) as u8
    }

    fn cuts(&mut self) -> Vec<Cut> {
        (0..self.below(3)).map(|_| cut(self.person(), self.below(4))).collect()
    }

    fn roles(&mut self) -> Vec<RoleFor> {
        let high = !self.once_in(3);
        let mut one = |_| {
            let role = if high { self.pick(&ROLES[..2]) } else { self.pick(&ROLES) };
            RoleFor { user: user(self.person(), 0), role }
        };
        let first = one(());
        let second = one(());
        if self.once_in(4) { vec![first, second] } else { vec![first] }
    }

    fn op(&mut self, removals: &[EntryId]) -> ControlOp {
        match self.below(20) {
            0..=6 => ControlOp::Grant(Grant { roles: self.roles(), cuts: self.cuts() }),
            7..=10 => {
                let users = (0..=self.below(2)).map(|_| user(self.person(), 0)).collect();
                ControlOp::Revoke(Revoke { users, cuts: self.cuts() })
            }
            11 => ControlOp::Leave,
            12 => ControlOp::Join,
            13 => edit_access(self.pick(&[Access::Open, Access::Closed])),
            15 | 16 => edit_policy(self.pick(&[Posting::Members, Posting::Facilitators]), self.cuts()),
            17 => edit_guests(self.pick(&[Guests::Comment, Guests::Read]), self.cuts()),
            18 | 19 if !removals.is_empty() => seen(self.pick(removals), self.cuts()),
            14 if !removals.is_empty() => {
                ControlOp::AmendCut(AmendCut { revocation: self.pick(removals), cuts: self.cuts() })
            }
            _ => rename(self.pick(&["a", "b", "c"])),
        }
    }
}

/// Adds entries by random people with random pasts: continuing a log, branching it, or in a new one dated back.
pub(super) fn random_stage(base: &Stage, seed: u64) -> Stage {
    let mut dice = Dice(ChaCha20Rng::seed_from_u64(seed));
    let mut stage = base.clone();
    stage.salt = seed + 1_000_000;
    let access = dice.pick(&[Access::Open, Access::Closed]);
    let created = stage.create(access);
    let (mut ids, mut removals, mut org) = (vec![created], Vec::new(), Vec::new());
    for _ in 0..5 + dice.below(ENTRIES_MAX - 5) {
        if dice.once_in(12) {
            let group = stage.group.expect("a group");
            let person = user(dice.person(), 0);
            let op = if dice.once_in(3) {
                ControlOp::UserDisable(UserOnly { user: person })
            } else {
                ControlOp::AppointOwner(AppointOwner { group, user: person })
            };
            if !matches!(&op, ControlOp::UserDisable(only) if only.user == user(0, 0)) {
                org.push(stage.org_op(0, Some(user(0, 0)), op));
            }
            continue;
        }
        let person = dice.person();
        let op = dice.op(&removals);
        let id = stage.somehow(&mut dice, person, op, &ids, &org);
        if matches!(stage.entries.last().map(|(_, entry)| &entry.op), Some(ControlOp::Revoke(_) | ControlOp::Grant(_)))
        {
            removals.push(id);
        }
        ids.push(id);
    }
    stage
}

impl Stage {
    fn somehow(&mut self, dice: &mut Dice, person: u8, op: ControlOp, ids: &[EntryId], org: &[EntryId]) -> EntryId {
        let by = if dice.once_in(15) { node(dice.person()) } else { node(person) };
        let own: Vec<ControlEntry> = self
            .entries
            .iter()
            .filter(|(scope, entry)| *scope == Scope::Group && entry.node == by && !self.is_creation(entry))
            .map(|(_, entry)| entry.clone())
            .collect();
        let mut ctl: Vec<EntryId> = Vec::new();
        for _ in 0..=dice.below(3) {
            // Mostly what is new, now and then anything.
            let from = if dice.once_in(3) { 0 } else { ids.len().saturating_sub(5) };
            ctl.push(dice.pick(&ids[from..]));
        }
        if !org.is_empty() && dice.once_in(2) {
            ctl.push(dice.pick(org));
        }
        let tail = match dice.below(4) {
            0 => None,
            1 if !own.is_empty() => Some(own[dice.below(own.len() as u64) as usize].clone()),
            _ => own.last().cloned(),
        };
        if let Some(tail) = tail {
            ctl.extend(&tail.ctl);
            ctl.sort_unstable();
            ctl.dedup();
            if ctl.len() <= 8 {
                return self.push(Scope::Group, by, Some(user(person, 0)), op, &ctl, Some(tail));
            }
            ctl.truncate(3);
        }
        ctl.sort_unstable();
        ctl.dedup();
        self.open(Scope::Group, by, &ctl);
        let tail = self.tails.get(&(Scope::Group, by)).cloned();
        self.push(Scope::Group, by, Some(user(person, 0)), op, &ctl, tail)
    }

    fn is_creation(&self, entry: &ControlEntry) -> bool {
        matches!(entry.op, ControlOp::GroupCreate(_)) && Some(GroupId::from(entry.id)) != self.group
    }

    fn shuffled_state(&self, rng: &mut ChaCha20Rng) -> (OrgState, GroupState, History) {
        let order = shuffled(self.entries.len(), rng);
        let (org, group) = self.deliver(&mut order.iter().map(|at| &self.entries[*at]));
        assert_eq!((org.waiting(), group.waiting()), (0, 0));
        let state = OrgState::evaluate(self.org, &org);
        let judged = GroupState::evaluate(self.group.expect("a group"), &group, &state).expect("created");
        (state, judged, group)
    }
}

fn agree(stage: &Stage, seed: u64) {
    let mut dice = Dice(ChaCha20Rng::seed_from_u64(seed ^ 0xABCD));
    let state = stage.group_state();
    let history = stage.history(Scope::Group);
    let oracle = Oracle::new(stage);
    for n in 0..PEOPLE {
        assert_eq!(state.role(&user(n, 0)), oracle.role(&user(n, 0)), "seed {seed}, person {n}");
    }
    assert_eq!((state.access(), state.policy()), (oracle.access(None), oracle.policy_now()), "seed {seed}");
    let of_group: Vec<EntryId> =
        stage.entries.iter().filter(|(scope, _)| *scope == Scope::Group).map(|(_, entry)| entry.id).collect();
    for id in &of_group {
        if let Some(valid) = oracle.is_valid(id) {
            assert_eq!(state.void_reason(id).is_none(), valid, "seed {seed}, {:?}", history.get(id));
        }
    }
    for _ in 0..20 {
        let ctl: Vec<EntryId> = (0..=dice.below(2)).map(|_| dice.pick(&of_group)).collect();
        let (n, act) = (dice.person(), dice.pick(&[Act::Post, Act::Comment, Act::React, Act::DeleteAny]));
        let (log, seq) = (data_log(dice.person()), dice.below(5));
        let verdict = state.standing(&history, &user(n, 0), &ctl, act).verdict(&log, seq);
        let counts = oracle.counts(&user(n, 0), &ctl, act, &log, seq);
        assert_eq!(verdict == Verdict::Valid, counts, "seed {seed}, person {n}, {act:?}: {verdict:?}");
    }
    let (_, other, _) = stage.shuffled_state(&mut dice.0);
    assert_eq!((other.members(), other.voids()), (state.members(), state.voids()), "seed {seed}: order matters");
    assert_eq!((other.name(), other.access()), (state.name(), state.access()), "seed {seed}: order matters");
    assert_eq!(other.policy(), state.policy(), "seed {seed}: order matters");
}

#[expect(clippy::disallowed_methods, reason = "only how much a test does depends on the machine")]
fn histories() -> u64 {
    std::env::var("ARCHIPEL_HISTORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(HISTORIES)
}

#[test]
fn random_hostile_histories_agree_with_the_naive_evaluator_in_any_order() {
    let base = Stage::new(PEOPLE, 900);
    for seed in 0..histories() {
        agree(&random_stage(&base, seed), seed);
    }
}

/// INV-17: whoever has no role now gains nothing by any entry with any past; likewise whoever may not invite.
#[test]
fn nothing_new_by_a_removed_authority_ever_counts() {
    let base = Stage::new(PEOPLE + 1, 901);
    for seed in 0..histories() / 10 {
        let stage = random_stage(&base, seed);
        let mut dice = Dice(ChaCha20Rng::seed_from_u64(seed));
        let (org, before) = (stage.org_state(), stage.group_state());
        let ids: Vec<EntryId> =
            stage.entries.iter().filter(|(scope, _)| *scope == Scope::Group).map(|(_, entry)| entry.id).collect();
        for n in 0..PEOPLE {
            let role = before.role(&user(n, 0));
            // What a disabled person's home dates back counts until a group or an admin removes them (ruling A3).
            let disabled = !org.user(&user(n, 0)).expect("registered").active;
            if disabled || role.is_some_and(|role| allows(role, Act::Invite)) {
                continue;
            }
            let mut after = stage.clone();
            let ctl = [dice.pick(&ids)];
            after.open(Scope::Group, node(n), &ctl);
            after.by(n, grant(PEOPLE, dice.pick(&ROLES)), &ctl);
            after.by(n, revoke(dice.person()), &ctl);
            after.by(n, edit_access(Access::Secret), &ctl);
            let after = after.group_state();
            assert_eq!(after.members(), before.members(), "seed {seed}, person {n}");
            assert_eq!(after.access(), before.access(), "seed {seed}, person {n}");
        }
    }
}

/// INV-18: nobody is senior to the creator but those whom admins appointed.
#[test]
fn a_creator_is_never_removed_by_a_junior() {
    let base = Stage::new(PEOPLE, 902);
    for seed in 0..histories() / 4 {
        let stage = random_stage(&base, seed);
        let excused = stage.entries.iter().any(|(_, entry)| match &entry.op {
            ControlOp::AppointOwner(_) => true,
            ControlOp::Leave => entry.actor == Some(user(0, 0)),
            ControlOp::Grant(grant) => {
                entry.actor == Some(user(0, 0)) && grant.roles.iter().any(|one| one.user == user(0, 0))
            }
            _ => false,
        });
        if !excused {
            assert_eq!(stage.group_state().role(&user(0, 0)), Some(Role::Owner), "seed {seed}");
        }
    }
}

/// INV-26: whatever happened, an appointment gives an owner who can act. INV-20: the organisation does not notice.
#[test]
fn admins_can_always_rescue_and_groups_change_nothing_above_them() {
    let base = Stage::new(PEOPLE + 1, 903);
    for seed in 0..histories() / 10 {
        let mut stage = random_stage(&base, seed);
        let org = stage.history(Scope::Org);
        let before = OrgState::evaluate(stage.org, &org);
        let (after, _, _) = stage.shuffled_state(&mut ChaCha20Rng::seed_from_u64(seed));
        delivery::assert_same_org(&before, &after);
        let rescuer = user(PEOPLE, 0);
        let group = stage.group.expect("a group");
        let appoint = ControlOp::AppointOwner(AppointOwner { group, user: rescuer });
        let appointed = stage.org_op(0, Some(user(0, 0)), appoint);
        let newest = stage.entries.iter().rev().find(|(scope, _)| *scope == Scope::Group).expect("created").1.id;
        let all = (0..PEOPLE).map(|n| user(n, 0)).collect();
        let removal = ControlOp::Revoke(Revoke { users: all, cuts: Vec::new() });
        stage.by(PEOPLE, removal, &[newest, appointed]);
        let roles: Vec<_> = stage.group_state().members().iter().map(|(user, member)| (*user, member.role)).collect();
        assert!(roles.contains(&(rescuer, Role::Owner)), "seed {seed}");
    }
}

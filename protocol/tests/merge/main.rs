//! Every rule by which what sites wrote apart becomes one: commutative, associative, idempotent, whatever the rule.
//!
//! Three sites write apart in two rounds; a fourth, which saw nothing, takes what they wrote. Copies of it take the
//! pieces in other orders (each log's own order stays: a gap is refused and asked for again), in parts joined before,
//! repeatedly, and from the journal with the index lost. All must have the same rows.

mod apart;
mod beside;
mod twins;
#[path = "../../../tests/src/world.rs"]
#[expect(dead_code, reason = "the simulation uses the rest")]
mod world;

use apart::{Act, Apart, LATE, Picture, READER, mixed, same, shared, take};
use protocol::control::op::{Access, Guests, Policy, Posting, Role};
use protocol::engine::Tuning;
use protocol::engine::input::{Command, LegalHold, OutsideItem, Reaction, Words};
use protocol::entry::batch;
use protocol::ids::UserId;
use protocol::store::keys;

/// Histories of each rule.
const SEEDS: u64 = 6;
/// Orders in which each is taken.
const ORDERS: u64 = 4;

/// Puts a rule's acts through all three laws.
fn merges(rule: &str, act: Act<'_>) {
    merges_as(rule, Tuning::default(), act);
}

fn merges_as(rule: &str, tuning: Tuning, act: Act<'_>) {
    let mut conflicts = 0;
    for seed in 0..SEEDS {
        let mut apart = Apart::new(seed * 31 + rule.len() as u64, tuning);
        apart.write(act);
        let logs = apart.written();
        assert!(logs.iter().map(Vec::len).sum::<usize>() > 4, "{rule}, seed {seed}: too little was written");
        laws(&apart, &logs, &format!("{rule}, seed {seed}"));
        // The writers apart showed different things: there was something to merge.
        let shows = |at: usize| shared(apart.world.sites[at].store.rows());
        conflicts += usize::from(shows(0) != shows(1) && shows(1) != shows(2));
    }
    assert!(conflicts as u64 > SEEDS / 2, "{rule}: the sites hardly differed");
}

/// Refusals are answers too: what is not there any more cannot be changed.
fn let_go<T>(_: T) {}

/// What the logs hold is the same in whatever way it comes.
fn laws(apart: &Apart, logs: &[Vec<Vec<u8>>], context: &str) {
    let context = |what: &str| format!("{context}: {what}");
    let mut reader = apart.reader();
    let first = mixed(&mut reader, logs);
    take(&mut reader, &first);
    let expected = apart.picture(&mut reader);
    let held = logs.iter().flatten().flat_map(|bytes| batch::decode(bytes).expect("own batches"));
    for entry in held {
        assert!(expected.entries.contains(&keys::entry(&entry.id)), "{}", context("something was not taken"));
    }
    let mut orders = Vec::new();
    for _ in 0..ORDERS {
        let order = mixed(&mut reader, logs);
        let mut other = apart.reader();
        take(&mut other, &order);
        same(&expected, &apart.picture(&mut other), &context("another order"));
        orders.push(order);
    }
    joined(apart, logs, &expected, &context("parts joined before"));
    for order in &orders {
        take(&mut reader, order);
    }
    same(&expected, &apart.picture(&mut reader), &context("everything again"));
    reader.restart(READER);
    same(&expected, &apart.picture(&mut reader), &context("a restart"));
    reader.rebuild(READER);
    same(&expected, &apart.picture(&mut reader), &context("a lost index"));
}

/// (A ∪ B) ∪ C as A ∪ (B ∪ C): what another reader took of some logs comes as it stands there.
fn joined(apart: &Apart, logs: &[Vec<Vec<u8>>], expected: &Picture, context: &str) {
    for left_out in 0..logs.len().min(3) {
        let parts = |wanted: bool| -> Vec<Vec<u8>> {
            let logs = logs.iter().enumerate().filter(|(at, _)| (at % 3 == left_out) == wanted);
            logs.flat_map(|(_, log)| log.clone()).collect()
        };
        let mut between = apart.reader();
        take(&mut between, &parts(false));
        let records = between.sites[READER].store.records_from(apart.before.len());
        let joined: Vec<Vec<u8>> = records.map(|(_, record)| record.to_vec()).collect();
        let mut other = apart.reader();
        take(&mut other, &parts(true));
        take(&mut other, &joined);
        // What was erased there meanwhile has no words any more.
        take(&mut other, &parts(false));
        same(expected, &apart.picture(&mut other), context);
    }
}

#[test]
fn posts_and_comments_are_sets() {
    merges("posts", &|apart, at| {
        let made = if apart.world.below(2) == 0 {
            apart.post(at)
        } else {
            let post = apart.item();
            apart.ask(at, Command::CreateComment { post, text: "so it is".into() })
        };
        apart.items.extend(made);
    });
}

#[test]
fn edits_and_deletions_are_registers_by_target_and_person() {
    merges("edits", &|apart, at| {
        let (target, text) = (apart.item(), format!("edit {}", apart.world.below(1 << 40)));
        let command = match apart.world.below(4) {
            0 => Command::Delete { target },
            _ => Command::Edit { target, title: String::new(), text },
        };
        apart.ask(at, command);
        let made = apart.post(at);
        apart.items.extend(made);
    });
}

#[test]
fn reactions_are_a_set_of_registers_by_target_emoji_and_person() {
    merges("reactions", &|apart, at| {
        let (target, on) = (apart.item(), apart.world.below(3) > 0);
        let emoji = ["👍", "❤️"][apart.world.below(2) as usize].into();
        apart.ask(at, Command::React { target, emoji, on: if on { Reaction::On } else { Reaction::Off } });
    });
}

#[test]
fn profiles_are_a_register_by_person() {
    merges("profiles", &|apart, at| {
        let name = format!("Name {}", apart.world.below(1 << 40));
        apart.ask(at, Command::SetProfile { user: apart.people[at], name, title: String::new() });
        if apart.world.below(4) == 0 {
            let user = UserId(apart.world.random());
            apart.ask(at, Command::RegisterUser { user, name: "New".into(), title: String::new() });
        }
    });
}

#[test]
fn a_groups_name_access_rules_and_card_are_registers() {
    merges("group", &|apart, at| {
        let at = at % 2;
        let (group, which) = (apart.group, apart.world.below(4));
        let name = (which == 0).then(|| format!("Groupe {}", apart.world.below(1 << 40)));
        let purpose = (which == 1).then(|| format!("Pour {}", apart.world.below(1 << 40)));
        let access =
            (which == 2).then(|| [Access::Open, Access::Closed, Access::Secret][apart.world.below(3) as usize]);
        let post = [Posting::Members, Posting::Facilitators][apart.world.below(2) as usize];
        let policy = (which == 3).then_some(Policy { post, guests: Guests::Comment });
        apart.ask(at, Command::EditGroup { group, name, purpose, access, policy });
        let made = apart.post(2);
        apart.items.extend(made);
    });
}

/// Who is removed or loses a right is left to `control/tests/laws.rs`: of that each site states what it had seen by then
/// (ruling A2), so that here the reader's own word would differ with the order.
#[test]
fn roles_follow_the_grants_that_count() {
    merges("roles", &|apart, at| {
        let user = UserId(apart.world.random());
        let register = Command::RegisterUser { user, name: "New".into(), title: String::new() };
        apart.world.ask(at, None, register);
        let role = [Role::Owner, Role::Facilitator, Role::Member, Role::Reader][apart.world.below(4) as usize];
        apart.ask(at, Command::Grant { group: apart.group, users: vec![user], role });
        let made = apart.post(at);
        apart.items.extend(made);
    });
}

#[test]
fn erasures_and_objections_are_sets() {
    merges("erasures", &|apart, at| {
        let target = apart.item();
        let erasure = match apart.erasures.last().copied() {
            Some(erasure) if apart.world.below(3) == 0 => {
                apart.ask(at, Command::ObjectToErasure { erasure });
                None
            }
            _ => apart.ask(at, Command::Erase { target, reason: String::new() }),
        };
        apart.erasures.extend(erasure);
        let made = apart.post(at);
        apart.items.extend(made);
    });
}

#[test]
fn former_people_their_words_and_legal_holds_are_the_same_in_any_order() {
    merges("former", &|apart, at| {
        let (group, reason) = (apart.group, String::new());
        let words = if apart.world.below(2) == 0 { Words::Go } else { Words::Stay };
        match apart.world.below(6) {
            0 => apart.ask(at, Command::ErasePerson { user: apart.people[2], words, reason }),
            1 => apart.ask(0, Command::SetHold { group, hold: LegalHold::On, reason }),
            2 => apart.ask(0, Command::SetHold { group, hold: LegalHold::Off, reason }),
            3 => apart.ask(at, Command::Erase { target: apart.items[0], reason }),
            _ => apart.post(at),
        };
    });
}

#[test]
fn retention_is_a_register_by_group() {
    merges("retention", &|apart, at| {
        let days = [None, Some(1), Some(3), Some(30)][apart.world.below(4) as usize];
        apart.ask(at % 2, Command::SetRetention { group: apart.group, days });
        let made = apart.post(at);
        apart.items.extend(made);
    });
}

#[test]
fn feeds_and_their_items_are_taken_once_whoever_brought_them() {
    merges("feeds", &|apart, at| {
        let source = apart.sources[apart.world.below(apart.sources.len() as u64) as usize];
        let text = format!("text {}", apart.world.below(1 << 40));
        let origin_key = [apart.world.below(4) as u8; 32];
        let item = OutsideItem { origin_key, title: "T".into(), text, url: None, published: None, author: None };
        match apart.world.below(8) {
            0 => let_go(apart.ask(at, Command::RemoveSource { source })),
            1 => {
                let url = format!("https://example.org/{}", apart.world.below(3));
                let command = Command::SetSource { group: apart.group, url, title: "Flux".into(), site_url: None };
                let made = apart.ask(at, command);
                apart.sources.extend(made);
            }
            2..=3 => let_go(apart.world.ask(at, None, Command::EditOutside { source, item })),
            _ => let_go(apart.world.ask(at, None, Command::PostOutside { source, item })),
        }
    });
}

#[test]
fn sites_and_people_are_registered_the_same_in_any_order() {
    merges("registry", &|apart, at| {
        let ann = apart.people[0];
        let user = UserId(apart.world.random());
        match apart.world.below(3) {
            0 => {
                let_go(apart.world.ask(at, None, Command::RegisterUser { user, name: "New".into(), title: "x".into() }))
            }
            1 => {
                let company = format!("Company {}", apart.world.below(1 << 40));
                let site = apart.world.sites[at].site;
                let_go(apart.world.ask(0, Some(ann), Command::SetSite { site, name: "Site".into(), company }));
            }
            _ => let_go(apart.post(at)),
        }
    });
}

#[test]
fn keys_of_live_messages_are_a_set_of_which_the_newest_are_kept() {
    let tuning = Tuning { push_peers_max: 0, ..Tuning::default() };
    merges_as("epochs", tuning, &|apart, at| {
        if apart.world.below(3) == 0 {
            apart.world.now.0 += 31 * 86_400_000;
        }
        if apart.world.below(3) == 0 {
            // A newcomer is given the key there is.
            let users = vec![apart.people[LATE]];
            apart.ask(at % 2, Command::Grant { group: apart.group, users, role: Role::Member });
        }
        apart.world.pass(4 + 4 * at as u64);
        let made = apart.post(at);
        apart.items.extend(made);
    });
}

//! Benches at the engine's door, where bytes are counted above the transport and a day takes seconds: `prove` (goal P4),
//! what two sites say to find that they hold the same, and `chatter` (goal P14), what many sites with nothing new say in
//! a day, `scale` (goal P13), what an entry costs where many sites are, and
//! `document` (goal P10), how fast a long page opens. Started by `tests/bench/run`.

mod document;
#[path = "../figure.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod figure;
mod scale;
mod sites;

use figure::{Figure, Form, Report};
use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::input::Command;
use protocol::ids::GroupId;
use sites::Sites;

/// Groups that both sites share (goal P4), one short of the goal: with the organisation that is as many scopes as one
/// message compares (`GROUPS_PER_REQUEST_MAX`), and sites that share more never find that they are equal.
const GROUPS_DEFAULT: usize = 999;
/// How much longer the history is the second time, in posts of each group.
const POSTS: usize = 10;
/// Peers of the goal P14.
const PEERS: f64 = 200.0;
/// Sites that are played for it; each talks with all the others.
const SITES_DEFAULT: usize = 12;
/// Posts of the large world of `scale`; goal P13 speaks of a million.
const ENTRIES_DEFAULT: usize = 18_000;
/// Changes of the page of `document` (goal P10).
const CHANGES_DEFAULT: usize = 20_000;
/// Watched after everything has come to rest.
const HOURS: u64 = 6;
const DAY_HOURS: f64 = 24.0;
/// The longest pause between two comparisons (ruling B4), and some more.
const REST_SECONDS: u64 = 4 * 3_600;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let form = if words.iter().any(|word| word == "--json") { Form::Json } else { Form::Text };
    let count = words.iter().skip_while(|word| *word != "--entries").nth(1).and_then(|word| word.parse().ok());
    match words.first().map(String::as_str) {
        Some("prove") => prove(Report { bench: "prove", form }, count.unwrap_or(GROUPS_DEFAULT)),
        Some("chatter") => chatter(Report { bench: "chatter", form }, count.unwrap_or(SITES_DEFAULT)),
        Some("scale") => scale::run(Report { bench: "scale", form }, count.unwrap_or(ENTRIES_DEFAULT)),
        Some("document") => document::run(Report { bench: "document", form }, count.unwrap_or(CHANGES_DEFAULT)),
        _ => eprintln!("door prove|chatter|scale|document [--entries N] [--json]; see tests/bench/run help"),
    }
}

fn prove(report: Report, count: usize) {
    let mut sites = Sites::new(2);
    let (ann, ben) = (sites.people[0], sites.people[1]);
    let mut groups = Vec::new();
    for number in 0..count {
        let (name, purpose) = (format!("Groupe {number}"), String::new());
        let command = Command::CreateGroup { name, purpose, kind: GroupKind::Theme, access: Access::Closed };
        let group = GroupId::from(sites.done(0, ann, command));
        sites.done(0, ann, Command::Grant { group, users: vec![ben], role: Role::Member });
        groups.push(group);
    }
    sites.come_to_rest();
    let first = compare(&mut sites);
    for group in &groups {
        for number in 0..POSTS {
            let (title, text, attachments) = (String::new(), format!("Texte {number}"), Vec::new());
            sites.done(0, ann, Command::CreatePost { group: *group, title, text, attachments });
        }
        sites.deliver();
    }
    sites.come_to_rest();
    let later = compare(&mut sites);
    let words = format!("{count} shared groups, both ways, encoded, above the transport; goal 1000; negentropy: 338");
    report.figure(&Figure::new("bytes", first.bytes as f64, "bytes", words));
    report.figure(&Figure::new("round_trips", first.requests as f64, "count", "one comparison of equal sites; goal 1"));
    let words = format!("the same after {POSTS} posts in each group: independent of history");
    report.figure(&Figure::new("bytes_with_history", later.bytes as f64, "bytes", words));
}

/// What is said until each has compared with the other once.
fn compare(sites: &mut Sites) -> sites::Said {
    let before = sites.said;
    while sites.said.requests == before.requests {
        sites.pass(1);
    }
    sites.said.since(before)
}

fn chatter(report: Report, count: usize) {
    let mut sites = Sites::new(count.max(2));
    let ann = sites.people[0];
    let (name, purpose) = ("Toiture".into(), String::new());
    let command = Command::CreateGroup { name, purpose, kind: GroupKind::Theme, access: Access::Closed };
    let group = GroupId::from(sites.done(0, ann, command));
    for user in sites.people.clone().into_iter().skip(1) {
        sites.done(0, ann, Command::Grant { group, users: vec![user], role: Role::Member });
    }
    sites.come_to_rest();
    sites.pass(REST_SECONDS);
    let before = sites.said;
    sites.pass(HOURS * 3_600);
    let said = sites.said.since(before);
    // Each message is counted once; a site's traffic is what it sends and what it receives.
    let pairs = (count * (count - 1)) as f64 / 2.0;
    let a_day = said.bytes as f64 / pairs * PEERS * DAY_HOURS / HOURS as f64;
    let words = format!(
        "{count} sites on virtual time, {HOURS} hours with nothing new: {} requests and {} bytes between {pairs} pairs, times {PEERS} \
         peers; above the transport; goal 20000000",
        said.requests, said.bytes
    );
    report.figure(&Figure::new("bytes_a_day_200_peers", a_day, "bytes", words));
}

//! `scale` (goal P13): many sites, parted for thirty days while everybody goes on writing, then connected again. Time is
//! virtual; what is measured is the work of all engines together, per entry, against the same with a tenth of the sites.

use super::figure::{Figure, Report};
use super::sites::Sites;
use protocol::control::op::{Access, GroupKind, Role};
use protocol::engine::input::Command;
use protocol::ids::GroupId;
use std::time::Duration;

/// Sites of the large world; the small one has a tenth. Goal P13 says 200: all engines of that many, each with a session to
/// each other, do not fit the memory of a small machine.
const SITES: usize = 60;
const SMALLER: usize = 10;
/// Groups for each site (1,000 at 200 sites), and sites that share each group, at any size of the world: what is compared
/// is the price of more neighbours, not of more readers.
const GROUPS_PER_SITE: usize = 5;
const SITES_PER_GROUP: usize = 5;
/// As long as the longest cut that must heal (goal F2).
const DAYS: usize = 30;
/// Ticks of each day. A site ticks each second; what that costs without work is the bench `chatter`'s to say.
const TICKS_A_DAY: u64 = 1;
const DAY_SECONDS: u64 = 86_400;
const TEXT: &str = "La toiture du bâtiment B fuit de nouveau au-dessus de l'escalier, le couvreur passe mardi matin. Merci de prévenir \
    les habitants du troisième étage et de laisser la trappe ouverte. Les photos sont dans le dossier du groupe, le devis \
    aussi; il manque encore l'accord du syndic pour la nacelle.";

/// Runs the bench with so many entries in the large world.
pub fn run(report: Report, entries: usize) {
    let a_day = (entries / SITES / DAYS).max(1);
    let small = measured(report, SITES / SMALLER, a_day);
    let large = measured(report, SITES, a_day);
    let words = format!(
        "work of all engines per entry, less the same days without any: {:.0} us at {SITES} sites, {:.0} us at {}; {a_day} posts a \
         site and day, {SITES_PER_GROUP} sites a group, parted {DAYS} days; all equal afterwards; goal 2 at 200 per 20",
        large * 1e6,
        small * 1e6,
        SITES / SMALLER
    );
    report.figure(&Figure::new("cost_per_entry_many_per_few", large / small, "ratio", words));
}

/// CPU seconds per entry in a world of so many sites.
fn measured(report: Report, count: usize, a_day: usize) -> f64 {
    let (without, _) = played(report, count, 0);
    let (with, posts) = played(report, count, a_day);
    (with - without).as_secs_f64() / posts as f64
}

/// The work of thirty days apart and of becoming equal, and how many posts were written.
fn played(report: Report, count: usize, a_day: usize) -> (Duration, usize) {
    let mut sites = Sites::new(count);
    let groups = groups(&mut sites, count);
    sites.come_to_rest();
    let begun = cpu();
    let mut written = 0;
    sites.part(|at| at % 2 == 0);
    for _ in 0..DAYS {
        for at in 0..count {
            let own: Vec<GroupId> = groups.iter().filter(|group| group.1.contains(&at)).map(|group| group.0).collect();
            for number in 0..a_day {
                let (title, attachments) = (String::new(), Vec::new());
                let text = format!("{at}, {number}. {TEXT}");
                let group = own[number % own.len()];
                sites.done(at, sites.people[at], Command::CreatePost { group, title, text, attachments });
                written += 1;
            }
            sites.deliver();
        }
        sites.leap(DAY_SECONDS, TICKS_A_DAY);
    }
    let parted = cpu();
    sites.join();
    sites.come_to_rest();
    let done = cpu();
    let mut posts = 0;
    for (group, members) in &groups {
        let feed = sites.feed_rows(members[0], *group);
        posts += feed.len();
        assert!(members.iter().all(|at| sites.feed_rows(*at, *group) == feed), "{group:?} is the same at its sites");
    }
    assert_eq!(posts, written, "every post stands in the feed of its group");
    report.note(&format!(
        "{count} sites, {} groups, {written} posts: {:.1} s while parted, {:.1} s to become equal, {} requests, {} MiB",
        groups.len(),
        (parted - begun).as_secs_f64(),
        (done - parted).as_secs_f64(),
        sites.said.requests,
        resident_mib()
    ));
    (done - begun, written)
}

/// The groups and the sites that share each, spread so that every site has as many.
fn groups(sites: &mut Sites, count: usize) -> Vec<(GroupId, Vec<usize>)> {
    (0..count * GROUPS_PER_SITE)
        .map(|number| {
            let first = number % count;
            // A stride that grows, so that each pair of sites shares some and no site has two places in a group.
            let stride = 1 + number / count * 3 % (count / SITES_PER_GROUP).max(1);
            let members: Vec<usize> = (0..SITES_PER_GROUP).map(|step| (first + step * stride) % count).collect();
            let (name, purpose) = (format!("Groupe {number}"), String::new());
            let command = Command::CreateGroup { name, purpose, kind: GroupKind::Theme, access: Access::Closed };
            let group = GroupId::from(sites.done(first, sites.people[first], command));
            let users = members[1..].iter().map(|at| sites.people[*at]).collect();
            sites.done(first, sites.people[first], Command::Grant { group, users, role: Role::Member });
            sites.deliver();
            (group, members)
        })
        .collect()
}

/// Memory of this process.
fn resident_mib() -> u64 {
    /// As on every machine that this runs on (`getconf PAGESIZE`).
    const PAGE_BYTES: u64 = 4_096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE_BYTES / 1024 / 1024
}

/// What this process has worked so far, all on one thread.
fn cpu() -> Duration {
    /// As the kernel counts on every machine that this runs on (`getconf CLK_TCK`).
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<u32> =
        after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse().ok()).collect();
    TICK * fields.iter().sum()
}

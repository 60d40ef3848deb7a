//! Reaching each other where the network does not make it easy: behind routers, over lossy and narrow lines, by IPv6 alone.

use super::{share, texts};
use archipel_tests::cluster::{
    CROSS_WITHIN, Client, Family, Far, INTERNET, Lines, PASSWORD, Ports, Reach, Routers, Site, SiteView, Trial, found,
    join, within,
};
use serde_json::json;
use std::time::{Duration, Instant};

async fn reach(client: &Client) -> Reach {
    client.get("network/reach").await.unwrap()
}

/// How the connection with a site goes, as one sees it.
async fn via(client: &Client, site: &str) -> Option<String> {
    let network = client.network().await.ok()?;
    network.sites.into_iter().find(|view| view.name == site)?.nodes.into_iter().next()?.via
}

async fn node_of(client: &Client, site: &str) -> String {
    let network = client.network().await.unwrap();
    network.sites.into_iter().find(|view| view.name == site).unwrap().nodes[0].id.clone()
}

async fn tested(client: &Client, site: &str) -> Trial {
    let node = node_of(client, site).await;
    client.post(&format!("network/nodes/{node}/test"), &json!({})).await.unwrap()
}

fn state<'a>(trial: &'a Trial, id: &str) -> &'a str {
    &trial.steps.iter().find(|step| step.id == id).unwrap().state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_behind_routers_meet_over_a_third_that_holds_nothing_of_theirs() {
    let routers = Routers::new(3, Ports::Random);
    let paris = Site::start_in_with(routers.place(1), "Paris", &INTERNET).await;
    let lyon = Site::start_in_with(routers.place(2), "Lyon", &INTERNET).await;
    let nice = Site::start_in_with(routers.place(3), "Nice", &INTERNET).await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let eve = join(&ann, &nice, "eve").await;
    let begun = Instant::now();
    within(CROSS_WITHIN, "lyon and nice meet", async || (via(&ben, "Nice").await? == "relay").then_some(())).await;
    println!("met over the relay {:?} after the last pairing", begun.elapsed());

    // Two members came through: Paris is reached, and relays. Nobody gets through to the others.
    let (public, hidden) = (reach(&ann).await, reach(&ben).await);
    assert_eq!(public.nat, "public");
    // Both may have dialled at once; one of the two is closed soon.
    assert!(public.relay.serving >= 1, "{public:?}");
    assert_ne!(hidden.nat, "public");
    assert_eq!(hidden.relay.using.map(|site| site.name).as_deref(), Some("Paris"));
    assert!(hidden.addresses.iter().any(|own| own.kind == "relay" && own.confirmed));

    // What only Lyon and Nice share passes Paris sealed, and in full.
    let group = share(&ben, &[&eve]).await;
    let sent = Instant::now();
    let mut last = None;
    for number in 0..20 {
        last = Some(ben.write(&group.id, &format!("de Lyon {number}")).await.unwrap());
    }
    let picture = eve.upload("plan.bin", vec![7; 3_000_000]).await.unwrap();
    let with_file = eve.write_with(&group.id, "de Nice, avec un plan", &[&picture]).await.unwrap();
    eve.sees_post(&last.unwrap().id).await;
    let seen = ben.sees_post(&with_file.id).await;
    within(CROSS_WITHIN, "the file is there", async || {
        let post = ben.read(&seen.id).await.ok()?;
        ben.download(&post.attachments[0].url).await.ok().filter(|bytes| bytes.len() == 3_000_000)
    })
    .await;
    println!("20 posts and 3 MB over the relay in {:?}", sent.elapsed());
    assert_eq!(texts(&ben, &group.id).await.len(), 21);

    let trial = tested(&ben, "Nice").await;
    assert_eq!((&*trial.advice, &*trial.via), ("relayed", "relay"), "{trial:?}");
    assert_eq!((state(&trial, "udp"), state(&trial, "tcp"), state(&trial, "answer")), ("failed", "failed", "ok"));
    let trial = tested(&ben, "Paris").await;
    assert_eq!((&*trial.advice, &*trial.via), ("ok", "direct"), "{trial:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_routers_that_keep_ports_a_hole_is_punched_and_the_relay_is_left() {
    let routers = Routers::new(3, Ports::Kept);
    let paris = Site::start_in_with(routers.place(1), "Paris", &INTERNET).await;
    let lyon = Site::start_in_with(routers.place(2), "Lyon", &INTERNET).await;
    let nice = Site::start_in_with(routers.place(3), "Nice", &INTERNET).await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let eve = join(&ann, &nice, "eve").await;
    let begun = Instant::now();
    within(CROSS_WITHIN, "lyon and nice meet straight", async || {
        (via(&ben, "Nice").await? == "direct" && via(&eve, "Lyon").await? == "direct").then_some(())
    })
    .await;
    println!("straight through both routers {:?} after the last pairing", begun.elapsed());
    let group = share(&ben, &[&eve]).await;
    let post = ben.write(&group.id, "de Lyon, tout droit").await.unwrap();
    eve.sees_post(&post.id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_loses_packets_and_takes_only_small_ones_carries_everything() {
    let lines = Lines::new(2);
    for number in [1, 2] {
        lines.lose(number, 2);
        lines.narrow(number, 1280);
    }
    let paris = Site::start_in(lines.place(1), "Paris").await;
    let lyon = Site::start_in(lines.place(2), "Lyon").await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let group = share(&ann, &[&ben]).await;
    let begun = Instant::now();
    for number in 0..20 {
        ann.write(&group.id, &format!("paris {number}")).await.unwrap();
        ben.write(&group.id, &format!("lyon {number}")).await.unwrap();
    }
    within(CROSS_WITHIN, "both hold all", async || {
        let (here, there) = (texts(&ann, &group.id).await, texts(&ben, &group.id).await);
        (here.len() == 40 && here == there).then_some(())
    })
    .await;
    println!("40 posts equal {:?} after the first, 2 % lost, 1280 bytes a packet", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_sites_far_from_each_other_become_equal_after_a_cut() {
    let far = Far::new(5, Duration::from_millis(100), 50).await;
    let mut sites = Vec::new();
    for (number, name) in (1..).zip(["Paris", "Lyon", "Nice", "Brest", "Metz"]) {
        sites.push(Site::start_in(far.place(number), name).await);
    }
    let mut people = vec![found(&sites[0], "ann").await];
    for (site, name) in sites[1..].iter().zip(["ben", "eve", "dan", "lea"]) {
        let joined = join(&people[0], site, name).await;
        people.push(joined);
    }
    let others: Vec<&Client> = people[1..].iter().collect();
    let group = share(&people[0], &others).await;

    // Two on one side, three on the other.
    let pairs: Vec<(u8, u8)> = [1, 2].into_iter().flat_map(|one| [3, 4, 5].map(|other| (one, other))).collect();
    pairs.iter().for_each(|(one, other)| far.cut(*one, *other));
    people[0].sees_site("Nice", "away").await;
    people[2].sees_site("Paris", "away").await;
    for (person, name) in people.iter().zip(["ann", "ben", "eve", "dan", "lea"]) {
        for number in 0..10 {
            person.write(&group.id, &format!("{name} {number}")).await.unwrap();
        }
    }
    far.mend();
    let mended = Instant::now();
    people[0].sees_site("Nice", "connected").await;
    let connected = Instant::now();
    within(CROSS_WITHIN, "all five hold the same fifty posts", async || {
        let first = texts(&people[0], &group.id).await;
        for person in &people[1..] {
            if texts(person, &group.id).await != first {
                return None;
            }
        }
        (first.len() == 50).then_some(())
    })
    .await;
    let (again, equal) = (connected - mended, connected.elapsed());
    println!("100 ms a way, 2 % lost: connected {again:?} after the lines were mended, equal {equal:?} after that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sites_with_ipv6_alone_pair_meet_and_are_tested() {
    let lines = Lines::with(2, Family::V6);
    let paris = Site::start_in(lines.place(1), "Paris").await;
    let lyon = Site::start_in(lines.place(2), "Lyon").await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let group = share(&ann, &[&ben]).await;
    let post = ann.write(&group.id, "par IPv6").await.unwrap();
    ben.sees_post(&post.id).await;
    ann.sees_received(&post.id, 2).await;
    let trial = tested(&ann, "Lyon").await;
    assert_eq!((&*trial.advice, &*trial.via), ("ok", "direct"), "{trial:?}");
    assert!(trial.steps.iter().all(|step| step.state == "ok" || step.id == "name"), "{trial:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_test_of_a_connection_says_what_fails_and_kept_addresses_help() {
    let lines = Lines::new(2);
    let paris = Site::start_in(lines.place(1), "Paris").await;
    let mut lyon = Site::start_in(lines.place(2), "Lyon").await;
    let ann = found(&paris, "ann").await;
    join(&ann, &lyon, "ben").await;
    ann.sees_site("Lyon", "connected").await;
    lyon.stop().await;
    ann.sees_site("Lyon", "away").await;
    // The machine answers, the program does not.
    let trial = tested(&ann, "Lyon").await;
    assert_eq!((&*trial.advice, &*trial.via), ("not_running", "none"), "{trial:?}");
    lines.cut(1, 2);
    assert_eq!(tested(&ann, "Lyon").await.advice, "no_answer");
    lines.mend(1, 2);

    let node = node_of(&ann, "Lyon").await;
    let path = format!("network/nodes/{node}/addresses");
    ann.sudo(PASSWORD).await.unwrap();
    let wrong = ann.put::<SiteView>(&path, &json!({ "addresses": ["10.77.0.2:7301"] })).await;
    assert_eq!(wrong.unwrap_err().code, "bad_request");
    let body = json!({ "addresses": ["/dns4/lyon.invalid/tcp/7301"] });
    let kept: SiteView = ann.put(&path, &body).await.unwrap();
    assert_eq!(kept.nodes[0].kept, ["/dns4/lyon.invalid/tcp/7301"]);
    let trial = tested(&ann, "Lyon").await;
    assert_eq!((state(&trial, "name"), &*trial.advice), ("failed", "name_unknown"), "{trial:?}");
    lyon.restart().await;
    ann.sees_site("Lyon", "connected").await;
    assert_eq!(tested(&ann, "Lyon").await.via, "direct");
}

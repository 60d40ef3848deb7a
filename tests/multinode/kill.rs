//! A site is killed as by a power cut while people write, again and again: nothing that was acknowledged is missing, and
//! every start succeeds. `tests/run kill --rounds 20`.

use archipel_tests::cluster::{Client, Post, Site, found, request_id, shared_group, two_sites};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 3;
const WRITERS: usize = 4;
/// Rounds that write into one group, so that reading a whole feed after each costs no more in the five hundredth round.
const GROUP_ROUNDS: u64 = 10;
/// The shortest and longest life of a round.
const LIFE_MS: (u64, u64) = (150, 1_200);
/// A site that comes back dials the others itself: it does not wait until they notice that its old lines are dead, which
/// takes half a minute.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// Request id → text and, once it was answered, the post.
type Written = Arc<Mutex<BTreeMap<String, (String, Option<String>)>>>;

fn rounds() -> u64 {
    let asked = std::env::var("ARCHIPEL_KILL_ROUNDS").ok();
    asked.map_or(ROUNDS, |text| text.parse().expect("ARCHIPEL_KILL_ROUNDS is a number"))
}

/// How long a round lives: spread over the span, the same at every run.
fn life(round: u64) -> Duration {
    let (least, most) = LIFE_MS;
    Duration::from_millis(least + round.wrapping_mul(0x9E37_79B9) % (most - least))
}

/// Writes until the site no longer answers.
async fn write_on(client: Client, path: String, name: String, written: Written) {
    for number in 0.. {
        let (id, text) = (request_id(), format!("{name}, message {number}"));
        written.lock().expect("no writer panics").insert(id.clone(), (text.clone(), None));
        let Ok(post) = client.post::<Post>(&path, &body(&id, &text)).await else { return };
        written.lock().expect("no writer panics").insert(id, (text, Some(post.id)));
    }
}

fn body(id: &str, text: &str) -> Value {
    json!({ "request_id": id, "text": text, "attachments": [] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_program_is_killed() {
    let mut site = Site::start("Paris").await;
    let ann = found(&site, "ann").await;
    let mut whole: Vec<(String, usize)> = Vec::new();
    let (mut group, mut path, mut written) = (String::new(), String::new(), Written::default());
    for round in 0..rounds() {
        if round % GROUP_ROUNDS == 0 {
            group = ann.create_group(&format!("Jardin {round}"), "open").await.unwrap().id;
            path = format!("groups/{group}/posts");
            written = Written::default();
            whole.push((group.clone(), 0));
        }
        let writer = |number: usize| {
            let name = format!("round {round}, writer {number}");
            tokio::spawn(write_on(ann.clone(), path.clone(), name, Arc::clone(&written)))
        };
        let writers: Vec<_> = (0..WRITERS).map(writer).collect();
        tokio::time::sleep(life(round)).await;
        site.kill().await;
        for writer in writers {
            writer.await.unwrap();
        }
        site.restart().await;

        let held: BTreeMap<String, String> =
            ann.whole_feed(&group).await.unwrap().into_iter().map(|post| (post.id, post.text)).collect();
        let all: Vec<(String, (String, Option<String>))> =
            written.lock().unwrap().iter().map(|(id, state)| (id.clone(), state.clone())).collect();
        for (id, (text, answered)) in &all {
            match answered {
                Some(post) => assert_eq!(held.get(post), Some(text), "round {round}: {text} was acknowledged"),
                None => {
                    // Nobody knows whether it was kept: asking again writes it once.
                    let post: Post = ann.post(&path, &body(id, text)).await.unwrap();
                    written.lock().unwrap().insert(id.clone(), (text.clone(), Some(post.id)));
                }
            }
        }
        let posts = ann.whole_feed(&group).await.unwrap().len();
        assert_eq!(posts, written.lock().unwrap().len(), "round {round}: each was written once");
        if let Some((_, held)) = whole.last_mut() {
            *held = posts;
        }
        println!("round {round}: lived {:?}, {posts} posts held", life(round));
    }
    for (group, held) in whole {
        assert_eq!(ann.whole_feed(&group).await.unwrap().len(), held, "what earlier rounds wrote is all there");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_killed_while_it_receives_holds_everything_in_the_end() {
    let (_paris, ann, mut lyon, ben, group) = two_sites().await;
    let mut group = group.id;
    for round in 0..rounds() {
        if round > 0 && round % GROUP_ROUNDS == 0 {
            group = shared_group(&format!("Jardin {round}"), &ann, &ben).await.id;
        }
        let path = format!("groups/{group}/posts");
        let written: Written = Written::default();
        let name = format!("round {round}");
        let writer = tokio::spawn(write_on(ann.clone(), path.clone(), name, Arc::clone(&written)));
        tokio::time::sleep(life(round)).await;
        lyon.kill().await;
        lyon.restart().await;
        writer.abort();
        let _ = writer.await;
        let back = Instant::now();
        let acknowledged: Vec<String> = written.lock().unwrap().values().filter_map(|(_, post)| post.clone()).collect();
        for post in &acknowledged {
            ben.sees_post(post).await;
        }
        let held: BTreeSet<String> = ben.whole_feed(&group).await.unwrap().into_iter().map(|post| post.id).collect();
        assert!(acknowledged.iter().all(|post| held.contains(post)), "round {round}: all are in lyon's feed");
        assert!(back.elapsed() < BACK_WITHIN, "round {round}: equal {:?} after the return", back.elapsed());
        println!("round {round}: {} posts at both sites {:?} after the return", acknowledged.len(), back.elapsed());
    }
}

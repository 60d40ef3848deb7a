//! The demonstration as somebody sees it who starts it, looks, and ends it with Ctrl-C.

use archipel_tests::cluster::{CROSS_WITHIN, Client, Groups, Source, program, within};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// Three sites are started, paired and filled, in a build without optimisations.
const FILLED_WITHIN: Duration = Duration::from_secs(300);
/// Three sites end one after the other.
const ENDED_WITHIN: Duration = Duration::from_secs(90);

#[tokio::test]
async fn its_feeds_are_read_for_as_long_as_it_runs_and_nothing_is_left_of_it() {
    let temporary = TempDir::new().unwrap();
    let mut demo = Command::new(program())
        .arg("demo")
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut sites: Vec<(String, String)> = Vec::new();
    let mut password = String::new();
    let told = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [_, url, email] if url.starts_with("http://") => sites.push((url.to_owned(), email.to_owned())),
                ["password", .., last] => password = last.to_owned(),
                ["Ctrl-C", ..] => return,
                _ => {}
            }
        }
        panic!("it ended before it was filled");
    };
    tokio::time::timeout(FILLED_WITHIN, told).await.expect("it is filled in time");
    assert_eq!(sites.len(), 3, "{sites:?}");

    let (url, email) = &sites[0];
    let admin = Client::at(url.trim_end_matches('/'));
    admin.log_in(email, &password).await.unwrap();
    let groups: Groups = admin.get("groups").await.unwrap();
    let mut polled = 0;
    for group in groups.mine {
        let sources: Vec<Source> = admin.get(&format!("groups/{}/sources", group.id)).await.unwrap();
        for source in sources {
            let _: Value = admin.post(&format!("sources/{}/poll", source.id), &json!({})).await.unwrap();
            let before = source.last_success.clone();
            within(CROSS_WITHIN, "the feed is read again", async || {
                let now: Vec<Source> = admin.get(&format!("groups/{}/sources", group.id)).await.unwrap();
                let now = now.into_iter().find(|one| one.id == source.id).unwrap();
                assert_eq!(now.error, None);
                (now.last_success != before).then_some(())
            })
            .await;
            polled += 1;
        }
    }
    assert!(polled >= 2, "the demonstration has feeds");

    let id = demo.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
    let ended = tokio::time::timeout(ENDED_WITHIN, demo.wait()).await.expect("it ends in time").unwrap();
    assert!(ended.success(), "{ended}");
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    for (url, _) in &sites {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        assert!(std::net::TcpStream::connect(address).is_err(), "{address} still answers");
    }
}

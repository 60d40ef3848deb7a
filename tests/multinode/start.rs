//! How the program starts, refuses to start, and ends.

use archipel_tests::cluster::{READY_WITHIN, Site, found, program, run_to_end};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

#[tokio::test]
async fn a_second_program_on_the_same_folder_says_so_and_ends() {
    let site = Site::start("Paris").await;
    let second = site.second_program().await;
    assert!(!second.status.success());
    let words = second.text.to_lowercase();
    assert!(words.contains("already") || words.contains("in use") || words.contains("another"), "{}", second.text);
    assert!(!words.contains("panicked"), "{}", second.text);
    assert_eq!(site.client().status().await.unwrap().state, "new", "the first goes on");
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_with_their_name() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("archipel.toml");
    let data = data.to_str().unwrap();
    let file_name = file.to_str().unwrap();
    std::fs::write(&file, "htp = \"127.0.0.1:0\"\n").unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&["--http", "nowhere"], "--http"),
        (&["--http", "0.0.0.0:0"], "--insecure-http-anywhere"),
        (&["--http", "127.0.0.1:0", "--listen", "0.0.0.0:7301"], "--listen"),
        (&["--http", "127.0.0.1:0", "--tls-cert", "/nowhere.pem"], "--tls-key"),
        (&["--http", "127.0.0.1:0", "--config", "/nowhere.toml"], "/nowhere.toml"),
        (&["--http", "127.0.0.1:0", "--config", file_name], "htp"),
        (&["--htp", "127.0.0.1:0"], "--htp"),
    ];
    for (flags, named) in cases {
        let arguments: Vec<&str> = ["--data", data].into_iter().chain(flags.iter().copied()).collect();
        let ended = run_to_end(&arguments, &[]).await;
        assert!(!ended.status.success(), "{flags:?}");
        assert!(ended.text.contains(named), "{flags:?}: {}", ended.text);
        assert!(!ended.text.contains("panicked"), "{flags:?}: {}", ended.text);
    }
    let ended = run_to_end(&["--data", data], &[("ARCHIPEL_HTTP", "nowhere")]).await;
    assert!(!ended.status.success() && ended.text.contains("nowhere"), "{}", ended.text);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let listen = "/ip4/127.0.0.1/tcp/0";
    let arguments = ["--data", data.to_str().unwrap(), "--http", &address, "--listen", listen, "--mdns", "off"];
    let ended = run_to_end(&arguments, &[]).await;
    assert!(!ended.status.success());
    assert!(ended.text.contains(&address), "{}", ended.text);
}

#[tokio::test]
async fn on_port_zero_the_line_says_where_it_is() {
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(program())
        .arg("--data")
        .arg(folder.path().join("data"))
        .args(["--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--mdns", "off"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::time::timeout(READY_WITHIN, lines.next_line()).await.unwrap().unwrap().unwrap();
    let address = line.strip_prefix("Archipel is ready: ").unwrap_or_else(|| panic!("{line}"));
    let port: u16 = address.trim_start_matches("http://127.0.0.1:").trim_end_matches('/').parse().unwrap();
    assert_ne!(port, 0);
    std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    child.kill().await.unwrap();
}

#[tokio::test]
async fn asked_to_end_it_ends_in_order_and_starts_again() {
    let mut site = Site::start("Paris").await;
    let ann = found(&site, "ann").await;
    let group = ann.create_group("Jardin", "open").await.unwrap();
    let post = ann.write(&group.id, "Avant.").await.unwrap();
    for _ in 0..3 {
        site.stop().await;
        site.restart().await;
    }
    assert_eq!(ann.read(&post.id).await.unwrap().text, "Avant.");
    let log = site.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn without_its_index_a_site_starts_and_shows_the_same() {
    let mut site = Site::start("Paris").await;
    let ann = found(&site, "ann").await;
    let group = ann.create_group("Jardin", "open").await.unwrap();
    for number in 0..40 {
        ann.write(&group.id, &format!("Message {number}.")).await.unwrap();
    }
    let before = ann.whole_feed(&group.id).await.unwrap();
    site.stop().await;
    let index = site.data().join("index");
    assert!(index.is_dir(), "docs/storage.md says where the index lies");
    std::fs::remove_dir_all(index).unwrap();
    site.restart().await;
    assert_eq!(ann.whole_feed(&group.id).await.unwrap(), before);
}

//! How the program starts, refuses to start, and ends.

use archipel_tests::cluster::{READY_WITHIN, Site, found, pair, program, run_to_end};
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
    let cases: [(&[&str], &str); 10] = [
        (&["--http", "nowhere"], "--http"),
        (&["--http", "0.0.0.0:0"], "--insecure-http-anywhere"),
        (&["--http", "127.0.0.1:0", "--listen", "0.0.0.0:7301"], "--listen"),
        (&["--http", "127.0.0.1:0", "--listen", "/ip4/999.1.1.1/tcp/7301"], "999.1.1.1"),
        (&["--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/99999"], "99999"),
        (&["--http", "127.0.0.1:0", "--announce", "/dns/x"], "--announce"),
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
async fn a_port_for_other_sites_that_is_in_use_is_named_too() {
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    for listen in [
        format!("/ip4/127.0.0.1/tcp/{}", tcp.local_addr().unwrap().port()),
        format!("/ip4/127.0.0.1/udp/{}/quic-v1", udp.local_addr().unwrap().port()),
    ] {
        let arguments =
            ["--data", data.to_str().unwrap(), "--http", "127.0.0.1:0", "--listen", &listen, "--mdns", "off"];
        let ended = run_to_end(&arguments, &[]).await;
        assert!(!ended.status.success());
        assert!(ended.text.contains(&listen), "{}", ended.text);
    }
}

#[tokio::test]
async fn half_a_back_up_does_not_come_up_as_a_new_site() {
    let mut site = Site::start("Paris").await;
    let ann = found(&site, "ann").await;
    site.stop().await;
    let half = TempDir::new().unwrap();
    for name in ["journal", "local"] {
        let copied = std::process::Command::new("cp").arg("-a").arg(site.data().join(name)).arg(half.path()).status();
        assert!(copied.unwrap().success());
    }
    let arguments = ["--data", half.path().to_str().unwrap(), "--http", "127.0.0.1:0", "--mdns", "off"];
    let arguments = [&arguments[..], &["--listen", "/ip4/127.0.0.1/tcp/0"]].concat();
    let ended = run_to_end(&arguments, &[("RUST_BACKTRACE", "1")]).await;
    assert!(!ended.status.success());
    assert!(ended.text.contains("keys") && ended.text.contains("backup"), "{}", ended.text);
    assert!(!ended.text.to_lowercase().contains("backtrace"), "no trace of calls for people: {}", ended.text);
    assert!(!half.path().join("keys").exists(), "no new identity is made");
    site.restart().await;
    assert!(ann.me().await.is_ok(), "the whole folder goes on");
}

#[tokio::test]
async fn the_code_is_shown_until_somebody_has_an_account() {
    let (paris, mut lyon) = (Site::start("Paris").await, Site::start("Lyon").await);
    let ann = found(&paris, "ann").await;
    let shown = |site: &Site| site.log().lines().filter(|line| line.starts_with("To set this site up")).count();
    pair(&ann, &lyon).await;
    assert_eq!(shown(&lyon), 1);
    lyon.stop().await;
    lyon.restart().await;
    assert_eq!(shown(&lyon), 2, "joined, but nobody can log in yet");
    assert_eq!(lyon.client().status().await.unwrap().state, "joined_no_person");
}

#[tokio::test]
async fn a_command_beside_a_node_does_not_mind_settings_that_are_not_its_own() {
    let site = Site::start("Paris").await;
    std::fs::write(site.data().join("archipel.toml"), "http = \"0.0.0.0:7300\"\n").unwrap();
    let ended = run_to_end(&["status", "--data", site.data().to_str().unwrap()], &[]).await;
    assert!(ended.status.success(), "{}", ended.text);
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

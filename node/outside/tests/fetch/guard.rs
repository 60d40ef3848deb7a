//! The guard: no name, redirect or second lookup may lead the fetcher to an address that is not public.

use std::net::IpAddr;
use std::sync::Arc;

use archipel_outside::fetch::{ConfigError, FetchError, Fetched, Fetcher, FetcherConfig, Request};

use crate::loopback::{Script, Server, fetcher, fetcher_with, response};

async fn code(fetcher: &Fetcher, url: &str) -> &'static str {
    fetcher.fetch(Request::new(url)).await.unwrap_err().code()
}

#[tokio::test]
async fn address_literals_in_every_spelling_are_refused() {
    let fetcher = fetcher(&[]);
    for url in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://127.0.0.1./",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
        "http://172.16.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://224.0.0.1/",
        "http://0.0.0.0/",
        "https://255.255.255.255/",
        "http://１２７.0.0.1/",
        "http://①27.0.0.1/",
    ] {
        assert_eq!(code(&fetcher, url).await, "feed_refused_address", "{url}");
    }
}

#[tokio::test]
async fn what_is_no_plain_web_address_is_refused() {
    let fetcher = fetcher(&["http://a.example".to_owned()]);
    let long = format!("http://a.example/{}", "x".repeat(2_000));
    for url in [
        "",
        "feed",
        "file:///etc/passwd",
        "ftp://a.example/",
        "gopher://a.example/",
        "data:text/xml,<rss/>",
        "http://",
        "http://user:secret@a.example/",
        "http://user@a.example/",
        &long,
    ] {
        assert!(matches!(fetcher.fetch(Request::new(url)).await, Err(FetchError::BadAddress { .. })), "{url}");
    }
}

#[tokio::test]
async fn only_web_ports_are_asked_and_nothing_is_looked_up_for_others() {
    let script = Script::new(&[&["8.8.8.8"]]);
    let fetcher = fetcher_with(script.clone(), &[]);
    for url in ["http://a.example:8080/", "https://a.example:22/", "http://a.example:0/", "http://a.example:81/"] {
        assert_eq!(code(&fetcher, url).await, "feed_refused_address", "{url}");
    }
    assert_eq!(script.lookups(), 0);
}

#[tokio::test]
async fn a_name_with_one_private_address_among_public_ones_is_refused() {
    for private in
        ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.0.1", "64:ff9b::a00:1"]
    {
        let fetcher = fetcher_with(Script::new(&[&["8.8.8.8", private]]), &[]);
        assert_eq!(code(&fetcher, "http://feeds.example/").await, "feed_refused_address", "{private}");
    }
}

#[tokio::test]
async fn a_name_with_no_address_or_far_too_many_is_not_asked() {
    assert_eq!(code(&fetcher_with(Script::new(&[&[]]), &[]), "http://feeds.example/").await, "feed_unreachable");
    let many = ["8.8.8.8"; 33];
    assert_eq!(code(&fetcher_with(Script::new(&[&many]), &[]), "http://feeds.example/").await, "feed_refused_address");
}

#[tokio::test]
async fn the_nodes_own_public_address_is_refused() {
    let own: IpAddr = "8.8.4.4".parse().unwrap();
    let fetcher = Fetcher::new(FetcherConfig {
        own_addresses: vec![own],
        resolver: Script::new(&[&["::ffff:8.8.4.4"]]),
        ..FetcherConfig::default()
    })
    .unwrap();
    assert_eq!(code(&fetcher, "http://8.8.4.4/").await, "feed_refused_address");
    assert_eq!(code(&fetcher, "http://me.example/").await, "feed_refused_address");
}

#[tokio::test]
async fn localhost_by_name_is_refused() {
    assert_eq!(code(&fetcher(&[]), "http://localhost/").await, "feed_refused_address");
}

/// The name leads to the checked server at the first lookup and elsewhere at every later one. The fetcher looks once,
/// and what it connects to is what it checked.
#[tokio::test]
async fn the_checked_address_is_the_connected_one() {
    let checked = Server::fixed(response("200 OK", &[], b"checked")).await;
    let at = format!("127.0.0.2:{}", checked.address.port());
    let other = Server::start_at(&at, |_, _| async {}).await;
    let script = Script::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let origin = format!("http://feeds.example:{}", checked.address.port());
    let fetcher = fetcher_with(script.clone(), std::slice::from_ref(&origin));
    let Fetched::Document { bytes, .. } = fetcher.fetch(Request::new(origin)).await.unwrap() else {
        panic!("a document")
    };
    assert_eq!((bytes.as_ref(), script.lookups()), (&b"checked"[..], 1));
    assert!(other.asked().is_empty());
    assert!(checked.asked()[0].contains("host: feeds.example"));
}

#[tokio::test]
async fn each_redirect_is_looked_up_and_checked_again() {
    let server = Server::fixed(response("302 Found", &["Location: http://feeds.example/again"], b"")).await;
    let origin = format!("http://feeds.example:{}", server.address.port());
    let script = Script::new(&[&["127.0.0.1"], &["127.0.0.1"]]);
    let fetcher = fetcher_with(script.clone(), std::slice::from_ref(&origin));
    assert_eq!(code(&fetcher, &origin).await, "feed_refused_address");
    assert_eq!((script.lookups(), server.asked().len()), (2, 1));
}

#[tokio::test]
async fn a_redirect_to_anything_internal_is_refused() {
    let inside = Server::fixed(response("200 OK", &[], b"secret")).await;
    let secret = inside.url("/");
    for to in [
        secret.as_str(),
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/",
        "//127.0.0.1/",
        "http://localhost/",
        "file:///etc/passwd",
        "ftp://a.example/",
        "http://u:p@8.8.8.8/",
        "http://8.8.8.8:22/",
    ] {
        let server = Server::fixed(response("302 Found", &[&format!("Location: {to}")], b"")).await;
        assert_eq!(code(&fetcher(&[server.origin()]), &server.url("/")).await, "feed_refused_address", "{to}");
    }
    assert!(inside.asked().is_empty());
}

#[tokio::test]
async fn an_opened_origin_may_redirect_to_another_opened_origin() {
    let inside = Server::fixed(response("200 OK", &[], b"feed")).await;
    let server = Server::fixed(response("302 Found", &[&format!("Location: {}", inside.url("/x"))], b"")).await;
    let fetched = fetcher(&[server.origin(), inside.origin()]).fetch(Request::new(server.url("/"))).await.unwrap();
    assert!(matches!(fetched, Fetched::Document { final_url, .. } if final_url == inside.url("/x")));
}

#[tokio::test]
async fn the_allow_list_changes_while_running_and_is_exact() {
    let server = Server::fixed(response("200 OK", &[], b"feed")).await;
    let fetcher = Arc::new(fetcher(&[]));
    assert_eq!(code(&fetcher, &server.url("/")).await, "feed_refused_address");
    fetcher.set_allowed_origins(&[server.origin()]).unwrap();
    let (shared, url) = (Arc::clone(&fetcher), server.url("/"));
    let other_task = tokio::spawn(async move { shared.fetch(Request::new(url)).await });
    assert!(other_task.await.unwrap().is_ok());
    let by_name = server.url("/").replace("127.0.0.1", "localhost");
    assert_eq!(code(&fetcher, &by_name).await, "feed_refused_address");
    let bad = fetcher.set_allowed_origins(&["http://127.0.0.1/*".to_owned()]);
    assert!(matches!(bad, Err(ConfigError::BadOrigin { .. })));
    assert!(fetcher.fetch(Request::new(server.url("/"))).await.is_ok(), "a bad list changes nothing");
    fetcher.set_allowed_origins(&[]).unwrap();
    assert_eq!(code(&fetcher, &server.url("/")).await, "feed_refused_address");
}

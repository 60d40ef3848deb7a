//! The live stream over a real socket on loopback.

use super::world::{Browser, Site, id};
use crate::http::router;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

struct Stream(WebSocketStream<TcpStream>);

pub(super) async fn listen(site: &Site) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router(site.app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    address
}

async fn connect(address: SocketAddr, browser: &Browser, origin: &str) -> Result<Stream, Error> {
    let mut request = format!("ws://{address}/api/v1/live").into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("origin", origin.parse().unwrap());
    if let Some(cookie) = &browser.cookie {
        headers.insert("cookie", cookie.parse().unwrap());
    }
    let socket = TcpStream::connect(address).await.unwrap();
    client_async(request, socket).await.map(|(stream, _)| Stream(stream))
}

impl Stream {
    async fn open(address: SocketAddr, browser: &Browser, opening: Value) -> (Self, Value) {
        let mut stream = connect(address, browser, &format!("http://{address}")).await.unwrap();
        stream.0.send(Message::Text(opening.to_string().into())).await.unwrap();
        let hello = stream.next().await;
        (stream, hello)
    }

    async fn next(&mut self) -> Value {
        loop {
            let message = timeout(Duration::from_secs(20), self.0.next()).await.expect("a message in time");
            match message.expect("an open stream").expect("a whole message") {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(_) => panic!("closed"),
                _ => {}
            }
        }
    }

    /// The next message of a kind, and what came before it.
    async fn until(&mut self, kind: &str) -> (Value, Vec<Value>) {
        let mut before = Vec::new();
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return (message, before);
            }
            before.push(message);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_hear_of_a_post_and_others_do_not() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let (eve, _) = ann.invite("Eve").await;
    let address = listen(&site).await;
    let (open, secret) = (ann.group("Theme", "open").await, ann.group("Secret", "secret").await);
    ben.post(&format!("/groups/{open}/join"), json!({})).await.expect(200);
    let (mut ben_hears, hello) = Stream::open(address, &ben, json!({})).await;
    assert_eq!(hello["type"], "hello");
    let (mut eve_hears, _) = Stream::open(address, &eve, json!({})).await;
    let hidden = ann.write(&secret, "hush").await;
    let post = ann.write(&open, "hello").await;
    let (heard, before) = ben_hears.until("post").await;
    assert_eq!((&heard["post"], &heard["group"]), (&json!(post), &json!(open)));
    assert!(heard["n"].as_u64() > hello["n"].as_u64());
    assert!(!before.iter().any(|message| message.to_string().contains(&secret)));
    let (unread, _) = ben_hears.until("unread").await;
    assert_eq!((&unread["group"], &unread["unread"]), (&json!(open), &json!(1)));
    ben.post(&format!("/groups/{open}/read"), json!({})).await.expect(204);
    let (unread, _) = ben_hears.until("unread").await;
    assert_eq!(unread["unread"], 0);
    ann.invite("Zoe").await;
    let (_, before) = eve_hears.until("people_changed").await;
    let heard: String = before.iter().map(Value::to_string).collect();
    assert!(!heard.contains(&hidden) && !heard.contains(&secret), "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_filled_and_another_process_means_reload() {
    let (site, mut ann) = Site::founded().await;
    let address = listen(&site).await;
    let group = ann.group("Theme", "open").await;
    let (stream, hello) = Stream::open(address, &ann, json!({})).await;
    drop(stream);
    let post = ann.write(&group, "while away").await;
    let resume = json!({ "resume": { "epoch": hello["epoch"], "after": hello["n"] } });
    let (mut stream, again) = Stream::open(address, &ann, resume).await;
    assert_eq!(again["type"], "hello");
    assert_eq!(stream.until("post").await.0["post"], json!(post));
    for (epoch, after) in [(json!("other"), hello["n"].clone()), (hello["epoch"].clone(), json!(1_000_000))] {
        let (_, reset) = Stream::open(address, &ann, json!({ "resume": { "epoch": epoch, "after": after } })).await;
        assert_eq!(reset["type"], "reset");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_stream() {
    let (site, mut ann) = Site::founded().await;
    let address = listen(&site).await;
    let (mut stream, _) = Stream::open(address, &ann, json!({})).await;
    ann.delete("/session").await.expect(204);
    stream.until("ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_needs_a_session_and_this_very_origin() {
    let (site, ann) = Site::founded().await;
    let address = listen(&site).await;
    let status = |result: Result<Stream, Error>| match result {
        Err(Error::Http(response)) => response.status().as_u16(),
        Ok(_) => panic!("let in"),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(status(connect(address, &ann, "http://evil.example").await), 403);
    assert_eq!(status(connect(address, &site.browser(), &format!("http://{address}")).await), 401);
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Stream::open(address, &ann, json!({})).await);
    }
    assert_eq!(status(connect(address, &ann, &format!("http://{address}")).await), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_merged_and_nothing_of_it_is_lost() {
    let (site, mut ann) = Site::founded().await;
    let address = listen(&site).await;
    let group = ann.group("Theme", "open").await;
    let post = ann.write(&group, "react!").await;
    let (mut stream, _) = Stream::open(address, &ann, json!({})).await;
    for on in [true, false].repeat(30) {
        ann.put(&format!("/posts/{post}/reactions"), json!({ "emoji": "👍", "on": on })).await.expect(200);
    }
    let comment =
        ann.post(&format!("/posts/{post}/comments"), json!({ "request_id": id(), "text": "end" })).await.expect(201);
    let (heard, before) = stream.until("comment").await;
    assert_eq!(heard["comment"], comment["id"]);
    assert!(before.iter().any(|message| message["type"] == "post_changed"));
    let numbers: Vec<u64> = before.iter().map(|message| message["n"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_says_so_to_all_windows_at_once() {
    let (site, ann) = Site::founded().await;
    let address = listen(&site).await;
    let (mut listening, _) = Stream::open(address, &ann, json!({})).await;
    // A window that has not said yet where it stopped.
    let mut silent = connect(address, &ann, &format!("http://{address}")).await.unwrap();
    let start = std::time::Instant::now();
    site.app.live.stop().await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    for stream in [&mut listening, &mut silent] {
        match timeout(Duration::from_secs(20), stream.0.next()).await.unwrap() {
            Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), 1001),
            other => panic!("not a goodbye: {other:?}"),
        }
    }
}

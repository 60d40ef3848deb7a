//! Pages over HTTP and over their sockets.

use super::live::listen;
use super::world::{Browser, Site, id, text};
use futures::{SinkExt, StreamExt};
use protocol::document::{Actor, Document, Kind, Line, hash_of};
use protocol::ids::EntryId;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A window of a browser on a page.
struct Window {
    stream: WebSocketStream<TcpStream>,
    actor: Actor,
    opened: Value,
    snapshot: Vec<u8>,
}

async fn connect(address: SocketAddr, browser: &Browser, page: &str, query: &str) -> WebSocketStream<TcpStream> {
    let mut request = format!("ws://{address}/api/v1/pages/{page}/socket{query}").into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("origin", format!("http://{address}").parse().unwrap());
    headers.insert("cookie", browser.cookie.clone().unwrap().parse().unwrap());
    let socket = TcpStream::connect(address).await.unwrap();
    client_async(request, socket).await.unwrap().0
}

/// The next message; who is here without a cursor is passed over, since everybody who opens a page is.
async fn next(stream: &mut WebSocketStream<TcpStream>) -> Message {
    loop {
        let message = timeout(Duration::from_secs(20), stream.next()).await.expect("a message in time");
        match message.expect("an open stream").expect("a whole message") {
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Text(text) if text.contains(r#""t":"here""#) && text.contains(r#""cursor":null"#) => {}
            message => return message,
        }
    }
}

fn words(message: Message) -> Value {
    match message {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("no text: {other:?}"),
    }
}

fn code(message: Message) -> u16 {
    match message {
        Message::Close(Some(frame)) => frame.code.into(),
        other => panic!("not closed: {other:?}"),
    }
}

fn frame(changes: &[Vec<u8>]) -> Message {
    let mut bytes = vec![2];
    bytes.extend_from_slice(&(changes.len() as u32).to_be_bytes());
    for change in changes {
        bytes.extend_from_slice(&(change.len() as u32).to_be_bytes());
        bytes.extend_from_slice(change);
    }
    Message::Binary(bytes.into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Window {
    async fn open(address: SocketAddr, browser: &Browser, page: &str, query: &str) -> Self {
        let mut stream = connect(address, browser, page, query).await;
        let opened = words(next(&mut stream).await);
        assert_eq!(opened["t"], "open");
        let Message::Binary(snapshot) = next(&mut stream).await else { panic!("the document follows") };
        assert_eq!(snapshot[0], 1);
        let name = text(&opened, "actor");
        let mut actor = [0; 16];
        for (at, byte) in actor.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&name[at * 2..at * 2 + 2], 16).unwrap();
        }
        Self { stream, actor, opened, snapshot: snapshot[1..].to_vec() }
    }

    /// Changes of somebody who begins with an empty page.
    fn draft(&self, page: &str, said: &str) -> Vec<Vec<u8>> {
        let document = Document::new(page.parse::<EntryId>().unwrap());
        document.write(self.actor, 1, &[Line::plain(Kind::Paragraph, said)]).unwrap()
    }

    async fn send(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    async fn next(&mut self) -> Message {
        next(&mut self.stream).await
    }
}

async fn made(ann: &mut Browser, group: &str) -> String {
    let body = json!({ "request_id": id(), "title": " Garden\u{202e} plan ", "icon": "🌱" });
    text(&ann.post(&format!("/groups/{group}/pages"), body).await.expect(201), "id")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_made_named_thrown_away_and_taken_back() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Gardens", "open").await;
    let page = made(&mut ann, &group).await;
    let shown = ann.get(&format!("/pages/{page}")).await.expect(200);
    assert_eq!(
        (&shown["title"], &shown["icon"], &shown["by"]["name"]),
        (&json!("Garden plan"), &json!("🌱"), &json!("Ann"))
    );
    assert_eq!((&shown["state"], &shown["html"], &shown["edited"]), (&json!("ok"), &json!(""), &Value::Null));
    let may = json!({ "edit": true, "rename": true, "delete": true, "restore": false, "comment": true, "erase": true });
    assert_eq!(shown["may"], may);
    let named = json!({ "request_id": id(), "title": "Plan" });
    assert_eq!(ann.patch(&format!("/pages/{page}"), named).await.expect(200)["title"], "Plan");
    ann.patch(&format!("/pages/{page}"), json!({ "request_id": id(), "title": " " })).await.refused("text_missing");

    ben.post(&format!("/groups/{group}/pages"), json!({ "request_id": id(), "title": "x" }))
        .await
        .refused("not_a_member");
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let theirs = ben.get(&format!("/groups/{group}/pages")).await.expect(200);
    assert_eq!(theirs["items"][0]["id"], json!(page));
    ben.delete(&format!("/pages/{page}")).await.refused("forbidden");
    ann.delete(&format!("/pages/{page}")).await.expect(204);
    assert_eq!(ann.get(&format!("/groups/{group}/pages")).await.expect(200)["items"], json!([]));
    let trash = ann.get(&format!("/groups/{group}/pages?deleted=1")).await.expect(200);
    assert_eq!((&trash["items"][0]["id"], &trash["items"][0]["deleted"]), (&json!(page), &json!(true)));
    let back = ann.post(&format!("/pages/{page}/restore"), json!({ "request_id": id() })).await.expect(200);
    assert_eq!(back["deleted"], json!(false));
    let nothing = "b".repeat(52);
    ann.get(&format!("/pages/{nothing}")).await.refused("not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_listed_by_when_they_were_last_written_in() {
    let (_site, mut ann) = Site::founded().await;
    let group = ann.group("Gardens", "open").await;
    let mut pages = Vec::new();
    for _ in 0..5 {
        pages.push(made(&mut ann, &group).await);
    }
    let named = json!({ "request_id": id(), "title": "Newest" });
    ann.patch(&format!("/pages/{}", pages[0]), named).await.expect(200);
    let first = ann.get(&format!("/groups/{group}/pages?limit=2")).await.expect(200);
    assert_eq!((&first["items"][0]["id"], &first["items"][1]["id"]), (&json!(pages[0]), &json!(pages[4])));
    let next = text(&first, "next");
    let rest = ann.get(&format!("/groups/{group}/pages?limit=5&before={next}")).await.expect(200);
    let ids: Vec<&str> = rest["items"].as_array().unwrap().iter().map(|page| page["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&pages[3], &pages[2], &pages[1]]);
    assert_eq!(rest["next"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_writes_is_kept_and_seen_by_the_others() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Gardens", "open").await;
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let page = made(&mut ann, &group).await;
    let address = listen(&site).await;
    let mut here = Window::open(address, &ann, &page, "").await;
    let mut there = Window::open(address, &ben, &page, "").await;
    assert_eq!((&here.opened["may_edit"], &here.opened["seq"]), (&json!(true), &json!(0)));
    assert_ne!(here.actor, there.actor);
    assert_eq!(here.snapshot, there.snapshot);

    let changes = here.draft(&page, "Roses & <thorns>");
    here.send(frame(&changes)).await;
    let kept = words(here.next().await);
    let hashes: Vec<String> = changes.iter().map(|change| hex(&hash_of(change))).collect();
    assert_eq!(kept, json!({ "t": "kept", "hashes": hashes }));
    assert_eq!(there.next().await, frame(&changes), "the others get the very same bytes");
    let shown = ben.get(&format!("/pages/{page}")).await.expect(200);
    assert_eq!(shown["html"], "<p>Roses &amp; &lt;thorns&gt;</p>\n");
    assert_eq!((&shown["edited_by"]["name"], &shown["writers"][0]["name"]), (&json!("Ann"), &json!("Ann")));
    assert_eq!(shown["text_chars"], json!(16));
    let file = ben.get(&format!("/pages/{page}/export?as=md")).await;
    assert_eq!(String::from_utf8_lossy(&file.bytes), "# Garden plan\n\nRoses & \\<thorns\\>\n");
    let file = ben.get(&format!("/pages/{page}/export?as=html")).await;
    assert!(String::from_utf8_lossy(&file.bytes).contains("<h1>Garden plan</h1>\n<p>Roses &amp; &lt;thorns&gt;</p>"));

    here.send(Message::Text(json!({ "t": "here", "cursor": { "anchor": "2@ab", "head": "3@ab" } }).to_string().into()))
        .await;
    let seen = words(there.next().await);
    assert_eq!(
        (&seen["t"], &seen["who"]["name"], &seen["cursor"]["head"]),
        (&json!("here"), &json!("Ann"), &json!("3@ab"))
    );
    let name = hex(&here.actor);
    here.stream.close(None).await.unwrap();
    assert_eq!(words(there.next().await)["t"], "gone");

    // Who comes back goes on under the old name; nobody else can have it.
    let again = Window::open(address, &ann, &page, &format!("?actor={name}")).await;
    assert_eq!((hex(&again.actor), &again.opened["seq"]), (name.clone(), &json!(changes.len())));
    let other = Window::open(address, &ben, &page, &format!("?actor={name}")).await;
    assert_ne!(hex(&other.actor), name);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_admission_refuses_is_told_and_hurts_nobody() {
    let (site, mut ann) = Site::founded().await;
    let group = ann.group("Gardens", "open").await;
    let page = made(&mut ann, &group).await;
    let address = listen(&site).await;
    let mut here = Window::open(address, &ann, &page, "").await;
    let mut other = Window::open(address, &ann, &page, "").await;
    let foreign = other.draft(&page, "under another name");
    here.send(frame(&foreign)).await;
    let refused = words(here.next().await);
    assert_eq!((&refused["t"], &refused["code"]), (&json!("refused"), &json!("page_change_refused")));
    assert_eq!(refused["hashes"][0], json!(hex(&hash_of(&foreign[0]))));
    let own = here.draft(&page, "mine");
    here.send(frame(&own)).await;
    assert_eq!(words(here.next().await)["t"], "kept");
    let Message::Binary(_) = other.next().await else { panic!("the change of the first window comes first") };
    other.send(Message::Binary(vec![9, 9].into())).await;
    assert_eq!(code(other.next().await), 4400);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_right_to_write_is_closed_out() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, person) = ann.invite("Ben").await;
    let group = ann.group("Gardens", "open").await;
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let page = made(&mut ann, &group).await;
    let address = listen(&site).await;
    let mut window = Window::open(address, &ben, &page, "").await;
    let changed = ann.patch(&format!("/groups/{group}/members/{person}"), json!({ "role": "reader" })).await;
    assert!(changed.status.is_success(), "{changed:?}");
    assert_eq!(code(window.next().await), 4403);
    let mut reading = Window::open(address, &ben, &page, "").await;
    assert_eq!(reading.opened["may_edit"], json!(false));
    let changes = reading.draft(&page, "x");
    reading.send(frame(&changes)).await;
    assert_eq!(code(reading.next().await), 4403);
    assert_eq!(code(next(&mut connect(address, &ben, &group, "").await).await), 4404, "a group is no page");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_begins_with_a_template_in_the_language_of_who_makes_it_or_with_markdown() {
    let (_site, mut ann) = Site::founded().await;
    let group = ann.group("Gardens", "open").await;
    let pages = format!("/groups/{group}/pages");
    ann.patch("/me", json!({ "language": "fr" })).await.expect(200);
    let request = json!({ "request_id": id(), "title": "Mars", "template": "minutes" });
    let page = ann.post(&pages, request.clone()).await.expect(201);
    assert!(text(&page, "html").starts_with("<h2 class=\"level-1\">Présents</h2>\n"), "{page}");
    assert!(text(&page, "html").contains("data-checked=\"false\""));
    assert_eq!((&page["writers"][0]["name"], &page["state"]), (&json!("Ann"), &json!("ok")));
    let again = ann.post(&pages, request).await.expect(201);
    assert_eq!((&again["id"], &again["html"]), (&page["id"], &page["html"]), "asked for twice it is made once");
    ann.patch("/me", json!({ "language": "en" })).await.expect(200);
    let page = ann.post(&pages, json!({ "request_id": id(), "title": "M", "template": "minutes" })).await.expect(201);
    assert!(text(&page, "html").starts_with("<h2 class=\"level-1\">Present</h2>"), "{page}");
    ann.post(&pages, json!({ "request_id": id(), "title": "M", "template": "novel" })).await.refused("bad_json");

    let markdown = "# Plan\r\n\r\n## Why\r\n\r\n*because* [here](https://a.example)\r\n\r\n- [x] done\r\n";
    let page = ann.post(&pages, json!({ "request_id": id(), "markdown": markdown })).await.expect(201);
    assert_eq!(page["title"], "Plan");
    let file = ann.get(&format!("/pages/{}/export?as=md", text(&page, "id"))).await;
    let expected = "# Plan\n\n## Why\n\n*because* [here](<https://a.example>)\n\n- [x] done\n";
    assert_eq!(String::from_utf8_lossy(&file.bytes), expected);
    ann.post(&pages, json!({ "request_id": id(), "markdown": "no title" })).await.refused("text_missing");
    let long = json!({ "request_id": id(), "title": "L", "markdown": "a ".repeat(140_000) });
    ann.post(&pages, long).await.refused("text_too_long");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_page_is_shown_compared_and_brought_back() {
    let (site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Gardens", "open").await;
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let body = json!({ "request_id": id(), "title": "Plan", "markdown": "Roses and thorns" });
    let page = text(&ann.post(&format!("/groups/{group}/pages"), body).await.expect(201), "id");
    let first = ben.get(&format!("/pages/{page}/history")).await.expect(200);
    let version = &first["items"][0];
    assert_eq!((&version["people"][0]["name"], &version["added"]), (&json!("Ann"), &json!(17)));
    let old = text(version, "id");

    let address = listen(&site).await;
    let mut window = Window::open(address, &ben, &page, "").await;
    let changes = window.draft(&page, "Tulips");
    window.send(frame(&changes)).await;
    assert_eq!(words(window.next().await)["t"], "kept");
    let now = ann.get(&format!("/pages/{page}/history")).await.expect(200);
    assert_eq!(now["items"].as_array().unwrap().len(), 2, "a file that was taken is a version of its own");
    assert_eq!((&now["items"][0]["people"][0]["name"], &now["next"]), (&json!("Ben"), &Value::Null));
    let one = ann.get(&format!("/pages/{page}/history?limit=1")).await.expect(200);
    let rest = ann.get(&format!("/pages/{page}/history?before={}", text(&one, "next"))).await.expect(200);
    assert_eq!(rest["items"][0]["id"], json!(old));
    let newest = text(&now["items"][0], "id");
    let shown = ann.get(&format!("/pages/{page}/versions/{old}")).await.expect(200);
    assert_eq!((&shown["html"], &shown["text"]), (&json!("<p>Roses and thorns</p>\n"), &json!("Roses and thorns")));
    let compared = ann.get(&format!("/pages/{page}/compare?from={old}&to={newest}")).await.expect(200);
    let ops: Vec<&str> = compared["parts"].as_array().unwrap().iter().filter_map(|part| part["op"].as_str()).collect();
    assert!(ops.contains(&"added") && !ops.contains(&"removed"), "{compared}");
    let authors = ann.get(&format!("/pages/{page}/authors")).await.expect(200);
    assert_eq!(authors["spans"].as_array().unwrap().len(), 2);

    let restored = ann.post(&format!("/pages/{page}/versions/{old}/restore"), json!({ "request_id": id() })).await;
    assert_eq!(restored.expect(200)["html"], "<p>Roses and thorns</p>\n");
    assert!(matches!(window.next().await, Message::Binary(_)), "who has it open sees it");
    let nothing = "0".repeat(64);
    ann.get(&format!("/pages/{page}/versions/{nothing}")).await.refused("not_found");
    ann.get(&format!("/pages/{page}/versions/x")).await.refused("bad_request");
    let (mut eve, reader) = ann.invite("Eve").await;
    let closed = ann.group("Closed", "closed").await;
    let secret = made(&mut ann, &closed).await;
    eve.get(&format!("/pages/{secret}/history")).await.refused("not_found");
    eve.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    ann.patch(&format!("/groups/{group}/members/{reader}"), json!({ "role": "reader" })).await.expect(200);
    eve.get(&format!("/pages/{page}/history")).await.expect(200);
    eve.post(&format!("/pages/{page}/versions/{old}/restore"), json!({ "request_id": id() }))
        .await
        .refused("forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_on_a_page_are_answered_settled_changed_and_deleted() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Gardens", "open").await;
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let page = made(&mut ann, &group).await;
    let anchor = json!({ "start": "2@ab", "end": "5@ab" });
    let said = json!({ "request_id": id(), "anchor": anchor, "quote": "Roses", "text": "**Why** <b>?" });
    let comment = ben.post(&format!("/pages/{page}/comments"), said).await.expect(201);
    assert_eq!(comment["html"], "<p><strong>Why</strong> &lt;b&gt;?</p>\n");
    assert_eq!(
        (&comment["anchor"], &comment["quote"], &comment["author"]["name"]),
        (&anchor, &json!("Roses"), &json!("Ben"))
    );
    assert_eq!(comment["may"], json!({ "edit": true, "delete": true, "resolve": true, "erase": true }));
    let path = format!("/page-comments/{}", text(&comment, "id"));
    let answered = ann.post(&format!("{path}/replies"), json!({ "request_id": id(), "text": "So" })).await.expect(201);
    assert_eq!(answered["replies"][0]["author"]["name"], "Ann");
    let reply = text(&answered["replies"][0], "id");
    // An answer to an answer belongs to the same thread.
    let again = json!({ "request_id": id(), "text": "Fine" });
    let answered = ben.post(&format!("/page-comments/{reply}/replies"), again).await.expect(201);
    assert_eq!(answered["replies"].as_array().unwrap().len(), 2);
    let settled = ann.post(&format!("{path}/resolve"), json!({ "request_id": id(), "on": true })).await.expect(200);
    assert_eq!(settled["resolved"]["by"]["name"], "Ann");
    let open = ben.post(&format!("{path}/resolve"), json!({ "request_id": id(), "on": false })).await.expect(200);
    assert_eq!(open["resolved"], Value::Null);
    ann.patch(&path, json!({ "request_id": id(), "text": "x" })).await.refused("forbidden");
    let changed = ben.patch(&path, json!({ "request_id": id(), "text": "How" })).await.expect(200);
    assert_eq!((&changed["text"], changed["edited"].is_string()), (&json!("How"), true));
    ann.delete(&format!("/page-comments/{reply}")).await.expect(204);
    let list = ann.get(&format!("/pages/{page}/comments")).await.expect(200);
    assert_eq!(list["items"][0]["replies"].as_array().unwrap().len(), 1);
    ann.delete(&path).await.expect(204);
    assert_eq!(ben.get(&format!("/pages/{page}/comments")).await.expect(200), json!({ "items": [] }));
    ben.delete(&format!("/page-comments/{reply}")).await.refused("not_found");
    let (mut eve, _) = ann.invite("Eve").await;
    eve.get(&format!("/pages/{page}/comments")).await.refused("not_found");
    let said = json!({ "request_id": id(), "anchor": anchor, "quote": "q", "text": "t" });
    eve.post(&format!("/pages/{page}/comments"), said).await.refused("not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_erases_a_page_for_good() {
    let (_site, mut ann) = Site::founded().await;
    let (mut ben, _) = ann.invite("Ben").await;
    let group = ann.group("Gardens", "open").await;
    ben.post(&format!("/groups/{group}/join"), json!({})).await.expect(200);
    let body = json!({ "request_id": id(), "title": "Plan", "markdown": "Roses" });
    let page = ben.post(&format!("/groups/{group}/pages"), body).await.expect(201);
    assert_eq!(page["may"]["erase"], json!(false));
    let page = text(&page, "id");
    let why = || json!({ "request_id": id(), "reason": "asked for" });
    ben.post(&format!("/pages/{page}/erase"), why()).await.refused("forbidden");
    let erasure = ann.post(&format!("/pages/{page}/erase"), why()).await.expect(200);
    assert_eq!(erasure["what"], "page");
    ben.get(&format!("/pages/{page}")).await.refused("not_found");
    assert_eq!(ben.get(&format!("/groups/{group}/pages")).await.expect(200)["items"], json!([]));
}

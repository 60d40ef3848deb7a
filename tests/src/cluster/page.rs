//! A browser's window on a page, without a face: it works on a copy of the document as the editor does, sends what was
//! typed over the page's socket, and takes what comes.

use super::CROSS_WITHIN;
use super::client::Client;
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, LoadOptions, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, TextEncoding};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

const SNAPSHOT: u8 = 1;
const CHANGES: u8 = 2;
/// Changes in one frame (`docs/http-api.md`).
const FRAME_CHANGES_MAX: usize = 64;

type Socket = WebSocketStream<TcpStream>;

/// An open page, or one whose line is cut: then what is typed waits.
pub struct PageWindow {
    page: String,
    socket: Option<Socket>,
    actor: String,
    doc: AutoCommit,
    text: ObjId,
    /// Typed here and not yet kept by the site, by hash, in order.
    waiting: Vec<(String, Vec<u8>)>,
    /// Who else is here, by window: the name, and where they are.
    pub others: BTreeMap<String, (String, Option<(String, String)>)>,
}

impl Client {
    /// Opens a page in a window.
    ///
    /// # Panics
    /// If it does not open: a test without it means nothing.
    pub async fn open_page(&self, page: &str) -> PageWindow {
        let (socket, open, doc) = open(self, page, None).await;
        let mut window = PageWindow {
            page: page.to_owned(),
            socket: Some(socket),
            actor: open["actor"].as_str().expect("a writer's name").to_owned(),
            text: text_of(&doc),
            doc,
            waiting: Vec::new(),
            others: BTreeMap::new(),
        };
        window.doc.set_actor(actor_of(&window.actor));
        window
    }

    async fn page_socket(&self, page: &str, actor: Option<&str>) -> Socket {
        let (base, cookie) = (self.address(), self.cookie());
        let host = base.trim_start_matches("http://");
        let stream = TcpStream::connect(host).await.expect("the site listens");
        stream.set_nodelay(true).expect("a connected socket takes options");
        let wanted = actor.map(|actor| format!("?actor={actor}")).unwrap_or_default();
        let address = format!("ws://{host}/api/v1/pages/{page}/socket{wanted}");
        let mut request = address.into_client_request().expect("the address is one");
        let headers = request.headers_mut();
        headers.insert("Cookie", HeaderValue::from_str(&cookie).expect("a cookie is ASCII"));
        headers.insert("Origin", HeaderValue::from_str(base).expect("an address is ASCII"));
        tokio_tungstenite::client_async(request, stream).await.expect("the page's socket opens").0
    }
}

async fn open(client: &Client, page: &str, actor: Option<&str>) -> (Socket, Value, AutoCommit) {
    let mut socket = client.page_socket(page, actor).await;
    let greeted = async {
        let Some(Ok(Message::Text(text))) = socket.next().await else { panic!("the page does not open") };
        let Some(Ok(Message::Binary(bytes))) = socket.next().await else { panic!("the page has no document") };
        (text, bytes)
    };
    let greeted = tokio::time::timeout(CROSS_WITHIN, greeted).await;
    let (text, bytes) = greeted.unwrap_or_else(|_| panic!("the page does not open within {CROSS_WITHIN:?}"));
    let open: Value = serde_json::from_str(&text).expect("text frames are JSON");
    assert_eq!(open["t"], "open", "{text}");
    let (tag, document) = bytes.split_first().expect("a tag");
    assert_eq!(*tag, SNAPSHOT);
    let options = LoadOptions::new().text_encoding(TextEncoding::Utf16CodeUnit);
    let doc = AutoCommit::load_with_options(document, options).expect("the site sends a document that loads");
    (socket, open, doc)
}

fn text_of(doc: &AutoCommit) -> ObjId {
    doc.get(ROOT, "text").expect("the document can be read").expect("a page has a text").1
}

fn actor_of(hex: &str) -> ActorId {
    ActorId::try_from(hex).expect("a writer's name is in hex")
}

impl PageWindow {
    /// The text as this window has it; a line's beginning is one character.
    pub fn text(&self) -> String {
        self.doc.text(&self.text).expect("the document can be read")
    }

    /// One keystroke, or what was pasted: at this place, or as near as there is.
    pub fn put(&mut self, at: usize, removed: usize, words: &str) {
        let len = self.doc.length(&self.text);
        let at = at.min(len);
        for _ in 0..removed.min(len - at) {
            self.doc.delete(&self.text, at).expect("it is there");
        }
        let mut at = at;
        for letter in words.chars() {
            if letter == '\n' {
                self.break_line(at);
            } else {
                self.doc.splice_text(&self.text, at, 0, &letter.to_string()).expect("a text takes letters");
            }
            at += letter.len_utf16();
        }
    }

    /// Makes one change of what was typed since the last time, and sends it when there is a line.
    ///
    /// # Panics
    /// If the line breaks.
    pub async fn hand_over(&mut self) {
        if self.doc.commit_with(CommitOptions::default().with_time(0)).is_none() {
            return;
        }
        let change = self.doc.get_last_local_change().expect("it was just made");
        self.waiting.push((change.hash().to_string(), change.raw_bytes().to_vec()));
        if self.socket.is_some() {
            let frame = frame(&self.waiting[self.waiting.len() - 1..]);
            self.send(Message::Binary(frame.into())).await;
        }
    }

    /// Writes at the beginning, in one change.
    ///
    /// # Panics
    /// If the line breaks.
    pub async fn begin_with(&mut self, words: &str) {
        self.put(0, 0, words);
        self.hand_over().await;
    }

    /// A new paragraph, as the editor writes it.
    fn break_line(&mut self, at: usize) {
        let block = self.doc.split_block(&self.text, at).expect("a text takes lines");
        self.doc.put(&block, "type", ScalarValue::Str("paragraph".into())).expect("a block takes values");
        self.doc.put(&block, "isEmbed", false).expect("a block takes values");
        self.doc.put_object(&block, "parents", ObjType::List).expect("a block takes a list");
        self.doc.put_object(&block, "attrs", ObjType::Map).expect("a block takes a map");
    }

    /// Says where the cursor is, at this letter.
    ///
    /// # Panics
    /// If there is no line.
    pub async fn point(&mut self, at: usize) {
        let cursor = self.doc.get_cursor(&self.text, at, None).expect("the letter is there").to_string();
        let said = json!({ "t": "here", "cursor": { "anchor": cursor, "head": cursor } });
        self.send(Message::text(said.to_string())).await;
    }

    /// The line is cut. What is typed from now on waits.
    pub fn cut(&mut self) {
        self.socket = None;
        self.others.clear();
    }

    /// The line is back: the site gives what it has, and gets what waits.
    ///
    /// # Panics
    /// If the site gives this window another name: nothing was lost that it was given for.
    pub async fn come_back(&mut self, client: &Client) {
        let (socket, open, mut doc) = open(client, &self.page, Some(&self.actor)).await;
        assert_eq!(open["actor"], self.actor, "the window writes on under its name");
        self.doc.merge(&mut doc).expect("both are one document");
        self.socket = Some(socket);
        let frames: Vec<Vec<u8>> = self.waiting.chunks(FRAME_CHANGES_MAX).map(frame).collect();
        for frame in frames {
            self.send(Message::Binary(frame.into())).await;
        }
    }

    /// Whether everything typed here is durable at the site.
    pub fn is_kept(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes what comes until something holds.
    ///
    /// # Panics
    /// If it does not hold in time, or the site closes the window.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let taken = async {
            while !holds(self) {
                let socket = self.socket.as_mut().expect("there is a line");
                let message = socket.next().await.expect("the window stays open").expect("the line stands");
                self.take(message);
            }
        };
        let taken = tokio::time::timeout(CROSS_WITHIN, taken).await;
        assert!(taken.is_ok(), "not within {CROSS_WITHIN:?}: {what}");
    }

    /// Takes what comes in a while: as long as a typist's hand takes from key to key.
    ///
    /// # Panics
    /// If the site closes the window.
    pub async fn rest(&mut self, pace: Duration) {
        let until = tokio::time::Instant::now() + pace;
        let Some(socket) = self.socket.as_mut() else { return };
        let mut came = Vec::new();
        while let Ok(message) = tokio::time::timeout_at(until, socket.next()).await {
            came.push(message.expect("the window stays open").expect("the line stands"));
        }
        for message in came {
            self.take(message);
        }
    }

    async fn send(&mut self, message: Message) {
        let socket = self.socket.as_mut().expect("there is a line");
        socket.send(message).await.expect("the line takes what was typed");
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Binary(bytes) => self.take_changes(&bytes),
            Message::Text(text) => self.take_word(&serde_json::from_str(&text).expect("text frames are JSON")),
            Message::Close(why) => panic!("the site closed the window: {why:?}"),
            _ => {}
        }
    }

    fn take_changes(&mut self, bytes: &[u8]) {
        let (tag, rest) = bytes.split_first().expect("a tag");
        assert_eq!(*tag, CHANGES);
        let (count, mut rest) = rest.split_first_chunk::<4>().expect("a count");
        let mut changes = Vec::new();
        for _ in 0..u32::from_be_bytes(*count) {
            let (len, after) = rest.split_first_chunk::<4>().expect("a length");
            let (change, after) = after.split_at(u32::from_be_bytes(*len) as usize);
            changes.push(Change::from_bytes(change.to_vec()).expect("the site sends changes that read"));
            rest = after;
        }
        self.doc.apply_changes(changes).expect("the site sends changes that apply");
    }

    fn take_word(&mut self, word: &Value) {
        let field = |name: &str| word[name].as_str().unwrap_or_default().to_owned();
        match word["t"].as_str() {
            Some("kept") => {
                let hashes: BTreeSet<&str> =
                    word["hashes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                self.waiting.retain(|(hash, _)| !hashes.contains(hash.as_str()));
            }
            Some("here") => {
                let name = word["who"]["name"].as_str().unwrap_or_default().to_owned();
                let end = |name: &str| word["cursor"][name].as_str().map(str::to_owned);
                let cursor = end("anchor").zip(end("head"));
                self.others.insert(field("session"), (name, cursor));
            }
            Some("gone") => {
                self.others.remove(&field("session"));
            }
            _ => panic!("{word}"),
        }
    }
}

impl std::fmt::Debug for PageWindow {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("PageWindow").field("page", &self.page).field("waiting", &self.waiting.len()).finish()
    }
}

fn frame(changes: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![CHANGES];
    out.extend_from_slice(&u32::try_from(changes.len()).expect("few").to_be_bytes());
    for (_, change) in changes {
        out.extend_from_slice(&u32::try_from(change.len()).expect("short").to_be_bytes());
        out.extend_from_slice(change);
    }
    out
}

//! The live stream of one login.

use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Something happened at the site.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Notice {
    /// What: `post`, `comment`, `delivery`, `network`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Its place in the stream.
    #[serde(default)]
    pub n: u64,
    /// Everything else it says.
    #[serde(flatten)]
    pub rest: Value,
}

impl Notice {
    /// A field of it, empty if it has none.
    pub fn field(&self, name: &str) -> &str {
        self.rest.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// An open stream.
#[derive(Debug)]
pub struct Live {
    socket: WebSocketStream<TcpStream>,
    /// The site's run of numbering.
    pub epoch: String,
    /// The last number seen.
    pub n: u64,
    /// How the site greeted: `hello` or `reset`.
    pub greeting: String,
}

impl Live {
    pub(super) async fn open(base: &str, cookie: &str, resume: Option<(&str, u64)>) -> Self {
        let host = base.trim_start_matches("http://");
        let stream = TcpStream::connect(host).await.expect("the site listens");
        stream.set_nodelay(true).expect("a connected socket takes options");
        let mut request = format!("ws://{host}/api/v1/live").into_client_request().expect("the address is one");
        let headers = request.headers_mut();
        headers.insert("Cookie", HeaderValue::from_str(cookie).expect("a cookie is ASCII"));
        headers.insert("Origin", HeaderValue::from_str(base).expect("an address is ASCII"));
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("the live stream opens");
        let mut live = Self { socket, epoch: String::new(), n: 0, greeting: String::new() };
        let first =
            resume.map_or_else(|| json!({}), |(epoch, after)| json!({ "resume": { "epoch": epoch, "after": after } }));
        live.socket.send(Message::text(first.to_string())).await.expect("the stream takes the first message");
        let hello = live.next(Duration::from_secs(10)).await.expect("the stream greets");
        live.epoch = hello.field("epoch").to_owned();
        live.greeting = hello.kind;
        live
    }

    /// The next notice; nothing if none comes in time or the stream has ended.
    pub async fn next(&mut self, within: Duration) -> Option<Notice> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let message = tokio::time::timeout_at(deadline, self.socket.next()).await.ok()??.ok()?;
            let Message::Text(text) = message else { continue };
            let notice: Notice = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
            if notice.kind == "ping" {
                continue;
            }
            self.n = self.n.max(notice.n);
            return Some(notice);
        }
    }

    /// The first notice of this kind for which `wanted` holds.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn until(&mut self, within: Duration, kind: &str, wanted: impl Fn(&Notice) -> bool) -> Notice {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            match self.next(left).await {
                Some(notice) if notice.kind == kind && wanted(&notice) => return notice,
                Some(_) => {}
                None => panic!("no notice {kind} within {within:?}"),
            }
        }
    }
}

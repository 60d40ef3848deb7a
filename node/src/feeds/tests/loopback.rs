//! A web server on loopback with pages that tests change, which honours `If-None-Match` and remembers what it was asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What stands at a path.
#[derive(Clone)]
struct Page {
    status: &'static str,
    headers: String,
    etag: String,
    body: String,
}

pub struct Server {
    address: SocketAddr,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, pages: Arc::default(), asked: Arc::default() };
        let (pages, asked) = (Arc::clone(&server.pages), Arc::clone(&server.asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                answer(stream, &pages, &asked).await;
            }
        });
        server
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Puts a document at a path; its validator is made of its text.
    pub fn put(&self, path: &str, body: &str) {
        self.set(path, "200 OK", "", body);
    }

    /// Puts any answer at a path.
    pub fn set(&self, path: &str, status: &'static str, headers: &str, body: &str) {
        let etag = format!("\"{}\"", &blake3::hash(body.as_bytes()).to_hex()[..8]);
        let page = Page { status, headers: headers.to_owned(), etag, body: body.to_owned() };
        self.pages.lock().unwrap().insert(path.to_owned(), page);
    }

    /// Requests so far, as `path` or `path known` when a validator was sent.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, pages: &Mutex<BTreeMap<String, Page>>, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let known = head.lines().find_map(|line| line.strip_prefix("if-none-match: ")).map(str::to_owned);
    asked.lock().unwrap().push(if known.is_some() { format!("{path} known") } else { path.clone() });
    let page = pages.lock().unwrap().get(&path).cloned();
    let bytes = match page {
        None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        Some(page) if page.status.starts_with("200") && known.as_deref() == Some(page.etag.as_str()) => {
            "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n".to_owned()
        }
        Some(Page { status, headers, etag, body }) => {
            let length = body.len();
            format!(
                "HTTP/1.1 {status}\r\nETag: {etag}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
        }
    };
    // The client may have gone away.
    let _ = stream.write_all(bytes.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// An RSS document of items by number, the newest first.
pub fn rss(items: impl IntoIterator<Item = u32>) -> String {
    let items: String = items
        .into_iter()
        .map(|n| {
            format!(
                "<item><title>Item {n}</title><guid>id-{n}</guid><link>https://a.example/{n}</link>\
                 <description>&lt;p&gt;Text {n}&lt;/p&gt;</description></item>"
            )
        })
        .collect();
    format!("<rss version=\"2.0\"><channel><title>News</title><link>https://a.example/</link>{items}</channel></rss>")
}

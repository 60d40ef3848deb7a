//! A feed server on loopback for the demonstration: real documents over real HTTP, fetched by the sites like any feed.

use super::content;
use anyhow::Context;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// Items in one document: what readers take at most.
pub const DOCUMENT_ITEMS_MAX: usize = 400;

/// How many items each feed has brought out so far.
type Published = Arc<Mutex<BTreeMap<usize, usize>>>;

/// The running server.
pub struct FeedServer {
    origin: String,
    published: Published,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FeedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FeedServer {
    /// Starts it on a port, or on a free one.
    pub async fn start(port: u16) -> anyhow::Result<Self> {
        let listener = match tokio::net::TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => listener,
            Err(_) => tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.context("no free port for the feed")?,
        };
        let origin = format!("http://{}", listener.local_addr()?);
        let published = Published::default();
        let router = Router::new().route("/{feed}", get(document)).with_state((origin.clone(), Arc::clone(&published)));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the feed of the demonstration ended");
            }
        });
        Ok(Self { origin, published, task })
    }

    /// Its origin, to be allowed at the sites.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The address of a feed.
    pub fn url(&self, feed: usize) -> String {
        format!("{}/{feed}.xml", self.origin)
    }

    /// Brings a feed up to so many items.
    pub fn publish(&self, feed: usize, items: usize) {
        self.published.lock().expect("nothing panics under this lock").insert(feed, items);
    }
}

async fn document(State((origin, published)): State<(String, Published)>, Path(name): Path<String>) -> Response {
    let Some(feed) = name.strip_suffix(".xml").and_then(|number| number.parse::<usize>().ok()) else {
        return axum::http::StatusCode::NOT_FOUND.into_response();
    };
    let items = published.lock().expect("nothing panics under this lock").get(&feed).copied().unwrap_or(0);
    ([(CONTENT_TYPE, "application/rss+xml; charset=utf-8")], rss(&origin, feed, items)).into_response()
}

/// The newest items of a feed, the newest first.
fn rss(origin: &str, feed: usize, items: usize) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<rss version=\"2.0\"><channel><title>{}</title><link>{origin}/</link>\
         <description>{}</description>",
        escape(content::feed_title(feed)),
        escape(content::feed_title(feed)),
    );
    for number in (items.saturating_sub(DOCUMENT_ITEMS_MAX)..items).rev() {
        let (title, text) = content::news(feed, number);
        let _ = write!(
            xml,
            "<item><title>{}</title><link>{origin}/{feed}/{number}</link><guid isPermaLink=\"false\">{feed}-{number}</guid>\
             <description>{}</description></item>",
            escape(&title),
            escape(&text),
        );
    }
    xml.push_str("</channel></rss>");
    xml
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_is_read_as_a_feed() {
        let xml = super::rss("http://127.0.0.1:1", 0, 3);
        let feed = archipel_outside::feed::parse(xml.as_bytes(), None, "http://127.0.0.1:1/0.xml").unwrap();
        assert_eq!(feed.items.len(), 3);
    }
}

//! One person's browser, as far as the demonstration needs one: cookie, token, JSON.

use anyhow::{Context, anyhow};
use protocol::ids::to_text;
use protocol::keys::{Purpose, derive};
use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Client as Http, Method};
use serde_json::Value;
use std::time::Duration;

/// How long an answer may take on a busy machine.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// A busy site is asked again so often.
const BUSY_TRIES: usize = 50;
/// And after this pause.
const BUSY_PAUSE: Duration = Duration::from_millis(200);

/// A logged-in person at one site.
#[derive(Debug, Clone)]
pub struct Client {
    http: Http,
    base: String,
    cookie: Option<String>,
    token: Option<String>,
}

/// A request id that is the same in every run, so that a second run writes nothing twice.
pub fn request_id(of: &str, number: usize) -> String {
    let digest = derive(Purpose::Origin, &[b"demo", of.as_bytes(), &(number as u64).to_be_bytes()]);
    to_text(&digest[..16])
}

impl Client {
    /// A browser that nobody has logged in with.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        let http = Http::builder().timeout(ANSWER_WITHIN).no_proxy().build()?;
        Ok(Self { http, base: base.trim_end_matches('/').into(), cookie: None, token: None })
    }

    /// Reads.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, Vec::new(), "application/json").await
    }

    /// Writes.
    pub async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, serde_json::to_vec(body)?, "application/json").await
    }

    /// Changes.
    pub async fn send(&mut self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(method, path, serde_json::to_vec(body)?, "application/json").await
    }

    /// Gives a file.
    pub async fn upload(&mut self, name: &str, bytes: Vec<u8>) -> anyhow::Result<Value> {
        self.call(Method::POST, &format!("/files?name={name}"), bytes, "application/octet-stream").await
    }

    async fn call(&mut self, method: Method, path: &str, body: Vec<u8>, kind: &str) -> anyhow::Result<Value> {
        for _ in 0..BUSY_TRIES {
            let mut request = self
                .http
                .request(method.clone(), format!("{}/api/v1{path}", self.base))
                .header(ORIGIN, &self.base)
                .header(CONTENT_TYPE, kind);
            if let Some(cookie) = &self.cookie {
                request = request.header(COOKIE, cookie);
            }
            if let Some(token) = &self.token {
                request = request.header("X-Archipel-Token", token);
            }
            if method != Method::GET {
                request = request.body(body.clone());
            }
            let response = request.send().await.with_context(|| format!("{method} {path}"))?;
            if let Some(cookie) = response.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok()) {
                self.cookie = cookie.split(';').next().map(str::to_owned);
            }
            let status = response.status();
            let bytes = response.bytes().await?;
            let value: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            if status.as_u16() == 503 || status.as_u16() == 429 {
                tokio::time::sleep(BUSY_PAUSE).await;
                continue;
            }
            if !status.is_success() {
                let code = value["code"].as_str().unwrap_or("unknown").to_owned();
                return Err(anyhow!("{method} {path}: {status} {code}"));
            }
            let me = if value["me"].is_object() { &value["me"] } else { &value };
            if let Some(token) = me["csrf"].as_str() {
                self.token = Some(token.into());
            }
            return Ok(value);
        }
        Err(anyhow!("{method} {path}: the site stays busy"))
    }
}

//! A browser without a face: one login at one site, speaking the documented API.

use super::live::Live;
use super::shape::*;
use reqwest::header::{CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// No answer takes longer on a machine that works.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What came back.
pub type Answer<T> = Result<T, Refusal>;

/// An answer that is no success, in the one shape of errors.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub struct Refusal {
    /// HTTP status, 0 when there was no answer at all.
    pub status: u16,
    /// Stable code.
    pub code: String,
    /// In English.
    pub message: String,
    /// Further fields, or null.
    pub details: Value,
}

impl Refusal {
    fn unreachable(error: &reqwest::Error) -> Self {
        Self { status: 0, code: "no_answer".to_owned(), message: format!("{error:?}"), details: Value::Null }
    }
}

/// One login at one site, or none yet. Clones share the login, as the tabs of a browser do.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    login: Arc<Mutex<Login>>,
}

#[derive(Debug, Clone, Default)]
struct Login {
    cookie: Option<String>,
    csrf: Option<String>,
}

/// A fresh id of 16 bytes, as every creating request carries one.
pub fn request_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase()
}

/// An HTTP client that knows nothing of logins.
pub fn plain() -> reqwest::Client {
    // A second call only says that a provider is there.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().timeout(ANSWER_WITHIN).build().expect("a plain client can be built")
}

impl Client {
    pub(super) fn new(address: &str) -> Self {
        Self { http: plain(), base: address.to_owned(), login: Arc::default() }
    }

    /// Somebody who is not logged in, at a site that the test did not start itself.
    pub fn at(address: &str) -> Self {
        Self::new(address)
    }

    /// The site's address.
    pub fn address(&self) -> &str {
        &self.base
    }

    /// A request with the login's cookie and token, from the site's own page.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_from(&self.base, method, path)
    }

    /// As [`Client::request`], from a page of another origin.
    pub fn request_from(&self, origin: &str, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}/api/v1/{path}", self.base)).header(ORIGIN, origin);
        let Login { cookie, csrf } = self.login();
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie);
        }
        if let Some(csrf) = csrf {
            request = request.header("X-Archipel-Token", csrf);
        }
        request
    }

    pub(super) fn cookie(&self) -> String {
        self.login().cookie.unwrap_or_default()
    }

    fn login(&self) -> Login {
        self.login.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends a request and reads its answer; an empty one is null.
    ///
    /// # Errors
    /// [`Refusal`] for every status that is no success, and when there is no answer.
    ///
    /// # Panics
    /// If the answer is not of the documented shape.
    pub async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Answer<T> {
        self.exchange(request).await.map(|(answer, _)| answer)
    }

    async fn exchange<T: DeserializeOwned>(&self, request: RequestBuilder) -> Answer<(T, Option<String>)> {
        let response = request.send().await.map_err(|error| Refusal::unreachable(&error))?;
        let status = response.status();
        let line = response.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = line.and_then(|line| line.split(';').next()).map(str::to_owned);
        let url = response.url().path().to_owned();
        let text = response.text().await.map_err(|error| Refusal::unreachable(&error))?;
        if !status.is_success() {
            return Err(refusal(status.as_u16(), &url, &text));
        }
        let value = if text.is_empty() { "null" } else { &text };
        let answer = serde_json::from_str(value).unwrap_or_else(|error| panic!("{url}: {error} in {text}"));
        Ok((answer, cookie))
    }

    /// GET.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        self.send(self.request(Method::GET, path)).await
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Answer<T> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// PUT with a JSON body.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Answer<T> {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// PATCH with a JSON body.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Answer<T> {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Answer<T> {
        self.send(self.request(Method::DELETE, path).header(CONTENT_TYPE, "application/json")).await
    }

    /// Sends a request that logs in, and keeps the login.
    pub(super) async fn enter<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Answer<T> {
        let (answer, cookie): (Value, _) = self.exchange(self.request(Method::POST, path).json(body)).await?;
        let me = answer.get("me").unwrap_or(&answer);
        let csrf = me.get("csrf").and_then(Value::as_str).map(str::to_owned);
        let cookie = Some(cookie.unwrap_or_else(|| panic!("{path} must set the cookie")));
        *self.login.lock().unwrap_or_else(PoisonError::into_inner) = Login { cookie, csrf };
        Ok(serde_json::from_value(answer).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    /// How far the site is.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn status(&self) -> Answer<Status> {
        self.get("status").await
    }

    /// Logs in.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn log_in(&self, email: &str, password: &str) -> Answer<Me> {
        self.enter("session", &json!({ "email": email, "password": password })).await
    }

    /// Gives the password again, for what needs it.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn sudo(&self, password: &str) -> Answer<Me> {
        self.enter("session/sudo", &json!({ "password": password })).await
    }

    /// Oneself.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn me(&self) -> Answer<Me> {
        self.get("session").await
    }

    /// Creates a group.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn create_group(&self, name: &str, access: &str) -> Answer<Group> {
        let purpose = format!("All about {name}.");
        let body =
            json!({ "request_id": request_id(), "name": name, "purpose": purpose, "kind": "theme", "access": access });
        self.post("groups", &body).await
    }

    /// All groups that the person sees.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn groups(&self) -> Answer<Groups> {
        self.get("groups").await
    }

    /// Joins an open group. One that is still on its way to this site is asked for again, as the answer says.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn join_group(&self, group: &str) -> Answer<Group> {
        super::within(super::CROSS_WITHIN, "the group has come", async || {
            match self.post(&format!("groups/{group}/join"), &json!({})).await {
                Err(refusal) if refusal.code == "not_here_yet" => None,
                other => Some(other),
            }
        })
        .await
    }

    /// Posts a text.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn write(&self, group: &str, text: &str) -> Answer<Post> {
        self.write_with(group, text, &[]).await
    }

    /// Posts a text with files.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn write_with(&self, group: &str, text: &str, files: &[&Attachment]) -> Answer<Post> {
        let files: Vec<Value> = files.iter().map(|file| json!({ "blob": file.blob, "name": file.name })).collect();
        let body = json!({ "request_id": request_id(), "text": text, "attachments": files });
        self.post(&format!("groups/{group}/posts"), &body).await
    }

    /// One post.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn read(&self, post: &str) -> Answer<Post> {
        self.get(&format!("posts/{post}")).await
    }

    /// The first page of a group, newest first.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn feed(&self, group: &str) -> Answer<Page<Post>> {
        self.get(&format!("groups/{group}/feed?limit=50")).await
    }

    /// Every post of a group, over all pages.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn whole_feed(&self, group: &str) -> Answer<Vec<Post>> {
        let mut page = self.feed(group).await?;
        let mut posts = page.items;
        while let Some(next) = page.next {
            page = self.get(&format!("groups/{group}/feed?limit=50&before={next}")).await?;
            posts.extend(page.items);
        }
        Ok(posts)
    }

    /// Comments a post.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn comment(&self, post: &str, text: &str) -> Answer<Comment> {
        self.post(&format!("posts/{post}/comments"), &json!({ "request_id": request_id(), "text": text })).await
    }

    /// Uploads a file.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Answer<Attachment> {
        let request = self.request(Method::POST, &format!("files?name={name}"));
        self.send(request.header(CONTENT_TYPE, "application/octet-stream").body(bytes)).await
    }

    /// The bytes at an address that an attachment names.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn download(&self, url: &str) -> Answer<Vec<u8>> {
        let cookie = self.cookie();
        let request = self.http.get(format!("{}{url}", self.base)).header(COOKIE, cookie);
        let response = request.send().await.map_err(|error| Refusal::unreachable(&error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| Refusal::unreachable(&error))?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        Err(refusal(status.as_u16(), url, &String::from_utf8_lossy(&bytes)))
    }

    /// The sites, as this one sees them.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn network(&self) -> Answer<Network> {
        self.get("network").await
    }

    /// Opens the live stream from now on.
    ///
    /// # Panics
    /// If it does not open: a test without it means nothing.
    pub async fn live(&self) -> Live {
        Live::open(&self.base, &self.cookie(), None).await
    }
}

fn refusal(status: u16, url: &str, text: &str) -> Refusal {
    let body: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let field = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = field("code").unwrap_or_else(|| panic!("{url}: an error of another shape: {status} {text}"));
    let message = field("message").unwrap_or_else(|| panic!("{url}: an error without words: {status} {text}"));
    Refusal { status, code, message, details: body.get("details").cloned().unwrap_or(Value::Null) }
}

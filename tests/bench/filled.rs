//! A site that holds many posts, all made through its API.

use super::text;
use archipel_tests::cluster::{Client, Group, PASSWORD, Refusal, Site, found, request_id};
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::io::{BufWriter, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Requests under way at once: enough that a commit always finds several waiting.
const AT_ONCE: usize = 64;
/// One person's share; beyond it even wide limits slow a person down.
const POSTS_A_PERSON: usize = 25_000;
/// How often a post that was refused as too early is sent again.
const TRIES: usize = 600;

/// A site, its administrator, its group and the posts in it, oldest first as far as commits tell.
pub struct Filled {
    /// The site.
    pub site: Site,
    /// Its administrator.
    pub admin: Client,
    /// The group of everybody.
    pub group: Group,
    /// The ids of the posts, in the order of their numbers.
    pub posts: Vec<String>,
    authors: Vec<Client>,
}

impl Filled {
    /// Starts a site with a group for everybody and no posts.
    ///
    /// # Panics
    /// If the site refuses anything.
    pub async fn empty(name: &str) -> Self {
        let site = Site::start(name).await;
        let admin = found(&site, "ann").await;
        let body = json!({
            "request_id": request_id(), "name": "Général", "purpose": "Tout le monde", "kind": "general",
            "access": "open",
        });
        let group = admin.post("groups", &body).await.expect("an administrator may create the general group");
        Self { site, authors: vec![admin.clone()], admin, group, posts: Vec::new() }
    }

    /// Posts until there are so many.
    ///
    /// # Panics
    /// If the site refuses anything.
    pub async fn fill(&mut self, count: usize) {
        let first = self.posts.len();
        while self.authors.len() * POSTS_A_PERSON < count {
            let author = self.person(self.authors.len()).await;
            self.authors.push(author);
        }
        let posts = (first..count).map(|number| {
            let (author, group) = (&self.authors[number / POSTS_A_PERSON], &self.group.id);
            async move { write(author, group, number).await }
        });
        let ids: Vec<String> = futures::stream::iter(posts).buffered(AT_ONCE).collect().await;
        self.posts.extend(ids);
    }

    /// Puts so many posts into the stopped site's journal, as if they had come from another site, and starts it: the rows
    /// are made before it answers. Of these posts only the first and the last are named in `posts`. There must be one.
    ///
    /// # Panics
    /// If the posts cannot be read afterwards.
    pub async fn generate(&mut self, count: usize) {
        self.site.stop().await;
        let program = std::env::var_os("BENCH_FILL").expect("tests/bench/run names the filler in BENCH_FILL");
        let mut child = Command::new(program)
            .arg(self.site.data())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the filler runs");
        let mut input = BufWriter::new(child.stdin.take().expect("its input is a pipe"));
        for number in 0..count {
            writeln!(input, "{}", text::post(number)).expect("the filler reads");
        }
        drop(input);
        let output = child.wait_with_output().expect("the filler ends");
        let ids = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "the journal is filled");
        self.posts.extend(ids.split_whitespace().map(str::to_owned));
        self.site.restart().await;
        let last = self.posts.last().expect("there are posts");
        self.admin.sees_post(last).await;
    }

    /// A person of the site who may post in the group.
    async fn person(&self, number: usize) -> Client {
        let email = format!("person{number}@archipel.example");
        let body = json!({ "request_id": request_id(), "name": format!("Personne {number}"), "email": email });
        let invited: Value = self.admin.post("people", &body).await.expect("an administrator may invite");
        let link = invited["invitation_link"].as_str().expect("an invitation has a link");
        let token = link.rsplit(['/', '=', '#']).next().unwrap_or_default();
        let client = self.site.client();
        let body = json!({ "password": PASSWORD, "language": "fr" });
        let _: Value = client.post(&format!("invitation/{token}"), &body).await.expect("an invitation can be taken");
        client.log_in(&email, PASSWORD).await.expect("the password just set is right");
        client
    }
}

async fn write(author: &Client, group: &str, number: usize) -> String {
    let text = text::post(number);
    for _ in 0..TRIES {
        match author.write(group, &text).await {
            Ok(post) => return post.id,
            Err(Refusal { status: 429 | 503, .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(refusal) => panic!("post {number}: {refusal}"),
        }
    }
    panic!("post {number} was put off too often");
}

/// All posts of a group as a site shows them, newest first, page by page.
///
/// # Panics
/// If a page cannot be read.
pub async fn shown(reader: &Client, group: &str) -> Vec<String> {
    let posts = reader.whole_feed(group).await.expect("the feed can be read");
    posts.into_iter().map(|post| post.id).collect()
}

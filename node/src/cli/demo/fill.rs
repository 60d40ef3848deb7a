//! Filling the sites: every step has a number, every request an id made from it, so that a second run goes on where the
//! first stopped and writes nothing twice.

use super::client::{Client, request_id};
use super::feed::{DOCUMENT_ITEMS_MAX, FeedServer};
use super::site::DemoSite;
use super::{PASSWORD, Size, content, picture};
use anyhow::{Context, anyhow};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long something may take to cross from one site to another here.
const CROSS_WITHIN: Duration = Duration::from_secs(300);
/// How often it is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Members given a role in one request.
const MEMBERS_AT_ONCE: usize = 60;

/// What a size means.
struct Amounts {
    people: usize,
    logins_per_site: usize,
    groups: usize,
    members: usize,
    posts: usize,
    feeds: usize,
    items_per_feed: usize,
    picture_every: usize,
}

impl Amounts {
    fn of(size: Size) -> Self {
        match size {
            Size::Small => Self {
                people: 12,
                logins_per_site: 4,
                groups: 9,
                members: 9,
                posts: 40,
                feeds: 2,
                items_per_feed: 8,
                picture_every: 6,
            },
            Size::Seed => Self {
                people: 3_500,
                logins_per_site: 10,
                groups: 70,
                members: 60,
                posts: 3_000,
                feeds: 12,
                items_per_feed: 417,
                picture_every: 25,
            },
        }
    }
}

/// Somebody who can log in.
struct Login {
    email: String,
    site: usize,
    browser: Client,
}

/// The work under way.
pub struct Filling<'a> {
    amounts: Amounts,
    sites: &'a [DemoSite],
    folder: PathBuf,
    /// By step, how far an earlier run came.
    done: BTreeMap<String, usize>,
    admins: Vec<Client>,
    /// Everybody's id, by site.
    people: Vec<Vec<String>>,
    logins: Vec<Login>,
    groups: Vec<Value>,
}

impl<'a> Filling<'a> {
    /// Sets the sites up and pairs them, if that is still to be done, and logs their first people in.
    pub async fn new(size: Size, folder: &Path, sites: &'a [DemoSite]) -> anyhow::Result<Self> {
        let first = &sites[0];
        if first.state().await? == "new" {
            first.found().await?;
        }
        for site in &sites[1..] {
            match site.state().await?.as_str() {
                "ready" => {}
                "joined_no_person" => site.first_person().await?,
                _ => site.join(first).await?,
            }
        }
        let mut admins = Vec::new();
        for site in sites {
            admins.push(site.admin().await?);
        }
        let done = std::fs::read(folder.join("demo.json")).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Ok(Self {
            amounts: Amounts::of(size),
            sites,
            folder: folder.into(),
            done: done.unwrap_or_default(),
            admins,
            people: vec![Vec::new(); sites.len()],
            logins: Vec::new(),
            groups: Vec::new(),
        })
    }

    /// Who can log in, for the list at the end.
    pub fn logins(&self) -> Vec<String> {
        self.logins.iter().map(|login| format!("{} ({})", login.email, self.sites[login.site].name)).collect()
    }

    /// Does all of it. The sites go on reading from the server that this answers.
    pub async fn run(&mut self) -> anyhow::Result<FeedServer> {
        self.fill_people().await?;
        self.fill_groups().await?;
        self.fill_members().await?;
        // Feeds first: what people wrote stands above them.
        let server = self.fill_feeds().await?;
        self.fill_posts().await?;
        Ok(server)
    }

    fn from(&self, step: &str) -> usize {
        self.done.get(step).copied().unwrap_or(0)
    }

    fn reached(&mut self, step: &str, number: usize) -> anyhow::Result<()> {
        self.done.insert(step.into(), number);
        Ok(std::fs::write(self.folder.join("demo.json"), serde_json::to_vec(&self.done)?)?)
    }

    /// Everybody is invited; the first of each site follow the invitation and choose a password.
    async fn fill_people(&mut self) -> anyhow::Result<()> {
        let per_site = self.amounts.people / self.sites.len();
        let bar = bar("people", per_site * self.sites.len());
        for at in 0..self.sites.len() {
            for number in 0..per_site {
                let (name, email, title) = content::person(self.sites[at].name, number);
                let with_login = number < self.amounts.logins_per_site;
                let body = json!({
                    "request_id": request_id(&format!("person-{at}"), number), "name": name, "email": email, "title": title,
                });
                match self.admins[at].post("/people", &body).await {
                    Ok(made) => {
                        if with_login && let Some(link) = made["invitation_link"].as_str() {
                            self.accept(at, link).await?;
                        }
                    }
                    Err(error) if error.to_string().contains("email_taken") => {}
                    Err(error) => return Err(error),
                }
                if with_login {
                    let browser = self.sites[at].login(&email).await?;
                    self.logins.push(Login { email, site: at, browser });
                }
                bar.inc(1);
            }
        }
        bar.finish_with_message("there");
        for at in 0..self.sites.len() {
            self.people[at] = self.directory(at).await?;
        }
        Ok(())
    }

    async fn accept(&self, at: usize, link: &str) -> anyhow::Result<()> {
        let token = link.rsplit(['/', '#', '=']).next().context("an invitation has a token")?;
        let body = json!({ "password": PASSWORD, "language": "fr" });
        let mut browser = self.sites[at].browser()?;
        match browser.post(&format!("/invitation/{token}"), &body).await {
            Err(error) if error.to_string().contains("invitation_unknown") => Ok(()),
            other => other.map(drop),
        }
    }

    /// The ids of a site's people, from its own directory.
    async fn directory(&mut self, at: usize) -> anyhow::Result<Vec<String>> {
        let network = self.admins[at].get("/network").await?;
        let site = network["self"]["id"].as_str().context("a site has an id")?.to_owned();
        let mut ids = Vec::new();
        let mut before = String::new();
        loop {
            let page = self.admins[at].get(&format!("/people?site={site}&limit=50{before}")).await?;
            ids.extend(
                page["items"].as_array().into_iter().flatten().filter_map(|item| Some(item["id"].as_str()?.to_owned())),
            );
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return Ok(ids),
            }
        }
    }

    async fn fill_groups(&mut self) -> anyhow::Result<()> {
        let bar = bar("groups", self.amounts.groups);
        for number in 0..self.amounts.groups {
            let (name, kind, access, purpose) = content::group(number);
            let body = json!({
                "request_id": request_id("group", number), "name": name, "kind": kind, "access": access, "purpose": purpose,
            });
            let group = self.admins[0].post("/groups", &body).await?;
            self.groups.push(group);
            bar.inc(1);
        }
        bar.finish_with_message("there");
        Ok(())
    }

    /// People of all sites are invited; in general and place groups they are by themselves.
    async fn fill_members(&mut self) -> anyhow::Result<()> {
        let bar = bar("members", self.groups.len());
        for number in self.from("members")..self.groups.len() {
            let kind = self.groups[number]["kind"].as_str().unwrap_or_default();
            if kind != "general" && kind != "place" {
                let chosen = self.chosen(number);
                self.wait_for_people(&chosen).await?;
                for (part, people) in chosen.chunks(MEMBERS_AT_ONCE).enumerate() {
                    let body = json!({
                        "request_id": request_id("members", number * 100 + part), "people": people, "role": "member",
                    });
                    let path = format!("/groups/{}/members", id(&self.groups[number])?);
                    self.admins[0].post(&path, &body).await?;
                }
            }
            self.reached("members", number + 1)?;
            bar.set_position(number as u64 + 1);
        }
        bar.finish_with_message("there");
        Ok(())
    }

    /// The first people of each site, who can log in, and some others.
    fn chosen(&self, group: usize) -> Vec<String> {
        let mut chosen: Vec<String> = Vec::new();
        let each = self.amounts.members / self.sites.len();
        for people in &self.people {
            for at in 0..each {
                let Some(person) = people.get((at * 7 + group * 3) % people.len().max(1)) else { continue };
                if !chosen.contains(person) {
                    chosen.push(person.clone());
                }
            }
        }
        chosen
    }

    /// People of other sites must have crossed before they can be invited.
    async fn wait_for_people(&mut self, people: &[String]) -> anyhow::Result<()> {
        for person in people.iter().rev().take(2) {
            let path = format!("/people/{person}");
            wait(async || Ok(self.admins[0].get(&path).await.is_ok())).await?;
        }
        Ok(())
    }

    async fn fill_posts(&mut self) -> anyhow::Result<()> {
        let bar = bar("posts", self.amounts.posts);
        for number in self.from("posts")..self.amounts.posts {
            self.fill_post(number).await.with_context(|| format!("post {number}"))?;
            if number % 20 == 19 || number + 1 == self.amounts.posts {
                self.reached("posts", number + 1)?;
            }
            bar.set_position(number as u64 + 1);
        }
        bar.finish_with_message("there");
        Ok(())
    }

    async fn fill_post(&mut self, number: usize) -> anyhow::Result<()> {
        let writer = number * 7 % self.logins.len();
        let Some(group) = self.group_of(writer, number).await? else { return Ok(()) };
        let browser = &mut self.logins[writer].browser;
        let mut attachments = Vec::new();
        if number.is_multiple_of(self.amounts.picture_every) {
            for part in 0..1 + number % 3 {
                let file = browser.upload("photo.jpg", picture::jpeg(number * 3 + part)).await?;
                attachments.push(json!({ "blob": file["blob"], "name": format!("chantier-{number}-{part}.jpg") }));
            }
        }
        let (title, text) = content::post(number);
        let body = json!({
            "request_id": request_id("post", number), "title": title, "text": text, "attachments": attachments,
        });
        let post = browser.post(&format!("/groups/{group}/posts"), &body).await?;
        let post = id(&post)?.to_owned();
        let home = self.logins[writer].site;
        for answer in 0..number % 4 {
            // Answered by a colleague of the same site: the post is there at once.
            let Some(other) = self.colleague(home, writer, number + answer) else { break };
            let browser = &mut self.logins[other].browser;
            if answer == 0 {
                let body = json!({ "emoji": "👍", "on": true });
                let _ = browser.send(Method::PUT, &format!("/posts/{post}/reactions"), &body).await;
            }
            let body = json!({
                "request_id": request_id("comment", number * 10 + answer), "text": content::comment(number + answer),
            });
            // Not everybody is a member of every group; then somebody else would have answered.
            let _ = browser.post(&format!("/posts/{post}/comments"), &body).await;
        }
        Ok(())
    }

    fn colleague(&self, site: usize, writer: usize, number: usize) -> Option<usize> {
        let others: Vec<usize> =
            (0..self.logins.len()).filter(|at| *at != writer && self.logins[*at].site == site).collect();
        (!others.is_empty()).then(|| others[number % others.len()])
    }

    /// A group that the writer is in, with its content at the writer's site.
    async fn group_of(&mut self, writer: usize, number: usize) -> anyhow::Result<Option<String>> {
        let browser = &mut self.logins[writer].browser;
        let general = id(&self.groups[0])?.to_owned();
        // The general group must have crossed; the others follow soon after.
        wait(async || Ok(browser.get(&format!("/groups/{general}")).await.is_ok())).await?;
        let browser = &mut self.logins[writer].browser;
        let groups = browser.get("/groups").await?;
        let mine: Vec<&str> =
            groups["mine"].as_array().into_iter().flatten().filter_map(|group| group["id"].as_str()).collect();
        Ok((!mine.is_empty()).then(|| mine[number * 13 % mine.len()].to_owned()))
    }

    /// Feeds are real: a server on this machine, allowed at the sites, polled like any other.
    async fn fill_feeds(&mut self) -> anyhow::Result<FeedServer> {
        let server = FeedServer::start(self.from("feed-port") as u16).await?;
        let port = server.origin().rsplit(':').next().and_then(|port| port.parse().ok()).context("a port")?;
        self.reached("feed-port", port)?;
        for at in 0..self.sites.len() {
            self.allow(at, server.origin()).await?;
        }
        let bar = bar("automatic posts", self.amounts.feeds * self.amounts.items_per_feed);
        for feed in 0..self.amounts.feeds {
            let step = format!("feed-{feed}");
            let mut items = self.from(&step);
            server.publish(feed, items);
            while items < self.amounts.items_per_feed {
                // The first visit takes only the newest few, so a feed begins small and grows.
                items = match items {
                    0 => self.amounts.items_per_feed.min(crate::feeds::FIRST_ITEMS_MAX),
                    _ => (items + DOCUMENT_ITEMS_MAX).min(self.amounts.items_per_feed),
                };
                server.publish(feed, items);
                self.poll(feed, &server.url(feed), items).await.with_context(|| format!("feed {feed}"))?;
                self.reached(&step, items)?;
                bar.set_position((feed * self.amounts.items_per_feed + items) as u64);
            }
        }
        bar.finish_with_message("there");
        Ok(server)
    }

    async fn allow(&mut self, at: usize, origin: &str) -> anyhow::Result<()> {
        let admin = &mut self.admins[at];
        let _ = admin.post("/session/sudo", &json!({ "password": PASSWORD })).await;
        let mut site = admin.get("/admin/site").await?;
        site["feed_origins"] = json!([origin]);
        admin.send(Method::PATCH, "/admin/site", &site).await.map(drop)
    }

    async fn poll(&mut self, feed: usize, url: &str, items: usize) -> anyhow::Result<()> {
        let group = id(&self.groups[(1 + feed * 5) % self.groups.len()])?.to_owned();
        let admin = &mut self.admins[0];
        let body = json!({
            "request_id": request_id("source", feed), "url": url, "title": content::feed_title(feed),
        });
        if let Err(error) = admin.post(&format!("/groups/{group}/sources"), &body).await
            && !error.to_string().contains("already_there")
        {
            return Err(error);
        }
        wait(async || {
            let sources = admin.get(&format!("/groups/{group}/sources")).await?;
            let source = sources.as_array().into_iter().flatten().find(|source| source["url"] == url).cloned();
            let source = source.ok_or_else(|| anyhow!("the feed is not in its group"))?;
            if source["items"].as_u64().unwrap_or(0) >= items as u64 {
                return Ok(true);
            }
            let _ = admin.post(&format!("/sources/{}/poll", id(&source)?), &json!({})).await?;
            Ok(false)
        })
        .await
    }
}

fn id(value: &Value) -> anyhow::Result<&str> {
    value["id"].as_str().ok_or_else(|| anyhow!("an answer without an id"))
}

/// Waits until something has happened.
async fn wait(mut happened: impl AsyncFnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    while !happened().await? {
        if begun.elapsed() > CROSS_WITHIN {
            return Err(anyhow!("the sites do not come to hold the same"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn bar(what: &'static str, total: usize) -> ProgressBar {
    let bar = ProgressBar::new(total as u64);
    if let Ok(style) = ProgressStyle::with_template("{prefix:>16} {wide_bar} {pos}/{len} {eta} {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(what);
    bar
}

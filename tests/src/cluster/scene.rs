//! How tests begin: an organisation, its people, its sites paired as two administrators would pair them.

use super::client::{Answer, Client};
use super::shape::*;
use super::{CROSS_WITHIN, Site};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// Everybody's in tests; long and rare enough for the rules of new passwords.
pub const PASSWORD: &str = "lanterne-violette-72";

/// How often a state is asked for that no notice announces.
const ASK_EVERY: Duration = Duration::from_millis(25);

/// Asks until the answer is something.
///
/// # Panics
/// If it is nothing for too long; `what` says what was waited for.
pub async fn within<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    match tokio::time::timeout(limit, asked).await {
        Ok(answer) => answer,
        Err(_) => panic!("not within {limit:?}: {what}"),
    }
}

/// Founds the organisation at its first site; its administrator comes back logged in and trusted for five minutes.
///
/// # Panics
/// If the site refuses.
pub async fn found(site: &Site, admin: &str) -> Client {
    let client = site.client();
    let email = format!("{admin}@archipel.example");
    let body = json!({
        "organisation": "Archipel de test", "site": site.name, "company": "Atelier", "language": "fr",
        "admin": { "name": admin, "email": email, "password": PASSWORD }, "code": site.code(),
    });
    let founded: Answer<Founded> = client.enter("setup/organisation", &body).await;
    let founded = founded.unwrap_or_else(|refusal| panic!("{} founds the organisation: {refusal}", site.name));
    assert!(!founded.recovery_keys.is_empty(), "recovery keys are offered");
    client.sudo(PASSWORD).await.expect("the password just set is right");
    client
}

/// Pairs a new site with that of an administrator, both sides comparing and confirming the digits.
///
/// # Panics
/// If any step fails; with the step.
pub async fn pair(admin: &Client, joining: &Site) {
    admin.sudo(PASSWORD).await.expect("the administrator's password is right");
    let invitation: Invitation = admin.post("pairing", &json!({})).await.expect("an administrator may invite");
    let text = invitation.text.expect("an open invitation has its text");
    let there = joining.client();
    let code = joining.code();
    let body = json!({ "invitation": text, "site": joining.name, "company": "Atelier", "code": code });
    let _: JoinProgress = there.post("setup/join", &body).await.expect("a new site may join");

    let shown_there = within(CROSS_WITHIN, "the joining site shows digits", async || {
        let asked =
            there.request(Method::GET, "setup/join").header("X-Archipel-Code", code.as_deref().unwrap_or_default());
        let progress: JoinProgress = there.send(asked).await.expect("progress can be asked for");
        assert!(progress.state != "failed", "joining failed: {:?}", progress.error);
        progress.digits
    });
    let path = format!("pairing/{}", invitation.id);
    let shown_here = within(CROSS_WITHIN, "the inviting site shows digits", async || {
        let invitation: Invitation = admin.get(&path).await.expect("an own invitation can be read");
        assert!(invitation.state != "failed", "inviting failed: {:?}", invitation.error);
        invitation.digits.map(|digits| (digits, invitation.other_site))
    });
    let (shown_there, (shown_here, other)) = tokio::join!(shown_there, shown_here);
    assert_eq!(shown_here, shown_there, "both screens show the same digits");
    assert_eq!(other.as_deref(), Some(&*joining.name), "the inviting screen names the other site");

    let said: Answer<Invitation> = admin.post(&format!("{path}/confirm"), &json!({ "match": true })).await;
    said.expect("the inviting administrator may confirm");
    let said: Answer<JoinProgress> = there.post("setup/join/confirm", &json!({ "match": true, "code": code })).await;
    said.expect("the joining person may confirm");

    within(CROSS_WITHIN, "the new site belongs to the organisation", async || {
        let status = there.status().await.expect("a site tells how far it is");
        (status.state == "joined_no_person").then_some(())
    })
    .await;
}

/// Pairs a new site and makes its first person, who comes back logged in.
///
/// # Panics
/// If any step fails.
pub async fn join(admin: &Client, joining: &Site, person: &str) -> Client {
    pair(admin, joining).await;
    let client = joining.client();
    let email = format!("{person}@archipel.example");
    let body =
        json!({ "name": person, "email": email, "password": PASSWORD, "language": "en", "code": joining.code() });
    let founded: Answer<Founded> = client.enter("setup/first-person", &body).await;
    founded.unwrap_or_else(|refusal| panic!("{person} is the first person of {}: {refusal}", joining.name));
    client
}

/// Ann at Paris and Ben at Lyon, in one open group that Ann made.
///
/// # Panics
/// If any step fails.
pub async fn two_sites() -> (Site, Client, Site, Client, Group) {
    let paris = Site::start("Paris").await;
    let lyon = Site::start("Lyon").await;
    let ann = found(&paris, "ann").await;
    let ben = join(&ann, &lyon, "ben").await;
    let group = shared_group("Jardin", &ann, &ben).await;
    (paris, ann, lyon, ben, group)
}

/// An open group of ann's that ben of another site is in, and both sites know it.
///
/// # Panics
/// If the other site does not come to share it.
pub async fn shared_group(name: &str, ann: &Client, ben: &Client) -> Group {
    let group = ann.create_group(name, "open").await.expect("ann may create a group");
    ben.sees_group(&group.id).await;
    ben.join_group(&group.id).await.expect("anybody may join an open group");
    within(CROSS_WITHIN, "both sites share the group", async || {
        let seen: Group = ann.get(&format!("groups/{}", group.id)).await.ok()?;
        (seen.sites.len() == 2).then_some(())
    })
    .await;
    group
}

impl Client {
    /// Waits until a group is known here.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn sees_group(&self, group: &str) -> Group {
        within(CROSS_WITHIN, "the group is known here", async || self.get(&format!("groups/{group}")).await.ok()).await
    }

    /// Waits until a post is readable here.
    ///
    /// # Panics
    /// If it does not come.
    pub async fn sees_post(&self, post: &str) -> Post {
        within(CROSS_WITHIN, "the post is readable here", async || self.read(post).await.ok()).await
    }

    /// Waits until so many sites are proved to hold a post.
    ///
    /// # Panics
    /// If they do not confirm.
    pub async fn sees_received(&self, post: &str, sites: u64) -> Post {
        within(CROSS_WITHIN, "the sites confirm the post", async || {
            self.read(post).await.ok().filter(|post| post.delivery.received == sites)
        })
        .await
    }

    /// Waits until another site is seen in a state.
    ///
    /// # Panics
    /// If it is not.
    pub async fn sees_site(&self, name: &str, state: &str) -> SiteView {
        within(CROSS_WITHIN, &format!("{name} is seen as {state}"), async || {
            let network = self.network().await.ok()?;
            network.sites.into_iter().find(|site| site.name == name && site.state == state)
        })
        .await
    }
}

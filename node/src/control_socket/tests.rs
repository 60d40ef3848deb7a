//! The control socket with a real socket, real rows and a pairing room without an organisation.

use super::client::{Client, ClientError};
use super::message::{Reply, Request, Status};
use super::{ControlSocket, Rooms, open, path};
use crate::local::account::{Account, Language};
use crate::local::audit::Event;
use crate::local::password::{Cost, PasswordHash};
use crate::local::{Local, for_test};
use crate::pairing::pretended::{ANN, Pretended};
use crate::pairing::{self, Settings};
use protocol::ids::UserId;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

const BEN: UserId = UserId([2; 16]);
const PASSWORD: &str = "seven quiet herons";

struct Site {
    folder: tempfile::TempDir,
    local: Arc<Local>,
    _socket: ControlSocket,
}

fn add(local: &Local, user: UserId, email: &str) {
    let mut account = Account::new(user, email.into(), Language::En, 0);
    account.password = Some(PasswordHash::new(PASSWORD, Cost::Small));
    local.add_account(account, Event::new(0, "account_added")).unwrap();
}

fn site() -> Site {
    let (folder, rows, local) = for_test();
    add(&local, ANN, "ann@example.org");
    add(&local, BEN, "ben@example.org");
    let settings =
        Settings { secret: Zeroizing::new([1; 32]), sealing: [2; 32], listen: vec!["/ip4/127.0.0.1/tcp/0".into()] };
    let (pairing, _) = pairing::start(settings, rows, Arc::new(Pretended::founded())).unwrap();
    let local = Arc::new(local);
    let status = || Status {
        state: "ready".into(),
        version: "0".into(),
        organisation: Some("Four Winds".into()),
        site: Some("Lyon".into()),
        accounts: 2,
        sites: Vec::new(),
    };
    let rooms = Rooms {
        pairing,
        local: Arc::clone(&local),
        bundles: None,
        administers: Arc::new(|user| user == ANN),
        status: Arc::new(status),
    };
    let socket = open(folder.path(), rooms).unwrap();
    Site { folder, local, _socket: socket }
}

impl Site {
    async fn client(&self) -> Client {
        Client::connect(self.folder.path()).await.unwrap()
    }
}

fn log_in(email: &str, password: &str) -> Request {
    Request::LogIn { email: email.into(), password: password.into() }
}

async fn refused(client: &mut Client, request: &Request) -> String {
    match client.ask(request).await {
        Err(ClientError::Refused { refusal }) => refusal.code,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

#[tokio::test]
async fn an_administrator_invites_with_a_password_and_takes_back() {
    let site = site();
    let mut client = site.client().await;
    assert_eq!(client.status().await.unwrap().site.as_deref(), Some("Lyon"));
    let invite = Request::Invite { minutes: 15 };
    assert_eq!(refused(&mut client, &invite).await, "sudo_required");
    assert!(matches!(client.ask(&log_in("Ann@Example.org", PASSWORD)).await, Ok(Reply::Done)));
    let made = client.invitation(&invite).await.unwrap();
    assert_eq!(made.state, "open");
    assert!(made.text.unwrap().starts_with("archipel1"));
    let id = made.id;
    let taken_back = client.invitation(&Request::Cancel { id: id.clone() }).await.unwrap();
    assert_eq!(taken_back.state, "cancelled");
    let seen = client.invitation(&Request::AwaitInvitation { id }).await.unwrap();
    assert_eq!(seen.state, "cancelled");
    let (lines, _) = site.local.audit();
    assert!(lines.iter().any(|line| line.actor() == Some(ANN)), "the invitation is written down under the name");
}

#[tokio::test]
async fn a_wrong_password_or_person_may_not_invite() {
    let site = site();
    let mut client = site.client().await;
    assert_eq!(refused(&mut client, &log_in("ann@example.org", "seven loud herons")).await, "bad_login");
    assert_eq!(refused(&mut client, &log_in("nobody@example.org", PASSWORD)).await, "bad_login");
    assert_eq!(refused(&mut client, &log_in("ben@example.org", PASSWORD)).await, "forbidden");
    assert_eq!(refused(&mut client, &Request::Invite { minutes: 15 }).await, "sudo_required");
    // Another terminal's login is not this one's.
    let mut other = site.client().await;
    other.ask(&log_in("ann@example.org", PASSWORD)).await.unwrap();
    assert_eq!(refused(&mut client, &Request::Invite { minutes: 15 }).await, "sudo_required");
}

#[tokio::test]
async fn a_site_of_an_organisation_does_not_join_another() {
    let site = site();
    let mut client = site.client().await;
    let join = Request::Join { invitation: "archipel1aaaa".into(), site: "Brest".into(), company: String::new() };
    let refused = client.join(&join).await.unwrap();
    assert_eq!(refused.error.unwrap().code, "pair_already");
}

#[tokio::test]
async fn only_the_owner_may_open_the_socket() {
    let site = site();
    let socket = path(site.folder.path());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&socket), 0o600);
    assert_eq!(mode(socket.parent().unwrap()), 0o700);
}

#[tokio::test]
async fn nonsense_is_answered_and_floods_are_cut_off() {
    let site = site();
    let mut stream = tokio::net::UnixStream::connect(path(site.folder.path())).await.unwrap();
    stream.write_all(b"{\"do\":\"dance\"}\n").await.unwrap();
    let mut answer = [0; 256];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..read]).contains("bad_json"));
    let flood = vec![b'x'; 256 * 1024];
    // The other end closes before it has read everything.
    let _ = stream.write_all(&flood).await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(site.client().await.status().await.is_ok());
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_a_missing_node_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Client::connect(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("no node runs on"), "{error}");
    let socket = path(folder.path());
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    assert!(super::bind(&socket).is_ok());
}

#[tokio::test]
async fn who_lost_the_password_gets_a_link_without_one() {
    let site = site();
    let mut client = Client::connect(site.folder.path()).await.unwrap();
    let Reply::Administrators(emails) = client.ask(&Request::ResetPassword { email: None }).await.unwrap() else {
        panic!("no list")
    };
    assert_eq!(emails, ["ann@example.org"], "ben administers nothing");
    let unknown = client.ask(&Request::ResetPassword { email: Some("eve@example.org".into()) }).await;
    assert!(matches!(unknown, Err(ClientError::Refused { refusal }) if refusal.code == "not_found"));
    let asked = client.ask(&Request::ResetPassword { email: Some("ann@example.org".into()) }).await.unwrap();
    let Reply::ResetLink { path } = asked else { panic!("no link") };
    let token = path.strip_prefix("/invitation/").unwrap();
    assert_eq!(site.local.account_invited(token, 0).unwrap().user(), ANN);
}

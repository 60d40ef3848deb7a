//! The pairing room with real sockets on the loopback and real rows on disk, between two pretended houses.

use super::pretended::{ANN, ORG, Pretended};
use super::{Change, House, Pairings, Settings, start};
use crate::http::ports::{Digits, Invitation, InvitationState, JoinProgress, JoinState, Pairing, StepState};
use archipel_storage::kvlog::KvLog;
use protocol::ids::{NodeId, TicketId, UserId};
use protocol::keys::{SecretKey, sealing_public};
use protocol::pairing::{OPEN_TICKETS_MAX, Ticket, fingerprint};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// Longer than anything here takes, so that a mistake ends the test.
const PATIENCE: Duration = Duration::from_secs(40);

/// A site: its folder and house stay when the pairing room is restarted.
struct Site {
    folder: tempfile::TempDir,
    seed: u8,
    house: Arc<Pretended>,
    listen: Vec<String>,
    running: Option<(Pairings, JoinHandle<()>)>,
}

impl Site {
    async fn new(seed: u8, house: Pretended) -> Self {
        let house = Arc::new(house);
        let listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".into(), "/ip4/127.0.0.1/tcp/0".into()];
        let mut site = Self { folder: tempfile::tempdir().unwrap(), seed, house, listen, running: None };
        site.start();
        site
    }

    async fn founded() -> Self {
        Self::new(1, Pretended::founded()).await
    }

    async fn empty() -> Self {
        Self::new(2, Pretended::default()).await
    }

    fn start(&mut self) {
        let path: PathBuf = self.folder.path().into();
        let (rows, _) = KvLog::open(&path, archipel_storage::files::disk()).unwrap();
        let settings = Settings {
            secret: Zeroizing::new([self.seed; 32]),
            sealing: sealing_public(&[self.seed; 32]),
            listen: self.listen.clone(),
        };
        self.running = Some(start(settings, Arc::new(rows), Arc::clone(&self.house) as _).unwrap());
    }

    async fn stop(&mut self) {
        let (pairings, task) = self.running.take().expect("it runs");
        pairings.stop().await;
        task.await.unwrap();
    }

    fn door(&self) -> &Pairings {
        &self.running.as_ref().expect("it runs").0
    }

    fn node(&self) -> NodeId {
        SecretKey::from_seed(&[self.seed; 32]).node()
    }

    async fn invite(&self) -> Invitation {
        self.door().invite(ANN, 15).await.unwrap()
    }

    async fn join(&self, invitation: &Invitation) -> JoinProgress {
        self.door().join(invitation.text.clone().unwrap(), "Brest".into(), String::new()).await
    }

    /// Waits until an invitation is as wanted.
    async fn until(&self, id: TicketId, wanted: impl Fn(&Invitation) -> bool) -> Invitation {
        let mut changes = self.door().changes();
        let waiting = async {
            loop {
                match self.door().invitation(id) {
                    Some(invitation) if wanted(&invitation) => return invitation,
                    _ => changes.recv().await.unwrap(),
                };
            }
        };
        let last = || format!("still {:?}", self.door().invitation(id));
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{}", last()))
    }

    /// Waits until joining is as wanted.
    async fn until_join(&self, wanted: JoinState) -> JoinProgress {
        let mut changes = self.door().changes();
        let waiting = async {
            loop {
                match self.door().join_progress() {
                    progress if progress.state == wanted => return progress,
                    _ => changes.recv().await.unwrap(),
                };
            }
        };
        let last = || format!("still {:?}", self.door().join_progress());
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{}", last()))
    }
}

fn is(state: InvitationState) -> impl Fn(&Invitation) -> bool {
    move |invitation| invitation.state == state
}

#[tokio::test]
async fn two_sites_pair_over_real_sockets() {
    let (lyon, brest) = (Site::founded().await, Site::empty().await);
    let invitation = lyon.invite().await;
    assert_eq!(invitation.state, InvitationState::Open);
    assert_eq!(invitation.steps[0].state, StepState::Doing);
    brest.join(&invitation).await;
    let there = brest.until_join(JoinState::Compare).await;
    let here = lyon.until(invitation.id, is(InvitationState::Compare)).await;
    assert_eq!(here.digits, there.digits);
    assert_eq!(here.digits.as_ref().map(String::len), Some(6));
    assert_eq!((here.other_site.as_deref(), there.other_site.as_deref()), (Some("Brest"), Some("Lyon")));
    assert_eq!((there.organisation.as_deref(), there.admin.as_deref()), (Some("Four Winds"), Some("Ann Archer")));
    assert_eq!(here.fingerprint, Some(fingerprint(&brest.node())));
    assert_eq!(there.fingerprint, Some(fingerprint(&lyon.node())));
    assert!(here.text.is_none());
    let waiting = brest.door().join_confirm(Digits::Same).await;
    assert_eq!(waiting.state, JoinState::Waiting);
    assert!(lyon.house.admitted.lock().unwrap().is_empty());
    lyon.door().confirm(invitation.id, ANN, Digits::Same).await;
    let joined = brest.until_join(JoinState::Done).await;
    let paired = lyon.until(invitation.id, is(InvitationState::Paired)).await;
    assert!(joined.steps.iter().chain(&paired.steps).all(|step| step.state == StepState::Done));
    let admitted = lyon.house.admitted.lock().unwrap().clone();
    assert_eq!(admitted.len(), 1);
    assert_eq!((admitted[0].by, admitted[0].node, &admitted[0].site.name[..]), (ANN, brest.node(), "Brest"));
    let told = vec!["/ip4/10.1.2.3/tcp/7301".to_owned()];
    assert_eq!(lyon.house.hints.lock().unwrap().get(&brest.node()), Some(&told));
    assert_eq!(brest.house.hints.lock().unwrap().get(&lyon.node()), Some(&told));
}

#[tokio::test]
async fn restarts_of_both_sites_in_between_change_nothing() {
    let (mut lyon, mut brest) = (Site::founded().await, Site::empty().await);
    let invitation = lyon.invite().await;
    lyon.stop().await;
    lyon.start();
    brest.join(&invitation).await;
    let there = brest.until_join(JoinState::Compare).await;
    lyon.until(invitation.id, is(InvitationState::Compare)).await;
    lyon.stop().await;
    brest.stop().await;
    lyon.start();
    brest.start();
    let here = lyon.until(invitation.id, is(InvitationState::Compare)).await;
    assert_eq!(here.digits, there.digits);
    brest.until_join(JoinState::Compare).await;
    brest.door().join_confirm(Digits::Same).await;
    brest.stop().await;
    brest.start();
    lyon.door().confirm(invitation.id, ANN, Digits::Same).await;
    brest.until_join(JoinState::Done).await;
    lyon.until(invitation.id, is(InvitationState::Paired)).await;
    assert_eq!(lyon.house.admitted.lock().unwrap().len(), 1);
    assert_eq!(brest.house.organisation().map(|organisation| organisation.id), Some(ORG));
}

#[tokio::test]
async fn digits_that_differ_end_both_sides() {
    let (lyon, brest) = (Site::founded().await, Site::empty().await);
    let invitation = lyon.invite().await;
    brest.join(&invitation).await;
    brest.until_join(JoinState::Compare).await;
    lyon.until(invitation.id, is(InvitationState::Compare)).await;
    lyon.door().confirm(invitation.id, ANN, Digits::Differ).await;
    let failed = brest.until_join(JoinState::Failed).await;
    assert_eq!(failed.error.map(|error| error.code), Some("pair_digits_differ"));
    let failed = lyon.until(invitation.id, is(InvitationState::Failed)).await;
    assert_eq!(failed.error.map(|error| (error.code, error.step)), Some(("pair_digits_differ", "compare")));
    assert_eq!(failed.other_site.as_deref(), Some("Brest"));
}

#[tokio::test]
async fn three_wrong_secrets_lock_pairing() {
    let lyon = Site::founded().await;
    let mut last = None;
    for _ in 0..3 {
        let invitation = lyon.invite().await;
        let forged = forge(&invitation);
        let eve = Site::new(9, Pretended::default()).await;
        eve.door().join(forged, "Eve".into(), String::new()).await;
        let failed = eve.until_join(JoinState::Failed).await;
        assert_eq!(failed.error.map(|error| error.code), Some("pair_wrong_code"));
        last = Some(invitation);
    }
    let locked = lyon.door().invite(ANN, 15).await.unwrap_err();
    assert_eq!((locked.code, locked.step), ("pair_locked", "wait"));
    // The burned invitation itself is used.
    assert_eq!(lyon.door().invitation(last.unwrap().id).unwrap().state, InvitationState::Failed);
    let mut lyon = lyon;
    lyon.stop().await;
    lyon.start();
    assert_eq!(lyon.door().invite(ANN, 15).await.unwrap_err().code, "pair_locked");
}

/// The same invitation with a guessed secret.
fn forge(invitation: &Invitation) -> String {
    let ticket = Ticket::parse(invitation.text.as_deref().unwrap()).unwrap();
    Ticket { secret: Zeroizing::new([0; 32]), ..ticket }.to_string()
}

#[tokio::test]
async fn an_invitation_taken_back_cannot_be_used() {
    let (lyon, brest) = (Site::founded().await, Site::empty().await);
    let kept_open = lyon.invite().await;
    let invitation = lyon.invite().await;
    lyon.door().cancel(invitation.id).await;
    brest.join(&invitation).await;
    let failed = brest.until_join(JoinState::Failed).await;
    assert_eq!(failed.error.map(|error| (error.code, error.step)), Some(("pair_refused", "reach")));
    let states: Vec<_> =
        lyon.door().invitations().into_iter().map(|invitation| (invitation.id, invitation.state)).collect();
    assert!(states.contains(&(kept_open.id, InvitationState::Open)));
    assert!(states.contains(&(invitation.id, InvitationState::Cancelled)));
}

#[tokio::test]
async fn a_site_that_is_not_there_is_unreachable_and_may_be_tried_again() {
    let (mut lyon, brest) = (Site::founded().await, Site::empty().await);
    // TCP says at once that nobody listens; QUIC would be waited for.
    lyon.stop().await;
    lyon.listen = vec!["/ip4/127.0.0.1/tcp/0".into()];
    lyon.start();
    let invitation = lyon.invite().await;
    lyon.stop().await;
    brest.join(&invitation).await;
    let failed = brest.until_join(JoinState::Failed).await;
    assert_eq!(failed.error.map(|error| (error.code, error.step)), Some(("pair_unreachable", "reach")));
    lyon.start();
    lyon.until(invitation.id, is(InvitationState::Open)).await;
    brest.join(&invitation).await;
    brest.until_join(JoinState::Compare).await;
}

#[tokio::test]
async fn what_cannot_begin_says_so_at_once() {
    let (lyon, brest) = (Site::founded().await, Site::empty().await);
    let code = |progress: JoinProgress| progress.error.map(|error| (error.code, error.step));
    let typo = brest.door().join("archipel1abc".into(), "Brest".into(), String::new()).await;
    assert_eq!(code(typo), Some(("pair_wrong_code", "read")));
    assert_eq!(brest.door().join_progress().state, JoinState::Failed, "the page that asks later sees it too");
    assert_eq!(brest.door().join_cancel().await.state, JoinState::Idle);
    let invitation = lyon.invite().await;
    let nameless = brest.door().join(invitation.text.clone().unwrap(), " ".into(), String::new()).await;
    assert_eq!(code(nameless), Some(("pair_refused", "read")));
    let own = lyon.join(&invitation).await;
    assert_eq!(code(own), Some(("pair_already", "read")));
    assert_eq!(brest.door().invite(ANN, 15).await.unwrap_err().code, "pair_refused");
    assert_eq!(lyon.door().invite(UserId([7; 16]), 15).await.unwrap_err().code, "pair_refused");
}

#[tokio::test]
async fn only_so_many_invitations_are_open_at_once() {
    let lyon = Site::founded().await;
    for _ in 0..OPEN_TICKETS_MAX {
        lyon.invite().await;
    }
    assert_eq!(lyon.door().invite(ANN, 15).await.unwrap_err().code, "pair_too_many");
    lyon.door().cancel(lyon.door().invitations()[0].id).await;
    let mut changes = lyon.door().changes();
    let invitation = lyon.invite().await;
    assert_eq!(changes.recv().await, Ok(Change::Invitation(invitation.id)));
}

#[tokio::test]
async fn giving_up_lets_another_invitation_be_tried() {
    let (lyon, brest) = (Site::founded().await, Site::empty().await);
    let first = lyon.invite().await;
    brest.join(&first).await;
    brest.until_join(JoinState::Compare).await;
    lyon.until(first.id, is(InvitationState::Compare)).await;
    assert_eq!(brest.door().join_cancel().await.state, JoinState::Idle);
    lyon.until(first.id, is(InvitationState::Failed)).await;
    let second = lyon.invite().await;
    brest.join(&second).await;
    brest.until_join(JoinState::Compare).await;
    lyon.until(second.id, is(InvitationState::Compare)).await;
}

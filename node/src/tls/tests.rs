use super::authority::{Authority, LEAF_DAYS_MAX, fingerprint};
use super::folder::{Folder, Readers, write};
use super::serving::Serving;
use super::{TlsError, choose_provider};
use crate::Node;
use crate::cli::serve::Running;
use crate::config::{Config, Flags, PasswordCost, Signer, Switch, TlsFiles, TlsFrom};
use crate::http::server::Server;
use rcgen::CertificateParams;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use serde_json::json;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const DOMAIN: &str = "habitat.example";
const LYON: &str = "lyon.habitat.example";
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn authority() -> Authority {
    Authority::create(DOMAIN, SystemTime::now()).unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// What a machine that trusts the root and nothing else says of a certificate.
fn verify(root: &str, leaf: &str, name: &str) -> Result<(), rustls::Error> {
    verify_at(root, leaf, name, SystemTime::now())
}

fn verify_at(root: &str, leaf: &str, name: &str, at: SystemTime) -> Result<(), rustls::Error> {
    choose_provider();
    let mut roots = RootCertStore::empty();
    roots.add(der(root)).unwrap();
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let at = UnixTime::since_unix_epoch(at.duration_since(SystemTime::UNIX_EPOCH).unwrap());
    verifier.verify_server_cert(&der(leaf), &[], &name, &[], at).map(drop)
}

#[test]
fn who_trusts_the_root_trusts_a_site_of_the_domain_for_its_time() {
    let authority = authority();
    let issued = authority.issue(&names(&["Lyon.Habitat.Example", DOMAIN]), 30, SystemTime::now()).unwrap();
    assert_eq!(issued.names, [LYON, DOMAIN]);
    let root = authority.root_pem();
    verify(root, &issued.certificate_pem, LYON).unwrap();
    verify(root, &issued.certificate_pem, DOMAIN).unwrap();
    assert!(verify(root, &issued.certificate_pem, "brest.habitat.example").is_err());
    let later = SystemTime::now() + DAY * 31;
    assert!(matches!(
        verify_at(root, &issued.certificate_pem, LYON, later),
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { .. }))
    ));
    let other = Authority::create(DOMAIN, SystemTime::now()).unwrap();
    assert!(verify(other.root_pem(), &issued.certificate_pem, LYON).is_err());
}

#[test]
fn the_authority_makes_nothing_outside_its_domain() {
    let authority = authority();
    let issue = |name: &str, days| authority.issue(&names(&[LYON, name]), days, SystemTime::now());
    for outside in ["www.example.org", "evilhabitat.example", "habitat.example.org"] {
        assert!(matches!(issue(outside, 30), Err(TlsError::Outside { .. })), "{outside}");
    }
    for bad in ["127.0.0.1", "*.habitat.example", "lyon"] {
        assert!(matches!(issue(bad, 30), Err(TlsError::Name { .. })), "{bad}");
    }
    for days in [0, LEAF_DAYS_MAX + 1] {
        assert!(matches!(issue(LYON, days), Err(TlsError::Days { .. })));
    }
    assert!(matches!(authority.issue(&[], 30, SystemTime::now()), Err(TlsError::Nameless)));
    let last_year = SystemTime::now() + DAY * 3_500;
    assert!(matches!(authority.issue(&names(&[LYON]), 365, last_year), Err(TlsError::Outlives { .. })));
    assert!(matches!(Authority::create("localhost", SystemTime::now()), Err(TlsError::Name { .. })));
}

/// As somebody would who has stolen the key.
#[test]
fn a_name_or_an_address_outside_the_domain_fails_verification_whoever_signs_it() {
    let authority = authority();
    for stolen in ["www.example.org", "evilhabitat.example", "127.0.0.1"] {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = CertificateParams::new(names(&[stolen])).unwrap();
        let forged = params.signed_by(&key, &authority.issuer()).unwrap();
        let refused = verify(authority.root_pem(), &forged.pem(), stolen).unwrap_err();
        assert!(format!("{refused:?}").contains("NameConstraintViolation"), "{stolen}: {refused:?}");
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let inside = CertificateParams::new(names(&[LYON])).unwrap().signed_by(&key, &authority.issuer()).unwrap();
    verify(authority.root_pem(), &inside.pem(), LYON).unwrap();
}

#[test]
fn the_authority_is_kept_for_its_owner_alone_and_can_move() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::of_data(data.path());
    assert!(matches!(folder.authority(), Err(TlsError::NoAuthority { .. })));
    let made = authority();
    folder.keep_authority(&made).unwrap();
    assert!(matches!(folder.keep_authority(&made), Err(TlsError::Exists { .. })));
    let mode = |path: &str| data.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("tls/ca/root.key"), mode("tls/ca"), mode("tls")), (0o600, 0o700, 0o700));
    let opened = folder.authority().unwrap();
    assert_eq!((opened.domain(), opened.root_pem()), (DOMAIN, made.root_pem()));
    let issued = opened.issue(&names(&[LYON]), 30, SystemTime::now()).unwrap();
    verify(made.root_pem(), &issued.certificate_pem, LYON).unwrap();

    let (exported, here) = (format!("{}{}", opened.root_pem(), &*opened.key_pem()), Path::new("exported.pem"));
    let moved = Authority::read(&exported, &exported, here, here).unwrap();
    assert_eq!(moved.root_pem(), opened.root_pem());
    let other = authority();
    let mixed = Authority::read(opened.root_pem(), &other.key_pem(), here, here);
    assert!(matches!(mixed, Err(TlsError::KeyMismatch { .. })));
    let leaf = Authority::read(&issued.certificate_pem, &issued.key_pem, here, here);
    assert!(matches!(leaf, Err(TlsError::NotAuthority { .. })));
}

#[test]
fn a_fingerprint_is_that_of_certificate_viewers() {
    // Of the DER of this text; the SHA-256 of no bytes at all would be E3:B0:….
    let root = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
    assert_eq!(
        fingerprint(root, Path::new("root.pem")).unwrap(),
        "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
    );
}

#[tokio::test]
async fn files_that_are_no_good_are_named_with_what_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::of_data(data.path());
    let own = folder.site();
    let elsewhere = TlsFiles::within(&data.path().join("elsewhere"));
    let nothing = Serving::open(&own, data.path()).await.map(drop).unwrap_err();
    assert!(matches!(nothing, TlsError::NotIssued { .. }) && nothing.to_string().contains("archipel ca issue"));
    assert!(matches!(Serving::open(&elsewhere, data.path()).await, Err(TlsError::Unreadable { .. })));

    let authority = authority();
    let issue = |days, at| authority.issue(&names(&[LYON]), days, at).unwrap();
    let issued = issue(30, SystemTime::now());
    folder.keep_issued(&issued, authority.root_pem()).unwrap();
    let serving = Serving::open(&own, data.path()).await.unwrap();
    assert_eq!((serving.names(), serving.signer()), (&names(&[LYON])[..], Signer::Authority));
    let kept = |path: &Path, text: &str| write(path, text, Readers::Owner).unwrap();
    kept(&own.key, &issue(30, SystemTime::now()).key_pem);
    let mismatch = Serving::open(&own, data.path()).await.map(drop).unwrap_err();
    assert!(matches!(mismatch, TlsError::KeyMismatch { .. }) && mismatch.to_string().contains("site.key"));
    kept(&own.key, &issued.certificate_pem);
    assert!(matches!(Serving::open(&own, data.path()).await, Err(TlsError::NoKey { .. })));
    kept(&own.certificate, "nothing");
    assert!(matches!(Serving::open(&own, data.path()).await, Err(TlsError::NoCertificate { .. })));
    kept(&own.certificate, "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n");
    kept(&own.key, &issued.key_pem);
    assert!(matches!(Serving::open(&own, data.path()).await, Err(TlsError::Malformed { .. })));

    // Browsers refuse it, other sites do not care.
    folder.keep_issued(&issue(1, SystemTime::now() - DAY * 9), authority.root_pem()).unwrap();
    Serving::open(&own, data.path()).await.unwrap();
    let alone = rcgen::generate_simple_self_signed(names(&[LYON])).unwrap();
    kept(&own.certificate, &alone.cert.pem());
    kept(&own.key, &alone.signing_key.serialize_pem());
    assert_eq!(Serving::open(&own, data.path()).await.unwrap().signer(), Signer::Itself);
}

#[tokio::test]
async fn a_certificate_that_gets_old_is_renewed_where_the_authority_is() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::of_data(data.path());
    let authority = authority();
    let old = authority.issue(&names(&[LYON, DOMAIN]), 30, SystemTime::now() - DAY * 25).unwrap();
    folder.keep_issued(&old, authority.root_pem()).unwrap();
    let certificate = || std::fs::read_to_string(folder.site().certificate).unwrap();
    Serving::open(&folder.site(), data.path()).await.unwrap();
    assert_eq!(certificate(), old.certificate_pem, "this node has no authority");
    folder.keep_authority(&authority).unwrap();
    let serving = Serving::open(&folder.site(), data.path()).await.unwrap();
    assert_eq!(serving.names(), [LYON, DOMAIN]);
    let new = certificate();
    assert_ne!(new, old.certificate_pem);
    verify_at(authority.root_pem(), &new, LYON, SystemTime::now() + DAY * 29).unwrap();
    Serving::open(&folder.site(), data.path()).await.unwrap();
    assert_eq!(certificate(), new, "young enough");
}

/// A browser on a machine where the root is installed. Each request is a connection of its own.
fn browser(root: &str, address: SocketAddr) -> reqwest::Client {
    choose_provider();
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(root.as_bytes()).unwrap()])
        .resolve(LYON, address)
        .pool_max_idle_per_host(0)
        .tls_info(true)
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

async fn shown(browser: &reqwest::Client, port: u16) -> Vec<u8> {
    let answer = browser.get(format!("https://{LYON}:{port}/")).send().await.unwrap();
    let info = answer.extensions().get::<reqwest::tls::TlsInfo>().unwrap();
    info.peer_certificate().unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_never() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::of_data(data.path());
    let authority = authority();
    let issue = |days, at| authority.issue(&names(&[LYON]), days, at).unwrap();
    let first = issue(30, SystemTime::now());
    folder.keep_issued(&first, authority.root_pem()).unwrap();
    let mut serving = Serving::open(&folder.site(), data.path()).await.unwrap();
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), Some(serving.acceptor())).unwrap();
    let (address, stopper) = (server.address(), server.stopper());
    let router = axum::Router::new().route("/", axum::routing::get(|| async { "here" }));
    let running = tokio::spawn(server.run(router));
    let browser = browser(authority.root_pem(), address);
    assert_eq!(shown(&browser, address.port()).await, der(&first.certificate_pem).to_vec());

    let second = issue(60, SystemTime::now());
    let past = issue(1, SystemTime::now() - DAY * 9);
    folder.keep_issued(&past, authority.root_pem()).unwrap();
    serving.look();
    assert_eq!(shown(&browser, address.port()).await, der(&first.certificate_pem).to_vec(), "not one of the past");
    write(&folder.site().certificate, &second.certificate_pem, Readers::All).unwrap();
    serving.look();
    assert_eq!(shown(&browser, address.port()).await, der(&first.certificate_pem).to_vec(), "not one without its key");
    std::fs::remove_file(folder.site().key).unwrap();
    serving.look();
    assert_eq!(shown(&browser, address.port()).await, der(&first.certificate_pem).to_vec(), "not nothing");

    let following = tokio::spawn(serving.follow(Duration::from_millis(10)));
    folder.keep_issued(&second, authority.root_pem()).unwrap();
    let seen = async { while shown(&browser, address.port()).await != der(&second.certificate_pem).to_vec() {} };
    tokio::time::timeout(PATIENCE, seen).await.expect("the new certificate is shown");
    following.abort();
    stopper.stop();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_founded_over_tls_with_a_cookie_of_this_host_alone() {
    let data = tempfile::tempdir().unwrap();
    let folder = Folder::of_data(data.path());
    let authority = authority();
    let issued = authority.issue(&names(&[LYON]), 30, SystemTime::now()).unwrap();
    folder.keep_issued(&issued, authority.root_pem()).unwrap();
    let flags = Flags {
        data: Some(data.path().to_owned()),
        http: Some("127.0.0.1:0".parse().unwrap()),
        listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
        mdns: Some(Switch::Off),
        password_cost: Some(PasswordCost::Small),
        tls: Some(TlsFrom::Auto),
        ..Flags::default()
    };
    let node = Node::start(Config::load(flags).unwrap()).await.unwrap();
    let url = node.ready_line().rsplit(' ').next().unwrap().to_owned();
    assert!(url.starts_with(&format!("https://{LYON}:")), "{url}");
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    let browser = browser(authority.root_pem(), SocketAddr::from(([127, 0, 0, 1], port)));
    let body = json!({ "organisation": "Habitat", "site": "Lyon", "language": "fr",
        "admin": { "name": "Ann", "email": "ann@habitat.example", "password": "le chat dort sur le toit" } });
    let founding = browser.post(format!("{url}api/v1/setup/organisation")).header("sec-fetch-site", "same-origin");
    let answer = founding.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let cookie = header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-archipel=") && cookie.contains("; Secure") && cookie.contains("; Path=/;"));
    assert!(cookie.contains("HttpOnly") && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(header("strict-transport-security").unwrap(), "max-age=15552000");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let me = browser.get(format!("{url}api/v1/session")).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(me.status(), 200);
    // The name of the same cookie without TLS is not listened to.
    let plain = cookie.trim_start_matches("__Host-").to_owned();
    let stranger = browser.get(format!("{url}api/v1/session")).header("cookie", plain).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    assert!(reqwest::get(format!("http://127.0.0.1:{port}/")).await.is_err(), "no plain answer on this port");
    node.stop().await;
}

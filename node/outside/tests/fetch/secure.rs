//! TLS: an unknown certificate is refused with its own code, a root of the organisation opens it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use archipel_outside::fetch::{ConfigError, Fetched, Fetcher, FetcherConfig, Request, install_provider};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use crate::loopback::{Script, response};

/// Serves one document over TLS at `feeds.example`; gives the port and the certificate.
fn serve() -> (u16, Vec<u8>) {
    install_provider();
    let made = rcgen::generate_simple_self_signed(vec!["feeds.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let certificate = made.cert.der().clone();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = Stream::new(&mut session, &mut stream);
            let mut head = [0; 4_096];
            if tls.read(&mut head).is_ok() {
                let _ = tls.write_all(&response("200 OK", &[], b"secure"));
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    });
    (port, certificate.to_vec())
}

fn fetcher(port: u16, roots: Vec<Vec<u8>>) -> Fetcher {
    Fetcher::new(FetcherConfig {
        allowed_origins: vec![format!("https://feeds.example:{port}"), format!("https://other.example:{port}")],
        extra_roots: roots,
        resolver: Script::new(&[&["127.0.0.1"]]),
        ..FetcherConfig::default()
    })
    .unwrap()
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_and_a_root_of_the_organisation_opens_it() {
    let (port, certificate) = serve();
    let url = format!("https://feeds.example:{port}/");
    let error = fetcher(port, Vec::new()).fetch(Request::new(&url)).await.unwrap_err();
    assert_eq!(error.code(), "feed_tls", "{error}");
    let trusting = fetcher(port, vec![certificate]);
    let Fetched::Document { bytes, .. } = trusting.fetch(Request::new(&url)).await.unwrap() else {
        panic!("a document")
    };
    assert_eq!(bytes, "secure");
    let error = trusting.fetch(Request::new(format!("https://other.example:{port}/"))).await.unwrap_err();
    assert_eq!(error.code(), "feed_tls", "the certificate names another host");
}

#[test]
fn a_root_that_is_no_certificate_is_told() {
    let config = FetcherConfig { extra_roots: vec![vec![1, 2, 3]], ..FetcherConfig::default() };
    assert!(matches!(Fetcher::new(config), Err(ConfigError::BadRoot { .. })));
}

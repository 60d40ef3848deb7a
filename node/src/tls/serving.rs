//! The certificate that browsers are shown: read at the start, read again when its files change, and renewed in time
//! where the organisation's authority is on this very node. A new file that is no good never replaces one that is.

use super::facts::Facts;
use super::folder::{self, Folder};
use super::{TlsError, choose_provider};
use crate::config::{Signer, TlsFiles};
use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the files are looked at.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the end of a certificate is thought of, and told when it is near.
const AGE_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// What tells that a file is another one.
type Stamp = [Option<(SystemTime, u64, u64)>; 2];

/// A certificate in use.
pub struct Serving {
    config: RustlsConfig,
    files: TlsFiles,
    /// Where certificates of this site are made, if they are.
    folder: Folder,
    facts: Facts,
    stamp: Stamp,
}

impl Serving {
    /// Reads the files; first makes a new certificate if the one of this data folder gets old and the authority is here.
    ///
    /// A certificate whose time is over is served all the same, and complained of: other sites must go on exchanging
    /// with this one.
    ///
    /// # Errors
    /// When files are missing, no certificates, or do not fit together.
    pub async fn open(files: &TlsFiles, data: &Path) -> Result<Self, TlsError> {
        choose_provider();
        let (files, folder) = (files.clone(), Folder::of_data(data));
        let opened = tokio::task::spawn_blocking(move || {
            if let Err(error) = renew(&files, &folder, SystemTime::now()) {
                tracing::error!(%error, "this site's certificate is not renewed");
            }
            let stamp = stamp(&files);
            let (config, facts) = load(&files).map_err(|error| missing(error, &files, &folder))?;
            if let Err(error) = check_time(&files, &facts, SystemTime::now()) {
                tracing::error!(%error, "browsers will refuse this site until it has a new certificate");
            }
            Ok(Self { config: RustlsConfig::from_config(Arc::new(config)), files, folder, facts, stamp })
        });
        opened.await.unwrap_or_else(|error| Err(TlsError::Making { reason: error.to_string() }))
    }

    /// What the server takes connections with; follows every change.
    pub fn acceptor(&self) -> RustlsConfig {
        self.config.clone()
    }

    /// The names for which it stands.
    pub fn names(&self) -> &[String] {
        &self.facts.names
    }

    /// Who made it.
    pub fn signer(&self) -> Signer {
        self.facts.signer
    }

    /// Keeps looking at the files, for ever.
    pub async fn follow(mut self, every: Duration) {
        let mut looks = interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut aged = Instant::now();
        loop {
            looks.tick().await;
            let age = aged.elapsed() >= AGE_EVERY;
            if age {
                aged = Instant::now();
            }
            let Ok(next) = tokio::task::spawn_blocking(move || {
                if age {
                    self.age(SystemTime::now());
                }
                self.look();
                self
            })
            .await
            else {
                return tracing::error!("the task that follows the certificate broke");
            };
            self = next;
        }
    }

    fn age(&self, now: SystemTime) {
        match renew(&self.files, &self.folder, now) {
            Err(error) => tracing::error!(%error, "this site's certificate is not renewed"),
            Ok(()) if self.facts.is_old_at(now) && !self.is_own_and_renewable() => {
                tracing::warn!(until = self.facts.valid_text.1, "this site's certificate is near its end");
            }
            Ok(()) => {}
        }
    }

    fn is_own_and_renewable(&self) -> bool {
        self.files.certificate == self.folder.site().certificate && self.folder.has_authority()
    }

    /// Reads the files again if they are others than before.
    pub(super) fn look(&mut self) {
        let stamp = stamp(&self.files);
        if stamp == self.stamp {
            return;
        }
        self.stamp = stamp;
        let read = load(&self.files).and_then(|(config, facts)| {
            check_time(&self.files, &facts, SystemTime::now())?;
            Ok((config, facts))
        });
        match read {
            Ok((config, facts)) => {
                tracing::info!(names = ?facts.names, until = facts.valid_text.1, "a new certificate is in use");
                self.config.reload_from_config(Arc::new(config));
                self.facts = facts;
            }
            // Certificate and key are two files: between them the pair does not fit, and the next look finds it whole.
            Err(error) => tracing::warn!(%error, "the new certificate is not used; the one before stays"),
        }
    }
}

/// Reads a certificate with its key as the server needs them.
fn load(files: &TlsFiles) -> Result<(ServerConfig, Facts), TlsError> {
    let (certificate, key) = (&files.certificate, &files.key);
    let chain = CertificateDer::pem_slice_iter(folder::read(certificate)?.as_bytes()).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| TlsError::NoCertificate { path: certificate.clone() })?;
    let private = PrivateKeyDer::from_pem_slice(folder::read(key)?.as_bytes());
    let private = private.map_err(|_| TlsError::NoKey { path: key.clone() })?;
    let malformed = |reason: String| TlsError::Malformed { path: certificate.clone(), reason };
    let facts = Facts::read(&chain[0]).ok_or_else(|| malformed("not a certificate of a site".into()))?;
    let built = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private);
    let mut config = built.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::KeyMismatch { certificate: certificate.clone(), key: key.clone() }
        }
        other => malformed(other.to_string()),
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, facts))
}

fn check_time(files: &TlsFiles, facts: &Facts, now: SystemTime) -> Result<(), TlsError> {
    if facts.is_valid_at(now) {
        return Ok(());
    }
    let (from, until) = facts.valid_text.clone();
    Err(TlsError::NotValidNow { path: files.certificate.clone(), from, until })
}

/// Makes a new certificate with the same names, for as long, where the one in use came from the authority on this node
/// and less than a third of its time is left.
fn renew(files: &TlsFiles, folder: &Folder, now: SystemTime) -> Result<(), TlsError> {
    if files.certificate != folder.site().certificate || !folder.has_authority() {
        return Ok(());
    }
    // What is wrong with the files is told by whoever reads them to serve.
    let Ok((_, facts)) = load(files) else { return Ok(()) };
    if !facts.is_old_at(now) {
        return Ok(());
    }
    let authority = folder.authority()?;
    let issued = authority.issue(&facts.names, facts.days(), now)?;
    folder.keep_issued(&issued, authority.root_pem())?;
    tracing::info!(until = issued.until, "this site's certificate was renewed");
    Ok(())
}

/// Says where certificates of a data folder come from, when they are simply not there.
fn missing(error: TlsError, files: &TlsFiles, folder: &Folder) -> TlsError {
    match error {
        TlsError::Unreadable { path, source }
            if source.kind() == std::io::ErrorKind::NotFound && path == folder.site().certificate =>
        {
            TlsError::NotIssued { folder: files.certificate.parent().unwrap_or(folder.path()).to_owned() }
        }
        other => other,
    }
}

fn stamp(files: &TlsFiles) -> Stamp {
    [&files.certificate, &files.key].map(|path| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len(), data.ino()))
    })
}

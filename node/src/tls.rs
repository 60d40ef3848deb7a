//! Certificates: those that browsers are shown, from files that may change while the node runs, and the organisation's
//! own authority that makes them (`docs/protocol.md` §7.1). The cryptography provider of the whole process is chosen
//! here, once. Knows nothing of requests, people or peers.

pub mod authority;
mod facts;
pub mod folder;
pub mod name;
pub mod serving;

use std::io;
use std::path::PathBuf;

/// Why a certificate cannot be made or used, in words for the person at the console.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there or not readable.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {path}: {source}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The certificates issued for this site are looked for and not there.
    #[error(
        "no certificate in {folder}: run `archipel ca issue NAME` on the node that has the organisation's authority \
         (with --out FOLDER for another site) and put its files there"
    )]
    NotIssued {
        /// Where they belong.
        folder: PathBuf,
    },
    /// A file without a certificate.
    #[error("{path} holds no certificate in PEM form")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file without a private key.
    #[error("{path} holds no private key in PEM form")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A certificate or key that cannot be understood.
    #[error("{path} cannot be used: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the TLS library says.
        reason: String,
    },
    /// The two are not a pair.
    #[error("the key {key} does not belong to the certificate {certificate}")]
    KeyMismatch {
        /// The certificate.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// The time of a certificate is over, or has not begun.
    #[error("the certificate {path} is valid from {from} to {until} only, and this machine's clock says otherwise")]
    NotValidNow {
        /// The file.
        path: PathBuf,
        /// Its first moment.
        from: String,
        /// Its last.
        until: String,
    },
    /// Not a name that a certificate of the organisation can have.
    #[error(
        "{text} is not a name of the kind site.example.org: no wildcard, no IP address, no name in .local or .localhost"
    )]
    Name {
        /// What was given.
        text: String,
    },
    /// A name for which no machine would trust the authority.
    #[error("{name} is outside {domain}, to which the authority of the organisation is bound")]
    Outside {
        /// The name.
        name: String,
        /// The domain.
        domain: String,
    },
    /// No name at all.
    #[error("a certificate needs a name")]
    Nameless,
    /// Browsers refuse certificates that live longer.
    #[error("a certificate is valid for 1 to {max} days, not {days}")]
    Days {
        /// What was asked.
        days: u32,
        /// The limit.
        max: u32,
    },
    /// The authority ends before the certificate would.
    #[error("the organisation's authority ends on {until}, before this certificate would: ask for fewer days")]
    Outlives {
        /// The authority's last moment.
        until: String,
    },
    /// Something is there already and is not written over.
    #[error("{path} is there already and is not written over")]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// This node has no authority.
    #[error(
        "no authority in {folder}: `archipel ca create --domain DOMAIN` makes one, `archipel ca import FILE` takes one over"
    )]
    NoAuthority {
        /// Where it would be.
        folder: PathBuf,
    },
    /// A certificate that is no authority bound to a domain.
    #[error("{path} is not an authority that `archipel ca create` made")]
    NotAuthority {
        /// The file.
        path: PathBuf,
    },
    /// The cryptography library refuses.
    #[error("cannot make a certificate: {reason}")]
    Making {
        /// What it says.
        reason: String,
    },
}

/// Chooses the one provider of TLS cryptography. Call it first in the process; again does nothing.
pub fn choose_provider() {
    // An error only says that one is chosen already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

#[cfg(test)]
mod tests;

//! The TLS settings of the fetcher: aws-lc-rs, the roots that browsers trust (embedded, so that a container without a
//! certificate store works), and further roots of the organisation.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::ConfigError;

/// Makes aws-lc-rs the process's TLS provider. Harmless when a provider is there already.
pub fn install_provider() {
    // The error only says that somebody installed one before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

pub(super) fn client_config(extra_roots: &[Vec<u8>]) -> Result<ClientConfig, ConfigError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for der in extra_roots {
        roots
            .add(CertificateDer::from(der.clone()))
            .map_err(|error| ConfigError::BadRoot { reason: error.to_string() })?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::Client { reason: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

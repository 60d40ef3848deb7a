//! Certificates for browsers, from files. The cryptography provider of the whole process is chosen here, once.

use crate::config::TlsFiles;
use axum_server::tls_rustls::RustlsConfig;

/// The certificate or key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the certificate {certificate} with its key: {source}")]
pub struct TlsError {
    certificate: std::path::PathBuf,
    source: std::io::Error,
}

/// Chooses the one provider of TLS cryptography. Call it first in the process; again does nothing.
pub fn choose_provider() {
    // An error only says that one is chosen already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// Reads the files.
///
/// # Errors
/// [`TlsError`] when they are not there or do not fit together.
pub async fn load(files: &TlsFiles) -> Result<RustlsConfig, TlsError> {
    choose_provider();
    let loaded = RustlsConfig::from_pem_file(&files.certificate, &files.key).await;
    loaded.map_err(|source| TlsError { certificate: files.certificate.clone(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_certificate_with_its_key_loads_and_anything_else_says_which_file() {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["intranet.example".to_owned()]).unwrap();
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        assert!(load(&files).await.is_ok());
        std::fs::write(&files.certificate, "no certificate").unwrap();
        let error = load(&files).await.expect_err("the file holds no certificate");
        assert!(error.to_string().contains("cert.pem"));
    }
}

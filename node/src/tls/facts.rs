//! What a certificate says of itself. Believes it: whoever wrote the file is this site's administrator.

use crate::config::Signer;
use std::time::{SystemTime, UNIX_EPOCH};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// What is of interest here.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The names for which it stands, without wildcards and addresses.
    pub names: Vec<String>,
    /// First and last second, since 1970.
    pub valid: (i64, i64),
    /// The same as text.
    pub valid_text: (String, String),
    /// Who made it.
    pub signer: Signer,
    /// The subject's common name.
    pub common_name: String,
    /// The domain to which an authority is bound.
    pub domain: Option<String>,
    /// The public key.
    pub key: Vec<u8>,
}

impl Facts {
    /// Reads a certificate; `None` for what is none.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok()?;
        let names = names.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
            GeneralName::DNSName(name) if !name.contains('*') => Some(name.to_lowercase()),
            _ => None,
        });
        let (subject, validity) = (certificate.subject(), certificate.validity());
        let own = subject.as_raw() == certificate.issuer().as_raw();
        Some(Self {
            names: names.collect(),
            valid: (validity.not_before.timestamp(), validity.not_after.timestamp()),
            valid_text: (validity.not_before.to_string(), validity.not_after.to_string()),
            signer: if own { Signer::Itself } else { Signer::Authority },
            common_name: subject
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .unwrap_or_default()
                .into(),
            domain: domain(&certificate),
            key: certificate.public_key().subject_public_key.data.to_vec(),
        })
    }

    /// Whether its time is now.
    pub fn is_valid_at(&self, now: SystemTime) -> bool {
        let (from, until) = self.valid;
        (from..=until).contains(&seconds(now))
    }

    /// Whether less than a third of its time is left.
    pub fn is_old_at(&self, now: SystemTime) -> bool {
        let (from, until) = self.valid;
        until.saturating_sub(seconds(now)) < until.saturating_sub(from) / 3
    }

    /// For how long it was made, in days.
    pub fn days(&self) -> u32 {
        let (from, until) = self.valid;
        u32::try_from(until.saturating_sub(from) / (24 * 3_600)).unwrap_or(0)
    }
}

fn domain(certificate: &X509Certificate<'_>) -> Option<String> {
    let constraints = certificate.name_constraints().ok()??;
    let permitted = constraints.value.permitted_subtrees.as_ref()?;
    permitted.iter().find_map(|subtree| match &subtree.base {
        GeneralName::DNSName(domain) if certificate.is_ca() => Some((*domain).to_owned()),
        _ => None,
    })
}

/// Seconds since 1970; a clock before that is as wrong as one at it.
pub(super) fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

//! The organisation's own certificate authority: one root, bound to the organisation's domain, so that whoever steals its
//! key can speak for no other name. It lives on one node; sites get certificates from it and never the key
//! (`docs/protocol.md` §7.1, case 2).

use super::facts::{Facts, seconds};
use super::{TlsError, name};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Browsers refuse certificates that are valid for longer.
pub const LEAF_DAYS_MAX: u32 = 398;
/// A year, unless told otherwise.
pub const LEAF_DAYS_DEFAULT: u32 = 365;
/// Machines get a new root by hand, so it lives long.
const ROOT_DAYS: u64 = 3_650;
/// Clocks of machines differ: what is made now is valid a little earlier.
const CLOCKS_DIFFER: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// The longest common name that X.520 knows.
const COMMON_NAME_CHARS_MAX: usize = 64;

/// A certificate for a site.
pub struct Issued {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// Its private key, PEM.
    pub key_pem: Zeroizing<String>,
    /// Its names.
    pub names: Vec<String>,
    /// Its last moment, for people.
    pub until: String,
}

/// The root with its key.
pub struct Authority {
    root_pem: String,
    facts: Facts,
    domain: String,
    key: KeyPair,
}

impl Authority {
    /// Makes a root for a domain.
    ///
    /// # Errors
    /// [`TlsError::Name`] for what is no domain.
    pub fn create(domain: &str, now: SystemTime) -> Result<Self, TlsError> {
        let domain = name::parse(domain)?;
        let key = KeyPair::generate().map_err(making)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = called(&format!("Archipel root for {domain}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Permitting names says nothing of addresses, so these are excluded, all of them.
        let addresses = [
            CidrSubnet::from_v4_prefix(Ipv4Addr::UNSPECIFIED.octets(), 0),
            CidrSubnet::from_v6_prefix(Ipv6Addr::UNSPECIFIED.octets(), 0),
        ];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(domain.clone())],
            excluded_subtrees: addresses.map(GeneralSubtree::IpAddress).to_vec(),
        });
        params.not_before = (now - CLOCKS_DIFFER).into();
        params.not_after = (now + DAY * u32::try_from(ROOT_DAYS).expect("some thousands")).into();
        let root = params.self_signed(&key).map_err(making)?;
        let facts = Facts::read(root.der()).ok_or_else(|| TlsError::Making { reason: "unreadable".into() })?;
        Ok(Self { root_pem: root.pem(), facts, domain, key })
    }

    /// Reads a root and its key; the paths are for what is said of errors.
    ///
    /// # Errors
    /// When they are not a root that [`Authority::create`] made, with its key.
    pub fn read(root: &str, key: &str, root_path: &Path, key_path: &Path) -> Result<Self, TlsError> {
        let der = certificate(root, root_path)?;
        let other = || TlsError::NotAuthority { path: root_path.to_owned() };
        let facts = Facts::read(&der).ok_or_else(other)?;
        let domain = facts.domain.clone().ok_or_else(other)?;
        let no_key = || TlsError::NoKey { path: key_path.to_owned() };
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| no_key())?;
        let key = KeyPair::try_from(&key).map_err(|_| no_key())?;
        if key.public_key_raw() != facts.key {
            return Err(TlsError::KeyMismatch { certificate: root_path.to_owned(), key: key_path.to_owned() });
        }
        Ok(Self { root_pem: only_certificate(root).ok_or_else(other)?, facts, domain, key })
    }

    /// The domain to which it is bound.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What machines are to trust, PEM.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The private key, PEM. Whoever has it speaks for every name of the domain.
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// Makes a certificate with a new key for a site with these names.
    ///
    /// # Errors
    /// For names outside the domain, and for days that are too many.
    pub fn issue(&self, names: &[String], days: u32, now: SystemTime) -> Result<Issued, TlsError> {
        if !(1..=LEAF_DAYS_MAX).contains(&days) {
            return Err(TlsError::Days { days, max: LEAF_DAYS_MAX });
        }
        let names = names.iter().map(|name| self.within(name)).collect::<Result<Vec<_>, _>>()?;
        let first = names.first().ok_or(TlsError::Nameless)?;
        let (from, until) = (now - CLOCKS_DIFFER, now - CLOCKS_DIFFER + DAY * days);
        if seconds(until) > self.facts.valid.1 {
            return Err(TlsError::Outlives { until: self.facts.valid_text.1.clone() });
        }
        let mut params = CertificateParams::new(names.clone()).map_err(making)?;
        params.distinguished_name = called(first);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = (from.into(), until.into());
        let key = KeyPair::generate().map_err(making)?;
        let made = params.signed_by(&key, &self.issuer()).map_err(making)?;
        let facts = Facts::read(made.der()).ok_or_else(|| TlsError::Making { reason: "unreadable".into() })?;
        let key_pem = Zeroizing::new(key.serialize_pem());
        Ok(Issued { certificate_pem: made.pem(), key_pem, names, until: facts.valid_text.1 })
    }

    fn within(&self, text: &str) -> Result<String, TlsError> {
        let name = name::parse(text)?;
        if name::is_within(&name, &self.domain) {
            Ok(name)
        } else {
            Err(TlsError::Outside { name, domain: self.domain.clone() })
        }
    }

    /// What signs, named as the root names itself.
    pub(super) fn issuer(&self) -> Issuer<'static, &KeyPair> {
        let mut params = CertificateParams::default();
        params.distinguished_name = called(&self.facts.common_name);
        Issuer::new(params, &self.key)
    }
}

/// The fingerprint of a root by SHA-256, as certificate viewers write it.
///
/// # Errors
/// [`TlsError::NoCertificate`].
pub fn fingerprint(root: &str, path: &Path) -> Result<String, TlsError> {
    let der = certificate(root, path)?;
    // The TLS library brings the hash; no other crate is needed for one.
    let rustls::SupportedCipherSuite::Tls13(suite) = rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256
    else {
        return Err(TlsError::Making { reason: "no SHA-256".into() });
    };
    let hash = suite.common.hash_provider.hash(&der);
    let bytes: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(bytes.join(":"))
}

/// The first certificate of a PEM text.
fn certificate(text: &str, path: &Path) -> Result<CertificateDer<'static>, TlsError> {
    CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| TlsError::NoCertificate { path: path.to_owned() })
}

/// The certificate alone, without what else its file may hold, such as a key.
fn only_certificate(text: &str) -> Option<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let from = text.find("-----BEGIN CERTIFICATE-----")?;
    let until = from + text[from..].find(END)? + END.len();
    Some(format!("{}\n", &text[from..until]))
}

fn called(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    let shown: String = common_name.chars().take(COMMON_NAME_CHARS_MAX).collect();
    name.push(DnType::CommonName, shown);
    name
}

fn making(error: rcgen::Error) -> TlsError {
    TlsError::Making { reason: error.to_string() }
}

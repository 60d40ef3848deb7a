//! Names that the organisation's certificates may have: those of a domain, never addresses, never names that other
//! machines or browsers treat in ways of their own.

use super::TlsError;
use url::Host;

/// What a name may measure in the DNS.
const NAME_CHARS_MAX: usize = 253;
/// What one of its parts may measure.
const LABEL_CHARS_MAX: usize = 63;
/// `.local` belongs to mDNS and gets no passkeys; `.localhost` is every machine itself.
const RESERVED: [&str; 2] = ["local", "localhost"];

/// Reads a host name of at least two parts; letters outside ASCII are written as the DNS has them.
///
/// # Errors
/// [`TlsError::Name`].
pub fn parse(text: &str) -> Result<String, TlsError> {
    let no = || TlsError::Name { text: text.chars().take(NAME_CHARS_MAX).collect() };
    let Ok(Host::Domain(name)) = Host::parse(text.trim().trim_end_matches('.')) else { return Err(no()) };
    let mut labels = name.split('.');
    let good = labels.all(is_label) && name.contains('.') && name.len() <= NAME_CHARS_MAX;
    let last = name.rsplit('.').next().unwrap_or_default();
    if good && !RESERVED.contains(&last) { Ok(name) } else { Err(no()) }
}

fn is_label(label: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=LABEL_CHARS_MAX).contains(&label.len())
        && label.chars().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether a name is the domain itself or in it.
pub fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_the_dns_and_of_no_special_kind() {
        assert_eq!(parse("Lyon.Habitat.Example.").unwrap(), "lyon.habitat.example");
        assert_eq!(parse("évry.habitat.example").unwrap(), "xn--vry-9la.habitat.example");
        assert!(parse("habitat.internal").is_ok() && parse("habitat.home.arpa").is_ok());
        for bad in [
            "",
            "lyon",
            "lyon.local",
            "a.localhost",
            "*.habitat.example",
            "192.0.2.1",
            "[::1]",
            "a..b",
            "-a.b",
            "a_b.c",
            "https://a.b",
            "a.b/c",
            "a b.c",
            "a.b:443",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("{}.example", "a".repeat(64))).is_err());
    }

    #[test]
    fn a_name_that_only_ends_alike_is_outside() {
        assert!(is_within("habitat.example", "habitat.example") && is_within("a.b.habitat.example", "habitat.example"));
        for outside in ["example", "evilhabitat.example", "habitat.example.evil", "habitat.example2"] {
            assert!(!is_within(outside, "habitat.example"), "{outside}");
        }
    }
}

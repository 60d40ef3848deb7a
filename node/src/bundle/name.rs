//! What a bundle is called: by whom it is for, and the day.

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

/// Letters of the site's name in it.
const NAME_CHARS_MAX: usize = 40;

/// `archipel-<site>-<date>.bundle`, in letters that every file system takes.
pub fn name_of(site: &str, now_ms: u64) -> String {
    let mut word = String::new();
    for c in site.nfkd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).take(NAME_CHARS_MAX) {
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        } else if !word.ends_with('-') && !word.is_empty() {
            word.push('-');
        }
    }
    let word = Some(word.trim_end_matches('-')).filter(|word| !word.is_empty()).unwrap_or("site");
    let day = Timestamp::from_millisecond(i64::try_from(now_ms).unwrap_or(0)).unwrap_or_default();
    format!("archipel-{word}-{}.bundle", day.strftime("%Y-%m-%d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_called_by_its_site_and_day() {
        let day = 1_800_000_000_000;
        assert_eq!(name_of("Île d'Yeu", day), "archipel-ile-d-yeu-2027-01-15.bundle");
        assert_eq!(name_of("../../etc", day), "archipel-etc-2027-01-15.bundle");
        assert_eq!(name_of("東京", day), "archipel-site-2027-01-15.bundle");
    }
}

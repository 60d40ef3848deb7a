//! What files that leave a site are called: by whom or whom for, and the day, in letters that every file system takes.

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

/// Letters of a name in it.
const WORD_CHARS_MAX: usize = 40;

/// `archipel-<word>-<date>.<ending>`.
pub fn file_name(word: &str, now_ms: u64, ending: &str) -> String {
    let mut plain = String::new();
    for c in word.nfkd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).take(WORD_CHARS_MAX) {
        if c.is_ascii_alphanumeric() {
            plain.push(c.to_ascii_lowercase());
        } else if !plain.ends_with('-') && !plain.is_empty() {
            plain.push('-');
        }
    }
    let day = Timestamp::from_millisecond(i64::try_from(now_ms).unwrap_or(0)).unwrap_or_default();
    let parts = ["archipel", plain.trim_end_matches('-'), &day.strftime("%Y-%m-%d").to_string()];
    let named: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}.{ending}", named.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_by_a_word_and_the_day() {
        let day = 1_800_000_000_000;
        assert_eq!(file_name("Île d'Yeu", day, "bundle"), "archipel-ile-d-yeu-2027-01-15.bundle");
        assert_eq!(file_name("../../etc", day, "zip"), "archipel-etc-2027-01-15.zip");
        assert_eq!(file_name("東京", day, "zip"), "archipel-2027-01-15.zip");
    }
}

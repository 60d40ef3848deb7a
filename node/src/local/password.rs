//! Passwords: how they are kept and which are refused (`docs/protocol.md` §7.2). Knows no accounts.

use super::secret::{Text, random};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Shorter ones are guessed.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longer ones only cost time.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// A password must have more different characters than this.
const SAME_CHARS_MAX: usize = 4;

/// How much work a guess costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cost {
    /// 19 MiB, two passes: the least that is still advised; for small boxes and tests.
    Small,
    /// 64 MiB, three passes: about 200 ms.
    #[default]
    Normal,
}

impl Cost {
    const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Small => (19 * 1024, 2),
            Self::Normal => (64 * 1024, 3),
        }
    }
}

/// A password's argon2id hash, with what is needed to make it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    memory_kib: u32,
    passes: u32,
    salt: Text<16>,
    hash: Text<32>,
}

impl PasswordHash {
    /// Hashes a password. Costs what [`Cost`] says: call it from a thread that may block.
    pub fn new(password: &str, cost: Cost) -> Self {
        let salt = random();
        let (memory_kib, passes) = cost.numbers();
        let hash = derive(password, &salt, cost);
        Self { memory_kib, passes, salt: Text(salt), hash: Text(*hash) }
    }

    /// Whether it is of this password. Costs as much as making it.
    pub fn verify(&self, password: &str) -> bool {
        let made = argon2id(password, &self.salt.0, self.memory_kib, self.passes);
        made.is_some_and(|made| protocol::keys::same(&made, &self.hash.0))
    }

    /// Whether it was made with less work than `cost`.
    pub fn is_weaker_than(&self, cost: Cost) -> bool {
        let (memory_kib, passes) = cost.numbers();
        self.memory_kib < memory_kib || self.passes < passes
    }
}

/// A key made from a password, for wrapping others.
pub fn derive(password: &str, salt: &[u8; 16], cost: Cost) -> Zeroizing<[u8; 32]> {
    let (memory_kib, passes) = cost.numbers();
    argon2id(password, salt, memory_kib, passes).expect("both costs are within argon2's bounds")
}

fn argon2id(password: &str, salt: &[u8; 16], memory_kib: u32, passes: u32) -> Option<Zeroizing<[u8; 32]>> {
    let params = Params::new(memory_kib, passes, 1, Some(32)).ok()?;
    // The same word typed on two keyboards may arrive composed or not.
    let password = Zeroizing::new(password.nfc().collect::<String>());
    let mut out = Zeroizing::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.as_bytes(), salt, out.as_mut()).ok()?;
    Some(out)
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weak {
    /// Fewer than twelve characters.
    Short,
    /// More than 128.
    Long,
    /// On the list of what everybody uses, or made of the person's own names.
    Common,
}

/// Says why a password would be too easy to guess; `own` are words that are no secret (e-mail, names).
///
/// # Errors
/// [`Weak`] with the first reason.
pub fn check(password: &str, own: &[&str]) -> Result<(), Weak> {
    let chars = password.nfc().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(Weak::Short);
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(Weak::Long);
    }
    let folded: String = password.nfkd().filter(|c| c.is_ascii()).collect::<String>().to_lowercase();
    let plain: String = folded.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters: String = folded.chars().filter(char::is_ascii_alphabetic).collect();
    let distinct: std::collections::BTreeSet<char> = password.chars().collect();
    let listed = COMMON.lines().any(|word| word == folded || (!word.is_empty() && word == letters));
    let repeated = COMMON_STEMS.iter().any(|stem| !letters.is_empty() && is_repeat(&letters, stem));
    let own_words = own.iter().any(|word| {
        let word: String = word.nfkd().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        word.chars().count() >= PASSWORD_CHARS_MIN / 2 && is_mostly(&plain, &word)
    });
    if distinct.len() <= SAME_CHARS_MAX || listed || repeated || own_words || is_sequence(&folded) {
        return Err(Weak::Common);
    }
    Ok(())
}

fn is_repeat(text: &str, stem: &str) -> bool {
    text.len().is_multiple_of(stem.len()) && text.as_bytes().chunks(stem.len()).all(|part| part == stem.as_bytes())
}

/// Whether little is left once the word is taken out.
fn is_mostly(text: &str, word: &str) -> bool {
    let rest = text.replace(word, "");
    rest.len() < text.len() && rest.len() <= SAME_CHARS_MAX
}

/// Whether each character is the neighbour of the one before: `abcdefghijkl`, `210987654321`.
fn is_sequence(text: &str) -> bool {
    let bytes = text.as_bytes();
    let steps =
        bytes.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1 || pair == b"90" || pair == b"09").count();
    !bytes.is_empty() && steps + 2 >= bytes.len()
}

/// Words that people take, whatever digits and signs they put around or how often they repeat them.
const COMMON_STEMS: &[&str] = &[
    "password",
    "motdepasse",
    "azerty",
    "azertyuiop",
    "qwerty",
    "qwertyuiop",
    "qwertz",
    "bonjour",
    "soleil",
    "doudou",
    "chouchou",
    "loulou",
    "marseille",
    "welcome",
    "bienvenue",
    "letmein",
    "changeme",
    "changemoi",
    "admin",
    "administrateur",
    "administrator",
    "secret",
    "archipel",
    "iloveyou",
    "jetaime",
    "monkey",
    "dragon",
    "football",
    "princesse",
    "princess",
    "sunshine",
    "master",
    "michael",
    "superman",
    "batman",
    "trustno",
    "abc",
    "test",
    "demo",
    "user",
    "guest",
    "root",
    "nicolas",
    "camille",
    "thomas",
    "julien",
    "caroline",
    "alexandre",
    "bretagne",
    "corse",
    "france",
    "paris",
    "entreprise",
    "company",
    "intranet",
    "entrez",
    "ouvretoi",
    "coucou",
    "toto",
    "titi",
    "poisson",
];

/// Common ones of twelve characters and more, lower case, one a line.
const COMMON: &str = include_str!("password/common.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_password_only_and_never_twice_the_same() {
        let hash = PasswordHash::new("école du bord de mer", Cost::Small);
        assert!(hash.verify("école du bord de mer"));
        assert!(hash.verify("e\u{301}cole du bord de mer"), "composed or not is the same word");
        assert!(!hash.verify("ecole du bord de mer"));
        assert_ne!(hash, PasswordHash::new("école du bord de mer", Cost::Small));
        assert!(hash.is_weaker_than(Cost::Normal) && !hash.is_weaker_than(Cost::Small));
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<PasswordHash>(&json).unwrap(), hash);
    }

    #[test]
    fn short_long_and_common_passwords_are_refused() {
        assert_eq!(check("elevenchars", &[]), Err(Weak::Short));
        assert_eq!(check(&"xy9 ".repeat(40), &[]), Err(Weak::Long));
        for common in [
            "motdepasse1234",
            "Password1234!",
            "azertyuiop12",
            "aaaaaaaaaaaaaa",
            "123456789012",
            "abababababab",
            "passwordpassword",
            "bonjourbonjour1",
            "abcdefghijklmn",
            "Bienvenue2026!",
            "qwertyuiop[]",
            "1q2w3e4r5t6y",
        ] {
            assert_eq!(check(common, &[]), Err(Weak::Common), "{common}");
        }
        assert_eq!(check("marie.dupont2026", &["marie.dupont@example.org", "Marie Dupont"]), Err(Weak::Common));
        assert_eq!(check("Marie Dupont!!", &["Marie Dupont"]), Err(Weak::Common));
    }

    #[test]
    fn a_sentence_is_a_good_password() {
        for good in ["le chat dort sur le toit", "Xk9#mPq2vL7w", "une échelle, deux clous", "correct horse staple"] {
            assert_eq!(check(good, &["ann@example.org", "Ann"]), Ok(()), "{good}");
        }
    }
}

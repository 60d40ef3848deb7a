//! An organisation admin's keys, wrapped by a key made from their password (ruling A12). Without the password nobody
//! opens it, not even the site.

use super::LocalError;
use super::password::{Cost, derive};
use super::secret::{Text, random};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use protocol::ids::UserId;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// What is inside.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    admin: Text<32>,
    recovery: Vec<Text<32>>,
}

impl Secrets {
    /// The seed of the admin's signing key, and the recovery keys until they are confirmed to be elsewhere.
    pub fn new(admin: [u8; 32], recovery: &[[u8; 32]]) -> Self {
        Self { admin: Text(admin), recovery: recovery.iter().copied().map(Text).collect() }
    }

    /// The seed of the admin's signing key.
    pub fn admin(&self) -> [u8; 32] {
        self.admin.0
    }

    /// The recovery keys' seeds.
    pub fn recovery(&self) -> Vec<[u8; 32]> {
        self.recovery.iter().map(|key| key.0).collect()
    }

    /// The same without the recovery keys.
    #[must_use]
    pub fn without_recovery(&self) -> Self {
        Self { admin: self.admin, recovery: Vec::new() }
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.admin.0.zeroize();
        for key in &mut self.recovery {
            key.0.zeroize();
        }
    }
}

/// The wrapped keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vault {
    salt: Text<16>,
    small: bool,
    nonce: Text<12>,
    sealed: String,
    /// Whether recovery keys are inside that nobody has confirmed yet.
    pub recovery_pending: bool,
}

impl Vault {
    /// Wraps secrets under a password. Costs as much as hashing it.
    ///
    /// # Errors
    /// [`LocalError::Vault`], which does not happen for secrets of this size.
    pub fn seal(secrets: &Secrets, user: UserId, password: &str, cost: Cost) -> Result<Self, LocalError> {
        let salt = random();
        let key = derive(password, &salt, cost);
        seal_with(secrets, user, &key, Text(salt), cost == Cost::Small)
    }

    /// The wrapping key. Costs as much as hashing the password.
    pub fn key(&self, password: &str) -> Zeroizing<[u8; 32]> {
        derive(password, &self.salt.0, if self.small { Cost::Small } else { Cost::Normal })
    }

    /// Opens the vault.
    ///
    /// # Errors
    /// [`LocalError::Vault`] when the key is not the right one or the bytes are damaged.
    pub fn open(&self, user: UserId, key: &[u8; 32]) -> Result<Secrets, LocalError> {
        let sealed = protocol::ids::from_text(&self.sealed).ok_or(LocalError::Vault)?;
        let payload = Payload { msg: &sealed, aad: &user.0 };
        let cipher = ChaCha20Poly1305::new(&Key::from(*key));
        let plain = cipher.decrypt(&Nonce::from(self.nonce.0), payload).map_err(|_| LocalError::Vault)?;
        let plain = Zeroizing::new(plain);
        serde_json::from_slice(&plain).map_err(|_| LocalError::Vault)
    }

    /// Wraps other secrets under the same key.
    ///
    /// # Errors
    /// [`LocalError::Vault`], which does not happen for secrets of this size.
    pub fn replace(&self, secrets: &Secrets, user: UserId, key: &[u8; 32]) -> Result<Self, LocalError> {
        seal_with(secrets, user, key, self.salt, self.small)
    }
}

fn seal_with(
    secrets: &Secrets,
    user: UserId,
    key: &[u8; 32],
    salt: Text<16>,
    small: bool,
) -> Result<Vault, LocalError> {
    let plain = Zeroizing::new(serde_json::to_vec(secrets).map_err(|_| LocalError::Vault)?);
    let nonce = random();
    let payload = Payload { msg: &plain, aad: &user.0 };
    let cipher = ChaCha20Poly1305::new(&Key::from(*key));
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| LocalError::Vault)?;
    let sealed = protocol::ids::to_text(&sealed);
    Ok(Vault { salt, small, nonce: Text(nonce), sealed, recovery_pending: !secrets.recovery.is_empty() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_opens_the_vault_and_only_for_its_person() {
        let (ann, eve) = (UserId([1; 16]), UserId([2; 16]));
        let secrets = Secrets::new([3; 32], &[[4; 32], [5; 32]]);
        let vault = Vault::seal(&secrets, ann, "le chat dort", Cost::Small).unwrap();
        assert!(vault.recovery_pending);
        let key = vault.key("le chat dort");
        assert!(vault.open(ann, &key).unwrap() == secrets);
        assert!(vault.open(eve, &key).is_err());
        assert!(vault.open(ann, &vault.key("le chien dort")).is_err());
        let less = vault.replace(&secrets.without_recovery(), ann, &key).unwrap();
        assert!(!less.recovery_pending);
        assert!(less.open(ann, &key).unwrap().recovery().is_empty());
    }
}

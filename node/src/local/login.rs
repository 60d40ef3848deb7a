//! Logins: which browsers act for whom. A login is a random token, of which only the hash is kept.

use super::audit::Event;
use super::secret::{Hashed, Text, Token, hash, random};
use super::table::Table;
use super::{Local, LocalError};
use protocol::ids::{UserId, from_text, to_text};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// A login not used for this long is over.
pub const IDLE_MS_MAX: u64 = 12 * 60 * 60 * 1000;
/// A login is over after this in any case.
pub const AGE_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;
/// How long a repeated password opens the administrators' doors.
pub const SUDO_MS: u64 = 5 * 60 * 1000;
/// "Last used" reaches the disk at most this often: reading must not cost a write.
const TOUCH_EVERY_MS: u64 = 5 * 60 * 1000;
/// A replaced token still answers this long, so that requests under way with it do not fail.
const RETIRED_MS: u64 = 30 * 1000;
/// Logins of one person: more than anybody's devices; the oldest goes.
const LOGINS_PER_PERSON_MAX: usize = 20;
/// Enough of a browser's name to tell it from others.
const AGENT_CHARS_MAX: usize = 200;

/// Names a login in lists; no secret.
pub type LoginId = Text<16>;

impl LoginId {
    /// The text form.
    pub fn text(&self) -> String {
        to_text(&self.0)
    }

    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        from_text(text).and_then(|bytes| bytes.try_into().ok()).map(Text)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// One browser's login.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Login {
    /// Its name.
    pub id: LoginId,
    user: Text<16>,
    pub(super) token: Hashed,
    /// Stands in a header of every request that changes something.
    pub csrf: String,
    /// Milliseconds since 1970.
    pub created: u64,
    /// Milliseconds since 1970.
    pub last_used: u64,
    /// What the browser called itself.
    pub agent: String,
    /// Until when the password counts as just given.
    pub sudo_until: u64,
    #[serde(skip)]
    touched: u64,
    /// The key of the person's vault while sudo lasts; never on disk.
    #[serde(skip)]
    vault_key: Option<Zeroizing<[u8; 32]>>,
}

impl Login {
    /// Whose it is.
    pub fn user(&self) -> UserId {
        UserId(self.user.0)
    }

    /// Whether the password was given in the last minutes.
    pub fn is_sudo(&self, now: u64) -> bool {
        self.sudo_until > now
    }

    /// The key of the person's vault, while sudo lasts.
    pub fn vault_key(&self, now: u64) -> Option<&[u8; 32]> {
        self.vault_key.as_deref().filter(|_| self.is_sudo(now))
    }

    fn is_over(&self, now: u64) -> bool {
        now >= self.created.saturating_add(AGE_MS_MAX)
            || now >= self.last_used.max(self.touched).saturating_add(IDLE_MS_MAX)
    }
}

/// Tokens replaced a moment ago.
#[derive(Debug, Default)]
pub(super) struct Retired(HashMap<Hashed, (LoginId, u64)>);

impl Local {
    /// The login of a presented token, if it is not over. `touched` counts as use.
    pub fn login(&self, token: &str, now: u64) -> Option<Login> {
        let hashed = hash(token);
        let state = self.state();
        let current = state.tokens.get(&hashed).copied();
        let retired = || state.retired.0.get(&hashed).filter(|(_, until)| *until > now).map(|(login, _)| *login);
        let id = current.or_else(retired)?;
        let mut login = state.logins.get(&id).filter(|login| !login.is_over(now))?.clone();
        if current.is_none() {
            login.sudo_until = 0;
        }
        Some(login)
    }

    /// Whether a login still stands.
    pub fn login_stands(&self, id: LoginId, now: u64) -> bool {
        self.state().logins.get(&id).is_some_and(|login| !login.is_over(now))
    }

    /// Takes note that a login was used. Writes only every few minutes.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn touch_login(&self, id: LoginId, now: u64) -> Result<(), LocalError> {
        let mut writer = self.writer();
        let Some(mut login) = self.state().logins.get(&id).cloned() else { return Ok(()) };
        login.last_used = now;
        writer.put(Table::Login, id.bytes(), &login)?;
        writer.commit()?;
        if let Some(kept) = self.state_mut().logins.get_mut(&id) {
            kept.last_used = now;
        }
        Ok(())
    }

    /// Whether it is time for [`Local::touch_login`]; remembers the use in memory.
    pub fn use_login(&self, id: LoginId, now: u64) -> Touch {
        let mut state = self.state_mut();
        let Some(login) = state.logins.get_mut(&id) else { return Touch::Fresh };
        login.touched = now;
        if now.saturating_sub(login.last_used) < TOUCH_EVERY_MS { Touch::Fresh } else { Touch::Due }
    }

    /// Begins a login and gives its token, which is kept nowhere else.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn begin_login(&self, user: UserId, agent: &str, now: u64) -> Result<(Login, Token), LocalError> {
        let token = Token::new();
        let login = Login {
            id: Text(random()),
            user: Text(user.0),
            token: token.hashed(),
            csrf: to_text(&random::<16>()),
            created: now,
            last_used: now,
            agent: agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS_MAX).collect(),
            sudo_until: 0,
            touched: now,
            vault_key: None,
        };
        let mut writer = self.writer();
        let mut old = self.logins_of(user);
        old.sort_by_key(|login| login.last_used);
        let surplus = (old.len() + 1).saturating_sub(LOGINS_PER_PERSON_MAX);
        let over = old.iter().filter(|login| login.is_over(now));
        let ended: Vec<LoginId> = over.chain(old.iter().take(surplus)).map(|login| login.id).collect();
        for id in &ended {
            writer.delete(Table::Login, id.bytes());
        }
        writer.put(Table::Login, login.id.bytes(), &login)?;
        writer.note(Event::new(now, "login").by(user).about(&login.id.text()))?;
        writer.commit()?;
        let mut state = self.state_mut();
        for id in ended {
            remove(&mut state, id);
        }
        state.tokens.insert(login.token, login.id);
        state.logins.insert(login.id, login.clone());
        Ok((login, token))
    }

    /// Replaces a login's token because its rights grew: five minutes of sudo, with the vault's key if there is one.
    ///
    /// # Errors
    /// [`LocalError::NotFound`] when the login is gone, or the disk's refusal.
    pub fn begin_sudo(
        &self,
        id: LoginId,
        vault_key: Option<Zeroizing<[u8; 32]>>,
        now: u64,
    ) -> Result<(Login, Token), LocalError> {
        let mut writer = self.writer();
        let mut login = self.state().logins.get(&id).cloned().ok_or(LocalError::NotFound)?;
        let token = Token::new();
        let old = std::mem::replace(&mut login.token, token.hashed());
        login.sudo_until = now + SUDO_MS;
        login.last_used = now;
        login.vault_key = vault_key;
        writer.put(Table::Login, id.bytes(), &login)?;
        writer.note(Event::new(now, "sudo").by(login.user()))?;
        writer.commit()?;
        let mut state = self.state_mut();
        state.tokens.remove(&old);
        state.retired.0.retain(|_, (_, until)| *until > now);
        state.retired.0.insert(old, (id, now + RETIRED_MS));
        state.tokens.insert(login.token, id);
        state.logins.insert(id, login.clone());
        Ok((login, token))
    }

    /// Ends logins: all of a person's, or all but one, or one.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn end_logins(&self, user: UserId, which: Which, now: u64) -> Result<Vec<LoginId>, LocalError> {
        let mut writer = self.writer();
        let ended: Vec<LoginId> = self
            .logins_of(user)
            .into_iter()
            .map(|login| login.id)
            .filter(|id| match which {
                Which::All => true,
                Which::AllBut(kept) => *id != kept,
                Which::One(one) => *id == one,
            })
            .collect();
        if ended.is_empty() {
            return Ok(ended);
        }
        for id in &ended {
            writer.delete(Table::Login, id.bytes());
            writer.note(Event::new(now, "logout").by(user).about(&id.text()))?;
        }
        writer.commit()?;
        let mut state = self.state_mut();
        for id in &ended {
            remove(&mut state, *id);
        }
        Ok(ended)
    }

    /// A person's logins, also those that are over.
    pub fn logins_of(&self, user: UserId) -> Vec<Login> {
        self.state().logins.values().filter(|login| login.user() == user).cloned().collect()
    }

    /// A person's logins that stand, the newest first.
    pub fn standing_logins(&self, user: UserId, now: u64) -> Vec<Login> {
        let mut logins = self.logins_of(user);
        logins.retain(|login| !login.is_over(now));
        for login in &mut logins {
            login.last_used = login.last_used.max(login.touched);
        }
        logins.sort_by_key(|login| std::cmp::Reverse(login.last_used));
        logins
    }
}

fn remove(state: &mut super::State, id: LoginId) {
    if let Some(login) = state.logins.remove(&id) {
        state.tokens.remove(&login.token);
    }
    state.retired.0.retain(|_, (login, _)| *login != id);
}

/// Whether a use should be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Written not long ago.
    Fresh,
    /// Time to call [`Local::touch_login`].
    Due,
}

/// Which logins of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// Every other one.
    AllBut(LoginId),
    /// Only this.
    One(LoginId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    const ANN: UserId = UserId([1; 16]);

    #[test]
    fn a_login_ends_when_idle_when_old_and_when_told() {
        let (_folder, rows, local) = for_test();
        let (login, token) = local.begin_login(ANN, "Firefox", 1_000).unwrap();
        assert_eq!(local.login(token.text(), 1_001).unwrap().id, login.id);
        assert!(local.login(token.text(), 1_000 + IDLE_MS_MAX).is_none(), "idle");
        assert_eq!(local.use_login(login.id, 1_000 + IDLE_MS_MAX - 1), Touch::Due);
        assert!(local.login(token.text(), 1_000 + IDLE_MS_MAX).is_some(), "used in time");
        assert!(local.login("guess", 1_001).is_none());

        let again = Local::open(rows).unwrap();
        assert_eq!(again.login(token.text(), 1_001).unwrap().csrf, login.csrf);
        for step in 1..20 {
            again.touch_login(login.id, 1_000 + step * IDLE_MS_MAX / 2).unwrap();
        }
        assert!(again.login(token.text(), 1_000 + AGE_MS_MAX).is_none(), "old");
        assert_eq!(again.end_logins(ANN, Which::All, 2_000).unwrap(), [login.id]);
        assert!(again.login(token.text(), 1_001).is_none());
    }

    #[test]
    fn sudo_changes_the_token_and_keeps_the_old_one_for_a_moment_without_its_rights() {
        let (_folder, _, local) = for_test();
        let (login, old) = local.begin_login(ANN, "Firefox", 0).unwrap();
        let (_, new) = local.begin_sudo(login.id, Some(Zeroizing::new([7; 32])), 1_000).unwrap();
        assert_ne!(old.text(), new.text());
        let raised = local.login(new.text(), 2_000).unwrap();
        assert!(raised.is_sudo(2_000) && !raised.is_sudo(1_000 + SUDO_MS));
        assert_eq!(raised.csrf, login.csrf, "other tabs go on");
        assert_eq!(raised.vault_key(2_000), Some(&[7; 32]));
        assert_eq!(raised.vault_key(1_000 + SUDO_MS), None);
        assert!(!local.login(old.text(), 2_000).unwrap().is_sudo(2_000));
        assert!(local.login(old.text(), 1_000 + RETIRED_MS).is_none());
    }

    #[test]
    fn one_person_has_a_bounded_number_of_logins() {
        let (_folder, _, local) = for_test();
        let (_, first) = local.begin_login(ANN, "x", 0).unwrap();
        for n in 1..=LOGINS_PER_PERSON_MAX as u64 {
            local.begin_login(ANN, "x", n).unwrap();
        }
        assert_eq!(local.standing_logins(ANN, 100).len(), LOGINS_PER_PERSON_MAX);
        assert!(local.login(first.text(), 100).is_none());
    }
}

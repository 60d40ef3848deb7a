//! Accounts: who may log in here. One row a person of this site; the engine knows the person, this room the account.

use super::audit::Event;
use super::password::PasswordHash;
use super::secret::{Hashed, Text, Token, hash};
use super::table::Table;
use super::vault::Vault;
use super::{Local, LocalError, Writer};
use protocol::ids::{RequestId, UserId};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// An invitation link works for seven days.
pub const INVITATION_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// The longest address that mail can carry.
pub const EMAIL_BYTES_MAX: usize = 254;

/// The language of a person's screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French.
    #[default]
    Fr,
    /// English.
    En,
}

/// The colours of a person's screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the device says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// An open invitation to choose a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    token: Hashed,
    /// Milliseconds since 1970.
    pub expires: u64,
}

/// One person's account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    user: Text<16>,
    /// As [`normalise_email`] makes it.
    pub email: String,
    /// None until the invitation was taken up.
    pub password: Option<PasswordHash>,
    /// Language of the screens.
    pub language: Language,
    /// Colours of the screens.
    pub theme: Theme,
    /// Administers this site: people, storage, connections (ruling D3).
    pub site_admin: bool,
    /// May not log in.
    pub suspended: bool,
    /// Milliseconds since 1970.
    pub created: u64,
    /// An open invitation.
    pub invitation: Option<Invited>,
    /// The request that made the account: the same again gets the same person.
    request: Option<Text<16>>,
    /// An organisation admin's keys under their password.
    pub vault: Option<Vault>,
}

impl Account {
    /// An account without a password.
    pub fn new(user: UserId, email: String, language: Language, now: u64) -> Self {
        Self {
            user: Text(user.0),
            email,
            password: None,
            language,
            theme: Theme::System,
            site_admin: false,
            suspended: false,
            created: now,
            invitation: None,
            request: None,
            vault: None,
        }
    }

    /// Whose it is.
    pub fn user(&self) -> UserId {
        UserId(self.user.0)
    }

    /// Remembers which request made it.
    #[must_use]
    pub fn made_by(mut self, request: RequestId) -> Self {
        self.request = Some(Text(request.0));
        self
    }

    /// Opens an invitation and gives its token, which is kept nowhere else.
    pub fn invite(&mut self, now: u64) -> Token {
        let token = Token::new();
        self.invitation = Some(Invited { token: token.hashed(), expires: now + INVITATION_MS });
        token
    }
}

/// The one form of an address under which an account is found; `None` when it cannot be an address.
pub fn normalise_email(text: &str) -> Option<String> {
    let email: String = text.trim().nfc().collect::<String>().to_lowercase();
    let (name, domain) = email.rsplit_once('@')?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[]\\,;:\"".contains(c);
    let parts = domain.split('.').all(|part| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-'));
    let fits = !name.is_empty() && parts && email.len() <= EMAIL_BYTES_MAX;
    (fits && email.chars().all(plain) && !name.contains('@')).then_some(email)
}

impl Local {
    /// The account of a person of this site.
    pub fn account(&self, user: UserId) -> Option<Account> {
        self.state().accounts.get(&user).cloned()
    }

    /// Reads an account in place, without a copy.
    pub fn with_account<T>(&self, user: UserId, read: impl FnOnce(&Account) -> T) -> Option<T> {
        self.state().accounts.get(&user).map(read)
    }

    /// The account with a normalised address.
    pub fn account_of(&self, email: &str) -> Option<Account> {
        let state = self.state();
        state.emails.get(email).and_then(|user| state.accounts.get(user)).cloned()
    }

    /// The account that a request made.
    pub fn account_made_by(&self, request: RequestId) -> Option<Account> {
        self.state().accounts.values().find(|account| account.request == Some(Text(request.0))).cloned()
    }

    /// The account whose open invitation this token is.
    ///
    /// # Errors
    /// [`LocalError::NotFound`] or [`LocalError::Expired`].
    pub fn account_invited(&self, token: &str, now: u64) -> Result<Account, LocalError> {
        let token = hash(token);
        let state = self.state();
        let mut accounts = state.accounts.values();
        let found = accounts.find(|account| account.invitation.as_ref().is_some_and(|open| open.token == token));
        let account = found.ok_or(LocalError::NotFound)?;
        match &account.invitation {
            Some(open) if open.expires > now => Ok(account.clone()),
            _ => Err(LocalError::Expired),
        }
    }

    /// How many accounts there are.
    pub fn accounts(&self) -> usize {
        self.state().accounts.len()
    }

    /// Adds an account.
    ///
    /// # Errors
    /// [`LocalError::EmailTaken`], or the disk's refusal.
    pub fn add_account(&self, account: Account, event: Event) -> Result<(), LocalError> {
        let mut writer = self.writer();
        if self.state().emails.contains_key(&account.email) {
            return Err(LocalError::EmailTaken);
        }
        writer.put(Table::Account, &account.user.0, &account)?;
        writer.note(event)?;
        writer.commit()?;
        let mut state = self.state_mut();
        state.emails.insert(account.email.clone(), account.user());
        state.accounts.insert(account.user(), account);
        Ok(())
    }

    /// Changes an account in one step; `change` may refuse.
    ///
    /// # Errors
    /// [`LocalError::NotFound`], what `change` refuses with, or the disk's refusal.
    pub fn change_account(
        &self,
        user: UserId,
        event: Option<Event>,
        change: impl FnOnce(&mut Account) -> Result<(), LocalError>,
    ) -> Result<Account, LocalError> {
        let mut writer = self.writer();
        self.change_in(&mut writer, user, change, event)
    }

    fn change_in(
        &self,
        writer: &mut Writer<'_>,
        user: UserId,
        change: impl FnOnce(&mut Account) -> Result<(), LocalError>,
        event: Option<Event>,
    ) -> Result<Account, LocalError> {
        let mut account = self.account(user).ok_or(LocalError::NotFound)?;
        change(&mut account)?;
        writer.put(Table::Account, &user.0, &account)?;
        if let Some(event) = event {
            writer.note(event)?;
        }
        writer.commit()?;
        self.state_mut().accounts.insert(user, account.clone());
        Ok(account)
    }

    /// Makes somebody administrator of the site, or takes it back.
    ///
    /// # Errors
    /// [`LocalError::LastAdmin`], [`LocalError::NotFound`], or the disk's refusal.
    pub fn set_site_admin(&self, user: UserId, to: SiteAdmin, event: Event) -> Result<Account, LocalError> {
        let mut writer = self.writer();
        if to == SiteAdmin::No {
            let state = self.state();
            let able = |account: &&Account| account.site_admin && !account.suspended && account.password.is_some();
            if !state.accounts.values().filter(able).any(|account| account.user() != user) {
                return Err(LocalError::LastAdmin);
            }
        }
        let change = |account: &mut Account| {
            account.site_admin = to == SiteAdmin::Yes;
            Ok(())
        };
        self.change_in(&mut writer, user, change, Some(event))
    }

    /// Forgets an account whose making did not come to an end, with everything it has here.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn drop_account(&self, user: UserId) -> Result<(), LocalError> {
        let mut writer = self.writer();
        writer.delete(Table::Account, &user.0);
        let logins: Vec<_> = self.logins_of(user).into_iter().map(|login| login.id).collect();
        for login in &logins {
            writer.delete(Table::Login, login.bytes());
        }
        writer.commit()?;
        let mut state = self.state_mut();
        if let Some(account) = state.accounts.remove(&user) {
            state.emails.remove(&account.email);
        }
        for login in logins {
            if let Some(login) = state.logins.remove(&login) {
                state.tokens.remove(&login.token);
            }
        }
        Ok(())
    }

    /// Forgets an account with its uploads and marks, also on the disk: nothing of the person stays here but the audit
    /// lines, which name an id.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn erase_account(&self, user: UserId) -> Result<(), LocalError> {
        self.drop_account(user)?;
        let mut writer = self.writer();
        for table in [Table::Mark, Table::Upload, Table::Searches] {
            for (row, _) in self.rows.prefix(table.byte(), &user.0, None, usize::MAX) {
                writer.delete(table, &row);
            }
        }
        writer.commit()?;
        drop(writer);
        Ok(self.rows.compact()?)
    }

    /// Everybody with an account.
    pub fn account_users(&self) -> Vec<UserId> {
        self.state().accounts.keys().copied().collect()
    }
}

/// Whether somebody administers the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteAdmin {
    /// Does.
    Yes,
    /// Does not.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    fn event() -> Event {
        Event::new(1, "test")
    }

    #[test]
    fn addresses_are_found_however_they_are_typed() {
        assert_eq!(normalise_email(" Ann@Example.ORG "), Some("ann@example.org".into()));
        for wrong in ["", "ann", "@example.org", "ann@", "a b@c.d", "ann@ex..org", "a@b@c.d", "Ann <a@b.c>", "a@-b.c"] {
            assert_eq!(normalise_email(wrong), None, "{wrong}");
        }
        assert_eq!(normalise_email("ann@siege"), Some("ann@siege".into()), "a name of the house network is fine");
    }

    #[test]
    fn accounts_and_invitations_survive_a_restart_and_addresses_are_unique() {
        let (_folder, rows, local) = for_test();
        let ann = UserId([1; 16]);
        let mut account = Account::new(ann, "ann@example.org".into(), Language::En, 5).made_by(RequestId([9; 16]));
        let token = account.invite(5);
        local.add_account(account, event()).unwrap();
        let twin = Account::new(UserId([2; 16]), "ann@example.org".into(), Language::Fr, 5);
        assert!(matches!(local.add_account(twin, event()), Err(LocalError::EmailTaken)));
        let again = Local::open(rows).unwrap();
        assert_eq!(again.account_of("ann@example.org").unwrap().user(), ann);
        assert_eq!(again.account_made_by(RequestId([9; 16])).unwrap().user(), ann);
        assert_eq!(again.account_invited(token.text(), 5).unwrap().user(), ann);
        assert!(matches!(again.account_invited(token.text(), 5 + INVITATION_MS), Err(LocalError::Expired)));
        assert!(matches!(again.account_invited("guess", 5), Err(LocalError::NotFound)));
        again.drop_account(ann).unwrap();
        assert_eq!(again.accounts(), 0);
    }

    #[test]
    fn the_last_site_admin_stays() {
        let (_folder, _, local) = for_test();
        for n in [1, 2] {
            let mut account = Account::new(UserId([n; 16]), format!("{n}@example.org"), Language::Fr, 0);
            account.site_admin = true;
            account.password = Some(PasswordHash::new("le chat dort", super::super::password::Cost::Small));
            local.add_account(account, event()).unwrap();
        }
        local.set_site_admin(UserId([1; 16]), SiteAdmin::No, event()).unwrap();
        let refused = local.set_site_admin(UserId([2; 16]), SiteAdmin::No, event());
        assert!(matches!(refused, Err(LocalError::LastAdmin)));
    }
}

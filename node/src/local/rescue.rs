//! Letting somebody in again who has lost their password, asked for on the machine itself: whoever has the data folder
//! needs nobody's leave.

use super::account::Account;
use super::audit::Event;
use super::secret::Token;
use super::{Local, LocalError};

impl Local {
    /// The e-mail addresses of accounts that may log in and that `administers` says yes to, or that administer the site.
    pub fn administrators(&self, administers: impl Fn(&Account) -> bool) -> Vec<String> {
        let state = self.state();
        let able = |account: &&Account| !account.suspended && (account.site_admin || administers(account));
        let mut emails: Vec<String> =
            state.accounts.values().filter(able).map(|account| account.email.clone()).collect();
        emails.sort();
        emails
    }

    /// Opens a link by which the person of that e-mail address chooses a new password, once. The old one serves until then.
    ///
    /// # Errors
    /// [`LocalError::NotFound`], or the disk's refusal.
    pub fn rescue(&self, email: &str, now: u64) -> Result<Token, LocalError> {
        let account = super::account::normalise_email(email).and_then(|email| self.account_of(&email));
        let user = account.ok_or(LocalError::NotFound)?.user();
        let event = Event::new(now, "password_reset_at_console").about(&user.to_string());
        let mut token = None;
        self.change_account(user, Some(event), |account| {
            token = Some(account.invite(now));
            Ok(())
        })?;
        token.ok_or(LocalError::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::account::Language;
    use crate::local::for_test;
    use protocol::ids::UserId;

    #[test]
    fn a_lost_password_is_replaced_by_a_link_that_the_log_knows_of() {
        let (_folder, _, local) = for_test();
        for (n, email, site_admin) in [(1, "ann@example.org", true), (2, "ben@example.org", false)] {
            let mut account = Account::new(UserId([n; 16]), email.into(), Language::Fr, 0);
            account.site_admin = site_admin;
            local.add_account(account, Event::new(0, "test")).unwrap();
        }
        assert_eq!(local.administrators(|_| false), ["ann@example.org"]);
        assert_eq!(local.administrators(|_| true).len(), 2);
        assert!(matches!(local.rescue("eve@example.org", 5), Err(LocalError::NotFound)));
        let token = local.rescue(" Ann@Example.org ", 5).unwrap();
        assert_eq!(local.account_invited(token.text(), 6).unwrap().user(), UserId([1; 16]));
        let (lines, _) = local.audit();
        let line = lines.iter().find(|line| line.kind == "password_reset_at_console").unwrap();
        assert_eq!((line.subject.clone(), line.actor()), (UserId([1; 16]).to_string(), None));
    }
}

//! The one shape of every refusal, and the one table of codes (`docs/http-api.md`). Causes go to the log; people get
//! plain words.

use crate::files::FileError;
use crate::local::LocalError;
use crate::local::password::Weak;
use crate::runtime::handle::Busy;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::engine::effect::Refusal;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// One line of the table: a stable code, its status, and a sentence that says what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable; the web UI translates it.
    pub name: &'static str,
    /// HTTP status.
    pub status: u16,
    /// English.
    pub message: &'static str,
}

macro_rules! codes {
    ($($constant:ident $name:literal $status:literal $message:literal)*) => {
        $(#[doc = $message] pub const $constant: &Code = &Code { name: $name, status: $status, message: $message };)*
        /// The whole table.
        pub const ALL: &[&Code] = &[$($constant),*];
    };
}

codes! {
    BAD_REQUEST "bad_request" 400 "The request does not make sense; reload the page and try again."
    BAD_JSON "bad_json" 400 "The body is not the JSON that is expected here; /api/v1/docs shows it. In a browser, reload the page."
    BAD_VALUE "bad_value" 422 "A value is outside what is allowed; correct the field that the details name."
    TOO_LARGE "too_large" 413 "The request is larger than is taken here; send less at a time, and files one by one."
    METHOD_NOT_ALLOWED "method_not_allowed" 405 "This address does not take that method; the header Allow names those it takes."
    UNAUTHENTICATED "unauthenticated" 401 "Log in first."
    BAD_LOGIN "bad_login" 401 "The e-mail address or the password is not right."
    THROTTLED "throttled" 429 "Too many attempts; wait a little and try again."
    FORBIDDEN "forbidden" 403 "You may see this, but not do this."
    NOT_FOUND "not_found" 404 "There is nothing here, or you may not see it."
    CSRF "csrf" 403 "The request does not come from this site's own page; reload the page."
    UNKNOWN_HOST "unknown_host" 421 "This site is not known by that name; its administrator can add it with --name."
    SUDO_REQUIRED "sudo_required" 403 "Give your password again for this."
    SETUP_DONE "setup_done" 409 "This site is set up already."
    SETUP_CODE_REQUIRED "setup_code_required" 403 "Type the code that the node shows on its console."
    SETUP_CODE_WRONG "setup_code_wrong" 403 "This is not the code that the node shows on its console."
    NOT_SET_UP "not_set_up" 409 "This site is not set up yet."
    EMAIL_TAKEN "email_taken" 409 "Somebody at this site has this e-mail address already."
    EMAIL_INVALID "email_invalid" 422 "This is not an e-mail address; write it like name@example.org."
    PASSWORD_TOO_SHORT "password_too_short" 422 "Take at least 12 and at most 128 characters."
    PASSWORD_TOO_COMMON "password_too_common" 422 "Many people would guess this; a few unrelated words are better."
    NAME_MISSING "name_missing" 422 "A name is needed."
    TEXT_MISSING "text_missing" 422 "A text is needed."
    TEXT_TOO_LONG "text_too_long" 422 "The text is longer than is allowed here; shorten it or divide it. Limits: 100 KiB for a post, 20 KiB for a comment, 200 characters for a title."
    ATTACHMENTS_TOO_MANY "attachments_too_many" 422 "A post takes 30 files at most; take some out, or divide them over several posts."
    GROUP_LIMIT "group_limit" 409 "The group or the folder has as many of these as it can; put some elsewhere, or throw some away."
    FEEDS_TOO_MANY "feeds_too_many" 409 "The group reads as many feeds as it can; remove one first."
    INVITATION_UNKNOWN "invitation_unknown" 404 "This invitation is not valid; ask for a new one."
    INVITATION_EXPIRED "invitation_expired" 410 "This invitation is too old; ask for a new one."
    LAST_ADMIN "last_admin" 409 "Somebody must remain in charge; name another person first."
    NOT_A_MEMBER "not_a_member" 403 "Only members of the group may do this."
    GROUP_CLOSED "group_closed" 403 "Members of this group are invited; ask one of its facilitators."
    ALREADY_THERE "already_there" 409 "This is there already."
    CLOCK_WRONG "clock_wrong" 409 "This site's clock is more than a day off; nothing is written until it is set right."
    FROZEN "frozen" 409 "This was made with a newer version; update this site to change it."
    POLICY_FORBIDS "policy_forbids" 403 "The owners of this group have reserved this."
    RECOVERY_KEYS_WRONG "recovery_keys_wrong" 422 "These are not enough of the organisation's recovery keys, or one of them is not among them: copy each whole, from the paper."
    ADMIN_KEY_MISSING "admin_key_missing" 409 "This person has no signing key here yet: make them administrator of their site and let them confirm with their password once."
    FILE_TOO_LARGE "file_too_large" 413 "A file may have 25 MB at most."
    FILE_TYPE_REFUSED "file_type_refused" 415 "This picture cannot be read, or has more than 50 megapixels."
    FILE_NOT_HERE "file_not_here" 409 "The file has not arrived at this site yet."
    PAIR_EXPIRED "pair_expired" 410 "The invitation has expired; ask for a new one."
    PAIR_USED "pair_used" 409 "The invitation has been used; ask for a new one."
    PAIR_WRONG_CODE "pair_wrong_code" 422 "This is not an invitation, or part of it is missing."
    PAIR_UNREACHABLE "pair_unreachable" 502 "The other site cannot be reached; check its address and firewall."
    PAIR_CLOCK "pair_clock" 409 "The clocks of the two sites differ too much; set them and try again."
    PAIR_REFUSED "pair_refused" 409 "The other site refused; ask its administrator whether the pairing was declined there, and start again with a new invitation."
    PAIR_OTHER_ORGANISATION "pair_other_organisation" 409 "The other site belongs to another organisation."
    PAIR_DIGITS_DIFFER "pair_digits_differ" 409 "The digits differ: somebody may be listening in. Start again."
    PAIR_TOO_MANY "pair_too_many" 409 "Too many invitations are open; take one back, or wait until one expires."
    PAIR_LOCKED "pair_locked" 429 "Too many failed pairings; try again in an hour."
    PAIR_ALREADY "pair_already" 409 "The two sites are paired already."
    BUNDLE_NONE "bundle_none" 422 "This is no file made for the exchange between sites; choose one whose name ends in .bundle."
    BUNDLE_NEWER "bundle_newer" 409 "A newer version made this file; update this site and take it again."
    BUNDLE_DAMAGED "bundle_damaged" 422 "The file was changed on its way; copy it again, or ask for a new one. What came before the damage counts."
    BUNDLE_CUT_SHORT "bundle_cut_short" 422 "The end of the file is missing; copy it again and take it again. What came before counts."
    BUNDLE_OTHER_ORGANISATION "bundle_other_organisation" 409 "This file is of another organisation; nothing was taken."
    BUNDLE_OTHER_SITE "bundle_other_site" 409 "This file is for another site; carry it there. Nothing was taken."
    BUNDLE_OTHER_MACHINE "bundle_other_machine" 409 "This file was made before its maker knew this machine; ask for a new one."
    BUNDLE_MAKER_REMOVED "bundle_maker_removed" 409 "The machine that made this file was removed from the organisation; nothing was taken."
    BUNDLE_NO_READER "bundle_no_reader" 409 "No machine of this site may read a file any more."
    FEED_TIMEOUT "feed_timeout" 502 "The feed did not come within ten seconds; try again later."
    FEED_TLS "feed_tls" 502 "The certificate of the feed's site is not trusted; ask whoever runs that site to renew it."
    FEED_MISSING "feed_missing" 502 "The site has nothing at this address; look on its pages for the new one."
    FEED_GONE "feed_gone" 502 "The site says that this feed has ended for good; remove it."
    FEED_FORBIDDEN "feed_forbidden" 502 "The site lets nobody read this without a login; choose a public feed."
    FEED_HTTP_STATUS "feed_http_status" 502 "The feed's site answers with an error for now; try again later."
    FEED_REDIRECTS "feed_redirects" 502 "The site sends from one address to the next without an end; open it in a browser and give the address where it stops."
    FEED_UNSAFE "feed_unsafe" 422 "This document declares entities or is nested too deep, which is not read; tell whoever runs that site."
    FEED_UNREACHABLE "feed_unreachable" 502 "The feed's address does not answer; check it in a browser, and try again later."
    FEED_REFUSED_ADDRESS "feed_refused_address" 422 "This address is not public; the site's administrator can allow it."
    FEED_NOT_A_FEED "feed_not_a_feed" 422 "There is no feed at this address; look on that page for a link to RSS or Atom, and give that."
    FEED_TOO_LARGE "feed_too_large" 422 "The feed is larger than is read here; choose a shorter one of the same source."
    OPML_INVALID "opml_invalid" 422 "This is not a list of feeds (OPML); export it from the other reader as OPML and choose that file."
    BUSY "busy" 503 "The site has much to do; try again in a moment."
    NOT_HERE_YET "not_here_yet" 503 "This group is on its way to this site; try again in a moment."
    READ_ONLY "read_only" 507 "The site's disk is full or failing: it can be read, not written."
    INTERNAL "internal" 500 "Something went wrong at this site; its log says what."
}

/// The code of that name, or `internal` for a name that is not in the table.
pub fn by_name(name: &str) -> &'static Code {
    ALL.iter().copied().find(|code| code.name == name).unwrap_or(INTERNAL)
}

/// A refusal on its way to the browser.
#[derive(Debug, PartialEq)]
pub struct ApiError {
    /// Its line in the table.
    pub code: &'static Code,
    /// What the sentence may want to name.
    pub details: Option<Value>,
}

/// What every handler answers.
pub type Answered<T> = Result<T, ApiError>;

/// The shape of every refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Stable.
    pub code: &'static str,
    /// A sentence in English that says what to do.
    pub message: &'static str,
    /// What the sentence may want to name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

impl ApiError {
    /// With details.
    pub fn with(code: &'static Code, details: Value) -> Self {
        Self { code, details: Some(details) }
    }

    /// Try again after so many seconds.
    pub fn later(code: &'static Code, seconds: u64) -> Self {
        Self::with(code, json!({ "retry_seconds": seconds.max(1) }))
    }

    /// Something broke; the cause goes to the log only.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        INTERNAL.into()
    }

    fn retry_seconds(&self) -> Option<u64> {
        self.details.as_ref()?.get("retry_seconds")?.as_u64()
    }
}

impl From<&'static Code> for ApiError {
    fn from(code: &'static Code) -> Self {
        Self { code, details: None }
    }
}

impl From<Busy> for ApiError {
    fn from(_: Busy) -> Self {
        Self::later(BUSY, 1)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        by_name(refusal.code()).into()
    }
}

impl From<Weak> for ApiError {
    fn from(weak: Weak) -> Self {
        match weak {
            Weak::Short | Weak::Long => PASSWORD_TOO_SHORT.into(),
            Weak::Common => PASSWORD_TOO_COMMON.into(),
        }
    }
}

impl From<LocalError> for ApiError {
    fn from(error: LocalError) -> Self {
        match error {
            LocalError::EmailTaken => EMAIL_TAKEN.into(),
            LocalError::NotFound => NOT_FOUND.into(),
            LocalError::Expired => INVITATION_EXPIRED.into(),
            LocalError::LastAdmin => LAST_ADMIN.into(),
            LocalError::Write(cause) => {
                tracing::error!(%cause, "this site's own records cannot be written");
                READ_ONLY.into()
            }
            LocalError::Damaged { .. } | LocalError::Vault => Self::internal(error),
        }
    }
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::TooLarge => FILE_TOO_LARGE.into(),
            FileError::Refused => FILE_TYPE_REFUSED.into(),
            FileError::NotHere => FILE_NOT_HERE.into(),
            FileError::Busy => Self::later(BUSY, 2),
            FileError::Interrupted => BAD_REQUEST.into(),
            FileError::Disk(cause) => {
                tracing::error!(%cause, "a file cannot be kept or read");
                READ_ONLY.into()
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.retry_seconds();
        let body = ErrorBody { code: self.code.name, message: self.code.message, details: self.details };
        let mut response = (status, Json(body)).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_stands_once_in_the_table_and_in_the_contract() {
        let names: BTreeSet<&str> = ALL.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), ALL.len());
        let contract = include_str!("../../../docs/http-api.md");
        for name in names {
            assert!(contract.contains(&format!("`{name}`")), "{name} is not in docs/http-api.md");
        }
    }

    #[test]
    fn every_refusal_of_the_engine_has_its_code() {
        for refusal in [
            Refusal::NotSetUp,
            Refusal::AlreadySetUp,
            Refusal::NotFound,
            Refusal::NotHereYet,
            Refusal::Forbidden,
            Refusal::NotAMember,
            Refusal::GroupClosed,
            Refusal::Empty,
            Refusal::TooLong,
            Refusal::LastOwner,
            Refusal::LimitReached,
            Refusal::TooManyFiles,
            Refusal::TooManyFeeds,
            Refusal::AlreadyThere,
            Refusal::Invalid,
            Refusal::ClockWrong,
            Refusal::Frozen,
            Refusal::PolicyForbids,
            Refusal::KeyMissing,
        ] {
            assert_ne!(ApiError::from(refusal).code, INTERNAL, "{refusal:?}");
        }
    }

    #[test]
    fn a_time_to_wait_is_told_in_body_and_header() {
        let response = ApiError::later(THROTTLED, 7).into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
    }
}

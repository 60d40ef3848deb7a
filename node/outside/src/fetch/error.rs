//! Why a fetch did not bring a document, with a stable code and plain words for the person who added the address.

use std::time::Duration;

/// A failed fetch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The text is not an http or https address.
    #[error("not a web address: {reason}")]
    BadAddress {
        /// What is wrong with it.
        reason: String,
    },
    /// The name or address leads somewhere that is not public, or to a port that is not a web port.
    #[error("refused address {host}: {reason}")]
    RefusedAddress {
        /// Host as written, after normalisation.
        host: String,
        /// Which rule refused it.
        reason: &'static str,
    },
    /// The name does not resolve, nobody answers, or the answer broke off.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// Host that was asked.
        host: String,
        /// Technical cause.
        reason: String,
    },
    /// The whole exchange took longer than allowed.
    #[error("no complete answer within {seconds} seconds")]
    Timeout {
        /// The limit that passed.
        seconds: u64,
    },
    /// The certificate is not trusted or the secure connection failed.
    #[error("secure connection to {host} failed: {reason}")]
    Tls {
        /// Host that was asked.
        host: String,
        /// Technical cause.
        reason: String,
    },
    /// The site answered with something other than a document.
    #[error("http status {status}")]
    Status {
        /// HTTP status code.
        status: u16,
        /// How long the site asks to wait, for 429 and 503.
        retry_after: Option<Duration>,
    },
    /// The document is larger than allowed, as sent or once inflated.
    #[error("document larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit that was passed.
        bytes_max: usize,
    },
    /// The site redirects too often, in a circle, or to nowhere.
    #[error("redirected in vain: {reason}")]
    Redirects {
        /// What is wrong with the redirects.
        reason: &'static str,
    },
}

impl FetchError {
    /// Stable code for programs and translations.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadAddress { .. } | Self::RefusedAddress { .. } => "feed_refused_address",
            Self::Unreachable { .. } => "feed_unreachable",
            Self::Timeout { .. } => "feed_timeout",
            Self::Tls { .. } => "feed_tls",
            Self::Status { .. } => "feed_http_status",
            Self::TooLarge { .. } => "feed_too_large",
            Self::Redirects { .. } => "feed_redirects",
        }
    }

    /// Plain words for the person who added the address: what happened and what to do.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::BadAddress { .. } => {
                "This is not a web address that can be read. Give an address that starts with http:// or https://, \
                 without a user name or password."
                    .to_owned()
            }
            Self::RefusedAddress { host, .. } => format!(
                "The address {host} is not on the public web, so it is not read. If it is a source inside your \
                 organisation, ask an administrator to add its exact origin to the allowed sources."
            ),
            Self::Unreachable { host, .. } => format!(
                "{host} does not answer. Check the address; if it is right, the site may be down and is tried again later."
            ),
            Self::Timeout { seconds } => {
                format!("The site did not send its document within {seconds} seconds. It is tried again later.")
            }
            Self::Tls { host, .. } => format!(
                "The secure connection to {host} could not be trusted. Its certificate may have expired; if the site \
                 uses a certificate of your organisation, ask an administrator to add its root."
            ),
            Self::Status { status, .. } => status_message(*status),
            Self::TooLarge { bytes_max } => format!(
                "The document is larger than {} MB. Look for a shorter feed of the same site.",
                bytes_max / (1024 * 1024)
            ),
            Self::Redirects { .. } => {
                "The site sends from one address to the next without an end. Open it in a browser and give the address \
                 where it stops."
                    .to_owned()
            }
        }
    }
}

fn status_message(status: u16) -> String {
    match status {
        401 | 403 => format!("The site refuses access (status {status}). Only feeds that need no login can be read."),
        404 => {
            "The site has nothing at this address (status 404). Check the address, or look for the new one.".to_owned()
        }
        410 => {
            "The site says that this feed has ended for good (status 410). It is not asked again; remove it.".to_owned()
        }
        429 => "The site asks to be read less often (status 429). It is tried again later.".to_owned(),
        500..=599 => format!("The site has a problem of its own (status {status}). It is tried again later."),
        _ => format!("The site answered with status {status} in place of a document. Check the address."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_code_and_says_what_to_do() {
        let host = || "a.example".to_owned();
        let reason = || "x".to_owned();
        let all = [
            (FetchError::BadAddress { reason: reason() }, "feed_refused_address"),
            (FetchError::RefusedAddress { host: host(), reason: "x" }, "feed_refused_address"),
            (FetchError::Unreachable { host: host(), reason: reason() }, "feed_unreachable"),
            (FetchError::Timeout { seconds: 10 }, "feed_timeout"),
            (FetchError::Tls { host: host(), reason: reason() }, "feed_tls"),
            (FetchError::Status { status: 404, retry_after: None }, "feed_http_status"),
            (FetchError::TooLarge { bytes_max: 5 << 20 }, "feed_too_large"),
            (FetchError::Redirects { reason: "x" }, "feed_redirects"),
        ];
        for (error, code) in all {
            assert_eq!(error.code(), code);
            assert!(error.message().len() > 40 && error.message().ends_with('.'), "{}", error.message());
        }
        for status in [401, 403, 404, 410, 418, 429, 500, 503] {
            assert!(status_message(status).contains(&status.to_string()));
        }
    }
}

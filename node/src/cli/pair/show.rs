//! What the terminal shows of a pairing: steps as they begin, digits once, and each failure with what to try.

use crate::control_socket::client::ClientError;
use crate::control_socket::message::{Refusal, Step};
use std::collections::BTreeMap;

/// What was shown already.
#[derive(Debug, Default)]
pub struct Shown {
    steps: BTreeMap<String, String>,
}

impl Shown {
    /// Tells which steps have begun or ended since the last call.
    pub fn steps(&mut self, steps: &[Step]) {
        for line in self.news(steps) {
            eprintln!("{line}");
        }
    }

    fn news(&mut self, steps: &[Step]) -> Vec<String> {
        let mut lines = Vec::new();
        for step in steps {
            let before = self.steps.insert(step.id.clone(), step.state.clone());
            if before.as_ref() == Some(&step.state) {
                continue;
            }
            match step.state.as_str() {
                "doing" => lines.push(format!("… {}", name(&step.id))),
                "done" => lines.push(format!("✓ {}", name(&step.id))),
                "failed" => lines.push(format!("✗ {}", name(&step.id))),
                _ => {}
            }
        }
        lines
    }

    /// The digits and who is on the other side.
    pub fn digits(&self, digits: Option<&str>, site: Option<&str>, fingerprint: Option<&str>) {
        let spaced =
            digits.map(|digits| digits.split_at_checked(3).map_or_else(|| digits.into(), |(a, b)| format!("{a} {b}")));
        eprintln!();
        eprintln!("  Other site:  {}", site.unwrap_or("unknown"));
        eprintln!("  Fingerprint: {}", fingerprint.unwrap_or("unknown"));
        eprintln!("  Digits:      {}", spaced.unwrap_or_default());
        eprintln!();
        eprintln!("Compare the digits with the person at the other site, by telephone for instance.");
    }
}

fn name(step: &str) -> &str {
    match step {
        "read" => "read the invitation",
        "wait" => "wait for the other site",
        "reach" => "reach the other site",
        "prove" => "prove the invitation",
        "compare" => "compare the digits",
        "admit" => "admit the new site",
        "send" => "send what the organisation knows",
        "receive" => "receive what the organisation knows",
        other => other,
    }
}

/// A failed pairing in words.
pub fn failure(error: Option<&Refusal>) -> String {
    error.map_or_else(|| "pairing failed".into(), |error| explain(&error.code, error.step.as_deref()))
}

/// What the node refused, in words.
pub fn refusal(error: ClientError) -> anyhow::Error {
    match error {
        ClientError::Refused { refusal } => anyhow::Error::msg(explain(&refusal.code, refusal.step.as_deref())),
        other => other.into(),
    }
}

/// Which step failed, why, and what to try.
pub fn explain(code: &str, step: Option<&str>) -> String {
    let what = match code {
        "pair_expired" => "the invitation's time is over. Ask for a new one.",
        "pair_used" => "the invitation was used or closed. Ask for a new one.",
        "pair_wrong_code" => {
            "this is not the invitation that the other site gave. Copy the whole of it, or ask for a new one."
        }
        "pair_unreachable" => {
            "the other site cannot be reached. Is its node running, and does its firewall let the pairing port \
             (one above the peers' port, 7302 by default, UDP and TCP) through?"
        }
        "pair_clock" => "the clocks of the two sites are more than ten minutes apart. Set them and try again.",
        "pair_refused" => "the other site, or this one, said no. Ask its administrator.",
        "pair_other_organisation" => {
            "what arrived belongs to another organisation than the invitation names. Do not go on."
        }
        "pair_digits_differ" => {
            "the digits differ: somebody may be in between. Ask for a new invitation on another way."
        }
        "pair_locked" => "three pairings failed within an hour. Pairing rests for an hour.",
        "pair_too_many" => "too many invitations are open. Take one back, or wait until one expires.",
        "pair_already" => "this site belongs to an organisation already.",
        "bad_login" => "the e-mail address or the password is wrong.",
        "forbidden" => "this person does not administer the organisation.",
        "sudo_required" => "the password must be given again.",
        "read_only" => "the site's disk takes nothing at the moment.",
        "not_found" => "there is no such invitation.",
        "busy" => "the site is busy. Try again in a moment.",
        other => return format!("refused: {other}"),
    };
    match step {
        Some(step) => format!("failed at \"{}\": {what}", name(step)),
        None => what.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, state: &str) -> Step {
        Step { id: id.into(), state: state.into() }
    }

    #[test]
    fn each_step_is_told_once() {
        let mut shown = Shown::default();
        assert_eq!(shown.news(&[step("wait", "doing"), step("reach", "todo")]), ["… wait for the other site"]);
        assert!(shown.news(&[step("wait", "doing"), step("reach", "todo")]).is_empty());
        let lines = shown.news(&[step("wait", "done"), step("reach", "doing")]);
        assert_eq!(lines, ["✓ wait for the other site", "… reach the other site"]);
    }

    #[test]
    fn every_failure_names_its_step_and_what_to_try() {
        for code in ["expired", "used", "wrong_code", "unreachable", "clock", "refused", "other_organisation"] {
            let text = explain(&format!("pair_{code}"), Some("prove"));
            assert!(text.starts_with("failed at \"prove the invitation\"") && text.ends_with(['.', '?']), "{text}");
        }
        assert_eq!(explain("strange", None), "refused: strange");
    }
}

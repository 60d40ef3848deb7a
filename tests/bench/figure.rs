//! What a bench found, for people and for programs. Knows no bench.

use serde_json::json;
use std::io::Write as _;

/// One figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its name, stable.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// Its unit; `ratio` for a quotient of two things measured in this run.
    pub unit: &'static str,
    /// What it is compared with and how it was measured.
    pub baseline: String,
}

impl Figure {
    /// A figure with its baseline in words.
    pub fn new(name: &'static str, value: f64, unit: &'static str, baseline: impl Into<String>) -> Self {
        Self { name, value, unit, baseline: baseline.into() }
    }
}

/// How figures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A line each, for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where figures go; what is said on the way goes to standard error.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// The bench's name.
    pub bench: &'static str,
    /// How to print.
    pub form: Form,
}

impl Report {
    /// Prints a figure on standard output.
    pub fn figure(&self, figure: &Figure) {
        let mut out = std::io::stdout().lock();
        let value = rounded(figure.value);
        let line = match self.form {
            Form::Json => json!({
                "bench": self.bench, "figure": figure.name, "value": value, "unit": figure.unit,
                "baseline": figure.baseline,
            })
            .to_string(),
            Form::Text => format!("{:<28} {value:>12} {:<12} {}", figure.name, figure.unit, figure.baseline),
        };
        // A reader that went away wants no more lines.
        let _ = writeln!(out, "{line}");
    }

    /// Says how far the bench is.
    pub fn note(&self, words: &str) {
        eprintln!("{}: {words}", self.bench);
    }
}

/// Four digits that mean something.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    if digits <= 0 {
        return value.round();
    }
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// The value below which a share of the others lies; the list is put in order.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

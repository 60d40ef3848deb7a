//! Log lines on standard error. Knows no content: callers log ids, codes and counts.

use crate::config::{Config, LogForm};
use tracing_subscriber::EnvFilter;

/// Begins logging. A second call in one process does nothing.
///
/// # Errors
/// In words, when the filter does not read.
pub fn start(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| format!("--log {}: {error}", config.log))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    // An earlier subscriber stays: tests start several nodes in one process.
    let _ = match config.log_form {
        LogForm::Text => lines.try_init(),
        LogForm::Json => lines.json().try_init(),
    };
    Ok(())
}

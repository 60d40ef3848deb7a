//! Opening an index that may be damaged: another process tries it first (B5, §5.5), since sled can panic, abort or hang.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Index, IndexError, Options, folder};
use crate::journal::Position;

/// How long the check may take for an index of a usual size; the caller adds for a large one.
pub const CHECK_TIME: Duration = Duration::from_secs(30);
/// How often the checking process is asked whether it has ended.
const POLL_EVERY: Duration = Duration::from_millis(5);

/// Why an index was thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The checking process said so, panicked or was ended by a signal.
    CheckFailed {
        /// How it ended.
        how: String,
    },
    /// The checking process did not end in time and was ended.
    CheckHung,
    /// It could not be opened in this process.
    OpenFailed {
        /// What sled said.
        how: String,
    },
}

/// How [`open_checked`] came to its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// There was none, or an empty one: rebuild.
    New,
    /// The last stop was clean: go on from the watermark.
    Clean,
    /// The last stop was not, and the check found nothing: go on from the watermark.
    Passed,
    /// It was damaged and stands aside at `kept`: this one is empty, rebuild.
    Replaced {
        /// What was wrong.
        reason: Reason,
        /// Where the damaged one is, for a report.
        kept: Option<PathBuf>,
    },
}

/// Opens the index in `dir`, checking it in another process first when the last stop was unclean.
///
/// `check_command` makes the command that calls [`check`] on the folder and ends with 0 when all is well: usually this
/// very program with an argument of its own. It must not hold the data folder's lock. Whatever is wrong with the
/// index, this succeeds with an empty one; it fails only when no index can be made at all.
pub fn open_checked(
    dir: &Path,
    options: Options,
    time: Duration,
    check_command: impl FnOnce(&Path) -> Command,
) -> Result<(Index, Checked), IndexError> {
    let Some(newest) = folder::newest(dir)? else {
        return Ok((Index::open(dir, options)?, Checked::New));
    };
    let unclean = folder::is_unclean(dir);
    let reason = match unclean {
        true => run_check(check_command(dir), time).err(),
        false => None,
    };
    let reason = match reason {
        Some(reason) => reason,
        None => match Index::open(dir, options).and_then(|index| Ok((index.watermark()?, index))) {
            Ok((None, index)) => return Ok((index, Checked::New)),
            Ok((Some(_), index)) => return Ok((index, if unclean { Checked::Passed } else { Checked::Clean })),
            Err(error) => Reason::OpenFailed { how: error.to_string() },
        },
    };
    tracing::warn!(?reason, "the index is set aside and rebuilt");
    let kept = folder::set_aside(dir)?;
    // Under another name than the bad one had: should sled have left a thread behind here, it cannot reach it.
    let index = Index::open_generation(dir, options, newest.saturating_add(1))?;
    Ok((index, Checked::Replaced { reason, kept: Some(kept) }))
}

fn run_check(mut command: Command, time: Duration) -> Result<(), Reason> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let failed = |how: String| Reason::CheckFailed { how };
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(failed(status.to_string())),
            Ok(None) if begun.elapsed() < time => std::thread::sleep(POLL_EVERY),
            Ok(None) => {
                // It may have ended this instant; either way it is gone after the wait.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Reason::CheckHung);
            }
            Err(error) => return Err(failed(error.to_string())),
        }
    }
}

/// What a check counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Rows read, removals and replaced ones included.
    pub rows: u64,
    /// The watermark; the caller compares it with the end of the journal.
    pub watermark: Option<Position>,
}

/// The check itself, to be called in a process of its own: opens the index and reads every row.
pub fn check(dir: &Path, options: Options) -> Result<CheckReport, IndexError> {
    let index = Index::open(dir, options)?;
    let report = CheckReport { rows: index.check()?, watermark: index.watermark()? };
    Ok(report)
}

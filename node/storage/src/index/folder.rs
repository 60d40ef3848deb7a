//! The folders of an index. Each beginning gets a new one, `gen-<n>`, so that an old sled that still holds files or
//! threads can never write into the new. A file `unclean` stands in the folder while the index is in use.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::IndexError;

const UNCLEAN: &str = "unclean";

pub(super) fn generation(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("gen-{number:06}"))
}

/// Makes the folder and marks it as in use.
pub(super) fn prepare(dir: &Path) -> Result<(), IndexError> {
    fs::create_dir_all(dir).map_err(|source| io_error("make", dir, source))?;
    fs::write(dir.join(UNCLEAN), b"").map_err(|source| io_error("mark", dir, source))
}

/// Whether the index was in use when the process last ended.
pub(super) fn is_unclean(dir: &Path) -> bool {
    dir.join(UNCLEAN).exists()
}

pub(super) fn mark_clean(dir: &Path) -> Result<(), IndexError> {
    fs::remove_file(dir.join(UNCLEAN)).map_err(|source| io_error("mark", dir, source))
}

/// The newest generation there is.
pub(super) fn newest(dir: &Path) -> Result<Option<u32>, IndexError> {
    Ok(numbers(dir)?.into_iter().max())
}

/// Removes all generations but `keep`.
pub(super) fn remove_older(dir: &Path, keep: &Path) -> Result<(), IndexError> {
    for number in numbers(dir)? {
        let folder = generation(dir, number);
        if folder != keep {
            remove(&folder);
        }
    }
    Ok(())
}

/// Removes a folder with what is in it. Should that fail, the next opening tries again.
pub(super) fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "an old index cannot be removed");
    }
}

/// Renames the index folder to `<name>.bad-<n>` beside it and keeps only this one.
pub(super) fn set_aside(dir: &Path) -> Result<PathBuf, IndexError> {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let parent = dir.parent().unwrap_or(Path::new("."));
    let marker = format!("{name}.bad-");
    let mut highest = 0_u64;
    let mut old = Vec::new();
    for entry in fs::read_dir(parent).map_err(|source| io_error("list", parent, source))?.flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        if let Some(number) = found.strip_prefix(&marker) {
            highest = highest.max(number.parse().unwrap_or(0));
            old.push(entry.path());
        }
    }
    let to = parent.join(format!("{marker}{}", highest.saturating_add(1)));
    fs::rename(dir, &to).map_err(|source| io_error("set aside", dir, source))?;
    for folder in old {
        remove(&folder);
    }
    Ok(to)
}

fn numbers(dir: &Path) -> Result<Vec<u32>, IndexError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|source| io_error("list", dir, source))?,
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter_map(|name| name.strip_prefix("gen-")?.parse().ok()).collect())
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> IndexError {
    IndexError::Io { action, path: path.to_path_buf(), source }
}

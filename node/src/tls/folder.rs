//! Where certificates lie in a data folder, and how they are written: whole or not at all, keys for the owner alone.
//!
//! `tls/site.pem`, `tls/site.key` — what this site shows; `tls/root.pem` — what machines are to trust;
//! `tls/ca/root.pem`, `tls/ca/root.key` — the authority, on one node of the organisation only.

use super::TlsError;
use super::authority::{Authority, Issued};
use crate::config::TlsFiles;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What machines are to trust.
pub const ROOT_FILE: &str = "root.pem";
const ROOT_KEY_FILE: &str = "root.key";
const AUTHORITY_FOLDER: &str = "ca";
/// Nobody but the owner reads or lists.
const FOLDER_MODE: u32 = 0o700;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Anybody whom the folder lets in.
    All,
    /// The owner.
    Owner,
}

/// The certificates of a data folder, or the folder handed to another site.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Those of a data folder.
    pub fn of_data(data: &Path) -> Self {
        Self::at(TlsFiles::in_data_folder(data).certificate.parent().unwrap_or(data).to_owned())
    }

    /// Those in this very folder.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The site's certificate and key.
    pub fn site(&self) -> TlsFiles {
        TlsFiles::within(&self.path)
    }

    fn authority_folder(&self) -> PathBuf {
        self.path.join(AUTHORITY_FOLDER)
    }

    /// Whether the organisation's authority is here.
    pub fn has_authority(&self) -> bool {
        self.authority_folder().join(ROOT_FILE).exists()
    }

    /// Opens the authority.
    ///
    /// # Errors
    /// [`TlsError::NoAuthority`], or what is wrong with its files.
    pub fn authority(&self) -> Result<Authority, TlsError> {
        let folder = self.authority_folder();
        if !self.has_authority() {
            return Err(TlsError::NoAuthority { folder });
        }
        let (root, key) = (folder.join(ROOT_FILE), folder.join(ROOT_KEY_FILE));
        Authority::read(&read(&root)?, &read(&key)?, &root, &key)
    }

    /// Keeps an authority here, where there is none yet.
    ///
    /// # Errors
    /// [`TlsError::Exists`], or what the disk says.
    pub fn keep_authority(&self, authority: &Authority) -> Result<(), TlsError> {
        let folder = self.authority_folder();
        if folder.exists() {
            return Err(TlsError::Exists { path: folder });
        }
        make_folder(&self.path)?;
        let unfinished = self.path.join(format!(".{AUTHORITY_FOLDER}.new"));
        let failed = |source| TlsError::Unwritable { path: folder.clone(), source };
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        make_folder(&unfinished)?;
        write(&unfinished.join(ROOT_KEY_FILE), &authority.key_pem(), Readers::Owner)?;
        write(&unfinished.join(ROOT_FILE), authority.root_pem(), Readers::All)?;
        fs::rename(&unfinished, &folder).map_err(failed)?;
        sync(&self.path)
    }

    /// Writes an issued certificate, its key and the root. The certificate comes last: it is what is looked for.
    ///
    /// # Errors
    /// What the disk says.
    pub fn keep_issued(&self, issued: &Issued, root_pem: &str) -> Result<(), TlsError> {
        make_folder(&self.path)?;
        let site = self.site();
        write(&self.path.join(ROOT_FILE), root_pem, Readers::All)?;
        write(&site.key, &issued.key_pem, Readers::Owner)?;
        write(&site.certificate, &issued.certificate_pem, Readers::All)
    }

    /// The root, from the authority or as it came with this site's certificate.
    ///
    /// # Errors
    /// [`TlsError::NoAuthority`] where neither is.
    pub fn root_pem(&self) -> Result<(PathBuf, String), TlsError> {
        let places = [self.authority_folder().join(ROOT_FILE), self.path.join(ROOT_FILE)];
        let Some(path) = places.into_iter().find(|path| path.exists()) else {
            return Err(TlsError::NoAuthority { folder: self.authority_folder() });
        };
        let text = read(&path)?;
        Ok((path, String::clone(&text)))
    }
}

/// Reads a text file.
///
/// # Errors
/// [`TlsError::Unreadable`].
pub fn read(path: &Path) -> Result<Zeroizing<String>, TlsError> {
    let text = fs::read_to_string(path).map(Zeroizing::new);
    text.map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

/// Writes a file so that a reader meets the old one or the new one, whole, also after a power cut.
///
/// # Errors
/// [`TlsError::Unwritable`].
pub fn write(path: &Path, text: &str, readers: Readers) -> Result<(), TlsError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.new"));
    let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
    let written = || {
        // A left-over of an interrupted run could have another mode.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    written().map_err(|source| TlsError::Unwritable { path: path.to_owned(), source })?;
    sync(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

fn make_folder(path: &Path) -> Result<(), TlsError> {
    let made = fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path);
    made.map_err(|source| TlsError::Unwritable { path: path.to_owned(), source })
}

fn sync(folder: &Path) -> Result<(), TlsError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| TlsError::Unwritable { path: folder.to_owned(), source })
}

//! Files that a person uploaded and may still attach: what the file was measured to be.

use super::table::Table;
use super::{Local, LocalError, read_one};
use protocol::ids::{BlobId, UserId};
use serde::{Deserialize, Serialize};

/// Who has not posted a file within a week will not.
pub const UPLOAD_KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// What was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// As the person called it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// As sniffed.
    pub media_type: String,
    /// Width and height as shown, of pictures.
    pub picture: Option<(u32, u32)>,
    /// Milliseconds since 1970.
    pub uploaded: u64,
}

impl Local {
    /// A person's upload.
    pub fn upload(&self, user: UserId, blob: BlobId) -> Option<Upload> {
        read_one(&self.rows, Table::Upload, &key(user, blob)).ok().flatten()
    }

    /// A person's uploads that are not forgotten yet.
    pub fn uploads_of(&self, user: UserId) -> Vec<(BlobId, Upload)> {
        let rows = self.rows.prefix(Table::Upload.byte(), &user.0, None, usize::MAX);
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            Some((BlobId::from_slice(key.get(16..)?)?, serde_json::from_slice(&value).ok()?))
        };
        rows.into_iter().filter_map(read).collect()
    }

    /// Remembers an upload and forgets the person's old ones.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn add_upload(&self, user: UserId, blob: BlobId, upload: &Upload) -> Result<(), LocalError> {
        let mut writer = self.writer();
        for (row, value) in self.rows.prefix(Table::Upload.byte(), &user.0, None, usize::MAX) {
            let kept = serde_json::from_slice::<Upload>(&value)
                .is_ok_and(|old| old.uploaded.saturating_add(UPLOAD_KEPT_MS) > upload.uploaded);
            if !kept {
                writer.delete(Table::Upload, &row);
            }
        }
        writer.put(Table::Upload, &key(user, blob), upload)?;
        writer.commit()
    }
}

impl Local {
    /// Forgets everybody's uploads of a file, also on the disk: its name was theirs.
    ///
    /// # Errors
    /// The disk's refusal.
    pub fn forget_uploads(&self, blob: BlobId) -> Result<(), LocalError> {
        let mut writer = self.writer();
        let mut any = false;
        for (row, _) in self.rows.prefix(Table::Upload.byte(), &[], None, usize::MAX) {
            if row.get(16..) == Some(&blob.0[..]) {
                writer.delete(Table::Upload, &row);
                any = true;
            }
        }
        if any {
            writer.commit()?;
            self.rows.compact()?;
        }
        Ok(())
    }
}

fn key(user: UserId, blob: BlobId) -> Vec<u8> {
    [&user.0[..], &blob.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::for_test;

    #[test]
    fn an_upload_is_its_persons_and_is_forgotten_after_a_week() {
        let (_folder, _, local) = for_test();
        let ann = UserId([1; 16]);
        let upload = |uploaded| Upload { name: "a".into(), size: 1, media_type: "x".into(), picture: None, uploaded };
        local.add_upload(ann, BlobId([1; 32]), &upload(0)).unwrap();
        assert!(local.upload(ann, BlobId([1; 32])).is_some());
        assert!(local.upload(UserId([2; 16]), BlobId([1; 32])).is_none());
        local.add_upload(ann, BlobId([2; 32]), &upload(UPLOAD_KEPT_MS)).unwrap();
        assert!(local.upload(ann, BlobId([1; 32])).is_none());
        assert!(local.upload(ann, BlobId([2; 32])).is_some());
    }
}

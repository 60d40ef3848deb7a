//! What a file is, by its first bytes, and as what it may be shown.

/// Enough for every signature that is looked for.
pub const HEAD_BYTES: usize = 8 * 1024;

/// The media type of what begins so.
pub fn sniff(head: &[u8]) -> &'static str {
    match infer::get(head) {
        Some(kind) => kind.mime_type(),
        None if is_text(head) => "text/plain",
        None => "application/octet-stream",
    }
}

/// Whether it reads as text; the last character may be cut in two.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && head.len() >= HEAD_BYTES => {
            std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && valid.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
}

/// How a browser may show a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The type to say; a safe one when the file's own could run something.
    pub media_type: &'static str,
    /// In the page, or only to be kept.
    pub disposition: Disposition,
}

/// In the page, or only to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Pictures and PDF.
    Inline,
    /// Everything else.
    Attachment,
}

impl Shown {
    /// Whether it may stand in the page.
    pub fn is_inline(self) -> bool {
        self.disposition == Disposition::Inline
    }

    /// What a type, which another site may have claimed, is shown as. Types that are not listed say nothing.
    pub fn of(media_type: &str) -> Self {
        const INLINE: [&str; 5] = ["image/jpeg", "image/png", "image/gif", "image/webp", "application/pdf"];
        const ATTACHED: [&str; 14] = [
            "text/plain",
            "audio/mpeg",
            "audio/ogg",
            "audio/x-wav",
            "audio/x-flac",
            "audio/m4a",
            "audio/aac",
            "video/mp4",
            "video/webm",
            "video/quicktime",
            "video/mpeg",
            "video/ogg",
            "application/zip",
            "application/gzip",
        ];
        let listed = |list: &[&'static str]| list.iter().copied().find(|known| *known == media_type);
        match (listed(&INLINE), listed(&ATTACHED)) {
            (Some(media_type), _) => Self { media_type, disposition: Disposition::Inline },
            (_, Some(media_type)) => Self { media_type, disposition: Disposition::Attachment },
            _ => Self { media_type: "application/octet-stream", disposition: Disposition::Attachment },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_from_the_bytes() {
        assert_eq!(sniff(b"%PDF-1.7 ..."), "application/pdf");
        assert_eq!(sniff("Bonjour à tous\n".as_bytes()), "text/plain");
        assert_eq!(sniff(&[0, 1, 2, 3]), "application/octet-stream");
        assert_eq!(sniff(b""), "application/octet-stream");
        let mut cut = "a".repeat(HEAD_BYTES - 1).into_bytes();
        cut.push(0xC3);
        assert_eq!(sniff(&cut), "text/plain");
    }

    #[test]
    fn what_could_run_is_never_shown() {
        for kind in ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "text/javascript", "x/y", ""] {
            let shown = Shown::of(kind);
            assert_eq!(shown.media_type, "application/octet-stream");
            assert_eq!(shown.disposition, Disposition::Attachment);
        }
        assert_eq!(Shown::of("image/png").disposition, Disposition::Inline);
        assert_eq!(Shown::of("text/plain").disposition, Disposition::Attachment);
    }
}

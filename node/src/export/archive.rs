//! A `.zip` that is written forwards only, to whoever takes its pieces: entries one after the other, compressed.

use bytes::Bytes;
use serde::Serialize;
use std::io::{self, Read, Write};
use tokio::sync::mpsc;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

/// Bytes gathered before they go.
const PIECE_BYTES: usize = 64 * 1024;

/// Where the bytes go, from a thread that may wait.
pub struct Pipe {
    out: mpsc::Sender<io::Result<Bytes>>,
    waiting: Vec<u8>,
    /// Nobody takes them any more, which is said once: an archive that is dropped still tries to write its end.
    gone: bool,
}

impl Pipe {
    /// To whoever holds the other end.
    pub fn new(out: mpsc::Sender<io::Result<Bytes>>) -> Self {
        Self { out, waiting: Vec::with_capacity(PIECE_BYTES), gone: false }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.waiting);
        if piece.is_empty() || self.gone {
            return Ok(());
        }
        self.gone = self.out.blocking_send(Ok(piece.into())).is_err();
        if self.gone { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

/// The archive.
pub struct Archive(ZipWriter<StreamWriter<Pipe>>);

impl Archive {
    /// An empty one.
    pub fn new(to: Pipe) -> Self {
        Self(ZipWriter::new_stream(to))
    }

    fn begin(&mut self, name: &str) -> io::Result<()> {
        let options = SimpleFileOptions::default().unix_permissions(0o644);
        self.0.start_file(name, options).map_err(io::Error::other)
    }

    /// A text.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.begin(name)?;
        self.0.write_all(text.as_bytes())
    }

    /// One JSON object.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn object(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.begin(name)?;
        serde_json::to_writer_pretty(&mut self.0, value)?;
        self.0.write_all(b"\n")
    }

    /// A JSON list, one item after the other.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn list<T: Serialize>(&mut self, name: &str, items: impl Iterator<Item = T>) -> io::Result<()> {
        self.begin(name)?;
        let mut before: &[u8] = b"[\n";
        for item in items {
            self.0.write_all(before)?;
            serde_json::to_writer_pretty(&mut self.0, &item)?;
            before = b",\n";
        }
        self.0.write_all(if before == b",\n" { b"\n]\n" } else { b"[]\n" })
    }

    /// A file.
    ///
    /// # Errors
    /// Nobody takes it, or it cannot be read.
    pub fn file(&mut self, name: &str, mut from: impl Read) -> io::Result<()> {
        self.begin(name)?;
        io::copy(&mut from, &mut self.0).map(|_| ())
    }

    /// Writes the list of what is in it.
    ///
    /// # Errors
    /// Nobody takes it.
    pub fn finish(self) -> io::Result<()> {
        let mut inner = self.0.finish().map_err(io::Error::other)?.into_inner();
        inner.flush()
    }
}

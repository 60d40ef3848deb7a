//! Reads a response body within two limits: bytes as sent and bytes once inflated.
//!
//! Inflating is done here and not by the HTTP client, because the client would hide how many bytes came in, and a
//! small body can inflate to gigabytes. Only gzip is asked for.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use futures::StreamExt as _;
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;

use super::{FetchError, Limits};

/// Collects bytes up to a limit and refuses the first byte beyond.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > self.bytes_max {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Inflow {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

pub(super) async fn read(response: Response, host: &str, limits: &Limits) -> Result<Vec<u8>, FetchError> {
    let broken = |reason: String| FetchError::Unreachable { host: host.to_owned(), reason };
    let too_large = |bytes_max| FetchError::TooLarge { bytes_max };
    let mut inflow = inflow(&response, limits).map_err(&broken)?;
    if response.content_length().is_some_and(|length| length > limits.sent_bytes_max as u64) {
        return Err(too_large(limits.sent_bytes_max));
    }
    let mut sent = 0_usize;
    let mut stream = response.bytes_stream();
    while let Some(part) = stream.next().await {
        let part = part.map_err(|error| broken(format!("the answer broke off: {error}")))?;
        sent = sent.saturating_add(part.len());
        if sent > limits.sent_bytes_max {
            return Err(too_large(limits.sent_bytes_max));
        }
        let written = match &mut inflow {
            Inflow::Plain(sink) => sink.write_all(&part),
            Inflow::Gzip(sink) => sink.write_all(&part),
        };
        written.map_err(|error| body_error(&error, host, limits))?;
    }
    match inflow {
        Inflow::Plain(sink) => Ok(sink.bytes),
        Inflow::Gzip(sink) => sink.finish().map(|sink| sink.bytes).map_err(|error| body_error(&error, host, limits)),
    }
}

fn inflow(response: &Response, limits: &Limits) -> Result<Inflow, String> {
    let encodings: Vec<_> = response.headers().get_all(CONTENT_ENCODING).iter().collect();
    let sink = Bounded { bytes: Vec::new(), bytes_max: limits.inflated_bytes_max };
    match encodings.as_slice() {
        [] => Ok(Inflow::Plain(sink)),
        [one] if one.as_bytes().eq_ignore_ascii_case(b"identity") || one.is_empty() => Ok(Inflow::Plain(sink)),
        [one] if [&b"gzip"[..], b"x-gzip"].iter().any(|name| one.as_bytes().eq_ignore_ascii_case(name)) => {
            Ok(Inflow::Gzip(Box::new(MultiGzDecoder::new(sink))))
        }
        _ => Err("the answer is packed in a way that was not asked for".to_owned()),
    }
}

fn body_error(error: &io::Error, host: &str, limits: &Limits) -> FetchError {
    if error.kind() == io::ErrorKind::FileTooLarge {
        FetchError::TooLarge { bytes_max: limits.inflated_bytes_max }
    } else {
        FetchError::Unreachable { host: host.to_owned(), reason: format!("the packed answer is broken: {error}") }
    }
}

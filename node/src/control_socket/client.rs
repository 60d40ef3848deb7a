//! The command line's end of the control socket.

use super::message::{Invitation, Join, LINE_BYTES_MAX, Refusal, Reply, Request, Status};
use super::stream;
use bytes::Bytes;
use std::io;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Why there is no answer, in words for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error(
        "no node runs on {data}: start one with `archipel`, or name its data folder with --data (the socket says: {source})"
    )]
    NotRunning {
        /// The data folder.
        data: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The node went away.
    #[error("the node stopped answering")]
    Gone,
    /// The node said no.
    #[error("the node refused: {}", refusal.code)]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// The node speaks another version.
    #[error("the node answers in a way that this program does not understand: are both of the same version?")]
    Strange,
}

/// A connection to the running node.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects to the node that runs on a data folder.
    ///
    /// # Errors
    /// [`ClientError::NotRunning`].
    pub async fn connect(data: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(super::path(data)).await;
        let stream = stream.map_err(|source| ClientError::NotRunning { data: data.into(), source })?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The node's refusal, or its silence.
    pub async fn ask(&mut self, request: &Request) -> Result<Reply, ClientError> {
        let mut line = serde_json::to_vec(request).map_err(|_| ClientError::Strange)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).await.map_err(|_| ClientError::Gone)?;
        self.answer().await
    }

    /// Waits for an answer that follows bytes.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn answer(&mut self) -> Result<Reply, ClientError> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            return Err(ClientError::Gone);
        }
        match serde_json::from_slice(&line).map_err(|_| ClientError::Strange)? {
            Reply::Error(refusal) => Err(ClientError::Refused { refusal }),
            reply => Ok(reply),
        }
    }

    /// Asks for what is answered with an invitation.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn invitation(&mut self, request: &Request) -> Result<Invitation, ClientError> {
        match self.ask(request).await? {
            Reply::Invitation(invitation) => Ok(invitation),
            _ => Err(ClientError::Strange),
        }
    }

    /// Asks for what is answered with how joining is.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn join(&mut self, request: &Request) -> Result<Join, ClientError> {
        match self.ask(request).await? {
            Reply::Join(join) => Ok(join),
            _ => Err(ClientError::Strange),
        }
    }

    /// Sends bytes that belong to a question; none say that there are no more.
    ///
    /// # Errors
    /// The node went away.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let stream = self.stream.get_mut();
        let sent = if bytes.is_empty() { stream::end(stream).await } else { stream::send(stream, bytes).await };
        sent.map_err(|_| ClientError::Gone)
    }

    /// The next bytes that belong to an answer; `None` after the last.
    ///
    /// # Errors
    /// The node went away.
    pub async fn receive(&mut self) -> Result<Option<Bytes>, ClientError> {
        stream::receive(&mut self.stream).await.map_err(|_| ClientError::Gone)
    }

    /// How the site is.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn status(&mut self) -> Result<Status, ClientError> {
        match self.ask(&Request::Status).await? {
            Reply::Status(status) => Ok(status),
            _ => Err(ClientError::Strange),
        }
    }
}

//! One pairing connection: a task that carries frames between it and the desk. It knows no frame's meaning.

use super::desk::Letter;
use archipel_net::PairConnection;
use bytes::Bytes;
use protocol::ids::NodeId;
use tokio::sync::mpsc;

/// Frames that wait to be sent: the two sides take turns, so more is a mistake of theirs.
const FRAMES_MAX: usize = 16;

/// The number of a connection in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineId(pub u64);

/// The desk's end of a connection. Dropping it ends the connection at once.
#[derive(Debug)]
pub struct Line {
    /// Whom the transport proved at the other end.
    pub peer: NodeId,
    out: Option<mpsc::Sender<Bytes>>,
}

impl Line {
    /// Begins to carry; frames and the end arrive as letters.
    pub fn open(id: LineId, connection: PairConnection, letters: mpsc::WeakSender<Letter>) -> Self {
        let peer = NodeId(connection.peer().0);
        let (out, queue) = mpsc::channel(FRAMES_MAX);
        tokio::spawn(async move {
            carry(id, connection, queue, &letters).await;
            if let Some(letters) = letters.upgrade() {
                let _ = letters.send(Letter::Gone { line: id }).await;
            }
        });
        Self { peer, out: Some(out) }
    }

    /// Sends a frame. A line on which nobody reads is closed: its other end asks again.
    pub fn send(&mut self, frame: Vec<u8>) {
        if self.out.as_ref().is_some_and(|out| out.try_send(frame.into()).is_err()) {
            self.out = None;
        }
    }

    /// Ends the connection once what was sent has left.
    pub fn close(&mut self) {
        self.out = None;
    }
}

async fn carry(
    id: LineId,
    mut connection: PairConnection,
    mut queue: mpsc::Receiver<Bytes>,
    letters: &mpsc::WeakSender<Letter>,
) {
    loop {
        tokio::select! {
            frame = queue.recv() => match frame {
                Some(frame) => {
                    if connection.send(frame).await.is_err() {
                        return;
                    }
                }
                None => return,
            },
            frame = connection.recv() => {
                let (Some(frame), Some(letters)) = (frame, letters.upgrade()) else { return };
                if letters.send(Letter::Frame { line: id, bytes: frame.to_vec() }).await.is_err() {
                    return;
                }
            }
        }
    }
}

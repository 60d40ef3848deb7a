//! Bundles over the control socket: bytes go through it, so that a file may lie where only the person at the terminal can
//! read or write.

use super::message::{Refusal, Reply, Taken};
use super::session::{Answer, Session, say};
use super::stream;
use crate::bundle::{Received, Trouble};
use crate::http::error::ApiError;
use bytes::Bytes;
use futures::stream as streams;
use protocol::engine::input::Reach;
use tokio::io::{AsyncRead, AsyncWrite};

fn refused(trouble: Trouble) -> Refusal {
    Refusal::of(ApiError::from(trouble).code.name)
}

/// What the terminal sends.
struct Incoming<'a, R> {
    reader: &'a mut R,
    over: bool,
}

impl<R: AsyncRead + Unpin> Incoming<'_, R> {
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        if self.over {
            return None;
        }
        let piece = stream::receive(self.reader).await.transpose();
        self.over = !matches!(piece, Some(Ok(_)));
        piece
    }
}

impl Session {
    /// The name, then the bytes, then whether they are whole.
    pub(super) async fn make_bundle(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        called: &str,
        everything: bool,
    ) -> Answer {
        let by = self.tends()?;
        let bundles = self.rooms.bundles.as_ref().ok_or_else(|| Refusal::of("not_set_up"))?;
        let site = bundles.site(called).ok_or_else(|| Refusal::of("no_such_site"))?;
        let reach = if everything { Reach::Everything } else { Reach::Since };
        let mut made = bundles.export(site, reach).await.map_err(refused)?;
        self.write_down("bundle_made", by, site.to_string()).await?;
        let gone = |_| Refusal::of("bad_request");
        say(writer, Reply::Bundle { name: made.name }).await.map_err(gone)?;
        let mut whole = Ok(Reply::Done);
        while let Some(bytes) = made.bytes.recv().await {
            match bytes {
                Ok(bytes) => stream::send(writer, &bytes).await.map_err(gone)?,
                Err(trouble) => whole = Err(refused(trouble)),
            }
        }
        stream::end(writer).await.map_err(gone)?;
        whole
    }

    /// Says that the bytes may come, takes them, and says what came of it.
    pub(super) async fn take_bundle(
        &self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Answer {
        let by = self.tends()?;
        let bundles = self.rooms.bundles.as_ref().ok_or_else(|| Refusal::of("not_set_up"))?;
        say(writer, Reply::Done).await.map_err(|_| Refusal::of("bad_request"))?;
        let mut incoming = Incoming { reader, over: false };
        let pieces =
            streams::unfold(
                &mut incoming,
                |incoming| async move { incoming.next().await.map(|piece| (piece, incoming)) },
            );
        let outcome = bundles.import(pieces).await;
        let (received, error) = match outcome {
            Ok(received) => (received, None),
            Err(stopped) => {
                let refusal = refused(stopped.trouble);
                (stopped.received, Some(refusal))
            }
        };
        // What is wrong was seen before the end of the file: the rest is let pass, so that the answer is read.
        while incoming.next().await.is_some() {}
        if let Some(site) = received.site {
            self.write_down("bundle_taken", by, site.to_string()).await?;
        }
        let from = received.site.and_then(|site| bundles.site_name(site)).unwrap_or_default();
        let Received { entries, new_entries, groups, files, gaps, left_out, .. } = received;
        let (groups, gaps) = (groups.len(), gaps.len());
        Ok(Reply::Taken(Taken { from, entries, new_entries, groups, files, gaps, left_out, error }))
    }
}

//! Streams that wait for what the other side says before they are gone.
//!
//! A protocol's name travels together with the first bytes (`Version::V1Lazy`), and the other side confirms it while these
//! are under way. Who only speaks (identify's push) closes the stream and drops it before that; the confirmation then meets
//! a stream that takes nothing any more, fails, and what was said is lost with it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};

/// How long a stream outlives its owner at most: a few round trips over a bad line.
const LINGER: Duration = Duration::from_secs(5);
/// What it takes in that time at most: more than a confirmation.
const LINGER_BYTES: u64 = 1024;

/// A connection whose streams linger.
pub(crate) struct Lingering<M>(pub M);

impl<M> StreamMuxer for Lingering<M>
where
    M: StreamMuxer + Unpin,
    M::Substream: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Substream = Stream<M::Substream>;
    type Error = M::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, M::Error>> {
        Pin::new(&mut self.0).poll_inbound(cx).map_ok(Stream::new)
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, M::Error>> {
        Pin::new(&mut self.0).poll_outbound(cx).map_ok(Stream::new)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        Pin::new(&mut self.0).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, M::Error>> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// A stream; on its end, if it was closed and nothing was read from it, it waits for the other side.
pub(crate) struct Stream<S: AsyncRead + Unpin + Send + 'static> {
    /// None once it is dropped.
    inner: Option<S>,
    closed: bool,
    heard: bool,
}

impl<S: AsyncRead + Unpin + Send + 'static> Stream<S> {
    fn new(inner: S) -> Stream<S> {
        Stream { inner: Some(inner), closed: false, heard: false }
    }

    fn inner(&mut self) -> io::Result<Pin<&mut S>> {
        self.inner.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S: AsyncRead + Unpin + Send + 'static> Drop for Stream<S> {
    fn drop(&mut self) {
        let (Some(stream), true, false) = (self.inner.take(), self.closed, self.heard) else { return };
        // Without a runtime everything is coming down.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let hear = async move {
                // Whatever comes, and also if nothing does: it was said, and that is all.
                let _ = stream.take(LINGER_BYTES).read_to_end(&mut Vec::new()).await;
            };
            runtime.spawn(tokio::time::timeout(LINGER, hear));
        }
    }
}

impl<S: AsyncRead + Unpin + Send + 'static> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = self.inner()?.poll_read(cx, bytes);
        self.heard |= read.is_ready();
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.inner()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner()?.poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = self.inner()?.poll_close(cx);
        self.closed |= matches!(closed, Poll::Ready(Ok(())));
        closed
    }
}

#[cfg(test)]
mod tests {
    use futures::AsyncWriteExt;
    use tokio_util::compat::TokioAsyncReadCompatExt;

    use super::*;

    #[tokio::test]
    async fn a_stream_that_only_spoke_hears_the_other_side_out() {
        let (here, there) = tokio::io::duplex(64);
        let (mut here, mut there) = (Stream::new(here.compat()), there.compat());
        here.write_all(b"said").await.unwrap();
        here.close().await.unwrap();
        drop(here);
        let mut said = Vec::new();
        there.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"said");
        there.write_all(b"heard").await.expect("somebody takes it");
        there.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_stream_that_did_not_finish_is_gone_at_once() {
        let (here, there) = tokio::io::duplex(64);
        let (mut here, mut there) = (Stream::new(here.compat()), there.compat());
        here.write_all(b"half").await.unwrap();
        drop(here);
        assert!(there.write_all(&[0; 65]).await.is_err());
    }
}

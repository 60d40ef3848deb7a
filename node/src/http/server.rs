//! Connections from browsers: plain or TLS, so many at once, none of them slow for ever (`docs/protocol.md` §7.7).

use axum::Router;
use axum_server::Handle;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures::future::BoxFuture;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections at once: a page keeps up to six and a live stream.
const CONNECTIONS_MAX: usize = 2_048;
/// A request's head arrives within this, or the connection goes; also how long a silent connection is kept.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Cookies and a handful of headers.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Requests at once over one HTTP/2 connection.
const STREAMS_MAX: u32 = 64;
/// Time for requests under way when the node stops. What writes is done in less; what waits for others must not hold it.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// A listening socket.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
    name: Option<String>,
    handle: Handle<SocketAddr>,
}

/// Stops a server that another task runs.
#[derive(Clone)]
pub struct Stopper(Handle<SocketAddr>);

impl Stopper {
    /// No new connections; requests under way have a second.
    pub fn stop(&self) {
        self.0.graceful_shutdown(Some(STOP_WITHIN));
    }
}

impl Server {
    /// Takes the address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is in use or not this machine's.
    pub fn bind(address: SocketAddr, tls: Option<RustlsConfig>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, tls, name: None, handle: Handle::new() })
    }

    /// Sets the name for which the certificate stands: by the address alone browsers would refuse it.
    pub fn called(self, name: Option<String>) -> Self {
        Self { name, ..self }
    }

    /// The real address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How a browser reaches it.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        if let Some(name) = &self.name {
            return format!("{scheme}://{name}:{}/", self.address.port());
        }
        let mut shown = self.address;
        if shown.ip().is_unspecified() {
            shown.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        format!("{scheme}://{shown}/")
    }

    /// The one line that says so on standard output.
    pub fn ready_line(&self) -> String {
        format!("Archipel is ready: {}", self.url())
    }

    /// Stops the server later.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.handle.clone())
    }

    /// Serves until stopped.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn run(self, router: Router) -> io::Result<()> {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let places = Places(Arc::new(Semaphore::new(CONNECTIONS_MAX)));
        let mut server = axum_server::from_tcp(self.listener)?.handle(self.handle);
        bound(server.http_builder());
        match self.tls {
            None => server.acceptor(places).serve(service).await,
            Some(tls) => server.acceptor(RustlsAcceptor::new(tls).acceptor(places)).serve(service).await,
        }
    }
}

fn bound(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(HEAD_WITHIN)
        .keep_alive_timeout(HEAD_WITHIN);
}

/// Takes connections while there is a place, and sends small packets at once: without that every answer waits for the
/// other side's acknowledgement.
#[derive(Clone)]
struct Places(Arc<Semaphore>);

impl<S: Send + 'static> Accept<TcpStream, S> for Places {
    type Stream = Placed;
    type Service = S;
    type Future = BoxFuture<'static, io::Result<(Placed, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = Arc::clone(&self.0).try_acquire_owned();
        Box::pin(async move {
            let place = place.map_err(|_| io::Error::other("too many connections"))?;
            stream.set_nodelay(true)?;
            Ok((Placed { stream, _place: place }, service))
        })
    }
}

/// A connection with its place, which is free again when it ends, also when it became a web socket.
struct Placed {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Placed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn started() -> (SocketAddr, Stopper, tokio::task::JoinHandle<io::Result<()>>) {
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), None).unwrap();
        assert_eq!(server.ready_line(), format!("Archipel is ready: http://{}/", server.address()));
        let (address, stopper) = (server.address(), server.stopper());
        let router = Router::new().route("/", axum::routing::get(|| async { "here" }));
        (address, stopper, tokio::spawn(server.run(router)))
    }

    async fn answer(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The other side may close before it has read everything.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_serves_until_it_is_stopped() {
        let (address, stopper, running) = started().await;
        let answer = answer(address, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
        stopper.stop();
        running.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_head_without_end_is_refused() {
        let (address, stopper, _running) = started().await;
        let endless = format!("GET / HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", "a".repeat(4 * HEAD_BYTES_MAX));
        let answer = answer(address, &endless).await;
        assert!(!answer.contains("200"), "{answer}");
        stopper.stop();
    }

    #[test]
    fn an_address_in_use_is_told() {
        let first = Server::bind("127.0.0.1:0".parse().unwrap(), None).unwrap();
        assert!(Server::bind(first.address(), None).is_err());
    }
}

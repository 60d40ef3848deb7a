//! The port through which names become addresses, so that tests can lie about them. Knows nothing of HTTP.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

/// What a name lookup gives back.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns a host name into addresses. Called once for each hop; the answer is what gets connected to.
pub trait Resolve: Send + Sync {
    /// Resolves `host` (never an address literal).
    ///
    /// # Errors
    /// When the name does not exist or the name server does not answer.
    fn resolve<'a>(&'a self, host: &'a str) -> Addresses<'a>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Addresses<'a> {
        Box::pin(async move {
            // The port is a placeholder: only the addresses are wanted.
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|socket: SocketAddr| socket.ip()).collect())
        })
    }
}

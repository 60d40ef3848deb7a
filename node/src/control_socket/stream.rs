//! Long bytes over the control socket, between two lines: pieces with their length in front (four bytes, big-endian), and
//! a length of nothing at the end.

use bytes::Bytes;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes in one piece.
pub const PIECE_BYTES_MAX: usize = 256 * 1024;

/// Sends bytes, in as many pieces as they need.
///
/// # Errors
/// The other end is gone.
pub async fn send(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    for piece in bytes.chunks(PIECE_BYTES_MAX) {
        to.write_all(&(piece.len() as u32).to_be_bytes()).await?;
        to.write_all(piece).await?;
    }
    Ok(())
}

/// Says that no more pieces come.
///
/// # Errors
/// The other end is gone.
pub async fn end(to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    to.write_all(&[0; 4]).await
}

/// The next piece; `None` at the end.
///
/// # Errors
/// The other end is gone, or a piece is over its limit.
pub async fn receive(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Bytes>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length == 0 {
        return Ok(None);
    }
    if length > PIECE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut piece = vec![0; length];
    from.read_exact(&mut piece).await?;
    Ok(Some(piece.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_bytes_cross_in_pieces_and_a_lie_about_their_length_costs_nothing() {
        let long: Vec<u8> = (0..PIECE_BYTES_MAX * 2 + 7).map(|at| at as u8).collect();
        let mut line = Vec::new();
        send(&mut line, &long).await.unwrap();
        end(&mut line).await.unwrap();
        let mut rest = line.as_slice();
        let mut back = Vec::new();
        while let Some(piece) = receive(&mut rest).await.unwrap() {
            back.extend_from_slice(&piece);
        }
        assert!(back == long && rest.is_empty());
        assert!(receive(&mut &line[..9]).await.is_err(), "cut");
        assert!(receive(&mut &[255; 8][..]).await.is_err(), "too long");
    }
}

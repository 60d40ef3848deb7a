//! Frames: how a payload is packed for the wire and unpacked without trusting its sender. Knows sizes, not meanings.
//!
//! A frame is four bytes of length (big-endian, of what follows), one flag byte, and the payload: as it is (flag 0) or
//! compressed with zstd (flag 1). Lengths are checked before anything is allocated, inflated size while inflating.

use std::io::{self, Read};

use bytes::Bytes;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::limits::{COMPRESS_BYTES_MIN, COMPRESS_LEVEL, COMPRESS_SAMPLE_BYTES};

/// Why a payload cannot be packed or unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Larger than the lane allows, on the wire or inflated.
    #[error("more than {max} bytes")]
    TooLarge {
        /// The limit that was exceeded.
        max: usize,
    },
    /// Not what a well-meaning peer sends.
    #[error("malformed frame")]
    Malformed,
}

/// The limits of one direction of one lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// Largest frame body, flag byte included.
    pub wire: usize,
    /// Largest payload.
    pub plain: usize,
}

/// A payload packed for the wire, not yet trusted if it came from there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    flag: u8,
    body: Bytes,
}

/// Half of what is reserved for a frame before any of it has arrived.
const READ_BYTES_FIRST: usize = 8 * 1024;

const RAW: u8 = 0;
const ZSTD: u8 = 1;

impl Frame {
    /// Packs a payload; compressed if that makes it smaller.
    pub fn pack(plain: Bytes, limit: Limit) -> Result<Frame, FrameError> {
        if plain.len() > limit.plain {
            return Err(FrameError::TooLarge { max: limit.plain });
        }
        let frame = match compressed(&plain) {
            Some(body) => Frame { flag: ZSTD, body },
            None => Frame { flag: RAW, body: plain },
        };
        if frame.body.len() + 1 > limit.wire { Err(FrameError::TooLarge { max: limit.wire }) } else { Ok(frame) }
    }

    /// A frame whose payload needs no unpacking.
    pub fn raw(body: Bytes) -> Frame {
        Frame { flag: RAW, body }
    }

    /// How much the frame holds in memory.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Unpacks the payload. Stops as soon as more than the limit comes out; memory follows what came out.
    pub fn unpack(self, limit: Limit) -> Result<Bytes, FrameError> {
        match self.flag {
            RAW if self.body.len() > limit.plain => Err(FrameError::TooLarge { max: limit.plain }),
            RAW => Ok(self.body),
            ZSTD => inflate(&self.body, limit.plain),
            _ => Err(FrameError::Malformed),
        }
    }

    /// Writes the frame.
    pub async fn write<W: AsyncWrite + Unpin>(&self, io: &mut W) -> io::Result<()> {
        let length = u32::try_from(self.body.len() + 1).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut head = [0u8; 5];
        head[..4].copy_from_slice(&length.to_be_bytes());
        head[4] = self.flag;
        io.write_all(&head).await?;
        io.write_all(&self.body).await?;
        io.flush().await
    }

    /// Reads a frame; `None` if the stream ends before its first byte, which is how a request is refused.
    pub async fn read<R: AsyncRead + Unpin + Send>(io: &mut R, limit: Limit) -> io::Result<Option<Frame>> {
        let mut head = [0u8; 5];
        if io.read(&mut head[..1]).await? == 0 {
            return Ok(None);
        }
        io.read_exact(&mut head[1..]).await?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if length > limit.wire {
            return Err(io::Error::new(io::ErrorKind::InvalidData, FrameError::TooLarge { max: limit.wire }));
        }
        let Some(length) = length.checked_sub(1) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, FrameError::Malformed));
        };
        // Grows with what arrives, so that a claimed length alone reserves nothing. Not `read_to_end`: it fills its whole
        // spare room with zeros for every packet that arrives, a thousand times for a piece of 1 MiB.
        let mut body = Vec::new();
        while body.len() < length {
            let filled = body.len();
            let mut grown = vec![0; length.min(2 * filled.max(READ_BYTES_FIRST))];
            grown[..filled].copy_from_slice(&body);
            io.read_exact(&mut grown[filled..]).await?;
            body = grown;
        }
        Ok(Some(Frame { flag: head[4], body: body.into() }))
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}, {} bytes)", self.flag, self.body.len())
    }
}

/// Compresses if it pays. Of a large payload a piece is tried first: pictures and archives do not shrink again.
fn compressed(plain: &Bytes) -> Option<Bytes> {
    if plain.len() < COMPRESS_BYTES_MIN {
        return None;
    }
    if plain.len() > 2 * COMPRESS_SAMPLE_BYTES {
        let middle = plain.len() / 2;
        let sample = &plain[middle..middle + COMPRESS_SAMPLE_BYTES];
        let packed = zstd::bulk::compress(sample, COMPRESS_LEVEL).ok()?;
        if packed.len() + COMPRESS_SAMPLE_BYTES / 32 > sample.len() {
            return None;
        }
    }
    let packed = zstd::bulk::compress(plain, COMPRESS_LEVEL).ok()?;
    (packed.len() < plain.len()).then(|| packed.into())
}

fn inflate(body: &[u8], max: usize) -> Result<Bytes, FrameError> {
    let malformed = |_| FrameError::Malformed;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(malformed)?.single_frame();
    // A frame may ask for a window of gigabytes; no honest one needs more than its own size.
    decoder.window_log_max(max.next_power_of_two().ilog2().max(10)).map_err(malformed)?;
    let mut plain = Vec::new();
    decoder.by_ref().take(max as u64 + 1).read_to_end(&mut plain).map_err(malformed)?;
    if plain.len() > max {
        return Err(FrameError::TooLarge { max });
    }
    if decoder.finish().is_empty() { Ok(plain.into()) } else { Err(FrameError::Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Limit = Limit { wire: 1 << 20, plain: 4 << 20 };

    /// Bytes that do not compress.
    fn noise(count: usize) -> Bytes {
        let mut bytes = vec![0; count];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes.into()
    }

    fn wire(frame: &Frame) -> Vec<u8> {
        let mut bytes = Vec::new();
        futures::executor::block_on(frame.write(&mut bytes)).unwrap();
        bytes
    }

    fn read(bytes: &[u8], limit: Limit) -> io::Result<Option<Frame>> {
        futures::executor::block_on(Frame::read(&mut futures::io::Cursor::new(bytes), limit))
    }

    #[test]
    fn text_is_compressed_and_noise_is_not() {
        let text = Bytes::from("the same words again ".repeat(100_000));
        let frame = Frame::pack(text.clone(), LIMIT).unwrap();
        assert!(wire(&frame).len() < text.len() / 100);
        assert_eq!(frame.unpack(LIMIT).unwrap(), text);
        let noise = noise(500_000);
        let frame = Frame::pack(noise.clone(), LIMIT).unwrap();
        assert_eq!(wire(&frame).len(), noise.len() + 5);
        assert_eq!(frame.unpack(LIMIT).unwrap(), noise);
    }

    #[test]
    fn the_limits_hold_when_packing() {
        let zeros = |count| Bytes::from(vec![0u8; count]);
        assert!(Frame::pack(zeros(LIMIT.plain), LIMIT).is_ok());
        assert_eq!(Frame::pack(zeros(LIMIT.plain + 1), LIMIT), Err(FrameError::TooLarge { max: LIMIT.plain }));
        let noise = noise(LIMIT.wire);
        assert!(Frame::pack(noise.slice(1..), LIMIT).is_ok());
        assert_eq!(Frame::pack(noise, LIMIT), Err(FrameError::TooLarge { max: LIMIT.wire }));
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        // Compressed as a stream, so that neither size nor window gives it away.
        let bomb = zstd::stream::encode_all(io::repeat(0).take(256 << 20), 3).unwrap();
        assert!(bomb.len() < LIMIT.wire);
        let frame = Frame { flag: ZSTD, body: bomb.into() };
        assert_eq!(frame.unpack(LIMIT), Err(FrameError::TooLarge { max: LIMIT.plain }));
    }

    #[test]
    fn a_huge_window_and_trailing_bytes_are_malformed() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.window_log(27).unwrap();
        io::Write::write_all(&mut encoder, &[0; 1000]).unwrap();
        let frame = Frame { flag: ZSTD, body: encoder.finish().unwrap().into() };
        assert_eq!(frame.unpack(LIMIT), Err(FrameError::Malformed));
        let mut trailing = zstd::bulk::compress(&[0; 1000], 3).unwrap();
        trailing.push(0);
        assert_eq!(Frame { flag: ZSTD, body: trailing.into() }.unpack(LIMIT), Err(FrameError::Malformed));
        assert_eq!(Frame { flag: 9, body: Bytes::new() }.unpack(LIMIT), Err(FrameError::Malformed));
    }

    #[test]
    fn lengths_are_checked_before_reading() {
        assert!(read(&[0xff, 0xff, 0xff, 0xff, 0], LIMIT).is_err());
        assert!(read(&[0, 0, 0, 0, 0], LIMIT).is_err());
        assert!(read(&[0, 0, 0, 9, 0, 1], LIMIT).is_err());
        assert_eq!(read(&[], LIMIT).unwrap(), None);
        assert_eq!(read(&[0, 0, 0, 2, 0, 7], LIMIT).unwrap(), Some(Frame::raw(Bytes::from_static(&[7]))));
    }

    proptest! {
        #[test]
        fn every_payload_survives(payload in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let plain = Bytes::from(payload);
            let frame = Frame::pack(plain.clone(), LIMIT).unwrap();
            let read = read(&wire(&frame), LIMIT).unwrap().unwrap();
            prop_assert_eq!(read.unpack(LIMIT).unwrap(), plain);
        }

        #[test]
        fn arbitrary_bytes_never_panic(flag in 0u8..3, body in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut body = body;
            if flag == ZSTD && body.len() > 4 {
                body[..4].copy_from_slice(&[0x28, 0xb5, 0x2f, 0xfd]);
            }
            let _ = Frame { flag, body: body.into() }.unpack(Limit { wire: 4096, plain: 4096 });
        }
    }
}

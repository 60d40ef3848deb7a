//! The request lanes: their names, limits and the codec that carries frames on them. Knows no message.

use std::io;

use futures::{AsyncRead, AsyncWrite};
use libp2p::StreamProtocol;
use libp2p::request_response::{self, ProtocolSupport};

use crate::frame::{Frame, FrameError, Limit};
use crate::limits;

/// A lane: a kind of request with its own limits, so that one cannot starve the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Logs, heads and entries.
    Sync,
    /// Pieces of files.
    Blob,
    /// What even a suspended peer may ask: the control log that says why.
    Lifeline,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Lane; 3] = [Lane::Sync, Lane::Blob, Lane::Lifeline];

    /// The protocol name on the wire.
    pub(crate) fn protocol(self) -> StreamProtocol {
        StreamProtocol::new(match self {
            Lane::Sync => "/archipel/sync/1",
            Lane::Blob => "/archipel/blob/1",
            Lane::Lifeline => "/archipel/lifeline/1",
        })
    }

    /// What a request may measure.
    pub(crate) fn request_limit(self) -> Limit {
        let bytes = match self {
            Lane::Sync => limits::REQUEST_BYTES_MAX,
            Lane::Lifeline => limits::LIFELINE_REQUEST_BYTES_MAX,
            Lane::Blob => limits::BLOB_REQUEST_BYTES_MAX,
        };
        Limit { wire: bytes + 1, plain: bytes }
    }

    /// What a response may measure.
    pub(crate) fn response_limit(self) -> Limit {
        match self {
            Lane::Sync | Lane::Lifeline => {
                Limit { wire: limits::RESPONSE_WIRE_BYTES_MAX, plain: limits::RESPONSE_BYTES_MAX }
            }
            Lane::Blob => Limit { wire: limits::BLOB_RESPONSE_BYTES_MAX + 1, plain: limits::BLOB_RESPONSE_BYTES_MAX },
        }
    }

    /// How many of our own requests to one peer may be under way.
    pub(crate) fn under_way_max(self) -> usize {
        match self {
            Lane::Sync => limits::SYNC_REQUESTS_PER_PEER_MAX,
            Lane::Blob => limits::BLOB_REQUESTS_PER_PEER_MAX,
            Lane::Lifeline => limits::LIFELINE_REQUESTS_PER_PEER_MAX,
        }
    }
}

/// The libp2p behaviour of one lane.
pub(crate) type LaneBehaviour = request_response::Behaviour<FrameCodec>;
/// What it reports.
pub(crate) type LaneEvent = request_response::Event<Frame, Option<Frame>>;
/// Where an answer goes.
pub(crate) type AnswerChannel = request_response::ResponseChannel<Option<Frame>>;

/// The behaviour that serves and asks on a lane.
pub(crate) fn behaviour(lane: Lane) -> LaneBehaviour {
    frames(lane.protocol(), lane.request_limit(), lane.response_limit())
}

/// A behaviour for frames within the given limits.
pub(crate) fn frames(protocol: StreamProtocol, request: Limit, response: Limit) -> LaneBehaviour {
    let config = request_response::Config::default()
        .with_request_timeout(limits::REQUEST_TIMEOUT)
        .with_max_concurrent_streams(limits::REQUEST_STREAMS_PER_CONNECTION_MAX);
    let codec = FrameCodec { request, response };
    request_response::Behaviour::with_codec(codec, [(protocol, ProtocolSupport::Full)], config)
}

/// Reads and writes frames. A request is unpacked while it is read, in its connection's own task, so that nothing
/// oversized gets further; a response stays packed until the one who asked unpacks it, which keeps what the swarm
/// holds for a peer at wire size. A response of `None` is a refusal: a stream that ends without a byte.
#[derive(Clone)]
pub(crate) struct FrameCodec {
    request: Limit,
    response: Limit,
}

impl request_response::Codec for FrameCodec {
    type Protocol = StreamProtocol;
    type Request = Frame;
    type Response = Option<Frame>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Frame>
    where
        T: AsyncRead + Unpin + Send,
    {
        let frame = Frame::read(io, self.request).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Frame::raw(frame.unpack(self.request).map_err(invalid)?))
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Option<Frame>>
    where
        T: AsyncRead + Unpin + Send,
    {
        Frame::read(io, self.response).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, frame: Frame) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        frame.write(io).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, frame: Option<Frame>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match frame {
            Some(frame) => frame.write(io).await,
            None => Ok(()),
        }
    }
}

fn invalid(error: FrameError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

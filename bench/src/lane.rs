//! Many callers on one HTTP/2 connection, in one task that reads what came, takes note, and sends what is next. A
//! future and a wake for every call cost the machine, which the product shares with it, more than pgbench's calls do.

use std::{net::SocketAddr, time::Instant};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use httlib_hpack::{Decoder, Encoder};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    Result,
    load::Call,
    wire::{Failure, PREFIX_BYTES, WINDOW_BYTES},
};

/// RFC 9113, 3.4: what a client says first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEAD_BYTES: usize = 9;
/// Room for what comes at once.
const READ_BYTES: usize = 64 << 10;
/// Bytes that a connection may have on their way to the server at first.
const SEND_WINDOW_BYTES: i64 = 65_535;

/// Types of frames (RFC 9113, 6).
mod frame {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const WINDOW_UPDATE: u8 = 8;
}

/// Their flags.
mod flag {
    pub(super) const ACK: u8 = 0x1;
    pub(super) const END_STREAM: u8 = 0x1;
    pub(super) const END_HEADERS: u8 = 0x4;
    pub(super) const PADDED: u8 = 0x8;
}

/// A call that has ended.
pub(crate) struct Ended {
    /// What the workload knows it by.
    pub(crate) key: u64,
    pub(crate) sent: Instant,
    /// The message, or the body of plain HTTP.
    pub(crate) answer: Result<Bytes, Failure>,
}

/// A connection and the calls on it.
pub(crate) struct Lane {
    socket: TcpStream,
    authority: String,
    came: BytesMut,
    to_send: BytesMut,
    request_fields: Encoder<'static>,
    answer_fields: Decoder<'static>,
    next_stream: u32,
    send_window: i64,
    /// Bytes received that the server has not yet been allowed to send again.
    received: u32,
    flights: Vec<Flight>,
}

/// A call on its way.
struct Flight {
    stream: u32,
    is_grpc: bool,
    key: u64,
    sent: Instant,
    status: Status,
    body: BytesMut,
}

/// What the fields of an answer say of how it went, also those that come at its end.
#[derive(Default)]
struct Status {
    http: String,
    grpc: Option<String>,
    message: String,
}

impl Lane {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        const INITIAL_WINDOW_SIZE: u16 = 4;
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let mut lane = Self {
            socket,
            authority: address.to_string(),
            came: BytesMut::new(),
            to_send: BytesMut::from(PREFACE),
            request_fields: Encoder::default(),
            answer_fields: Decoder::default(),
            next_stream: 1,
            send_window: SEND_WINDOW_BYTES,
            received: 0,
            flights: Vec::new(),
        };
        lane.put_head(6, frame::SETTINGS, 0, 0);
        lane.to_send.put_u16(INITIAL_WINDOW_SIZE);
        lane.to_send.put_u32(WINDOW_BYTES);
        lane.allow(WINDOW_BYTES);
        Ok(lane)
    }

    /// How many calls are on their way.
    pub(crate) fn flying(&self) -> usize {
        self.flights.len()
    }

    /// Writes a call down; [`Lane::advance`] sends it, with the others.
    pub(crate) fn call(&mut self, Call { address, bearer, message, key }: Call) {
        let (stream, is_grpc) = (self.next_stream, message.is_some());
        self.next_stream += 2;

        let mut block = Vec::with_capacity(64);
        let mut put = |name, value, again| put_field(&mut self.request_fields, &mut block, name, value, again);
        put(":method", if is_grpc { b"POST" } else { b"GET" }, true);
        put(":scheme", b"http", true);
        put(":authority", self.authority.as_bytes(), true);
        // In plain HTTP, each resource has an address of its own.
        put(":path", address.path().as_bytes(), is_grpc);
        if is_grpc {
            put("content-type", b"application/grpc", true);
            put("te", b"trailers", true);
        }
        if let Some(bearer) = bearer {
            put("authorization", bearer.as_bytes(), true);
        }
        let ends = if is_grpc { 0 } else { flag::END_STREAM };
        self.put_head(block.len(), frame::HEADERS, flag::END_HEADERS | ends, stream);
        self.to_send.put_slice(&block);
        if let Some(message) = message {
            self.send_window -= message.len() as i64;
            self.put_head(message.len(), frame::DATA, flag::END_STREAM, stream);
            self.to_send.put_slice(&message);
        }
        let (sent, status, body) = (Instant::now(), Status::default(), BytesMut::new());
        self.flights.push(Flight { stream, is_grpc, key, sent, status, body });
    }

    /// Sends what was written down, waits until something comes, and hands on the calls that it ends.
    ///
    /// # Errors
    /// The connection is of no use any more.
    pub(crate) async fn advance(&mut self, ended: &mut Vec<Ended>) -> Result<(), Failure> {
        if self.send_window < 0 {
            return Err(broken("the server did not make room for what it had read"));
        }
        self.socket.write_all_buf(&mut self.to_send).await.map_err(|error| broken(&error.to_string()))?;
        self.came.reserve(READ_BYTES);
        let count = self.socket.read_buf(&mut self.came).await.map_err(|error| broken(&error.to_string()))?;
        if count == 0 {
            return Err(broken("the server closed the connection"));
        }
        while let Some(&[l0, l1, l2, kind, flags, s0, s1, s2, s3]) = self.came.first_chunk::<FRAME_HEAD_BYTES>() {
            let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
            if self.came.len() < FRAME_HEAD_BYTES + length {
                break;
            }
            self.came.advance(FRAME_HEAD_BYTES);
            let payload = self.came.split_to(length);
            let stream = u32::from_be_bytes([s0, s1, s2, s3]);
            if let Some(at) = self.take(kind, flags, stream, &payload)? {
                ended.push(self.flights.swap_remove(at).end());
            }
        }
        if self.received > WINDOW_BYTES / 2 {
            self.allow(self.received);
            self.received = 0;
        }
        Ok(())
    }

    /// Takes note of a frame; which call it ends comes back.
    fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<Option<usize>, Failure> {
        let at = self.flights.iter().position(|flight| flight.stream == stream);
        match (kind, at) {
            (frame::HEADERS, Some(at)) if flags & (flag::END_HEADERS | flag::PADDED) == flag::END_HEADERS => {
                let mut fields = Vec::new();
                self.answer_fields
                    .decode(&mut payload.to_vec(), &mut fields)
                    .map_err(|error| broken(&format!("fields that cannot be read: {error:?}")))?;
                let status = &mut self.flights[at].status;
                for (name, value, _) in fields {
                    status.note(&name, value);
                }
            }
            (frame::DATA, Some(at)) if flags & flag::PADDED == 0 => {
                self.received += payload.len() as u32;
                self.flights[at].body.extend_from_slice(payload);
            }
            (frame::SETTINGS | frame::PING, None) if flags & flag::ACK != 0 => return Ok(None),
            (frame::SETTINGS, None) => {
                self.put_head(0, frame::SETTINGS, flag::ACK, 0);
                return Ok(None);
            }
            (frame::PING, None) => {
                self.put_head(payload.len(), frame::PING, flag::ACK, 0);
                self.to_send.put_slice(payload);
                return Ok(None);
            }
            (frame::WINDOW_UPDATE, _) => {
                if stream == 0 {
                    self.send_window += payload.first_chunk().map_or(0, |more| i64::from(u32::from_be_bytes(*more)));
                }
                return Ok(None);
            }
            _ => return Err(broken(&format!("frame {kind} with flags {flags} on stream {stream}"))),
        }
        Ok(at.filter(|_| flags & flag::END_STREAM != 0))
    }

    fn put_head(&mut self, length: usize, kind: u8, flags: u8, stream: u32) {
        self.to_send.put_uint(length as u64, 3);
        self.to_send.put_u8(kind);
        self.to_send.put_u8(flags);
        self.to_send.put_u32(stream);
    }

    /// Lets the server send so many bytes more on this connection.
    fn allow(&mut self, bytes: u32) {
        self.put_head(4, frame::WINDOW_UPDATE, 0, 0);
        self.to_send.put_u32(bytes);
    }
}

impl Flight {
    fn end(mut self) -> Ended {
        let Status { http, grpc, message } = self.status;
        let answer = match grpc.as_deref() {
            Some("0") if self.is_grpc && self.body.len() >= PREFIX_BYTES => {
                self.body.advance(PREFIX_BYTES);
                Ok(self.body.freeze())
            }
            None if !self.is_grpc && http == "200" => Ok(self.body.freeze()),
            Some("0") => Err(broken("no message came")),
            Some(code) => Err(Failure::Status(code.to_owned(), message)),
            None => Err(Failure::Status(http, String::from_utf8_lossy(&self.body).into_owned())),
        };
        Ended { key: self.key, sent: self.sent, answer }
    }
}

impl Status {
    fn note(&mut self, name: &[u8], value: Vec<u8>) {
        let text = || String::from_utf8_lossy(&value).into_owned();
        match name {
            b":status" => self.http = text(),
            b"grpc-status" => self.grpc = Some(text()),
            b"grpc-message" => self.message = text(),
            _ => {}
        }
    }
}

/// Adds a field of a request, as short as may be: as a place in the table where it was sent before; a value that is
/// not to come again is not kept there.
fn put_field(fields: &mut Encoder, block: &mut Vec<u8>, name: &str, value: &[u8], comes_again: bool) {
    let kept = if comes_again { Encoder::WITH_INDEXING } else { 0 };
    let field = (name.as_bytes().to_vec(), value.to_vec(), Encoder::BEST_FORMAT | kept);
    // Writing to a Vec does not fail.
    let _ = fields.encode(field, block);
}

fn broken(what: &str) -> Failure {
    Failure::Broken(what.to_owned())
}

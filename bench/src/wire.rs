//! gRPC over HTTP/2, a call at a time: to fill the laboratory, and for what goes on beside what is measured.

use std::{net::SocketAddr, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::{RecvStream, client::SendRequest};
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use prost::Message;
use tokio::net::TcpStream;

use crate::Result;

/// Bytes that a connection and each of its streams may have on their way to us.
pub(crate) const WINDOW_BYTES: u32 = 4 << 20;
/// Bytes of a gRPC message's prefix: compressed or not, and its length.
pub(crate) const PREFIX_BYTES: usize = 5;
/// A `grpc-status`.
const UNAVAILABLE: &str = "14";

/// One HTTP/2 connection; clones share it.
#[derive(Clone)]
pub(crate) struct Line {
    client: SendRequest<Bytes>,
    /// Where it leads to.
    pub(crate) address: SocketAddr,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// The server answered with another status than OK: its code and message.
    Status(String, String),
    /// The connection failed, or what came was no answer.
    Broken(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(code, message) => write!(f, "status {code}: {message}"),
            Self::Broken(what) => write!(f, "broken: {what}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Line {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let (client, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .handshake(socket)
            .await?;
        tokio::spawn(connection);
        Ok(Self { client, address })
    }

    /// Another connection to the same address.
    pub(crate) async fn again(&self) -> Result<Self> {
        Self::connect(self.address).await
    }

    /// The address of a method such as `spectra.samples.v1.SamplesService/GetSample`.
    pub(crate) fn method(&self, name: &str) -> Result<Uri> {
        Ok(format!("http://{}/{name}", self.address).parse()?)
    }

    /// Sends a framed message and waits for the one that answers it.
    pub(crate) async fn send(
        &mut self,
        method: &Uri,
        bearer: Option<&HeaderValue>,
        message: Bytes,
    ) -> Result<Bytes, Failure> {
        let mut request = Request::post(method.clone()).version(http::Version::HTTP_2);
        if let Some(headers) = request.headers_mut() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            headers.insert(header::TE, HeaderValue::from_static("trailers"));
            if let Some(bearer) = bearer {
                headers.insert(header::AUTHORIZATION, bearer.clone());
            }
        }
        let request = request.body(()).map_err(|error| Failure::Broken(error.to_string()))?;
        self.client = self.client.clone().ready().await?;
        let (response, mut stream) = self.client.send_request(request, false)?;
        stream.send_data(message, true)?;

        let (head, mut body) = response.await?.into_parts();
        if head.headers.contains_key("grpc-status") {
            refused(&head.headers)?;
        }
        let answer = read(&mut body).await?;
        let trailers = body.trailers().await?.ok_or_else(|| Failure::Broken("no trailers came".to_owned()))?;
        refused(&trailers)?;
        if answer.len() < PREFIX_BYTES {
            return Err(Failure::Broken("no message came".to_owned()));
        }
        Ok(answer.slice(PREFIX_BYTES..))
    }

    /// Calls a method by name; one that is not to be had yet, as while a mesh comes up, a little later.
    pub(crate) async fn call<Answer: Message + Default>(
        &mut self,
        name: &str,
        bearer: Option<&HeaderValue>,
        message: &impl Message,
    ) -> Result<Answer> {
        const LIMIT: Duration = Duration::from_secs(30);
        const PAUSE: Duration = Duration::from_millis(100);
        let method = self.method(name)?;
        let message = frame(message);
        let answered = async {
            loop {
                match self.send(&method, bearer, message.clone()).await {
                    Err(Failure::Status(code, _)) if code == UNAVAILABLE => tokio::time::sleep(PAUSE).await,
                    answer => break answer,
                }
            }
        };
        let answer = tokio::time::timeout(LIMIT, answered)
            .await
            .map_err(|_| format!("{name} did not answer within {LIMIT:?}"))?
            .map_err(|failure| format!("{name}: {failure}"))?;
        Ok(Answer::decode(answer)?)
    }
}

/// All of a body.
async fn read(body: &mut RecvStream) -> Result<Bytes, Failure> {
    let mut answer = Bytes::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        // As a rule, all comes in one.
        answer = if answer.is_empty() { chunk } else { [answer, chunk].concat().into() };
    }
    Ok(answer)
}

/// A message with its prefix, as it goes over the wire.
pub(crate) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + length);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    // A BytesMut grows as needed.
    let _ = message.encode(&mut framed);
    framed.freeze()
}

fn refused(headers: &HeaderMap) -> Result<(), Failure> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match headers.get("grpc-status") {
        Some(code) if code == "0" => Ok(()),
        Some(_) => {
            Err(Failure::Status(text("grpc-status").unwrap_or_default(), text("grpc-message").unwrap_or_default()))
        }
        None => Err(Failure::Broken("no grpc-status came".to_owned())),
    }
}

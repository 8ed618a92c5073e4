//! Plain HTTP/1.1 as a browser without HTTP/2 or curl speaks it.

use std::net::SocketAddr;

use http::{Request, Response, StatusCode, request::Builder};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use prost::bytes::Bytes;
use serde_json::Value;

use crate::{Person, TestLab};

/// Sends one request over a connection of its own and waits for the whole answer.
pub async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let (head, body) = begin(address, request).await.into_parts();
    Response::from_parts(head, body.collect().await.expect("a body").to_bytes())
}

/// Sends one request; the answer's body comes as it comes.
pub async fn begin(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<hyper::body::Incoming> {
    let socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.expect("a connection");
    tokio::spawn(connection);
    sender.send_request(request).await.expect("an answer")
}

/// Somebody with curl.
pub struct Script<'l> {
    lab: &'l TestLab,
    authorization: Option<String>,
}

impl<'l> Script<'l> {
    /// Nobody yet.
    #[must_use]
    pub fn new(lab: &'l TestLab) -> Self {
        Self { lab, authorization: None }
    }

    /// With the access token of a person.
    #[must_use]
    pub fn of(lab: &'l TestLab, person: &Person) -> Self {
        Self::with_token(lab, &person.tokens.access_token)
    }

    /// With an access token.
    #[must_use]
    pub fn with_token(lab: &'l TestLab, token: &str) -> Self {
        Self { lab, authorization: Some(format!("Bearer {token}")) }
    }

    /// A request, for headers of its own to be added.
    #[must_use]
    pub fn request(&self, verb: &str, path: &str) -> Builder {
        let request = Request::builder().method(verb).uri(path).header("host", "lab");
        match &self.authorization {
            Some(authorization) => request.header("authorization", authorization),
            None => request,
        }
    }

    /// Sends it with this body.
    pub async fn send(&self, request: Builder, body: impl Into<Bytes>) -> Response<Bytes> {
        send(self.lab.address, request.body(Full::new(body.into())).expect("a request")).await
    }

    /// Sends it, and takes the beginning of what is answered.
    pub async fn begin(&self, request: Builder) -> Response<hyper::body::Incoming> {
        begin(self.lab.address, request.body(Full::default()).expect("a request")).await
    }

    /// Asks, and reads the answer as JSON.
    pub async fn ask(&self, verb: &str, path: &str, body: impl Into<Bytes>) -> (StatusCode, Value) {
        let answer = self.send(self.request(verb, path), body).await;
        let json = serde_json::from_slice(answer.body()).unwrap_or_else(|_| panic!("{verb} {path}: {answer:?}"));
        (answer.status(), json)
    }
}

/// A member of JSON that is text.
#[must_use]
pub fn text<'j>(json: &'j Value, pointer: &str) -> &'j str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{json} has no {pointer}"))
}

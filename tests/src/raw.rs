//! Calls by a plain HTTP/2 client, which adds nothing and hides nothing.

use std::net::SocketAddr;

use contract::Method;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::bytes::Bytes;
use tonic::Status;

use crate::Person;

/// Calls a method with one more header; the encoded answer comes back.
///
/// # Errors
/// What the server answered.
pub async fn call(
    address: SocketAddr,
    method: &Method,
    person: &Person,
    (name, value): (&str, &str),
    message: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(message.len()).expect("a small message").to_be_bytes());
    framed.extend(message);
    let request = Request::post(format!("http://{address}{}", method.path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {}", person.tokens.access_token))
        .header(name, value)
        .body(Full::new(Bytes::from(framed)))
        .expect("a request");
    let (headers, body) = send(address, request).await.into_parts();
    let body = body.collect().await.expect("a body");
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = Status::from_header_map(&trailers).or_else(|| Status::from_header_map(&headers.headers));
    match status {
        Some(status) if status.code() != tonic::Code::Ok => Err(status),
        _ => Ok(body.to_bytes().slice(5..).to_vec()),
    }
}

/// Sends one request over a connection of its own.
pub async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<hyper::body::Incoming> {
    let socket = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender.send_request(request).await.expect("an answer")
}

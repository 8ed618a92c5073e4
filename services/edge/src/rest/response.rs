//! A message as HTTP answers it.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use prost_reflect::MessageDescriptor;
use tonic::{Status, Streaming, body::Body, metadata::MetadataMap};

use super::json::{Fault, Wire};
use crate::problem;

/// Fields of a message that is a part of a file, such as ExportRun's.
const FILE: [&str; 3] = ["file_name", "media_type", "content"];

/// How a stream is written.
#[derive(Clone, Copy)]
pub enum Manner {
    /// A JSON object a line.
    Lines,
    /// Server-sent events (HTML, 9.2): the id of each is its resume_token.
    Events,
}

/// The answer of a method that answers once; of one that only reads, by what the request says that it knows already,
/// where an etag can tell that.
pub fn whole(
    message: Wire,
    field: &str,
    said: &MetadataMap,
    asked: Option<&HeaderMap>,
) -> Result<Response<Body>, Fault> {
    let resource = if field.is_empty() { Some(message.clone()) } else { message.message(field) };
    let etag = resource.as_ref().and_then(|resource| resource.text("etag")).filter(|etag| !etag.is_empty());
    let asked = asked.filter(|_| resource.as_ref().is_some_and(Wire::etag_is_whole));
    let known = asked.and_then(|asked| asked.get(header::IF_NONE_MATCH)).and_then(|value| value.to_str().ok());
    let unchanged =
        matches!((etag, known), (Some(etag), Some(known)) if known.split(',').any(|known| tag(known) == etag));

    let mut response = if unchanged {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut json = Vec::with_capacity(1024);
        match &resource {
            Some(resource) => resource.write(&mut json)?,
            None => message.write_field(field, &mut json)?,
        }
        let mut response = Response::new(Body::new(Full::new(Bytes::from(json))));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    common(response.headers_mut(), said);
    if let Some(Ok(etag)) = etag.map(|etag| HeaderValue::try_from(format!("\"{etag}\""))) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// A tag of If-None-Match without its quotes, weak or not (RFC 9110, 13.1.2): a proxy that compresses makes it weak.
fn tag(value: &str) -> &str {
    value.trim().trim_start_matches("W/").trim_matches('"')
}

/// The answer of a method that answers with a stream. A first message that is an error is an error of the request.
pub async fn parts(answer: tonic::Response<Streaming<Bytes>>, of: MessageDescriptor, manner: Manner) -> Response<Body> {
    let (said, messages, _) = answer.into_parts();
    let file = FILE.iter().all(|field| of.get_field_by_name(field).is_some());
    let mut messages = messages.map_ok(move |message| Wire::new(&of, message));
    let first = match messages.next().await {
        Some(Err(status)) => return problem::response(&status),
        Some(Ok(message)) => Some(Ok(message)),
        None => None,
    };
    let mut headers = HeaderMap::new();
    match (file, manner, &first) {
        (true, _, Some(Ok(part))) => file_headers(&mut headers, part),
        (true, _, _) => {}
        (false, Manner::Lines, _) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        }
        (false, Manner::Events, _) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        }
    }
    let frames = stream::iter(first).chain(messages).flat_map(move |message| {
        let data = |bytes| Some(Ok(Frame::data(bytes)));
        // That it ends early, the connection's end tells, so that nobody takes a part for the whole; events have a word
        // for it, and go on from the last one's id.
        let (data, end) = match (message, manner) {
            (Ok(message), _) if file => (data(content(&message)), None),
            (Ok(message), manner) => match line(&message, manner) {
                Ok(line) => (data(line), None),
                Err(Fault) => (None, Some(Err(Status::internal("a message cannot be written")))),
            },
            (Err(status), _) if file => (None, Some(Err(status))),
            (Err(status), Manner::Lines) => (data(error(&status, manner)), Some(Err(status))),
            (Err(status), Manner::Events) => (data(error(&status, manner)), None),
        };
        stream::iter(data.into_iter().chain(end))
    });
    // What is said last is written out while the stream waits, and would go down with the connection if it did not.
    let frames = frames.then(async |frame: Result<_, Status>| {
        if frame.is_err() {
            tokio::task::yield_now().await;
        }
        frame
    });
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    *response.headers_mut() = headers;
    common(response.headers_mut(), &said);
    response
}

fn common(headers: &mut HeaderMap, said: &MetadataMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    problem::name_request(headers, said);
}

fn file_headers(headers: &mut HeaderMap, part: &Wire) {
    let (name, kind) = (part.text("file_name"), part.text("media_type"));
    if let Some(Ok(kind)) = kind.map(HeaderValue::try_from) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let name: String =
        name.unwrap_or_default().chars().filter(|it| it.is_ascii_alphanumeric() || "._-".contains(*it)).collect();
    if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
}

fn content(part: &Wire) -> Bytes {
    Bytes::copy_from_slice(part.bytes("content").unwrap_or_default())
}

fn line(message: &Wire, manner: Manner) -> Result<Bytes, Fault> {
    let mut json = Vec::new();
    match manner {
        Manner::Lines => message.write(&mut json)?,
        Manner::Events => {
            if let Some(token) = message.text("resume_token").filter(|token| !token.contains(['\r', '\n', '\0'])) {
                json.extend_from_slice(format!("id: {token}\n").as_bytes());
            }
            json.extend_from_slice(b"data: ");
            message.write(&mut json)?;
            json.push(b'\n');
        }
    }
    json.push(b'\n');
    Ok(json.into())
}

fn error(status: &Status, manner: Manner) -> Bytes {
    let detail = problem::body(status);
    match manner {
        Manner::Lines => format!("{detail}\n").into(),
        Manner::Events => format!("event: error\ndata: {detail}\n\n").into(),
    }
}

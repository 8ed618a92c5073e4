//! The same methods over plain HTTP and JSON, as the contract's `google.api.http` rules say. A request becomes the message
//! that it stands for and the gRPC call that carries it, through the same layers as any other.

mod around;
mod codec;
mod json;
mod request;
mod response;
mod router;
mod values;

use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, Limited};
use prost_reflect::DynamicMessage;
use tonic::{body::Body, client::Grpc};

use crate::{openapi, problem, switch::Switch};
pub use around::around;
use codec::WireCodec;
use json::{Fault, Wire};
use request::Malformed;
use response::Manner;
pub use router::pattern;
use router::{Binding, Found, Router};
use values::{Refused, VALUES};

/// Bytes of a request's body.
const BODY_BYTES: usize = 4 * 1024 * 1024;
/// How long it may take to come: nobody has been asked yet who it is from.
pub const BODY_TIME: Duration = Duration::from_secs(10);
/// Where all this is described.
const OPENAPI: &str = "/openapi.json";
/// Bytes of an answer of one of our services.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// The ways in.
pub struct Rest {
    router: Router,
    switch: Switch,
}

impl Rest {
    pub fn new(switch: Switch) -> Self {
        Self { router: Router::new(), switch }
    }

    /// Whether a path belongs to it, known or not.
    pub fn has(path: &str) -> bool {
        path == OPENAPI || ["/api/", "/auth/"].iter().any(|prefix| path.starts_with(prefix))
    }

    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        if request.uri().path() == OPENAPI {
            return match *request.method() {
                Method::GET => openapi::answer(),
                _ => problem::other_verbs("GET", "GET /openapi.json describes what is here"),
            };
        }
        match self.router.find(request.method(), request.uri().path()) {
            Found::Way(binding, variables) => {
                go(&self.switch, binding, variables, request).await.unwrap_or_else(|refusal| refusal)
            }
            Found::OtherVerbs(verbs) => {
                problem::other_verbs(&verbs, &format!("{} is not for this path, but {verbs}", request.method()))
            }
            Found::Nothing => problem::nothing(),
        }
    }
}

async fn go(
    switch: &Switch,
    binding: &Binding,
    variables: Vec<String>,
    request: Request<Body>,
) -> Result<Response<Body>, Response<Body>> {
    let (head, body) = request.into_parts();
    if head.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        let message = "a body is taken as it is; send it without Content-Encoding";
        return Err(problem::refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
    }
    // Whoever brings no token is refused by the service, whatever the message says: what they send is not even read.
    let message = if binding.public || head.headers.contains_key(header::AUTHORIZATION) {
        incoming(binding, variables, &head, body).await?
    } else {
        DynamicMessage::new(binding.method.input())
    };
    let output = binding.method.output();
    let call = binding.call.clone();
    let mut client = Grpc::new(switch.visit(&head.headers, head.extensions)).max_decoding_message_size(ANSWER_BYTES);
    let refused = |status| problem::response(&status);
    if binding.method.is_server_streaming() {
        let events = head.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let events = events.is_some_and(|accept| accept.contains("text/event-stream"));
        let manner = if events { Manner::Events } else { Manner::Lines };
        let answer = client.server_streaming(tonic::Request::new(message), call, WireCodec).await.map_err(refused)?;
        return Ok(response::parts(answer, output, manner).await);
    }
    let answer = client.unary(tonic::Request::new(message), call, WireCodec).await.map_err(refused)?;
    let (said, message, _) = answer.into_parts();
    let message = Wire::new(&output, message);
    let asked = (head.method == Method::GET).then_some(&head.headers);
    Ok(response::whole(message, &binding.response_body, &said, asked).unwrap_or_else(|Fault| {
        tracing::error!(call = %binding.call, "an answer cannot be written as JSON");
        problem::response(&tonic::Status::internal("the answer cannot be written"))
    }))
}

/// The message that a request stands for, once its body has come.
async fn incoming(
    binding: &Binding,
    variables: Vec<String>,
    head: &Parts,
    body: Body,
) -> Result<DynamicMessage, Response<Body>> {
    let body = tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_BYTES).collect()).await.map_err(|_| {
        let message = format!("the body did not come within {} s", BODY_TIME.as_secs());
        problem::refuse(StatusCode::REQUEST_TIMEOUT, "request_timeout", &message)
    })?;
    let body = body.map_err(|_| too_large(&format!("did not come whole, or is longer than {BODY_BYTES} bytes")))?;
    let body = body.to_bytes();
    let body = if binding.body.is_empty() || body.trim_ascii().is_empty() {
        None
    } else {
        Some(values::read(&body).map_err(|refused| match refused {
            Refused::Syntax(told) => invalid(&format!("the body is no JSON: {told}")),
            Refused::Repeated(told) => invalid(&told),
            Refused::TooMany => too_large(&format!("has more than {VALUES} values")),
        })?)
    };
    request::message(binding, variables, &head.uri, &head.headers, body).map_err(|Malformed(told)| invalid(&told))
}

fn invalid(message: &str) -> Response<Body> {
    problem::refuse(StatusCode::BAD_REQUEST, "invalid_argument", message)
}

fn too_large(body: &str) -> Response<Body> {
    problem::refuse(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", &format!("the body {body}"))
}

//! What a browser sees at the address.

use http::{Response, StatusCode, header};
use tonic::body::Body;

const TEXT: &str = "SPECTRA-Lab is running.\n\n\
    This address speaks gRPC and gRPC-web:\n\n    \
    grpcurl -plaintext localhost:3012 list\n    \
    grpcurl -plaintext localhost:3012 describe spectra.samples.v1.SamplesService\n";

pub fn page(path: &str) -> Response<Body> {
    let (status, text) = match path {
        "/" => (StatusCode::OK, TEXT),
        _ => (StatusCode::NOT_FOUND, "There is no such page here.\n"),
    };
    let mut response = Response::new(Body::new(text.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

//! What a browser sees at the address.

use http::{Request, Response, StatusCode, header};
use tonic::body::Body;

pub fn page(request: &Request<Body>) -> Response<Body> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(|host| host.as_str())).unwrap_or("127.0.0.1:3012");
    let (status, text) = match request.uri().path() {
        "/" => (
            StatusCode::OK,
            format!(
                "SPECTRA-Lab is running.\n\nThis address speaks gRPC and gRPC-web:\n\n    \
                 grpcurl -plaintext {host} list\n    \
                 grpcurl -plaintext {host} describe spectra.samples.v1.SamplesService\n"
            ),
        ),
        _ => (StatusCode::NOT_FOUND, "There is no such page here.\n".to_owned()),
    };
    let mut response = Response::new(Body::new(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

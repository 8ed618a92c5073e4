//! Browsers: gRPC-web over HTTP/1.1, and pages of other origins.

use std::net::SocketAddr;

use contract::{
    auth::v1::{LoginRequest, LoginResponse},
    samples::v1::GetSampleRequest,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use prost::{Message as _, bytes::Bytes};
use spectra_tests::{Start, TestLab};

/// Sends a request as a browser without HTTP/2 does.
async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

fn post(path: &str) -> http::request::Builder {
    Request::post(path)
        .header("host", "lab")
        .header("content-type", "application/grpc-web+proto")
        .header("x-grpc-web", "1")
}

fn framed(message: &impl prost::Message) -> Full<Bytes> {
    let bytes = message.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    body.extend(bytes);
    Full::new(body.into())
}

/// The message of an answer, and its trailers as text.
fn parts(body: &[u8]) -> (Vec<u8>, String) {
    let (mut message, mut trailers, mut rest) = (Vec::new(), String::new(), body);
    while let [flag, a, b, c, d, tail @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (frame, tail) = tail.split_at(length);
        if flag & 0x80 == 0 {
            message.extend(frame)
        } else {
            trailers.push_str(&String::from_utf8_lossy(frame))
        }
        rest = tail;
    }
    (message, trailers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_signs_in_and_reads_its_errors() {
    let lab = TestLab::start().await;
    let login =
        LoginRequest { username: "engineer@demo.lab".to_owned(), password: "eng123".to_owned(), otp: String::new() };
    let request = post("/spectra.auth.v1.AuthService/Login").body(framed(&login)).unwrap();
    let answer = send(lab.address, request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let (message, trailers) = parts(answer.body());
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
    assert_eq!(LoginResponse::decode(message.as_slice()).unwrap().token_type, "bearer");

    // An error of a layer inside reaches the browser too, with its details.
    let get = GetSampleRequest { id: uuid::Uuid::now_v7().to_string() };
    let request = post("/spectra.samples.v1.SamplesService/GetSample").body(framed(&get)).unwrap();
    let answer = send(lab.address, request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let told = format!("{:?} {}", answer.headers(), parts(answer.body()).1);
    assert!(told.contains("grpc-status") && told.contains("16") && told.contains("grpc-status-details-bin"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_listed_origins_may_call_and_no_others() {
    let settings = vec![("SPECTRA_CORS_ORIGINS", "https://lab.example".to_owned())];
    let lab = TestLab::start_with(Start { settings, ..Default::default() }).await;
    for (origin, allowed) in [("https://lab.example", true), ("https://evil.example", false)] {
        let preflight = Request::options("/spectra.samples.v1.SamplesService/GetSample")
            .header("host", "lab")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,x-grpc-web")
            .body(Full::default())
            .unwrap();
        let answer = send(lab.address, preflight).await;
        let headers = answer.headers();
        assert_eq!(headers.contains_key("access-control-allow-origin"), allowed, "{origin}: {headers:?}");
        if allowed {
            let named = headers["access-control-allow-headers"].to_str().unwrap().to_ascii_lowercase();
            assert!(named.contains("authorization"), "named, not `*`: {named}");
        }

        let get = GetSampleRequest { id: uuid::Uuid::now_v7().to_string() };
        let request = post("/spectra.samples.v1.SamplesService/GetSample").header("origin", origin);
        let answer = send(lab.address, request.body(framed(&get)).unwrap()).await;
        let headers = answer.headers();
        assert_eq!(headers.contains_key("access-control-allow-origin"), allowed, "{origin}: {headers:?}");
        if allowed {
            let shown = headers["access-control-expose-headers"].to_str().unwrap();
            assert!(shown.contains("grpc-status-details-bin"), "{shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_grpc_nor_grpc_web_is_told_so() {
    let lab = TestLab::start().await;
    let html = Request::get("/").header("host", "lab").body(Full::default()).unwrap();
    let answer = send(lab.address, html).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(String::from_utf8_lossy(answer.body()).contains("gRPC"));
    let json = Request::post("/spectra.samples.v1.SamplesService/GetSample")
        .header("host", "lab")
        .header("content-type", "application/json")
        .body(Full::new("{}".into()))
        .unwrap();
    assert_eq!(send(lab.address, json).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

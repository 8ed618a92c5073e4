//! Browsers: gRPC-web over HTTP/1.1, and pages of other origins.

use contract::{
    auth::v1::{LoginRequest, LoginResponse},
    samples::v1::GetSampleRequest,
};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use prost::{Message as _, bytes::Bytes};
use spectra_tests::{
    Start, TestLab,
    http1::{send, text},
};

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

/// Asks for something of `/web/session`: the answer, and the cookie that it sets.
async fn session(
    lab: &TestLab,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (Response<Bytes>, String) {
    let mut request = Request::builder().method(method).uri(path).header("host", "lab");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = send(lab.address, request.body(Full::new(body.to_owned().into())).unwrap()).await;
    let cookie = answer.headers().get("set-cookie").map_or("", |cookie| cookie.to_str().unwrap()).to_owned();
    (answer, cookie)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_sign_in_lives_in_a_cookie_that_no_script_reads() {
    const CREDENTIALS: &str = r#"{"username": "engineer@demo.lab", "password": "eng123"}"#;
    const REFRESH: &str = "/web/session/refresh";
    let lab = TestLab::start().await;
    let json = |answer: &Response<Bytes>| serde_json::from_slice::<serde_json::Value>(answer.body()).unwrap();

    let (answer, set) = session(&lab, "POST", "/web/session", &[], CREDENTIALS).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    for attribute in ["__Host-spectra-session=", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(set.contains(attribute), "{set}");
    }
    let kept = set.split(';').next().unwrap().to_owned();
    let (_, refresh_token) = kept.split_once('=').unwrap();
    let body = json(&answer);
    assert!(!body.to_string().contains(refresh_token), "the page must not see it");
    assert_eq!(body["expires_in"], 900);

    // It goes on with the cookie, which is another one each time; without, or from another page, it does not.
    let (answer, next) = session(&lab, "POST", REFRESH, &[("cookie", &format!("a=b; {kept}"))], "").await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    let next = next.split(';').next().unwrap().to_owned();
    assert_ne!(next, kept);
    let authorization = format!("Bearer {}", text(&json(&answer), "/access_token"));
    assert_eq!(session(&lab, "POST", REFRESH, &[], "").await.0.status(), StatusCode::UNAUTHORIZED);
    for origin in ["http://evil.example", "http://lab:8080", "null"] {
        let headers = [("cookie", next.as_str()), ("origin", origin)];
        assert_eq!(session(&lab, "POST", REFRESH, &headers, "").await.0.status(), StatusCode::FORBIDDEN, "{origin}");
    }

    // The cookie authorizes no call.
    let get = GetSampleRequest { id: uuid::Uuid::now_v7().to_string() };
    let call = |name: &'static str, value: &str| {
        let request = post("/spectra.samples.v1.SamplesService/GetSample").header(name, value.to_owned());
        send(lab.address, request.body(framed(&get)).unwrap())
    };
    let status = |answer: Response<Bytes>| format!("{:?} {}", answer.headers(), parts(answer.body()).1);
    let told = status(call("cookie", &next).await);
    assert!(told.contains("16"), "{told}");
    let told = status(call("authorization", &authorization).await);
    assert!(told.contains("grpc-status") && told.contains("\"5\""), "{told}");

    // Who signs out has left, with that access token too, within 5 s.
    let headers = [("cookie", next.as_str()), ("origin", "http://lab")];
    let (answer, gone) = session(&lab, "DELETE", "/web/session", &headers, "").await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(gone.contains("Max-Age=0"), "{gone}");
    assert_eq!(session(&lab, "POST", REFRESH, &[("cookie", &next)], "").await.0.status(), StatusCode::UNAUTHORIZED);
    let left = std::time::Instant::now();
    loop {
        let told = status(call("authorization", &authorization).await);
        if told.contains("\"16\"") {
            break;
        }
        assert!(left.elapsed() < std::time::Duration::from_secs(5), "{told}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_in_json_and_sets_no_cookie() {
    let lab = TestLab::start().await;
    let credentials = r#"{"username": "engineer@demo.lab", "password": "wrong"}"#;
    let (answer, cookie) = session(&lab, "POST", "/web/session", &[], credentials).await;
    assert_eq!((answer.status(), cookie.as_str()), (StatusCode::UNAUTHORIZED, ""));
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(text(&body, "/detail/code"), "credentials_invalid");
    assert!(!text(&body, "/detail/request_id").is_empty());
    for body in ["", "{", "[]", r#"{"username": 1, "password": "x"}"#, &" ".repeat(5000)] {
        assert_eq!(
            session(&lab, "POST", "/web/session", &[], body).await.0.status(),
            StatusCode::BAD_REQUEST,
            "{body}"
        );
    }
    assert_eq!(session(&lab, "GET", "/web/session", &[], "").await.0.status(), StatusCode::METHOD_NOT_ALLOWED);
}

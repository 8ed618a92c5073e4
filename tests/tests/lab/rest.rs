//! The same methods by curl: the previous generation's commands, and plain HTTP's own manners.

use std::time::Duration;

use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use prost::bytes::Bytes;
use serde_json::{Value, json};
use spectra_tests::{
    Start, TestLab,
    http1::{Script, text},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use uuid::Uuid;

fn body(answer: &Response<Bytes>) -> Value {
    serde_json::from_slice(answer.body()).unwrap_or_else(|_| panic!("{answer:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_previous_generations_commands_work_unchanged() {
    let lab = TestLab::start().await;
    let (status, tokens) = Script::new(&lab)
        .ask("POST", "/auth/login", r#"{"username": "engineer@demo.lab", "password": "eng123"}"#)
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((text(&tokens, "/token_type"), &tokens["expires_in"]), ("bearer", &json!(900)));
    let refresh = json!({ "refresh_token": tokens["refresh_token"] }).to_string();
    let (status, tokens) = Script::new(&lab).ask("POST", "/auth/refresh", refresh).await;
    assert_eq!(status, StatusCode::OK);
    let engineer = Script::with_token(&lab, text(&tokens, "/access_token"));
    let (_, me) = engineer.ask("GET", "/auth/me", "").await;
    assert_eq!((text(&me, "/email"), text(&me, "/role")), ("engineer@demo.lab", "ROLE_ENGINEER"));

    let sample = json!({ "name": "W-curl", "material_type": "GaN", "lot_code": "L1", "barcode": Uuid::now_v7(), "location": "Lab" });
    let (status, sample) = engineer.ask("POST", "/api/lims/samples", sample.to_string()).await;
    assert_eq!((status, text(&sample, "/lot_code")), (StatusCode::OK, "L1"));
    let (_, samples) = engineer.ask("GET", "/api/lims/samples?skip=0&limit=1", "").await;
    assert_eq!(samples.as_array().map(Vec::len), Some(1), "a bare array");
    assert_eq!(text(&samples, "/0/name"), "W-curl");
    let (_, one) = engineer.ask("GET", &format!("/api/lims/samples/{}", text(&sample, "/id")), "").await;
    assert_eq!(one, sample);

    // Its instrument has no certificate in force: the refusal, in the shape that scripts know.
    let pi = lab.person("pi").await;
    let (instrument, fit) = (pi.new_instrument().await.id, pi.new_fit_instrument().await.id);
    let run = |instrument: &str| {
        json!({ "instrument_id": instrument, "sample_id": sample["id"], "method": "iv_sweep",
        "params": { "vgs_start": 0, "vgs_stop": 1, "vgs_step": 0.5 } })
    };
    let certificate = |from: &str, to: &str| {
        json!({ "instrument_id": instrument, "certificate_id": Uuid::now_v7(),
        "issued_at": from, "expires_at": to, "provider": "Metrology Services" })
    };
    let calibrations = "/api/analysis/calibrations";
    let (status, _) = engineer
        .ask("POST", calibrations, certificate("2023-10-01T00:00:00Z", "2024-10-01T00:00:00Z").to_string())
        .await;
    assert_eq!(status, StatusCode::OK);
    let (status, refusal) = engineer.ask("POST", "/api/analysis/runs", run(&instrument).to_string()).await;
    assert_eq!((status, text(&refusal, "/detail/code")), (StatusCode::CONFLICT, "calibration_expired"));
    assert!(text(&refusal, "/detail/message").starts_with("Instrument calibration has expired"));
    assert_eq!(text(&refusal, "/detail/expires_at"), "2024-10-01T00:00:00Z");
    let status_path = format!("{calibrations}/status?instrument_id={instrument}");
    let (_, standing) = engineer.ask("GET", &status_path, "").await;
    assert_eq!(text(&standing, "/status"), "CALIBRATION_STATUS_EXPIRED");

    // A certificate that is in force lifts it.
    let (status, _) = engineer
        .ask("POST", calibrations, certificate("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z").to_string())
        .await;
    assert_eq!(status, StatusCode::OK);
    let (status, made) = engineer.ask("POST", "/api/analysis/runs", run(&instrument).to_string()).await;
    assert_eq!((status, text(&made, "/state")), (StatusCode::OK, "RUN_STATE_QUEUED"), "{made}");
    let (_, run_again) = engineer.ask("GET", &format!("/api/analysis/runs/{}", text(&made, "/id")), "").await;
    assert_eq!(run_again, made);
    let (_, runs) = engineer.ask("GET", "/api/analysis/runs?skip=0&limit=5", "").await;
    assert_eq!(runs.as_array().map(|runs| &runs[0]), Some(&made), "a bare array, the latest first");
    let (status, _) = engineer.ask("POST", "/api/analysis/runs", run(&fit).to_string()).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_by_plain_http_who_does_not_by_grpc() {
    let lab = TestLab::start().await;
    let (sample, viewer) = (lab.person("engineer").await.new_sample().await, lab.person("viewer").await);
    let path = format!("/api/v1/samples/{}", sample.id);
    let answer = Script::new(&lab).send(Script::new(&lab).request("GET", &path), "").await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().contains_key("www-authenticate"));
    let (status, refusal) = Script::new(&lab).ask("POST", "/api/v1/samples", "not even JSON").await;
    assert_eq!((status, text(&refusal, "/detail/code")), (StatusCode::UNAUTHORIZED, "token_missing"));
    assert!(Uuid::try_parse(text(&refusal, "/detail/request_id")).is_ok(), "{refusal}");
    assert_eq!(Script::of(&lab, &viewer).ask("GET", &path, "").await.0, StatusCode::OK);
    let (status, refusal) = Script::of(&lab, &viewer).ask("PATCH", &path, r#"{"location": "mine"}"#).await;
    assert_eq!((status, text(&refusal, "/detail/code")), (StatusCode::FORBIDDEN, "permission_denied"));
    let stranger = lab.stranger("admin").await;
    let (status, refusal) = Script::of(&lab, &stranger).ask("GET", &path, "").await;
    assert_eq!((status, text(&refusal, "/detail/code")), (StatusCode::NOT_FOUND, "resource_not_found"));
    // What services tell each other has no path.
    let (status, _) = Script::of(&lab, &viewer).ask("POST", &format!("{path}:claimForRun"), "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let lab = TestLab::start().await;
    // Whoever must sign in first is told so before it comes.
    for (path, wait, told) in [("/api/v1/auth/login", 20, b"HTTP/1.1 408"), ("/api/v1/samples", 5, b"HTTP/1.1 401")] {
        let mut connection = TcpStream::connect(lab.address).await.unwrap();
        let begun = format!("POST {path} HTTP/1.1\r\nhost: lab\r\ncontent-length: 100\r\n\r\n{{");
        connection.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let read = connection.read_exact(&mut answer);
        tokio::time::timeout(Duration::from_secs(wait), read).await.expect("an answer").unwrap();
        assert_eq!(&answer, told, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_wrong_is_told_where() {
    let lab = TestLab::start().await;
    let engineer = Script::of(&lab, &lab.person("engineer").await);
    let certificates = "/api/v1/calibrations";
    for (verb, path, sent, status, told) in [
        ("POST", "/api/v1/samples", r#"{"name": }"#, 400, "the body is no JSON: expected value at line 1 column 10"),
        ("POST", "/api/v1/samples", "[]", 400, "sample: "),
        ("POST", "/api/v1/samples", r#"{"name": 5}"#, 400, "sample.name: 5, expected a string"),
        ("POST", "/api/v1/samples", r#"{"nam": "x"}"#, 400, "unrecognized field name 'nam'"),
        ("POST", certificates, r#"{"scope": "field"}"#, 400, "scope: a string, expected an array"),
        ("POST", certificates, r#"{"scope": [3]}"#, 400, "calibration.scope[0]: 3, expected a string"),
        ("POST", certificates, r#"{"points": [{"as_left": 1}]}"#, 400, "[0].as_left: 1, expected true or false"),
        ("POST", certificates, r#"{"as_found": "GOOD"}"#, 400, "\"GOOD\", expected one of CONFORMITY_UNSPECIFIED, "),
        ("POST", certificates, r#"{"issued_at": "today"}"#, 400, "issued_at: \"today\", expected a time such as"),
        ("POST", "/api/v1/samples", r#"{"name": "a", "name": "b"}"#, 400, "name: is given twice at line 1 column"),
        ("POST", "/api/v1/samples", r#"{"attributes": {"x": [{"y": 1, "y": 1}]}}"#, 400, "y: is given twice at line"),
        ("POST", "/api/v1/samples", r#"{"lotCode": "a", "lot_code": "b"}"#, 400, "lot_code: is given twice"),
        ("POST", certificates, r#"{"points": [{"asLeft": true, "as_left": true}]}"#, 400, "as_left: is given twice"),
        ("POST", "/api/v1/auth/login", "3", 400, "the body is a number, expected an object"),
        ("GET", "/api/v1/samples?pages=3", "", 400, "pages: there is no such parameter; there are: page_size"),
        ("GET", "/api/v1/samples?page_size=ten", "", 400, "page_size: \"ten\", expected a whole number of 32 bits"),
        ("GET", "/api/v1/calibrations:due?within=soon", "", 400, "within: \"soon\", expected seconds such as"),
        ("GET", "/api/v1/samples?show_deleted=maybe", "", 400, "expected true or false"),
        ("GET", "/api/v1/samples?page_size=-1", "", 400, "page_size: value must be"),
        ("GET", "/api/v1/samples/seven", "", 400, "id: must be a UUID"),
        ("GET", "/api/v1/wafers", "", 404, "nothing at this path"),
        ("PUT", "/api/v1/samples", "", 405, "PUT is not for this path, but GET, POST"),
    ] {
        let (code, refusal) = engineer.ask(verb, path, sent).await;
        assert_eq!(code.as_u16(), status, "{verb} {path} {sent}: {refusal}");
        assert!(text(&refusal, "/detail/message").contains(told), "{verb} {path} {sent}: {refusal}");
    }
    let (status, refusal) = engineer.ask("POST", "/api/v1/samples", vec![b' '; 5 << 20]).await;
    assert_eq!((status, text(&refusal, "/detail/code")), (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"));
    let many = format!(r#"{{"attributes": {{"x": [{}0]}}}}"#, "0,".repeat(200_000));
    let (status, refusal) = engineer.ask("POST", "/api/v1/samples", many).await;
    assert_eq!((status, text(&refusal, "/detail/code")), (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"));
    assert_eq!(text(&refusal, "/detail/message"), "the body has more than 200000 values");
    let packed = engineer.request("POST", "/api/v1/samples").header("content-encoding", "gzip");
    let refusal = engineer.send(packed, "packed").await;
    assert_eq!(refusal.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{refusal:?}");
    let (_, refusal) = engineer.ask("POST", "/api/v1/samples", r#"{"name": ""}"#).await;
    assert_eq!(text(&refusal, "/detail/violations/0/field"), "sample.name", "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn etags_and_idempotency_keys_are_those_of_http() {
    let lab = TestLab::start().await;
    let engineer = Script::of(&lab, &lab.person("engineer").await);
    let key = Uuid::now_v7().to_string();
    let create = || engineer.request("POST", "/api/v1/samples").header("idempotency-key", &key);
    let other = engineer.request("POST", "/api/v1/samples").header("idempotency-key", "k1");
    let refused = body(&engineer.send(other, "{}").await);
    assert_eq!(text(&refused, "/detail/message"), "Idempotency-Key: \"k1\", expected a UUID");
    let (status, refused) = engineer.ask("GET", "/api/v1/samples?page_size=1&limit=2", "").await;
    assert_eq!((status, text(&refused, "/detail/message")), (StatusCode::BAD_REQUEST, "page_size: is given twice"));
    let sent = json!({ "name": "W-once", "material_type": "Si", "location": "Lab" }).to_string();
    let first = engineer.send(create(), sent.clone()).await;
    let quoted = engineer.request("POST", "/api/v1/samples").header("idempotency-key", format!("\"{key}\""));
    let again = engineer.send(quoted, sent).await;
    assert_eq!((first.status(), first.body()), (StatusCode::OK, again.body()), "one sample");
    let other = engineer.send(create(), json!({ "name": "W-other", "material_type": "Si" }).to_string()).await;
    assert_ne!(other.status(), StatusCode::OK, "the key is taken");

    let path = format!("/api/v1/samples/{}", text(&body(&first), "/id"));
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let unchanged = engineer.send(engineer.request("GET", &path).header("if-none-match", &tag), "").await;
    assert_eq!((unchanged.status(), unchanged.body().len()), (StatusCode::NOT_MODIFIED, 0));
    let whole = engineer.send(engineer.request("GET", &path), "").await;
    let head = engineer.send(engineer.request("HEAD", &path), "").await;
    let length = head.headers()["content-length"].to_str().unwrap().parse();
    assert_eq!((head.status(), head.body().len(), length), (StatusCode::OK, 0, Ok(whole.body().len())));
    assert_eq!(head.headers()["etag"], *tag);
    // A change in part touches what it has.
    let change = |tag: &str, location: &str| {
        let request = engineer.request("PATCH", &path).header("if-match", tag.as_bytes());
        engineer.send(request, json!({ "location": location, "attributes": { "x": 1 } }).to_string())
    };
    // Nor is one made of which nobody can tell what it was to depend on.
    for unread in ["", "1", "\"1", "\"\"", "W/", "W/\"1\"", "\"*\"", "\"1\", \"2\"", "\"é\""] {
        let refused = change(unread, "Cellar").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{unread}: {refused:?}");
        assert!(text(&body(&refused), "/detail/message").starts_with("If-Match: "), "{unread}: {refused:?}");
    }
    let twice = engineer.request("PATCH", &path).header("if-match", &tag).header("if-match", "*");
    assert_eq!(engineer.send(twice, r#"{"location": "Cellar"}"#).await.status(), StatusCode::BAD_REQUEST);
    let changed = change(&tag, "Vault").await;
    assert_eq!(changed.status(), StatusCode::OK, "{changed:?}");
    let changed = body(&changed);
    assert_eq!((text(&changed, "/location"), text(&changed, "/name")), ("Vault", "W-once"));
    let late = change(&tag, "Attic").await;
    assert_eq!((late.status(), text(&body(&late), "/detail/code")), (StatusCode::CONFLICT, "etag_mismatch"));
    let moved = engineer.request("POST", &format!("{path}:move")).header("if-match", &tag);
    let moved = engineer.send(moved, r#"{"location": "Attic", "reason": "tidy"}"#).await;
    assert_eq!(moved.status(), StatusCode::CONFLICT, "{moved:?}");
    // A body that names no tag takes that of the header, and one that names another contradicts it.
    for own in [json!(null), json!("")] {
        let late = engineer.request("PATCH", &path).header("if-match", &tag);
        let late = engineer.send(late, json!({ "location": "Attic", "etag": own }).to_string()).await;
        assert_eq!((late.status(), text(&body(&late), "/detail/code")), (StatusCode::CONFLICT, "etag_mismatch"));
    }
    let torn = engineer.request("PATCH", &path).header("if-match", &tag);
    let torn = engineer.send(torn, r#"{"location": "Attic", "etag": "2"}"#).await;
    let told = "If-Match: \"1\", but the etag of the request itself is \"2\"";
    assert_eq!((torn.status(), text(&body(&torn), "/detail/message")), (StatusCode::BAD_REQUEST, told));
    // Nor is anything done that was to depend on a tag where none is compared.
    let made = engineer.request("POST", "/api/v1/samples").header("if-match", &tag);
    let made = engineer.send(made, json!({ "name": "W-if", "material_type": "Si" }).to_string()).await;
    assert_eq!((made.status(), text(&body(&made), "/detail/code")), (StatusCode::BAD_REQUEST, "invalid_argument"));
    // What was done is answered, whatever the caller knows: only a look is spared an answer that would be the same.
    let moved = engineer.request("POST", &format!("{path}:move")).header("if-none-match", "\"3\"");
    let moved = engineer.send(moved.header("if-match", "*"), r#"{"location": "Attic", "reason": "tidy"}"#).await;
    assert_eq!((moved.status(), &moved.headers()["etag"]), (StatusCode::OK, &"\"3\"".parse().unwrap()));
    // The body's own request_id counts first, by whichever of its names it comes.
    let own = json!({ "location": "Cellar", "reason": "tidy", "requestId": Uuid::now_v7() }).to_string();
    let again = || {
        let request = engineer.request("POST", &format!("{path}:move"));
        engineer.send(request.header("idempotency-key", Uuid::now_v7().to_string()), own.clone())
    };
    let (once, twice) = (again().await, again().await);
    assert_eq!((once.status(), once.body()), (StatusCode::OK, twice.body()), "moved once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_alike_at_every_path() {
    let lab = TestLab::start().await;
    let nobody = Script::new(&lab);
    let not_found = (StatusCode::NOT_FOUND, "not_found");
    for (verb, path, (status, code), allowed) in [
        ("GET", "/api/v1/nothing", not_found, ""),
        ("GET", "/nothing", not_found, ""),
        ("POST", "/nothing", not_found, ""),
        ("DELETE", "/assets/nothing.js", not_found, ""),
        ("GET", "/assets/nothing.js", not_found, ""),
        ("GET", "/web/session/nothing", not_found, ""),
        ("PUT", "/api/v1/samples", (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"), "GET, POST"),
        ("POST", "/openapi.json", (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"), "GET"),
        ("POST", "/.well-known/jwks.json", (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"), "GET"),
        ("PUT", "/web/session", (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"), "POST, DELETE"),
        ("GET", "/web/session/refresh", (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"), "POST"),
    ] {
        let answer = nobody.send(nobody.request(verb, path), "").await;
        assert_eq!((answer.status(), text(&body(&answer), "/detail/code")), (status, code), "{verb} {path}");
        let allow = answer.headers().get("allow").map_or("", |allow| allow.to_str().unwrap());
        assert_eq!(allow, allowed, "{verb} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_come_as_lines_or_events_and_files_as_files() {
    let lab = TestLab::start().await;
    let person = lab.person("engineer").await;
    let engineer = Script::of(&lab, &person);
    let (instrument, sample) = (person.new_fit_instrument().await, person.new_sample().await);
    let id = person.new_run(&instrument, &sample).await.id;
    let run = format!("/api/v1/runs/{id}");
    let (status, started) = engineer.ask("POST", &format!("{run}:start"), "").await;
    assert_eq!((status, text(&started, "/state")), (StatusCode::OK, "RUN_STATE_RUNNING"), "{started}");
    let columns = json!({ "columns": [{ "name": "v_gs", "unit": "V", "values": [0, 0.5] }, { "name": "i_d", "unit": "A",
        "values": [1e-12, -0.25] }] });
    let (status, stored) = engineer.ask("POST", &format!("{run}/data:append"), columns.to_string()).await;
    assert_eq!((status, &stored["points"]), (StatusCode::OK, &json!(2)), "{stored}");
    // The longest chunk is not too much for the edge.
    let longest = json!({ "stream": "long", "columns": [{ "name": "v", "unit": "V", "values": vec![0.5; 100_000] }] });
    let (status, stored) = engineer.ask("POST", &format!("{run}/data:append"), longest.to_string()).await;
    assert_eq!((status, &stored["points"]), (StatusCode::OK, &json!(100_000)), "{stored}");
    // That there are data, the run says and its etag does not: whoever knows the etag is told all the same.
    let tag = format!("\"{}\"", text(&started, "/etag"));
    let read = engineer.send(engineer.request("GET", &run).header("if-none-match", &tag), "").await;
    assert_eq!((read.status(), body(&read)["streams"].as_array().map(Vec::len)), (StatusCode::OK, Some(2)), "{read:?}");
    assert_eq!(read.headers()["etag"], *tag);
    let (status, done) = engineer.ask("POST", &format!("{run}:complete"), "").await;
    assert_eq!((status, text(&done, "/state")), (StatusCode::OK, "RUN_STATE_SUCCEEDED"), "{done}");

    let answer = engineer.send(engineer.request("GET", &format!("{run}/data")), "").await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let lines = String::from_utf8(answer.body().to_vec()).unwrap();
    assert_eq!(lines.lines().count(), 1);
    for line in lines.lines() {
        let chunk: Value = serde_json::from_str(line).unwrap();
        assert!(chunk["chunk"]["columns"].as_array().is_some_and(|columns| !columns.is_empty()), "{line}");
    }
    let answer = engineer.send(engineer.request("GET", &format!("{run}:export?format=EXPORT_FORMAT_CSV")), "").await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(answer.headers()["content-disposition"].to_str().unwrap().contains(".csv"));
    assert!(String::from_utf8_lossy(answer.body()).contains(&id));

    // A stream that cannot begin is an error like any other.
    let missing = format!("/api/v1/runs/{}/data", Uuid::now_v7());
    assert_eq!(engineer.ask("GET", &missing, "").await.0, StatusCode::NOT_FOUND);

    // Events carry what a browser resumes with.
    let watch = engineer.request("GET", "/api/v1/samples:watch").header("accept", "text/event-stream");
    let mut answer = engineer.begin(watch).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut seen = String::new();
    let sample = person.new_sample().await;
    while !seen.contains(&sample.id) {
        let frame = answer.frame().await.expect("it goes on").expect("no error");
        seen.push_str(str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    assert!(seen.starts_with("id: ") && seen.contains("\ndata: {"), "{seen}");
}

/// Whoever reads a stream to its end has all of it, or is told by the connection as well that it broke off.
#[tokio::test(flavor = "multi_thread")]
async fn lines_that_break_off_say_so_and_do_not_look_whole() {
    let lab = TestLab::start().await;
    let person = lab.person("engineer").await;
    let engineer = Script::of(&lab, &person);
    let mut answer = engineer.begin(engineer.request("GET", "/api/v1/samples:watch")).await;
    let sample = person.new_sample().await;
    let mut seen = String::new();
    let mut next = async || tokio::time::timeout(Duration::from_secs(20), answer.frame()).await.expect("it goes on");
    let words = |frame: hyper::body::Frame<Bytes>| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
    while !seen.contains(&sample.id) {
        seen.push_str(&words(next().await.expect("more").expect("no error")));
    }
    assert_eq!(engineer.ask("POST", "/api/v1/auth/logout", "{}").await.0, StatusCode::OK);
    let broken = loop {
        match next().await {
            Some(Ok(frame)) => seen.push_str(&words(frame)),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(seen.lines().last().is_some_and(|line| line.contains("token_revoked")), "{seen}");
    assert!(broken, "it ended as if it were whole: {seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_compressed_for_who_asks_for_it_and_a_short_one_or_a_stream_is_not() {
    let lab = TestLab::start().await;
    let person = lab.person("engineer").await;
    for _ in 0..20 {
        person.new_sample().await;
    }
    let engineer = Script::of(&lab, &person);
    let ask = async |path: &str| {
        let answer = engineer.send(engineer.request("GET", path).header("accept-encoding", "br, gzip"), "").await;
        assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
        (answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned()), answer.into_body())
    };
    let plain = engineer.send(engineer.request("GET", "/api/v1/samples"), "").await;
    assert_eq!(plain.headers().get("content-encoding"), None);
    assert_eq!(ask("/openapi.json").await.0.as_deref(), Some("gzip"));
    let (encoding, packed) = ask("/api/v1/samples").await;
    assert_eq!(encoding.as_deref(), Some("gzip"));
    assert!(packed.len() * 3 < plain.body().len(), "{} of {} bytes", packed.len(), plain.body().len());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*packed), &mut unpacked).unwrap();
    assert_eq!(unpacked, *plain.body());
    assert_eq!(ask("/auth/me").await.0, None, "shorter than a packet");
    // A watch is not held back until there is enough to compress.
    let watch = engineer.request("GET", "/api/v1/samples:watch").header("accept-encoding", "gzip");
    let watch = engineer.begin(watch).await;
    assert_eq!((watch.status(), watch.headers().get("content-encoding")), (StatusCode::OK, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_listed_origins_may_call_and_no_others() {
    let (listed, other) = ("https://lab.example", "https://elsewhere.example");
    let settings = vec![("SPECTRA_CORS_ORIGINS", listed.to_owned())];
    let lab = TestLab::start_with(Start { settings, ..Default::default() }).await;
    let engineer = Script::of(&lab, &lab.person("engineer").await);
    let allowed = |answer: &Response<Bytes>| {
        answer.headers().get("access-control-allow-origin").map(|origin| origin.to_str().unwrap().to_owned())
    };
    for (origin, told) in [(listed, Some(listed.to_owned())), (other, None)] {
        let ask = Script::new(&lab)
            .request("OPTIONS", "/api/v1/samples/1")
            .header("origin", origin)
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", "authorization, if-match, idempotency-key");
        let preflight = Script::new(&lab).send(ask, "").await;
        assert_eq!((preflight.status(), allowed(&preflight)), (StatusCode::OK, told.clone()));
        let methods = preflight.headers()["access-control-allow-methods"].to_str().unwrap();
        assert!(methods.contains("PATCH") && methods.contains("DELETE"), "{methods}");
        let answer = engineer.send(engineer.request("GET", "/auth/me").header("origin", origin), "").await;
        assert_eq!(allowed(&answer), told);
        assert_eq!(answer.headers().get("access-control-allow-credentials"), None, "a cookie is no permission");
    }
}

/// What scripts of the previous generation read. Names may be added; none of these may go or change.
#[tokio::test(flavor = "multi_thread")]
async fn the_names_that_scripts_read_are_pinned() {
    const TOKENS: &str = "access_token refresh_token token_type expires_in";
    const ME: &str = "id email display_name role created_at";
    const SAMPLE: &str = "id name material_type lot_code barcode location status attributes project_id created_by \
                          created_at updated_at etag";
    const RUN: &str = "id instrument_id sample_id method params purpose state created_by created_at operator_id \
                       comment grants disposition flagged etag";
    const CALIBRATION: &str = "id instrument_id certificate_id provider accreditation issued_at valid_from expires_at \
                               scope as_found adjusted as_left standards_used document_sha256 points state created_by \
                               created_at accepted_at etag";
    const STATUS: &str = "instrument_id status calibration_id certificate_id valid_from expires_at computed_at";

    let lab = TestLab::start().await;
    let pinned = |what: &str, names: &str, json: &Value| {
        for name in names.split_whitespace() {
            assert!(json.get(name).is_some(), "{what} has no {name} any more: {json}");
        }
    };
    let login = r#"{"username": "engineer@demo.lab", "password": "eng123"}"#;
    let (_, tokens) = Script::new(&lab).ask("POST", "/auth/login", login).await;
    pinned("login", TOKENS, &tokens);
    let refresh = json!({ "refresh_token": tokens["refresh_token"] }).to_string();
    let (_, tokens) = Script::new(&lab).ask("POST", "/auth/refresh", refresh).await;
    pinned("refresh", TOKENS, &tokens);
    let engineer = Script::with_token(&lab, text(&tokens, "/access_token"));
    pinned("me", ME, &engineer.ask("GET", "/auth/me", "").await.1);

    let sample = json!({ "name": "pinned", "material_type": "GaN" }).to_string();
    let (_, sample) = engineer.ask("POST", "/api/lims/samples", sample).await;
    pinned("sample", SAMPLE, &sample);
    pinned("samples", SAMPLE, &engineer.ask("GET", "/api/lims/samples?limit=1", "").await.1[0]);
    let instrument = lab.person("pi").await.new_instrument().await.id;
    let certificate = json!({ "instrument_id": instrument, "certificate_id": "pinned", "provider": "Metrology Services",
        "issued_at": "2024-10-01T00:00:00Z", "expires_at": "2099-10-01T00:00:00Z" });
    let (_, calibration) = engineer.ask("POST", "/api/analysis/calibrations", certificate.to_string()).await;
    pinned("calibration", CALIBRATION, &calibration);
    let status = format!("/api/analysis/calibrations/status?instrument_id={instrument}");
    pinned("status", STATUS, &engineer.ask("GET", &status, "").await.1);
    let run = json!({ "instrument_id": instrument, "sample_id": sample["id"], "method": "iv_sweep",
        "params": { "vgs_start": 0, "vgs_stop": 1, "vgs_step": 0.5 } });
    let (_, run) = engineer.ask("POST", "/api/analysis/runs", run.to_string()).await;
    pinned("run", RUN, &run);
    let refused = engineer.send(engineer.request("GET", "/api/v1/samples/none"), "").await;
    let refusal = body(&refused);
    pinned("refusal", "code message request_id", &refusal["detail"]);
    assert_eq!(refused.headers()["x-request-id"], text(&refusal, "/detail/request_id"), "as the header of an answer");
}

/// Every id that an example leaves to its reader, and every name that is taken once.
fn fill(value: &mut Value, ids: &[(&str, &str)], nth: usize) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some((_, id)) = ids.iter().find(|(known, _)| known == name) {
                    *value = (*id).into();
                } else if let (
                    "barcode" | "asset_code" | "certificate_id" | "code" | "email" | "name",
                    Value::String(text),
                ) = (&**name, &mut *value)
                {
                    text.insert_str(0, &nth.to_string());
                }
                fill(value, ids, nth);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, ids, nth)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_gives_as_examples_is_accepted() {
    let lab = TestLab::start().await;
    let (admin, engineer) = (lab.person("admin").await, lab.person("engineer").await);
    let (instrument, sample) = (admin.new_fit_instrument().await, admin.new_sample().await);
    let ids = [("instrument_id", instrument.id.as_str()), ("sample_id", sample.id.as_str())];
    let (admin, engineer) = (Script::of(&lab, &admin), Script::of(&lab, &engineer));
    let (_, document) = admin.ask("GET", "/openapi.json", "").await;
    let (mut bodies, mut queries) = (0, 0);
    let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.contains('{'));
    let mut paths: Vec<_> = paths.collect();
    // The others sign in with the password as it was.
    paths.sort_by_key(|(path, _)| path.ends_with("/auth/password"));
    for (nth, (path, verbs)) in paths.into_iter().enumerate() {
        let body = &verbs["post"]["requestBody"]["content"]["application/json"]["example"];
        if body.is_object() {
            let mut body = body.clone();
            fill(&mut body, &ids, nth);
            // Whose password it is says who changes it.
            let caller = if path.ends_with("/auth/password") { &engineer } else { &admin };
            let (status, answer) = caller.ask("POST", path, body.to_string()).await;
            assert_eq!(status, StatusCode::OK, "{path}: {body} was answered with {answer}");
            bodies += 1;
        }
        let parameters = verbs["get"]["parameters"].as_array().into_iter().flatten();
        let query: Vec<String> = parameters
            .filter_map(|parameter| {
                let example = parameter["schema"]["examples"][0].as_str()?;
                let name = parameter["name"].as_str()?;
                matches!(name, "filter" | "order_by")
                    .then(|| form_urlencoded::Serializer::new(String::new()).append_pair(name, example).finish())
            })
            .collect();
        // A watch has no end.
        let ends = verbs["get"]["responses"]["200"]["content"]["application/json"].is_object();
        if ends && !query.is_empty() {
            let (status, answer) = admin.ask("GET", &format!("{path}?{}", query.join("&")), "").await;
            assert_eq!(status, StatusCode::OK, "{path}?{query:?} was answered with {answer}");
            queries += 1;
        }
    }
    assert!(bodies >= 8 && queries >= 8, "{bodies} bodies, {queries} queries");
}

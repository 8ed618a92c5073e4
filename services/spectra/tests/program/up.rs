//! The laboratory in one process: started, stopped, started again, and in each other's way.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use contract::{
    auth::v1::{ChangePasswordRequest, auth_service_client::AuthServiceClient},
    calibration::v1::{ListInstrumentsRequest, instruments_service_client::InstrumentsServiceClient},
    runs::v1::{CreateRunRequest, ListRunsRequest, Run, runs_service_client::RunsServiceClient},
    samples::v1::{ListSamplesRequest, Sample, UpdateSampleRequest, samples_service_client::SamplesServiceClient},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::any_value,
    trace::v1::Span,
};
use tonic::{
    Code, Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::support::{Up, create, folder, free, sign_in, spectra, with};

fn failed(output: &Output) -> String {
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert_eq!(said.lines().count(), 1, "one clear sentence, not: {said}");
    said
}

/// The processes of the cluster in this data folder.
fn servers(data: &Path) -> String {
    let found = Command::new("pgrep").args(["-f", &format!("{}/postgres", data.display())]).output().unwrap();
    String::from_utf8_lossy(&found.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_laboratory_and_back_and_its_data_stay() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut up = Up::start(&data);
    let token = sign_in(&up.channel()).await;
    let mut samples = SamplesServiceClient::new(up.channel());
    samples.create_sample(with(&token, create("kept"))).await.unwrap();
    // Somebody works with what was entered.
    let wafer = ListSamplesRequest { filter: "name = \"W01\"".to_owned(), ..Default::default() };
    let wafer = samples.list_samples(with(&token, wafer)).await.unwrap().into_inner().samples.remove(0);
    let named = Sample { name: "W01, cut".to_owned(), ..wafer };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["name".to_owned()] });
    let update = UpdateSampleRequest { sample: Some(named), update_mask, ..Default::default() };
    samples.update_sample(with(&token, update)).await.unwrap();

    // A second one on the same folder.
    let second = spectra(&data, free()).arg("up").output().unwrap();
    let said = failed(&second);
    assert!(said.contains(&up.child.id().to_string()), "who has the folder: {said}");
    // Another on the same port.
    let other = crate::support::folder();
    let third = spectra(&other.path().join("data"), up.listen).arg("up").output().unwrap();
    let said = failed(&third);
    assert!(said.contains(&format!("port {} is in use", up.listen.port())), "{said}");
    // A container's question.
    let url = format!("http://{}", up.listen);
    let asked = spectra(&data, free()).args(["healthcheck", &url]).output().unwrap();
    assert!(asked.status.success());

    let (code, took) = up.end("-INT");
    assert_eq!(code, Some(0), "{}", up.said.lock().unwrap());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(servers(&data), "", "PostgreSQL is stopped too");
    let asked = spectra(&data, free()).args(["healthcheck", &url]).output().unwrap();
    assert!(failed(&asked).contains("is it running?"));

    let begun = Instant::now();
    let mut again = Up::start(&data);
    assert!(begun.elapsed() < Duration::from_secs(20), "a second start is quick, not {:?}", begun.elapsed());
    let said = again.said.lock().unwrap().clone();
    assert!(!said.contains("entered the demo") && !said.contains("left as it is"), "the seed is entered once: {said}");
    let token = sign_in(&again.channel()).await;
    let request = ListSamplesRequest { filter: "name = \"kept\"".to_owned(), ..Default::default() };
    let kept = SamplesServiceClient::new(again.channel()).list_samples(with(&token, request)).await.unwrap();
    assert_eq!(kept.into_inner().samples.len(), 1);
    let finished = ListRunsRequest { filter: "state = SUCCEEDED".to_owned(), ..Default::default() };
    let finished = RunsServiceClient::new(again.channel()).list_runs(with(&token, finished)).await.unwrap();
    let measured: std::collections::BTreeMap<_, _> =
        finished.into_inner().runs.into_iter().map(|run| (run.method, run.streams[0].points)).collect();
    let methods = ["cv_sweep", "diode_iv", "ellipsometry", "hall_vdp", "iv_sweep", "sheet_resistance"];
    assert!(measured.keys().eq(methods), "a finished run of each method: {measured:?}");
    assert!(measured.values().all(|points| *points >= 20), "with data: {measured:?}");

    // Nor do other passwords keep it from starting.
    let change = ChangePasswordRequest {
        current_password: "eng123".to_owned(),
        new_password: "a wafer is cut along its planes".to_owned(),
    };
    AuthServiceClient::new(again.channel()).change_password(with(&token, change)).await.unwrap();
    again.end("-INT");
    let third = Up::start(&data);
    assert!(third.said.lock().unwrap().contains("it is left as it is"));
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_under_load_it_answers_what_it_took_and_ends() {
    let folder = folder();
    let mut up = Up::start(&folder.path().join("data"));
    let token = sign_in(&up.channel()).await;
    let mut watch = HealthClient::new(up.channel()).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);

    let (end, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let load: Vec<_> = (0..16)
        .map(|caller| {
            let (end, sent, acknowledged) = (Arc::clone(&end), Arc::clone(&sent), Arc::clone(&acknowledged));
            let (mut samples, token) = (SamplesServiceClient::new(up.channel()), token.clone());
            tokio::spawn(async move {
                let mut number = 0;
                while !end.load(Ordering::Relaxed) {
                    number += 1;
                    let name = format!("load {caller} {number}");
                    sent.fetch_add(1, Ordering::Relaxed);
                    match samples.create_sample(with(&token, create(&name))).await {
                        Ok(_) => acknowledged.lock().unwrap().push(name),
                        // Not taken: the connection was closing. That it was not taken is checked below, by what is
                        // in the table.
                        Err(status) => {
                            let unsent = std::error::Error::source(&status).is_some();
                            assert!(unsent || status.code() == Code::Unavailable, "{status:?}");
                            return;
                        }
                    }
                }
            })
        })
        .collect();
    while sent.load(Ordering::Relaxed) < 200 {
        tokio::task::yield_now().await;
    }
    let (code, took) = tokio::task::block_in_place(|| up.end("-TERM"));
    end.store(true, Ordering::Relaxed);
    for call in load {
        call.await.unwrap();
    }
    assert_eq!(code, Some(0), "{}", up.said.lock().unwrap());
    assert!(took < Duration::from_secs(25), "{took:?}");
    // The watch was told, and ended.
    let mut told = Vec::new();
    let last = loop {
        match watch.message().await {
            Ok(Some(message)) => told.push(message.status),
            other => break other,
        }
    };
    assert_eq!(told, [2], "NOT_SERVING is said before the end");
    assert_eq!(last.unwrap_err().code(), Code::Unavailable);

    // What was answered is there at the next start, and what is there was answered.
    let again = Up::start(&folder.path().join("data"));
    let token = sign_in(&again.channel()).await;
    let mut there = std::collections::HashSet::new();
    let mut request = ListSamplesRequest { page_size: 1000, ..Default::default() };
    loop {
        let page = SamplesServiceClient::new(again.channel()).list_samples(with(&token, request.clone())).await;
        let page = page.unwrap().into_inner();
        there.extend(page.samples.into_iter().map(|sample| sample.name).filter(|name| name.starts_with("load ")));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let acknowledged: std::collections::HashSet<_> = acknowledged.lock().unwrap().iter().cloned().collect();
    assert!(acknowledged.len() > 100);
    assert_eq!(there.symmetric_difference(&acknowledged).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_it_answers_a_call_that_would_take_longer() {
    let folder = folder();
    let data = folder.path().join("data");
    let mut up = Up::start(&data);
    let token = sign_in(&up.channel()).await;
    // Nobody writes a sample for a while.
    let read = |name| std::fs::read_to_string(data.join(name)).unwrap();
    let database = format!("host={} user=spectra dbname=spectra", read("socket"));
    let mut locks = Command::new("psql")
        .env("PGPASSWORD", read("password"))
        .args(["--no-psqlrc", "--quiet", &database])
        .args(["--command", "BEGIN; LOCK TABLE samples.sample; SELECT pg_sleep(50)"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut samples = SamplesServiceClient::new(up.channel());
    let mut number = 0;
    let half_a_second = Duration::from_millis(500);
    while let Ok(made) =
        tokio::time::timeout(half_a_second, samples.create_sample(with(&token, create(&format!("early {number}")))))
            .await
    {
        made.unwrap();
        number += 1;
        assert!(number < 1_000 && locks.try_wait().unwrap().is_none(), "nothing is locked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut patient = with(&token, create("patient"));
    patient.set_timeout(Duration::from_secs(45));
    let call = tokio::spawn(async move { samples.create_sample(patient).await });
    tokio::time::sleep(half_a_second).await;
    assert!(!call.is_finished(), "it waits");

    let (code, took) = tokio::task::block_in_place(|| up.end("-TERM"));
    let _ = (locks.kill(), locks.wait());
    assert_eq!(code, Some(0), "{}", up.said.lock().unwrap());
    assert!(took < Duration::from_secs(25), "{took:?}");
    let answer = call.await.unwrap().unwrap_err();
    assert_eq!(answer.code(), Code::Unavailable, "{answer:?}");
    let told = "the server is shutting down; whether it was done is known by asking again with the same request_id";
    assert_eq!(answer.message(), told);
    assert!(!answer.details().is_empty(), "{answer:?}");
}

#[test]
fn what_it_lacks_is_told_in_one_sentence() {
    let folder = folder();
    let data = folder.path().join("data");
    let empty: PathBuf = folder.path().join("no-programs");
    std::fs::create_dir(&empty).unwrap();
    let without = spectra(&data, free()).env("SPECTRA_PG_BIN", &empty).arg("up").output().unwrap();
    assert!(failed(&without).contains("PostgreSQL"));

    let old = folder.path().join("old");
    std::fs::create_dir(&old).unwrap();
    for program in ["initdb", "postgres", "pg_ctl", "pg_isready", "psql"] {
        let path = old.join(program);
        std::fs::write(&path, "#!/bin/sh\necho \"$(basename \"$0\") (PostgreSQL) 13.4\"\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let too_old = spectra(&data, free()).env("SPECTRA_PG_BIN", &old).arg("up").output().unwrap();
    let said = failed(&too_old);
    assert!(said.contains("13") && said.contains("15"), "{said}");

    let serve = spectra(&data, free()).arg("serve").output().unwrap();
    assert!(failed(&serve).contains("JWT_SECRET is not set"));
    let seed = spectra(&data, free()).env("SPECTRA_PROFILE", "production").arg("seed").output().unwrap();
    assert!(!seed.status.success());
    let help = spectra(&data, free()).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in ["up", "serve", "migrate", "seed", "healthcheck", "config"] {
        assert!(help.contains(word), "{help}");
    }
}

#[test]
fn whoever_stops_reading_stops_no_command() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let config = Command::new(env!("CARGO_BIN_EXE_spectra")).arg("config").env_clear().stdout(writer).output().unwrap();
    assert!(config.status.success() && config.stderr.is_empty(), "{config:?}");
}

/// A full disk, as a small file system of our own: needs the right to mount one, which a test's user may lack.
#[test]
fn a_full_disk_is_told_in_one_sentence() {
    let folder = folder();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(&disk).output().unwrap();
    if !mounted.status.success() {
        println!("no right to mount a file system: the full disk is not tried");
        return;
    }
    let full = spectra(&disk.join("data"), free()).arg("up").output().unwrap();
    let unmounted = Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmounted.success());
    let said = failed(&full);
    assert!(said.contains("full") || said.contains("space"), "{said}");
}

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.0.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_through_all_services_that_a_call_asks() {
    let (folder, collector) = (folder(), Collector::default());
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let service = TraceServiceServer::new(collector.clone());
    let server = tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"))];
    let mut up = Up::start_with(&folder.path().join("data"), &settings);

    let token = sign_in(&up.channel()).await;
    let sample = SamplesServiceClient::new(up.channel()).create_sample(with(&token, create("traced"))).await.unwrap();
    let request = ListInstrumentsRequest::default();
    let instruments =
        InstrumentsServiceClient::new(up.channel()).list_instruments(with(&token, request)).await.unwrap();
    let instruments = instruments.into_inner().instruments;
    let instrument = instruments.iter().find(|instrument| instrument.methods.iter().any(|code| code == "iv_sweep"));
    let number = |value| prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(value)) };
    let params = [("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.5)];
    let run = Run {
        instrument_id: instrument.unwrap().id.clone(),
        sample_id: sample.into_inner().sample.unwrap().id,
        method: "iv_sweep".to_owned(),
        params: Some(prost_types::Struct {
            fields: params.map(|(name, value)| (name.to_owned(), number(value))).into_iter().collect(),
        }),
        ..Default::default()
    };
    let mut request = with(&token, CreateRunRequest { run: Some(run), request_id: String::new() });
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    request.metadata_mut().insert("traceparent", format!("00-{trace}-{parent}-01").parse().unwrap());
    RunsServiceClient::new(up.channel()).create_run(request).await.unwrap();

    // What was collected is sent at the latest when the program ends.
    up.end("-TERM");
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let spans = collector.0.lock().unwrap();
    let traced: Vec<_> = spans.iter().filter(|span| hex(&span.trace_id) == trace).collect();
    let names: Vec<_> = traced.iter().map(|span| span.name.as_str()).collect();
    let find = |name: &str| {
        let found = traced.iter().find(|span| span.name == format!("spectra.{name}"));
        found.unwrap_or_else(|| panic!("no span of {name} among {names:?}"))
    };
    let create = find("runs.v1.RunsService/CreateRun");
    let edge = traced.iter().find(|span| span.span_id == create.parent_span_id).expect("the edge's span");
    assert_eq!(edge.name, "edge spectra.runs.v1.RunsService/CreateRun");
    assert_eq!(hex(&edge.parent_span_id), parent, "the client's span is the parent");
    for asked in ["calibration.v1.CalibrationService/AuthorizeUse", "samples.v1.SamplesService/GetSample"] {
        assert_eq!(find(asked).parent_span_id, create.span_id, "{asked}");
    }
    let text = |span: &Span, key: &str| {
        let value = span.attributes.iter().find(|attribute| attribute.key == key)?.value.clone()?.value?;
        if let any_value::Value::StringValue(text) = value { Some(text) } else { None }
    };
    let statements: Vec<_> = traced.iter().filter_map(|span| Some((span, text(span, "db.query.text")?))).collect();
    let insert = statements.iter().find(|(_, statement)| statement.starts_with("INSERT INTO \"runs\".\"run\""));
    let (insert, statement) = insert.unwrap_or_else(|| panic!("no statement that enters the run in {statements:?}"));
    assert_eq!(insert.parent_span_id, create.span_id);
    assert!(!statement.contains("vgs_start"), "a trace shows no values: {statement}");
    server.abort();
}

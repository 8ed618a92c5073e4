//! Measured data: appended in order and never twice, sealed by the run's end, read back and exported.

use aws_lc_rs::digest::{SHA256, digest};
use contract::{
    common::v1::Change,
    runs::v1::{
        AppendDataChunkRequest, AppendDataChunkResponse, CompleteRunRequest, DataChunk, DataColumn, ExportRunRequest,
        GetRunDataRequest, GetRunRequest, PauseRunRequest, Run, StartRunRequest,
    },
    samples::v1::DeleteSampleRequest,
};
use futures::TryStreamExt as _;
use prost::Message as _;
use spectra_tests::{Person, TestLab, reason, refused};
use tonic::Code;
use uuid::Uuid;

fn column(name: &str, unit: &str, values: &[f64]) -> DataColumn {
    DataColumn { name: name.to_owned(), unit: unit.to_owned(), values: values.to_vec() }
}

/// A chunk of the stream `main` with three points of two columns.
fn chunk(run_id: &str, seq: i32) -> AppendDataChunkRequest {
    let at = f64::from(seq);
    let columns = vec![column("v_gs", "V", &[at, at + 0.1, at + 0.2]), column("i_d", "A", &[1e-12, 0.1 + 0.2, -at])];
    AppendDataChunkRequest { run_id: run_id.to_owned(), seq, columns, ..Default::default() }
}

async fn append(person: &Person, request: AppendDataChunkRequest) -> AppendDataChunkResponse {
    person.runs().append_data_chunk(request).await.expect("stored").into_inner()
}

async fn data(person: &Person, request: GetRunDataRequest) -> Vec<DataChunk> {
    let stream = person.runs().get_run_data(request).await.expect("a stream").into_inner();
    stream.map_ok(|response| response.chunk.expect("a chunk")).try_collect().await.expect("its end")
}

async fn started(person: &Person) -> Run {
    let (instrument, sample) = (person.new_fit_instrument().await, person.new_sample().await);
    let id = person.new_run(&instrument, &sample).await.id;
    let start = StartRunRequest { id, ..Default::default() };
    person.runs().start_run(start).await.unwrap().into_inner().run.unwrap()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of a chunk, as the contract describes it.
fn described(columns: &[DataColumn]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for DataColumn { name, unit, .. } in columns {
        bytes.extend(format!("{name}\0{unit}\0").bytes());
    }
    bytes.push(0);
    bytes.extend(columns.iter().flat_map(|column| &column.values).flat_map(|value| value.to_le_bytes()));
    sha256(&bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_grows_chunk_by_chunk_and_the_end_of_its_run_seals_it() {
    let lab = TestLab::start().await;
    let owner = lab.database.owner().await;
    let (engineer, technician) = (lab.person("engineer").await, lab.person("tech").await);
    let (id, runs) = (started(&engineer).await.id, technician.runs());

    let first = append(&technician, chunk(&id, 0)).await;
    assert_eq!((first.points, first.next_seq), (3, 1));
    assert_eq!(first.sha256, hex(&described(&chunk(&id, 0).columns)));
    append(&technician, chunk(&id, 1)).await;
    assert_eq!(append(&technician, chunk(&id, 0)).await, first, "the same again is no news");

    // A paused run still gives what its instrument had in memory.
    let pause = PauseRunRequest { id: id.clone(), ..Default::default() };
    runs.clone().pause_run(pause).await.unwrap();
    append(&technician, chunk(&id, 2)).await;
    let resume = contract::runs::v1::ResumeRunRequest { id: id.clone(), ..Default::default() };
    runs.clone().resume_run(resume).await.unwrap();
    let other = AppendDataChunkRequest { stream: "temperature".to_owned(), ..chunk(&id, 0) };
    append(&technician, other).await;

    let complete = CompleteRunRequest { id: id.clone(), ..Default::default() };
    let done = runs.clone().complete_run(complete).await.unwrap().into_inner().run.unwrap();
    let seal = (0..3).fold(Vec::new(), |before, seq| sha256(&[before, described(&chunk(&id, seq).columns)].concat()));
    let names: Vec<_> = done.streams.iter().map(|stream| stream.name.as_str()).collect();
    assert_eq!(names, ["main", "temperature"]);
    let main = &done.streams[0];
    assert_eq!((main.chunks, main.points, &main.sha256), (3, 9, &hex(&seal)));
    assert_eq!(main.columns, [column("v_gs", "V", &[]), column("i_d", "A", &[])]);
    let read = runs.clone().get_run(GetRunRequest { id: id.clone() }).await.unwrap().into_inner().run.unwrap();
    assert_eq!(read.streams, done.streams);

    // The audit trail has no event a chunk, and in that of the end what was stored.
    let events = "SELECT action, body FROM events.event WHERE resource = 'run' AND resource_id = $1 ORDER BY txid, seq";
    let events = owner.query(events, &[&id]).await.unwrap();
    let actions: Vec<String> = events.iter().map(|event| event.get(0)).collect();
    assert_eq!(actions, ["create", "start", "pause", "resume", "complete"]);
    let after = Change::decode(events[4].get::<_, &[u8]>(1)).unwrap().after.unwrap();
    assert_eq!(after.to_msg::<Run>().unwrap().streams, done.streams);

    // Nothing comes behind the end; what is there is still answered.
    let status = runs.clone().append_data_chunk(chunk(&id, 3)).await.unwrap_err();
    let (why, metadata) = reason(&status);
    assert_eq!((status.code(), why.as_str()), (Code::FailedPrecondition, "STATE_CONFLICT"));
    assert_eq!((metadata["resource"].as_str(), metadata["from"].as_str()), ("run", "succeeded"));
    assert_eq!(append(&technician, chunk(&id, 0)).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_does_not_fit_is_refused_and_changes_nothing() {
    let lab = TestLab::start().await;
    let (engineer, technician) = (lab.person("engineer").await, lab.person("tech").await);
    let id = started(&engineer).await.id;
    append(&technician, chunk(&id, 0)).await;
    append(&technician, chunk(&id, 1)).await;
    let refusal = |request: AppendDataChunkRequest| {
        let mut runs = technician.runs();
        async move { runs.append_data_chunk(request).await.expect_err("a refusal") }
    };

    let mut other = chunk(&id, 1);
    other.columns[1].values[2] = 1.0;
    let status = refusal(other).await;
    assert_eq!((status.code(), reason(&status).0.as_str()), (Code::AlreadyExists, "RESOURCE_EXISTS"));

    let status = refusal(chunk(&id, 3)).await;
    let (why, metadata) = reason(&status);
    assert_eq!((status.code(), why.as_str()), (Code::FailedPrecondition, "STATE_CONFLICT"));
    assert_eq!((metadata["resource"].as_str(), metadata["expected_seq"].as_str()), ("data_stream", "2"));

    let with = |change: fn(&mut AppendDataChunkRequest)| {
        let mut request = chunk(&id, 2);
        change(&mut request);
        request
    };
    let wrong: [(&str, AppendDataChunkRequest); 11] = [
        ("another name", with(|request| request.columns[0].name = "v_ds".to_owned())),
        ("another unit", with(|request| request.columns[0].unit = "mV".to_owned())),
        ("another order", with(|request| request.columns.reverse())),
        ("a column too few", with(|request| drop(request.columns.pop()))),
        ("a name twice", with(|request| request.columns[1].name = "v_gs".to_owned())),
        ("no columns", with(|request| request.columns.clear())),
        ("no points", with(|request| request.columns.iter_mut().for_each(|column| column.values.clear()))),
        ("columns of two lengths", with(|request| request.columns[1].values.push(1.0))),
        ("not a number", with(|request| request.columns[1].values[0] = f64::NAN)),
        ("infinity", with(|request| request.columns[1].values[0] = f64::NEG_INFINITY)),
        ("too much", with(|request| request.columns.iter_mut().for_each(|column| column.values = vec![0.0; 50_001]))),
    ];
    for (what, request) in wrong {
        assert_eq!(reason(&refusal(request).await).0, "FIELD_INVALID", "{what}");
    }
    let most = with(|request| request.columns.iter_mut().for_each(|column| column.values = vec![0.5; 50_000]));
    assert_eq!(append(&technician, most).await.points, 50_000, "but no less than that");

    // A request_id is kept like any other.
    let request_id = Uuid::now_v7().to_string();
    let kept = AppendDataChunkRequest { request_id, ..chunk(&id, 3) };
    assert_eq!(append(&technician, kept.clone()).await, append(&technician, kept.clone()).await);
    assert_eq!(reason(&refusal(AppendDataChunkRequest { seq: 4, ..kept }).await).0, "REQUEST_ID_REUSED");

    let (instrument, sample) = (engineer.new_fit_instrument().await, engineer.new_sample().await);
    let queued = engineer.new_run(&instrument, &sample).await.id;
    assert_eq!(reason(&refusal(chunk(&queued, 0)).await).0, "STATE_CONFLICT");
    let read = data(&technician, GetRunDataRequest { run_id: queued, ..Default::default() }).await;
    assert_eq!(read, [], "no data are no error");

    let random = refusal(chunk(&Uuid::now_v7().to_string(), 0)).await;
    assert_eq!(reason(&random).0, "RESOURCE_NOT_FOUND");
    let stranger = lab.stranger("engineer").await;
    for request in [chunk(&id, 1), chunk(&id, 4)] {
        assert_eq!(refused(stranger.runs().append_data_chunk(request).await), "RESOURCE_NOT_FOUND");
    }
    let theirs = GetRunDataRequest { run_id: id.clone(), ..Default::default() };
    assert_eq!(reason(&stranger.runs().get_run_data(theirs).await.unwrap_err()).0, "RESOURCE_NOT_FOUND");
    let theirs = ExportRunRequest { run_id: id.clone(), ..Default::default() };
    assert_eq!(reason(&stranger.runs().export_run(theirs).await.unwrap_err()).0, "RESOURCE_NOT_FOUND");

    let main = data(&technician, GetRunDataRequest { run_id: id, ..Default::default() }).await;
    assert_eq!(main.iter().map(|chunk| chunk.seq).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

/// The rules hold in the database, whatever the service would do.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_what_the_service_would() {
    let lab = TestLab::start().await;
    let owner = lab.database.owner().await;
    let technician = lab.person("engineer").await;
    let id = started(&technician).await.id;
    append(&technician, chunk(&id, 0)).await;
    let insert = |seq: i32, name: &str, length: usize| {
        format!(
            "INSERT INTO runs.data_chunk (org_id, run_id, stream, seq, names, units, points, content, sha256) \
             SELECT org_id, run_id, stream, {seq}, ARRAY['{name}', names[2]], units, 1, \
             decode(repeat('00', {length}), 'hex'), sha256 FROM runs.data_chunk WHERE seq = 0"
        )
    };
    let broken = async |statement: String| {
        let refusal = owner.batch_execute(&statement).await.expect_err(&statement);
        refusal.as_db_error().expect("the database's answer").constraint().unwrap_or_default().to_owned()
    };
    assert_eq!(broken(insert(2, "v_gs", 16)).await, "data_chunk_follows");
    assert_eq!(broken(insert(1, "v_ds", 16)).await, "data_chunk_same_columns");
    assert_eq!(broken(insert(1, "v_gs", 8)).await, "data_chunk_content");
    assert_eq!(broken(insert(0, "v_gs", 16)).await, "data_chunk_pkey");
    owner.batch_execute(&insert(1, "v_gs", 16)).await.expect("what fits is taken");

    let complete = CompleteRunRequest { id, ..Default::default() };
    technician.runs().complete_run(complete).await.unwrap();
    assert_eq!(broken(insert(2, "v_gs", 16)).await, "data_chunk_of_active_run");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_chunks_come_back_in_order_while_they_are_appended() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let id = started(&engineer).await.id;
    let writing = async {
        for seq in 0..200 {
            append(&engineer, chunk(&id, seq)).await;
        }
    };
    let reading = async {
        let mut read = Vec::new();
        while read.len() < 200 {
            let from_seq = i32::try_from(read.len()).unwrap();
            let more = GetRunDataRequest { run_id: id.clone(), from_seq, ..Default::default() };
            for found in data(&engineer, more).await {
                let seq = i32::try_from(read.len()).unwrap();
                assert_eq!((found.seq, &found.columns), (seq, &chunk(&id, seq).columns), "no gap, and nothing altered");
                read.push(found);
            }
        }
        read
    };
    let ((), read) = tokio::join!(writing, reading);

    let mut wanted = GetRunDataRequest { run_id: id, from_seq: 150, ..Default::default() };
    assert_eq!(data(&engineer, wanted.clone()).await, read[150..]);
    wanted.columns = vec!["i_d".to_owned()];
    let currents = data(&engineer, wanted.clone()).await;
    assert_eq!(currents[0].columns, read[150].columns[1..]);
    assert_eq!(currents[0].sha256, read[150].sha256, "the hash is of all that was stored");
    wanted.columns.push("i_g".to_owned());
    let status = engineer.runs().get_run_data(wanted).await.unwrap_err();
    assert_eq!(reason(&status).0, "FIELD_INVALID");
}

/// Chunks that come at once take their turns: none is lost, and none is stored twice.
#[tokio::test(flavor = "multi_thread")]
async fn one_chunk_sent_many_times_at_once_is_stored_once() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let id = started(&engineer).await.id;
    for seq in 0..3 {
        let calls = (0..12).map(|_| append(&engineer, chunk(&id, seq)));
        let answers = futures::future::join_all(calls).await;
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }
    let run = engineer.runs().get_run(GetRunRequest { id }).await.unwrap().into_inner().run.unwrap();
    assert_eq!((run.streams[0].chunks, run.streams[0].points), (3, 9));
}

/// A chunk is stored before the run's end and counted by it, or refused: never acknowledged and left out.
#[tokio::test(flavor = "multi_thread")]
async fn no_chunk_slips_in_behind_the_end_of_its_run() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    for _ in 0..5 {
        let id = started(&engineer).await.id;
        let writing = async {
            let mut stored = 0;
            while engineer.runs().append_data_chunk(chunk(&id, stored)).await.is_ok() {
                stored += 1;
            }
            stored
        };
        let ending = async {
            let measured = GetRunRequest { id: id.clone() };
            let of = async || engineer.runs().get_run(measured.clone()).await.unwrap().into_inner().run.unwrap();
            while of().await.streams.is_empty() {}
            let complete = CompleteRunRequest { id: id.clone(), ..Default::default() };
            engineer.runs().complete_run(complete).await.unwrap().into_inner().run.unwrap()
        };
        let (stored, done) = tokio::join!(writing, ending);
        assert_eq!(done.streams[0].chunks, stored);
        let read = data(&engineer, GetRunDataRequest { run_id: id, ..Default::default() }).await;
        assert_eq!(read.len(), usize::try_from(stored).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_says_where_the_numbers_come_from_and_reads_back_exactly() {
    let lab = TestLab::start().await;
    let (engineer, viewer) = (lab.person("engineer").await, lab.person("viewer").await);
    let (instrument, sample) = (engineer.new_instrument().await, engineer.new_sample().await);
    let certificate = engineer.calibrate(&instrument, -10, 100).await;
    let id = engineer.new_run(&instrument, &sample).await.id;
    engineer.runs().start_run(StartRunRequest { id: id.clone(), ..Default::default() }).await.unwrap();
    for seq in 0..20 {
        append(&engineer, chunk(&id, seq)).await;
    }
    let complete = CompleteRunRequest { id: id.clone(), ..Default::default() };
    let run = engineer.runs().complete_run(complete).await.unwrap().into_inner().run.unwrap();

    let request = ExportRunRequest { run_id: id.clone(), ..Default::default() };
    let stream = viewer.runs().export_run(request.clone()).await.unwrap().into_inner();
    let pieces: Vec<_> = stream.try_collect().await.unwrap();
    assert_eq!(pieces[0].media_type, "text/csv; charset=utf-8");
    assert!(pieces[0].file_name.starts_with("iv_sweep-sample_"), "{}", pieces[0].file_name);
    assert!(pieces[0].file_name.ends_with(&format!("{id}.csv")));
    assert!(pieces[1..].iter().all(|piece| piece.file_name.is_empty() && piece.media_type.is_empty()));
    let file: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.content).collect();
    let text = std::str::from_utf8(&file).unwrap();
    let head: Vec<_> = text.lines().take_while(|line| line.starts_with('#')).collect();
    for wanted in [
        format!("# run: {id}"),
        "# method: iv_sweep (Transfer characteristic)".to_owned(),
        format!("# sample: {} ({})", sample.name, sample.id),
        format!("# instrument: {}, Keithley 2400, serial  ({})", instrument.asset_code, instrument.id),
        format!(
            "# calibration: certificate {} by {} ({})",
            certificate.certificate_id, certificate.provider, certificate.id
        ),
        "# state: succeeded".to_owned(),
        format!("# operator: {}", run.operator_id),
        "# param vgs_stop: 5 V".to_owned(),
        "# param vds: 5 V".to_owned(),
        "# stream: main".to_owned(),
        format!("# stream_sha256: {}", run.streams[0].sha256),
    ] {
        assert!(head.contains(&wanted.as_str()), "{wanted} is missing in {head:#?}");
    }
    let started_at = run.started_at.unwrap();
    let started_at = chrono::DateTime::from_timestamp(started_at.seconds, started_at.nanos.unsigned_abs()).unwrap();
    assert!(head.contains(&format!("# started_at: {}", started_at.format("%Y-%m-%dT%H:%M:%S%.6fZ")).as_str()));

    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(file.as_slice());
    assert_eq!(reader.headers().unwrap(), vec!["v_gs (V)", "i_d (A)"]);
    let rows: Vec<(f64, f64)> = reader.deserialize().map(Result::unwrap).collect();
    let columns = (0..20).map(|seq| chunk(&id, seq).columns);
    let wanted: Vec<_> =
        columns.flat_map(|columns| columns[0].values.clone().into_iter().zip(columns[1].values.clone())).collect();
    assert_eq!(rows, wanted, "every digit that matters is there");

    let status = viewer.runs().export_run(ExportRunRequest { format: 7, ..request }).await.unwrap_err();
    assert_eq!(reason(&status).0, "FIELD_INVALID");
    assert!(status.message().starts_with("format: "), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_where_its_seal_does_and_outlives_its_sample() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let run = started(&engineer).await;
    append(&engineer, chunk(&run.id, 0)).await;

    // What is appended after the head was made does not follow under it.
    let of =
        |stream: &str| ExportRunRequest { run_id: run.id.clone(), stream: stream.to_owned(), ..Default::default() };
    let mut begun = engineer.runs().export_run(of("")).await.unwrap().into_inner();
    let mut early = engineer.runs().export_run(of("temperature")).await.unwrap().into_inner();
    let head = begun.try_next().await.unwrap().unwrap();
    early.try_next().await.unwrap().unwrap();
    append(&engineer, chunk(&run.id, 1)).await;
    append(&engineer, AppendDataChunkRequest { stream: "temperature".to_owned(), ..chunk(&run.id, 0) }).await;
    let seal = format!("# stream_sha256: {}\r\n", hex(&sha256(&described(&chunk(&run.id, 0).columns))));
    assert!(String::from_utf8(head.content).unwrap().contains(&seal));
    let rows: Vec<_> =
        begun.try_collect::<Vec<_>>().await.unwrap().into_iter().flat_map(|piece| piece.content).collect();
    assert_eq!(String::from_utf8(rows).unwrap().lines().count(), 3);
    assert_eq!(early.try_collect::<Vec<_>>().await.unwrap(), [], "there was no stream to head");

    let complete = CompleteRunRequest { id: run.id.clone(), ..Default::default() };
    engineer.runs().complete_run(complete).await.unwrap();
    let delete = DeleteSampleRequest { id: run.sample_id.clone(), reason: "used up".to_owned(), ..Default::default() };
    lab.person("pi").await.samples().delete_sample(delete).await.unwrap();
    let stream = engineer.runs().export_run(of("")).await.unwrap().into_inner();
    let file: Vec<_> =
        stream.try_collect::<Vec<_>>().await.unwrap().into_iter().flat_map(|piece| piece.content).collect();
    let file = String::from_utf8(file).unwrap();
    assert!(file.lines().any(|line| line.starts_with("# sample: ") && line.contains(&run.sample_id)), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_has_so_many_streams_and_no_more() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let id = started(&engineer).await.id;
    let first_of = |stream: u8| AppendDataChunkRequest { stream: format!("sweep_{stream}"), ..chunk(&id, 0) };
    for stream in 0..32 {
        append(&engineer, first_of(stream)).await;
    }
    let status = engineer.runs().append_data_chunk(first_of(32)).await.unwrap_err();
    assert_eq!(reason(&status).0, "FIELD_INVALID");
    assert!(status.message().starts_with("stream: "), "{}", status.message());
    append(&engineer, AppendDataChunkRequest { seq: 1, ..first_of(31) }).await;
}

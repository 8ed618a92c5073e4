//! What goes wrong in a laboratory's cellar: clients that vanish, a database that dies, a process that must end.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use contract::{
    runs::v1::StartRunRequest,
    samples::v1::{CreateSampleRequest, GetSampleRequest, ListSamplesRequest, Sample},
};
use diesel_async::SimpleAsyncConnection as _;
use prost::Message as _;
use spectra_runtime::{
    auth::{Caller, Request},
    db::{Batch, Tx, Value, fault},
};
use spectra_tests::{Person, Start, TestLab, database, raw, refused};
use tonic::Code;
use uuid::Uuid;

/// Calls that are given up on.
const CANCELLED_CALLS: usize = 10_000;

fn new_sample() -> CreateSampleRequest {
    let name = format!("sample {}", Uuid::now_v7());
    let sample = Sample { name, material_type: "wafer".to_owned(), ..Default::default() };
    CreateSampleRequest { sample: Some(sample), request_id: Uuid::now_v7().to_string() }
}

/// No answer for want of a connection or of time: with one connection for everybody, that may happen.
fn busy(status: &tonic::Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_vanish_leave_no_transaction_and_cross_no_organization() {
    let settings = vec![("SPECTRA_POOL_SIZE", "1".to_owned()), ("SPECTRA_POOL_WAIT_MS", "5000".to_owned())];
    let lab = TestLab::start_with(Start { settings, ..Default::default() }).await;
    let (ours, theirs) = (lab.person("engineer").await, lab.stranger("engineer").await);
    let (our_sample, their_sample) = (ours.new_sample().await, theirs.new_sample().await);

    let vanish = async {
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..CANCELLED_CALLS {
            let person = if number % 2 == 0 { ours.clone() } else { theirs.clone() };
            let id = if number % 2 == 0 { our_sample.id.clone() } else { their_sample.id.clone() };
            let patience = Duration::from_micros((number as u64 * 7919) % 50_000);
            calls.spawn(async move {
                let mut samples = person.samples();
                let call = async {
                    match number % 3 {
                        0 => samples.create_sample(new_sample()).await.map(drop),
                        1 => samples.list_samples(ListSamplesRequest::default()).await.map(drop),
                        _ => samples.get_sample(GetSampleRequest { id }).await.map(drop),
                    }
                };
                let _ = tokio::time::timeout(patience, call).await;
            });
            while calls.len() >= 40 {
                calls.join_next().await;
            }
        }
        while calls.join_next().await.is_some() {}
    };
    // On a connection of their own: one whose calls are given up by the hundred may be cut as an attack.
    let (watcher, stranger) = (ours.on(lab.connect()), theirs.on(lab.connect()));
    let watch = async {
        let mut looked = 0;
        loop {
            for (person, mine, foreign) in
                [(&watcher, &our_sample, &their_sample), (&stranger, &their_sample, &our_sample)]
            {
                let found = person.samples().get_sample(GetSampleRequest { id: mine.id.clone() }).await;
                match found {
                    Ok(found) => assert_eq!(found.into_inner().sample.unwrap().name, mine.name),
                    Err(status) => assert!(busy(&status), "a false {status:?}"),
                }
                match person.samples().get_sample(GetSampleRequest { id: foreign.id.clone() }).await {
                    Ok(_) => panic!("a foreign row"),
                    Err(status) => assert!(status.code() == Code::NotFound || busy(&status), "{status:?}"),
                }
                looked += 1;
            }
            tokio::task::yield_now().await;
            if looked > 1_000_000 {
                break;
            }
        }
    };
    tokio::select! { () = vanish => {}, () = watch => {} }

    // Whatever was under way comes to rest by itself.
    let owner = lab.database.owner().await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
    let begun = Instant::now();
    while owner.query_one(open, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(10), "a connection stays in a transaction");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // And the one connection serves on.
    watcher.samples().get_sample(GetSampleRequest { id: our_sample.id }).await.unwrap();
    assert_eq!(
        refused(watcher.samples().get_sample(GetSampleRequest { id: their_sample.id }).await),
        "RESOURCE_NOT_FOUND"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_taken_back_takes_its_organization_back() {
    let settings = vec![("SPECTRA_POOL_SIZE", "1".to_owned()), ("SPECTRA_POOL_WAIT_MS", "5000".to_owned())];
    let lab = TestLab::start_with(Start { settings, ..Default::default() }).await;
    let (ours, theirs) = (lab.person("engineer").await, lab.stranger("engineer").await);
    let (our_sample, their_sample) = (ours.new_sample().await, theirs.new_sample().await);

    for _ in 0..3 {
        // Ours is committed, which binds the one connection to us; theirs is not, for the name is taken.
        ours.new_sample().await;
        let taken = Sample { id: String::new(), barcode: String::new(), ..their_sample.clone() };
        let again = CreateSampleRequest { sample: Some(taken), request_id: Uuid::now_v7().to_string() };
        assert_eq!(refused(theirs.samples().create_sample(again).await), "RESOURCE_EXISTS");

        for (person, sample) in [(&theirs, &their_sample), (&ours, &our_sample)] {
            // By the door of the batches and by that of the others.
            let found = person.samples().get_sample(GetSampleRequest { id: sample.id.clone() }).await.unwrap();
            assert_eq!(found.into_inner().sample.unwrap().name, sample.name);
            let listed = person.samples().list_samples(ListSamplesRequest::default()).await.unwrap().into_inner();
            assert!(listed.samples.iter().any(|listed| listed.id == sample.id));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_that_hides_a_failure_leaves_no_wrong_organization() {
    let db = database().await.of("samples");
    let (ours, theirs) = (Uuid::now_v7(), Uuid::now_v7());
    let bound = async |org_id: Uuid| {
        let look =
            format!("DO $$ BEGIN ASSERT current_setting('app.org_id') = '{org_id}', 'another organization''s'; END $$");
        db.read_as(org_id, async move |conn| conn.batch_execute(&look).await.map_err(fault)).await.unwrap();
    };
    bound(ours).await;
    // Its transaction has failed, so that its COMMIT is none; it says nothing of that.
    let by = Caller::service("samples", theirs, Request::internal(Duration::from_secs(5)));
    let hide = async |tx: &mut Tx| {
        let _ = tx.conn().batch_execute("SELECT 1 / 0").await;
        tx.unchanged();
        Ok(Value(()))
    };
    db.write(&by, hide).await.unwrap();
    bound(theirs).await;
    bound(ours).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_calls_are_refused_at_once_and_health_is_not() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let settings = vec![("SPECTRA_CONCURRENCY", "4".to_owned())];
    let lab = TestLab::start_with(Start { settings, ..Default::default() }).await;
    let engineer = lab.person("engineer").await;
    // Rows locked by somebody else keep the writers waiting.
    let sample = engineer.new_sample().await;
    let owner = lab.database.owner().await;
    owner.batch_execute("BEGIN; SELECT * FROM samples.sample FOR UPDATE").await.unwrap();
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let (engineer, id) = (engineer.clone(), sample.id.clone());
            tokio::spawn(async move {
                let request =
                    contract::samples::v1::MoveSampleRequest { id, location: "shelf".to_owned(), ..Default::default() };
                engineer.samples().move_sample(request).await.map(drop)
            })
        })
        .collect();
    let locks = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let begun = Instant::now();
    // A transaction sees the activity as it was when it first looked: asked outside of it.
    let looker = lab.database.owner().await;
    while looker.query_one(locks, &[]).await.unwrap().get::<_, i64>(0) < 4 {
        assert!(begun.elapsed() < Duration::from_secs(10), "the writers do not wait");
        tokio::task::yield_now().await;
    }
    let shed = engineer.samples().get_sample(GetSampleRequest { id: sample.id.clone() }).await;
    assert_eq!(refused(shed), "OVERLOADED");
    let health = HealthClient::new(lab.connect()).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(health.into_inner().status, 1);
    owner.batch_execute("COMMIT").await.unwrap();
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    engineer.samples().get_sample(GetSampleRequest { id: sample.id }).await.unwrap();
}

/// Calls, until one is refused: how many were answered, and the refusal.
async fn until_refused(person: &Person) -> (usize, tonic::Status) {
    for answered in 0..100 {
        if let Err(status) = person.samples().list_samples(ListSamplesRequest::default()).await {
            return (answered, status);
        }
    }
    panic!("no call of a hundred is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_and_an_organization_call_as_often_as_they_may_and_nobody_else_pays_for_it() {
    use tonic_types::StatusExt as _;
    let rate = |name, calls: u32| (name, calls.to_string());
    let settings = vec![rate("SPECTRA_CALLS_PER_PERSON", 2), rate("SPECTRA_CALLS_PER_ORGANIZATION", 4)];
    let lab = TestLab::start_with(Start { settings, ..Default::default() }).await;
    let (engineer, pi) = (lab.person("engineer").await, lab.person("pi").await);
    let (answered, status) = until_refused(&engineer).await;
    // Five seconds' worth at once, and what comes back while they are made.
    assert!((10..=20).contains(&answered), "{answered}");
    let (reason, metadata) = spectra_tests::reason(&status);
    assert_eq!((reason.as_str(), status.code()), ("QUOTA", Code::ResourceExhausted));
    assert_eq!(metadata["quota"], "calls_per_person");
    let wait = status.get_details_retry_info().and_then(|info| info.retry_delay).expect("RetryInfo");
    assert!(wait <= Duration::from_millis(500), "{wait:?}");
    // A colleague has calls of their own, as far as the organization's go; another organization has its own.
    let (answered, _) = until_refused(&pi).await;
    assert!(answered > 0);
    let (_, status) = until_refused(&lab.person("viewer").await).await;
    assert_eq!(spectra_tests::reason(&status).1["quota"], "calls_per_organization");
    assert!(until_refused(&lab.stranger("engineer").await).await.0 >= 10);
    // Who waits as long as was said is let in.
    tokio::time::sleep(wait + Duration::from_secs(1)).await;
    engineer.samples().list_samples(ListSamplesRequest::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_wait_and_a_malformed_one_is_told() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let sample = engineer.new_sample().await;
    let owner = lab.database.owner().await;
    owner.batch_execute("BEGIN; SELECT * FROM samples.sample FOR UPDATE").await.unwrap();
    let request = || contract::samples::v1::MoveSampleRequest {
        id: sample.id.clone(),
        location: "shelf".to_owned(),
        ..Default::default()
    };
    // By a client that does not watch the clock itself, as tonic's does.
    let call = contract::method("/spectra.samples.v1.SamplesService/MoveSample").unwrap();
    let begun = Instant::now();
    let status = raw::call(lab.address, call, &engineer, ("grpc-timeout", "200m"), request().encode_to_vec()).await;
    assert_eq!(spectra_tests::reason(&status.unwrap_err()).0, "DEADLINE_EXCEEDED");
    assert!(begun.elapsed() < Duration::from_secs(3));
    owner.batch_execute("ROLLBACK").await.unwrap();

    for malformed in ["soon", "5", "-1S", "123456789S", "S"] {
        let status = raw::call(lab.address, call, &engineer, ("grpc-timeout", malformed), Vec::new()).await;
        assert_eq!(spectra_tests::reason(&status.unwrap_err()).0, "FIELD_INVALID", "{malformed}");
    }
}

/// Runs asks Calibration, which waits for a lock: what its caller has no more time for is given up by both, and leaves
/// nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_goes_on_from_service_to_service() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let pi = lab.person("pi").await;
    let run = engineer.new_run(&pi.new_fit_instrument().await, &engineer.new_sample().await).await;
    let (owner, observer) = (lab.database.owner().await, lab.database.owner().await);
    owner.batch_execute("BEGIN; SELECT * FROM calibration.instrument FOR UPDATE").await.unwrap();
    let waiting = async || -> i64 {
        let query =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        observer.query_one(query, &[]).await.unwrap().get(0)
    };
    let call = contract::method("/spectra.runs.v1.RunsService/StartRun").unwrap();
    let request = StartRunRequest { id: run.id.clone(), ..Default::default() }.encode_to_vec();
    let begun = Instant::now();
    let start = raw::call(lab.address, call, &engineer, ("grpc-timeout", "1500m"), request);
    let seen = async {
        while waiting().await == 0 {
            assert!(begun.elapsed() < Duration::from_millis(1400), "Calibration was not asked");
        }
    };
    let (status, ()) = futures::join!(start, seen);
    assert_eq!(spectra_tests::reason(&status.unwrap_err()).0, "DEADLINE_EXCEEDED");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // The lock is still held, and nobody waits for it any more.
    while waiting().await > 0 {
        assert!(begun.elapsed() < Duration::from_millis(3500), "Calibration waits for a caller who is gone");
    }
    owner.batch_execute("ROLLBACK").await.unwrap();
    let request = StartRunRequest { id: run.id, ..Default::default() };
    engineer.runs().start_run(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_dies_is_unavailable_at_once_and_comes_back_by_itself() {
    let folder = tempfile::Builder::new().prefix("spectra-fault-").tempdir().unwrap();
    let data = folder.path().join("data");
    let mut cluster = spectra::postgres::Cluster::start(None, &data, |_| {}).await.unwrap();
    let lab = TestLab::start_on(cluster.url()).await;
    let engineer = Person::sign_in(&lab.channel, "engineer@demo.lab").await;

    let (acknowledged, slowest) = (Mutex::new(Vec::new()), Mutex::new(Duration::ZERO));
    let end = AtomicBool::new(false);
    let load = async {
        let writer = |_| async {
            while !end.load(Ordering::Relaxed) {
                let request = new_sample();
                let name = request.sample.as_ref().unwrap().name.clone();
                let asked = Instant::now();
                let answer = engineer.samples().create_sample(request).await;
                match answer {
                    Ok(_) => acknowledged.lock().unwrap().push(name),
                    Err(status) => {
                        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                        let took = asked.elapsed();
                        slowest.lock().map(|mut slowest| *slowest = took.max(*slowest)).unwrap();
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
        };
        futures::future::join_all((0..8).map(writer)).await;
    };
    let kill = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        kill(&data);
        tokio::time::sleep(Duration::from_secs(2)).await;
        cluster.restart(|_| {}).await.unwrap();
        let restarted = Instant::now();
        loop {
            if engineer.samples().create_sample(new_sample()).await.is_ok() {
                break;
            }
            assert!(restarted.elapsed() < Duration::from_secs(10), "not back within 10 s of Postgres");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        end.store(true, Ordering::Relaxed);
    };
    futures::join!(load, kill);
    assert!(*slowest.lock().unwrap() < Duration::from_secs(3), "calls waited {:?} for a dead database", slowest);

    let owner = lab.database.owner().await;
    let rows = owner.query("SELECT name FROM samples.sample", &[]).await.unwrap();
    let there: std::collections::HashSet<String> = rows.iter().map(|row| row.get(0)).collect();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > 20, "too few writes to show anything: {}", acknowledged.len());
    let lost: Vec<_> = acknowledged.iter().filter(|name| !there.contains(*name)).collect();
    assert!(lost.is_empty(), "acknowledged and missing: {lost:?}");
    drop(owner);
    lab.stop().await;
    cluster.stop().await.unwrap();
}

/// kill -9, as an operator's worst day would have it.
fn kill(data: &std::path::Path) {
    let pid = std::fs::read_to_string(data.join("postgres/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap().to_owned();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_panics_fails_alone_and_those_after_it_are_answered() {
    let database = spectra_tests::database().await;
    let db = database.of("samples");
    let (bad, good) = (Uuid::now_v7(), Uuid::now_v7());
    let batch = Batch::new(move |_, _, ids: Vec<Uuid>| {
        Box::pin(async move {
            assert!(!ids.contains(&bad), "a bug");
            Ok(ids.into_iter().map(|id| (id, id)).collect())
        })
    });
    let caller = Caller::service("samples", Uuid::now_v7(), Request::internal(Duration::from_secs(10)));
    let read = |id| tokio::time::timeout(Duration::from_secs(10), db.get(&caller, &batch, id));
    for _ in 0..2 {
        let (wrong, right) = futures::join!(read(bad), read(good));
        assert!(wrong.expect("an answer").is_err());
        assert_eq!(right.expect("an answer").unwrap(), Some(good));
    }
}

//! Watches: told in order, nothing lost, resumable; and over when the session is.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use contract::{
    auth::v1::{LogoutRequest, Role},
    calibration::v1::{
        CalibrationStatus, CreateCalibrationRequest, RevokeCalibrationRequest, WatchCalibrationStatusRequest,
    },
    runs::v1::{CancelRunRequest, RecipeState, RunState, WatchRecipesRequest, WatchRunsRequest},
    samples::v1::{MoveSampleRequest, SampleEvent, WatchSamplesRequest, WatchSamplesResponse},
};
use spectra_tests::{PASSWORD, Person, TestLab, certificate, reason, refused};
use tonic::{Status, Streaming};

/// Longer than any of this takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn request(filter: &str, resume_token: &str) -> WatchSamplesRequest {
    WatchSamplesRequest { filter: filter.to_owned(), resume_token: resume_token.to_owned() }
}

async fn watch(person: &Person, filter: &str, resume_token: &str) -> Streaming<WatchSamplesResponse> {
    person.samples().watch_samples(request(filter, resume_token)).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<WatchSamplesResponse>) -> Result<WatchSamplesResponse, Status> {
    let message = tokio::time::timeout(PATIENCE, stream.message()).await.expect("a message in time");
    message.map(|message| message.expect("the stream goes on"))
}

async fn next_event(stream: &mut Streaming<WatchSamplesResponse>) -> SampleEvent {
    loop {
        if let Some(event) = next(stream).await.unwrap().event {
            return event;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_a_hundred_times_while_a_transaction_commits_late_a_watch_loses_nothing() {
    const LIFE: usize = 100;
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let model = engineer.new_sample().await;
    let mut resume_token = next(&mut watch(&engineer, "", "").await).await.unwrap().resume_token;

    // It has its number, and an event, before all that follow, and keeps them waiting.
    let late = lab.database.owner().await;
    late.batch_execute("BEGIN").await.unwrap();
    late.execute(
        "INSERT INTO events.event (org_id, id, service, resource, resource_id, action, actor, request_id, body) \
         SELECT org_id, gen_random_uuid(), service, resource, resource_id, 'late', actor, request_id, body \
         FROM events.event WHERE resource_id = $1",
        &[&model.id],
    )
    .await
    .unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (engineer, end) = (engineer.clone(), Arc::clone(&end));
            tokio::spawn(async move {
                while !end.load(Ordering::Relaxed) {
                    engineer.new_sample().await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        })
        .collect();

    // The model itself was entered before; while other tests of the cluster have transactions open, it is told only now.
    let concerns = |event: &SampleEvent| event.action == "late" || event.sample.as_ref().unwrap().id != model.id;
    let mut told = Vec::new();
    for life in 0..LIFE {
        if life == LIFE / 4 {
            assert_eq!(told, Vec::<String>::new(), "nothing is told past a transaction that is open");
            late.batch_execute("COMMIT").await.unwrap();
        }
        let mut stream = watch(&engineer, "", &resume_token).await;
        // A sign of life, and then some events, if there are any yet.
        for _ in 0..=life % 4 {
            let Ok(message) = tokio::time::timeout(Duration::from_millis(300), next(&mut stream)).await else { break };
            let message = message.unwrap();
            told.extend(message.event.filter(concerns).map(|event| event.id));
            resume_token = message.resume_token;
        }
    }
    end.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    // All that there is, in its order.
    let rows = late
        .query(
            "SELECT id::text, action FROM events.event WHERE service = 'samples' AND resource = 'sample' \
             AND resource_id <> $1 OR action = 'late' ORDER BY txid, seq",
            &[&model.id],
        )
        .await
        .unwrap();
    let wanted: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(rows[0].get::<_, String>(1), "late", "the late one comes first");
    let mut stream = watch(&engineer, "", &resume_token).await;
    while told.len() < wanted.len() {
        told.extend(Some(next_event(&mut stream).await).filter(concerns).map(|event| event.id));
    }
    assert!(told.len() > 50);
    assert_eq!(told, wanted);
    assert_eq!(told.iter().collect::<HashSet<_>>().len(), told.len());
}

/// What is read at once has a measure in bytes, and nothing is passed by where it ends.
#[tokio::test(flavor = "multi_thread")]
async fn long_events_are_read_a_few_at_a_time_and_none_is_lost() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let model = engineer.new_sample().await;
    let token = next(&mut watch(&engineer, "", "").await).await.unwrap().resume_token;
    // The model's own event, and behind it a field of 700,000 bytes that nobody knows.
    let owner = lab.database.owner().await;
    for number in 0..5 {
        let insert = format!(
            "INSERT INTO events.event (org_id, id, service, resource, resource_id, action, actor, request_id, body) \
             SELECT org_id, gen_random_uuid(), service, resource, resource_id, 'long {number}', actor, request_id, \
             body || '\\x7ae0dc2a'::bytea || decode(repeat('00', 700000), 'hex') \
             FROM events.event WHERE resource_id = '{}' AND action = 'create'",
            model.id
        );
        owner.batch_execute(&insert).await.unwrap();
    }
    let last = engineer.new_sample().await;
    let mut stream = watch(&engineer, "", &token).await;
    let mut told = Vec::new();
    while told.last() != Some(&last.id) {
        let event = next_event(&mut stream).await;
        told.push(if event.action == "create" { event.sample.unwrap().id } else { event.action });
    }
    let long: Vec<String> = (0..5).map(|number| format!("long {number}")).collect();
    let told: Vec<_> = told.into_iter().filter(|told| *told != model.id).collect();
    assert_eq!(told, [long, vec![last.id]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_tells_what_its_filter_holds_for_before_or_after_and_resumes_as_itself_only() {
    let lab = TestLab::start().await;
    let (engineer, stranger) = (lab.person("engineer").await, lab.stranger("engineer").await);
    let mut shelf = watch(&engineer, "location = \"shelf 7\"", "").await;
    let first = next(&mut shelf).await.unwrap();
    assert!(first.event.is_none(), "first a sign of life");
    let mut theirs = watch(&stranger, "", "").await;
    next(&mut theirs).await.unwrap();
    // What is in no project is not in that one, for a watch as for a list.
    let elsewhere = format!("project_id != \"{}\"", uuid::Uuid::now_v7());
    let mut elsewhere = watch(&engineer, &elsewhere, "").await;
    next(&mut elsewhere).await.unwrap();

    let sample = engineer.new_sample().await;
    assert_eq!(next_event(&mut elsewhere).await.sample.unwrap().id, sample.id);
    engineer.new_sample().await;
    let move_to = async |location: &str| {
        let request = MoveSampleRequest { id: sample.id.clone(), location: location.to_owned(), ..Default::default() };
        engineer.samples().move_sample(request).await.unwrap();
    };
    move_to("shelf 7").await;
    move_to("furnace").await;
    move_to("shelf 8").await;
    for location in ["shelf 7", "furnace"] {
        let event = next_event(&mut shelf).await;
        let moved = event.sample.unwrap();
        assert_eq!((event.action.as_str(), moved.id, moved.location.as_str()), ("move", sample.id.clone(), location));
        assert!(event.recorded_at.is_some());
    }

    let token = first.resume_token;
    let mut again = watch(&engineer, "location = \"shelf 7\"", &token).await;
    assert_eq!(next_event(&mut again).await.sample.unwrap().location, "shelf 7");
    for (who, filter) in [(&engineer, "location = \"shelf 8\""), (&stranger, "location = \"shelf 7\"")] {
        let answer = who.samples().watch_samples(request(filter, &token)).await;
        assert_eq!(refused(answer), "RESUME_TOKEN_INVALID");
    }
    assert_eq!(refused(engineer.samples().watch_samples(request("shelf 7", "")).await), "FILTER_INVALID");

    // What the other organization is told first is its own.
    let own = stranger.new_sample().await;
    assert_eq!(next_event(&mut theirs).await.sample.unwrap().id, own.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_runs_tells_their_states_and_ends_with_the_session() {
    let lab = TestLab::start().await;
    let (engineer, viewer) = (lab.person("engineer").await, lab.person("viewer").await);
    let instrument = engineer.new_instrument().await;
    engineer.calibrate(&instrument, -10, 100).await;
    let sample = engineer.new_sample().await;
    let mut stream = viewer.runs().watch_runs(WatchRunsRequest::default()).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().unwrap().event.is_none());
    let run = engineer.new_run(&instrument, &sample).await;
    engineer.runs().cancel_run(CancelRunRequest { id: run.id.clone(), ..Default::default() }).await.unwrap();
    for state in [RunState::Queued, RunState::Cancelled] {
        let message = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap();
        let told = message.event.unwrap().run.unwrap();
        assert_eq!((&told.id, told.state()), (&run.id, state));
    }
    viewer.auth().logout(LogoutRequest::default()).await.unwrap();
    let over = tokio::time::timeout(Duration::from_secs(5), stream.message()).await.expect("within 5 s");
    assert_eq!(reason(&over.expect_err("an end")).0, "TOKEN_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_recipes_tells_their_reviews_and_is_resumed() {
    let lab = TestLab::start().await;
    let (engineer, pi) = (lab.person("engineer").await, lab.person("pi").await);
    let watch = async |resume_token: &str| {
        let request = WatchRecipesRequest { resume_token: resume_token.to_owned() };
        pi.recipes().watch_recipes(request).await.unwrap().into_inner()
    };
    let mut stream = watch("").await;
    let mut resume_token = stream.message().await.unwrap().unwrap().resume_token;
    let recipe = engineer.new_recipe().await;
    pi.approve(&engineer.submit(&recipe).await).await;
    for (action, state) in
        [("create", RecipeState::Draft), ("submit", RecipeState::InReview), ("approve", RecipeState::Approved)]
    {
        // Cut off after each.
        let mut stream = watch(&resume_token).await;
        assert!(stream.message().await.unwrap().unwrap().event.is_none());
        let message = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap();
        let event = message.event.expect("what was missed comes next");
        let told = event.recipe.unwrap();
        assert_eq!((event.action.as_str(), &told.id), (action, &recipe.id));
        assert_eq!(told.latest_version.unwrap().state(), state);
        resume_token = message.resume_token;
    }
    // A token of another watch is none of this one.
    let other = next(&mut self::watch(&pi, "", "").await).await.unwrap().resume_token;
    let request = WatchRecipesRequest { resume_token: other };
    assert_eq!(refused(pi.recipes().watch_recipes(request).await), "RESUME_TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_more_streams_open_than_a_process_can_bear() {
    const MOST: usize = 200;
    let lab = TestLab::start().await;
    let (admin, engineer) = (lab.person("admin").await, lab.person("engineer").await);
    // The demo laboratory's people are the same in every test of this process.
    let viewer = admin.new_user(Role::Viewer).await;
    let viewer = Person::sign_in_with(&lab.connect(), &viewer.email, PASSWORD).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..MOST {
        // On connections of their own, of which each carries only so many.
        let runs = viewer.on(lab.connect()).runs().watch_runs(WatchRunsRequest::default()).await;
        open.push(runs.unwrap().into_inner());
    }
    let one_more = async || viewer.runs().watch_runs(WatchRunsRequest::default()).await;
    let status = one_more().await.unwrap_err();
    let (why, metadata) = reason(&status);
    assert_eq!((why.as_str(), metadata["quota"].as_str()), ("QUOTA", "streams_per_person"));
    engineer.runs().watch_runs(WatchRunsRequest::default()).await.expect("others have their own");
    drop(open.pop());
    let admitted = async {
        while one_more().await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, admitted).await.expect("a stream that ended makes room");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_fitness_tells_what_is_entered_and_what_time_does() {
    let lab = TestLab::start().await;
    let (engineer, pi) = (lab.person("engineer").await, lab.person("pi").await);
    let instrument = engineer.new_instrument().await;
    let request = WatchCalibrationStatusRequest { instrument_ids: vec![instrument.id.clone()] };
    let mut stream = engineer.calibrations().watch_calibration_status(request).await.unwrap().into_inner();
    let mut told = async || {
        let message = tokio::time::timeout(PATIENCE, stream.message()).await.expect("in time").unwrap().unwrap();
        message.status.expect("a status").status()
    };
    assert_eq!(told().await, CalibrationStatus::Missing);
    let calibration = engineer.calibrate(&instrument, -10, 100).await;
    assert_eq!(told().await, CalibrationStatus::Valid);
    let comment = "a wrong reference".to_owned();
    let revoke = RevokeCalibrationRequest { id: calibration.id, comment, ..Default::default() };
    pi.calibrations().revoke_calibration(revoke).await.unwrap();
    assert_eq!(told().await, CalibrationStatus::Revoked);

    // One that ends in a moment: nothing happens then but time.
    let soon = spectra_runtime::Clock::default().now() + chrono::TimeDelta::seconds(3);
    let mut short = certificate(&instrument.id, -1, 1);
    short.expires_at = Some(prost_types::Timestamp { seconds: soon.timestamp(), nanos: 0 });
    let request = CreateCalibrationRequest { calibration: Some(short), request_id: String::new() };
    engineer.calibrations().create_calibration(request).await.unwrap();
    assert_eq!(told().await, CalibrationStatus::DueSoon);
    assert_eq!(told().await, CalibrationStatus::Expired);

    let nobodys = WatchCalibrationStatusRequest { instrument_ids: vec![uuid::Uuid::now_v7().to_string()] };
    assert_eq!(refused(engineer.calibrations().watch_calibration_status(nobodys).await), "RESOURCE_NOT_FOUND");
}

//! No routine run starts on an instrument whose calibration is not in force at that instant: not by a race, a retry, a
//! kept grant or a wrong clock.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use contract::{
    calibration::v1::{
        AuthorizeUseRequest, Calibration, Conformity, CreateCalibrationRequest, GetCalibrationStatusRequest,
        Instrument, InstrumentUse, ReturnToServiceRequest, RevokeCalibrationRequest, TakeOutOfServiceRequest,
        UpdateInstrumentRequest, calibration_service_client::CalibrationServiceClient,
    },
    runs::v1::{
        AbortRunRequest, CompleteRunRequest, CreateNonRoutineRunRequest, CreateRunRequest, GetRunRequest, Run,
        RunPurpose, RunState, StartRunRequest,
    },
};
use spectra_runtime::Clock;
use spectra_tests::{Person, Start, TestLab, certificate, iv_sweep, numbers, reason, refused};
use tonic::Code;
use uuid::Uuid;

/// Runs in the queue of one instrument, all started at once against one revocation.
const STARTS_A_ROUND: usize = 8;
/// Instruments raced on side by side.
const SIDE_BY_SIDE: usize = 6;

/// Starts to race, from `SPECTRA_RACE_STARTS`: `make race` asks for 30,000.
#[expect(clippy::disallowed_methods, reason = "how long a test takes is for whoever runs it to say")]
fn starts() -> usize {
    std::env::var("SPECTRA_RACE_STARTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1500)
}

fn start(run: &Run) -> StartRunRequest {
    StartRunRequest { id: run.id.clone(), ..Default::default() }
}

/// Room for all of them at once: a start that is shed races nothing.
fn crowded() -> Start {
    let settings = vec![("SPECTRA_POOL_SIZE", "32".to_owned()), ("SPECTRA_POOL_WAIT_MS", "9000".to_owned())];
    Start { settings, ..Default::default() }
}

/// How an instrument stops being fit while starts race it.
#[derive(Clone, Copy, Debug)]
enum End {
    Revoked,
    OutOfService,
    OutOfTolerance,
}

impl End {
    /// Brings it about, and says of what thing it tells since when.
    async fn bring(self, person: &Person, instrument: &Instrument, calibration: &Calibration) -> String {
        match self {
            Self::Revoked => {
                let id = calibration.id.clone();
                let request = RevokeCalibrationRequest { id, comment: "race".to_owned(), ..Default::default() };
                person.calibrations().revoke_calibration(request).await.unwrap();
                calibration.id.clone()
            }
            Self::OutOfService => {
                let id = instrument.id.clone();
                let request = TakeOutOfServiceRequest { id, reason: "race".to_owned(), ..Default::default() };
                person.instruments().take_out_of_service(request).await.unwrap();
                instrument.id.clone()
            }
            Self::OutOfTolerance => {
                let mut bad = certificate(&instrument.id, -1, 1);
                bad.as_found = Conformity::OutOfTolerance.into();
                let request = CreateCalibrationRequest { calibration: Some(bad), request_id: String::new() };
                let response = person.calibrations().create_calibration(request).await.unwrap().into_inner();
                response.calibration.unwrap().id
            }
        }
    }

    /// The instrument is fit again, where a new certificate alone does not make it so.
    async fn undo(self, person: &Person, instrument: &Instrument) {
        if let Self::OutOfService = self {
            let request = ReturnToServiceRequest { id: instrument.id.clone(), ..Default::default() };
            person.instruments().return_to_service(request).await.unwrap();
        }
    }

    /// Runs among $1 that started when it had happened to $2.
    fn late(self) -> &'static str {
        match self {
            Self::Revoked => {
                "SELECT count(*) FROM runs.run, calibration.calibration c WHERE run.id::text = ANY ($1) \
                   AND c.id::text = $2 AND run.started_at >= c.revoked_at"
            }
            Self::OutOfService => {
                "SELECT count(*) FROM runs.run, calibration.instrument i WHERE run.id::text = ANY ($1) \
                   AND i.id::text = $2 AND run.started_at >= i.service_changed_at"
            }
            Self::OutOfTolerance => {
                "SELECT count(*) FROM runs.run, calibration.calibration c WHERE run.id::text = ANY ($1) \
                   AND c.id::text = $2 AND run.started_at >= c.accepted_at"
            }
        }
    }
}

/// What a race came to: starts, those that succeeded, and those among them that came too late.
#[derive(Debug, Default)]
struct Raced {
    begun: AtomicUsize,
    started: AtomicUsize,
    late: AtomicUsize,
}

/// Races starts against what makes their instrument unfit.
async fn race(lab: &TestLab, end: End, starts: usize) -> Raced {
    let raced = Raced::default();
    let pi = lab.person("pi").await;
    let owner = lab.database.owner().await;
    let side = |number: usize| {
        let (raced, owner, pi) = (&raced, &owner, pi.clone());
        async move {
            let instrument = pi.new_instrument().await;
            let mut queue: Vec<Run> = Vec::new();
            // Unfit somewhere within the time that a round of starts takes here.
            let (mut round, mut at) = (Duration::from_millis(20), 0.1 * number as f64);
            while raced.begun.load(Ordering::Relaxed) < starts {
                let calibration = pi.calibrate(&instrument, -1, 1).await;
                while queue.len() < STARTS_A_ROUND {
                    let sample = pi.new_sample().await;
                    queue.push(pi.new_run(&instrument, &sample).await);
                }
                let calls = queue.iter().map(|run| {
                    let mut runs = pi.runs();
                    async move { runs.start_run(start(run)).await }
                });
                let ending = async {
                    tokio::time::sleep(round.mul_f64(at)).await;
                    end.bring(&pi, &instrument, &calibration).await
                };
                let ((answers, took), ended) = futures::join!(timed(futures::future::join_all(calls)), ending);
                raced.begun.fetch_add(answers.len(), Ordering::Relaxed);
                round = took;
                at = (at + 0.618).fract();
                let (mut still_queued, mut started) = (Vec::new(), Vec::new());
                for (run, answer) in queue.into_iter().zip(answers) {
                    match answer {
                        Ok(_) => started.push(run.id),
                        Err(status) => {
                            assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
                            still_queued.push(run);
                        }
                    }
                }
                queue = still_queued;
                let late: i64 = owner.query_one(end.late(), &[&started, &ended]).await.unwrap().get(0);
                raced.late.fetch_add(late as usize, Ordering::Relaxed);
                raced.started.fetch_add(started.len(), Ordering::Relaxed);
                for id in started {
                    let abort = AbortRunRequest { id, reason: "race".to_owned(), ..Default::default() };
                    pi.runs().abort_run(abort).await.unwrap();
                }
                end.undo(&pi, &instrument).await;
            }
        }
    };
    futures::future::join_all((0..SIDE_BY_SIDE).map(side)).await;
    raced
}

/// What a future gives, and how long it took.
async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    (work.await, begun.elapsed())
}

/// Runs that started, and uses that were authorized, at or after the revocation of what they rest on.
async fn violations(lab: &TestLab) -> i64 {
    let owner = lab.database.owner().await;
    let runs = "SELECT count(*) FROM runs.run r JOIN runs.run_grant g ON g.run_id = r.id \
                JOIN calibration.calibration c ON c.id = g.calibration_id WHERE r.started_at >= c.revoked_at";
    let grants = "SELECT count(*) FROM calibration.use_grant g JOIN calibration.calibration c \
                  ON c.id = g.calibration_id WHERE g.authorized_at >= c.revoked_at";
    let runs: i64 = owner.query_one(runs, &[]).await.unwrap().get(0);
    let grants: i64 = owner.query_one(grants, &[]).await.unwrap().get(0);
    runs + grants
}

/// Races starts against this end, and none that succeeds comes after it.
async fn none_comes_after(end: End, starts: usize) {
    let lab = TestLab::start_with(crowded()).await;
    let begun_at = Instant::now();
    let Raced { begun, started, late } = race(&lab, end, starts).await;
    let (begun, started, late) = (begun.into_inner(), started.into_inner(), late.into_inner());
    let rate = begun as f64 / begun_at.elapsed().as_secs_f64();
    println!("{end:?}: {begun} starts raced, {started} succeeded, {late} too late, {rate:.0} a second");
    assert!(started > begun / 100, "a race that nobody wins shows nothing: {started} of {begun}");
    assert_eq!(late, 0);
    assert_eq!(violations(&lab).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_start_comes_after_the_revocation_that_it_races() {
    none_comes_after(End::Revoked, starts()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_start_comes_after_the_instrument_left_service() {
    none_comes_after(End::OutOfService, starts() / 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_start_comes_after_a_certificate_that_found_the_instrument_out_of_tolerance() {
    none_comes_after(End::OutOfTolerance, starts() / 2).await;
}

/// Writers that read the clock and only later, without the lock or when they get it, make the instrument unfit.
#[tokio::test(flavor = "multi_thread")]
async fn the_race_finds_a_writer_that_does_not_lock() {
    let lab = TestLab::start_with(crowded()).await;
    lab.database
        .owner()
        .await
        .batch_execute(
            "CREATE FUNCTION calibration.stamp_without_lock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               IF NEW.state = 'accepted' AND NEW.accepted_at IS NULL THEN NEW.accepted_at := now() - \
                 CASE NEW.as_found WHEN 'out_of_tolerance' THEN interval '50 ms' ELSE interval '0' END; END IF; \
               IF NEW.state = 'revoked' THEN NEW.revoked_at := clock_timestamp(); END IF; \
               PERFORM pg_sleep(0.004); RETURN NEW; END $$; \
             ALTER TABLE calibration.calibration DISABLE TRIGGER stamp; \
             CREATE TRIGGER stamp_without_lock BEFORE INSERT OR UPDATE ON calibration.calibration \
               FOR EACH ROW EXECUTE FUNCTION calibration.stamp_without_lock(); \
             CREATE FUNCTION calibration.stamp_early() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               IF NEW.service_state <> OLD.service_state THEN \
                 NEW.service_changed_at := now() - interval '50 ms'; END IF; \
               RETURN NEW; END $$; \
             ALTER TABLE calibration.instrument DISABLE TRIGGER stamp; \
             ALTER TABLE calibration.instrument DISABLE TRIGGER stamp_service; \
             CREATE TRIGGER stamp_early BEFORE UPDATE ON calibration.instrument \
               FOR EACH ROW EXECUTE FUNCTION calibration.stamp_early();",
        )
        .await
        .unwrap();
    for end in [End::Revoked, End::OutOfService, End::OutOfTolerance] {
        // Until it is seen, as it is within some hundred starts.
        let mut seen = false;
        for _ in 0..20 {
            seen = seen || race(&lab, end, 300).await.late.into_inner() > 0;
        }
        assert!(seen, "the checker did not see a broken writer: {end:?}");
    }
    assert!(violations(&lab).await > 0, "the checker did not see a broken writer");
}

/// AuthorizeUse as Runs calls it, on the person's behalf.
async fn authorize(person: &Person, run: &Run, attempt: Uuid) -> Result<(), tonic::Status> {
    let service =
        spectra_tests::tokens(&Clock::default()).issue_service("runs", None, Duration::from_secs(60)).unwrap();
    let header = format!("Bearer {service}").parse().unwrap();
    let client = person.client_with("x-service-authorization", header);
    let request = AuthorizeUseRequest {
        run_id: run.id.clone(),
        attempt_id: attempt.to_string(),
        uses: vec![InstrumentUse { instrument_id: run.instrument_id.clone(), demands: Vec::new() }],
        ..Default::default()
    };
    CalibrationServiceClient::new(client).authorize_use(request).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_of_an_attempt_that_died_starts_nothing_after_a_revocation() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let (instrument, sample) = (pi.new_instrument().await, pi.new_sample().await);
    let calibration = pi.calibrate(&instrument, -1, 1).await;
    let run = pi.new_run(&instrument, &sample).await;

    authorize(&pi, &run, Uuid::now_v7()).await.unwrap();
    let revoke = RevokeCalibrationRequest { id: calibration.id, comment: "wrong".to_owned(), ..Default::default() };
    pi.calibrations().revoke_calibration(revoke).await.unwrap();
    // Another attempt is decided anew, whatever lies unused in the ledger.
    assert_eq!(refused(pi.runs().start_run(start(&run)).await), "CALIBRATION_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_was_kept_too_long_starts_nothing() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let (instrument, sample) = (pi.new_instrument().await, pi.new_sample().await);
    let calibration = pi.calibrate(&instrument, -1, 1).await;
    let run = pi.new_run(&instrument, &sample).await;

    // The grant of an attempt, 31 seconds old.
    let attempt = Uuid::now_v7();
    let owner = lab.database.owner().await;
    let insert = format!(
        "INSERT INTO calibration.use_grant (org_id, id, run_id, attempt_id, instrument_id, kind, calibration_id, \
           valid_from, expires_at, authorized_at, lapses_at) \
         SELECT c.org_id, '{grant}', '{run}', '{attempt}', c.instrument_id, 'fit', c.id, c.valid_from, c.expires_at, \
           clock_timestamp() - interval '31 seconds', clock_timestamp() - interval '31 seconds' + interval '30 seconds' \
         FROM calibration.calibration c WHERE c.id = '{calibration}'",
        grant = Uuid::now_v7(),
        run = run.id,
        calibration = calibration.id,
    );
    // One instant for both columns.
    let insert = insert.replace("clock_timestamp()", "statement_timestamp()");
    owner.batch_execute(&insert).await.unwrap();
    assert_eq!(reason(&authorize(&pi, &run, attempt).await.unwrap_err()).0, "GRANT_LAPSED");

    // Nor does the database take one, whoever writes it.
    let pin = format!(
        "INSERT INTO runs.run_grant (org_id, run_id, instrument_id, grant_id, kind, calibration_id, authorized_at, \
           lapses_at, valid_from, expires_at) \
         SELECT org_id, run_id, instrument_id, id, kind, calibration_id, authorized_at, lapses_at, valid_from, \
           expires_at FROM calibration.use_grant WHERE attempt_id = '{attempt}'"
    );
    let refusal = owner.batch_execute(&pin).await.unwrap_err();
    assert_eq!(refusal.as_db_error().unwrap().constraint(), Some("run_grant_lapsed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_brings_no_revocation_before_the_uses_that_it_taints() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let (instrument, sample) = (pi.new_instrument().await, pi.new_sample().await);
    let calibration = pi.calibrate(&instrument, -1, 1).await;
    let run = pi.new_run(&instrument, &sample).await;
    // A use by the clock as it was, a minute ahead of what it is now.
    let owner = lab.database.owner().await;
    let ahead = format!(
        "INSERT INTO calibration.use_grant (org_id, id, run_id, attempt_id, instrument_id, kind, calibration_id, \
           valid_from, expires_at, authorized_at, lapses_at) \
         SELECT org_id, gen_random_uuid(), '{run}', gen_random_uuid(), instrument_id, 'fit', id, valid_from, expires_at, \
           statement_timestamp() + interval '60 seconds', statement_timestamp() + interval '90 seconds' \
         FROM calibration.calibration WHERE id = '{calibration}'",
        run = run.id,
        calibration = calibration.id,
    );
    owner.batch_execute(&ahead).await.unwrap();
    let take = TakeOutOfServiceRequest { id: instrument.id.clone(), reason: "smoke".to_owned(), ..Default::default() };
    pi.instruments().take_out_of_service(take).await.unwrap();
    let revoke =
        RevokeCalibrationRequest { id: calibration.id.clone(), comment: "wrong".to_owned(), ..Default::default() };
    pi.calibrations().revoke_calibration(revoke).await.unwrap();
    let row = owner
        .query_one(
            "SELECT count(*) FILTER (WHERE c.revoked_at > g.authorized_at AND i.service_changed_at > g.authorized_at) \
             FROM calibration.use_grant g JOIN calibration.calibration c ON c.id = g.calibration_id \
             JOIN calibration.instrument i ON i.id = g.instrument_id WHERE c.id = $1::text::uuid",
            &[&calibration.id],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_ties_a_start_to_its_grants_whoever_writes_it() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let (instrument, sample) = (pi.new_instrument().await, pi.new_sample().await);
    pi.calibrate(&instrument, -1, 1).await;
    let run = pi.new_run(&instrument, &sample).await;
    let attempt = Uuid::now_v7();
    authorize(&pi, &run, attempt).await.unwrap();

    let owner = lab.database.owner().await;
    // What the service does in one transaction: here the start may be at another instant, or wait before it ends.
    let start = |attempt: Uuid, at: &str, lapses_at: &str| {
        format!(
            "BEGIN; \
             INSERT INTO runs.run_grant (org_id, run_id, instrument_id, grant_id, kind, calibration_id, authorized_at, \
               lapses_at, valid_from, expires_at) \
             SELECT org_id, run_id, instrument_id, id, kind, calibration_id, authorized_at, {lapses_at}, valid_from, \
               expires_at FROM calibration.use_grant WHERE attempt_id = '{attempt}'; \
             SELECT pg_sleep(0.6); \
             UPDATE runs.run r SET state = 'running', operator_id = r.created_by, started_at = {at}, \
               valid_from = g.valid_from, expires_at = g.expires_at \
               FROM runs.run_grant g WHERE g.run_id = r.id AND r.id = '{id}'; \
             COMMIT",
            id = run.id
        )
    };
    // A grant that lapses while the start waits.
    let late = Uuid::now_v7();
    let nearly_over = format!(
        "INSERT INTO calibration.use_grant (org_id, id, run_id, attempt_id, instrument_id, kind, calibration_id, \
           valid_from, expires_at, authorized_at, lapses_at) \
         SELECT org_id, gen_random_uuid(), run_id, '{late}', instrument_id, kind, calibration_id, valid_from, expires_at, \
           statement_timestamp() - interval '29.5 seconds', statement_timestamp() + interval '0.5 seconds' \
         FROM calibration.use_grant WHERE attempt_id = '{attempt}'"
    );
    owner.batch_execute(&nearly_over).await.unwrap();
    for (attempt, at, lapses_at, broken) in [
        (late, "g.authorized_at", "lapses_at", "run_grant_lapsed"),
        (attempt, "g.authorized_at + interval '1 second'", "lapses_at", "run_grants_complete"),
        // What does not stand in the ledger as it is written here is no grant.
        (attempt, "g.authorized_at", "lapses_at - interval '0.000001 second'", "run_grant_ledger"),
    ] {
        let refusal = owner.batch_execute(&start(attempt, at, lapses_at)).await.unwrap_err();
        assert_eq!(refusal.as_db_error().unwrap().constraint(), Some(broken), "{at} {lapses_at}: {refusal:?}");
        owner.batch_execute("ROLLBACK").await.unwrap();
    }
    let invented = format!(
        "INSERT INTO runs.run_grant (org_id, run_id, instrument_id, grant_id, kind, calibration_id, authorized_at, \
           lapses_at, valid_from, expires_at) \
         SELECT org_id, run_id, instrument_id, gen_random_uuid(), kind, calibration_id, authorized_at, lapses_at, \
           valid_from, expires_at FROM calibration.use_grant WHERE attempt_id = '{attempt}'"
    );
    let refusal = owner.batch_execute(&invented).await.unwrap_err();
    assert_eq!(refusal.as_db_error().unwrap().constraint(), Some("run_grant_ledger"));
    owner.batch_execute(&start(attempt, "g.authorized_at", "lapses_at")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_calibration_ends_meanwhile_goes_on_and_is_flagged() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let read = |run: &Run| {
        let request = GetRunRequest { id: run.id.clone() };
        let pi = &pi;
        async move { pi.runs().get_run(request).await.unwrap().into_inner().run.unwrap() }
    };
    let run_on = async |instrument: &Instrument| {
        let run = pi.new_run(instrument, &pi.new_sample().await).await;
        pi.runs().start_run(start(&run)).await.unwrap();
        run
    };

    // One that will expire in a moment, one that will be revoked, and one whose run is over before it is revoked.
    let (expiring, revoked, late) = (pi.new_instrument().await, pi.new_instrument().await, pi.new_instrument().await);
    let mut brief = certificate(&expiring.id, -1, 0);
    brief.expires_at.as_mut().unwrap().seconds += 3;
    let request = CreateCalibrationRequest { calibration: Some(brief), request_id: String::new() };
    pi.calibrations().create_calibration(request).await.unwrap();
    let (bad, worse) = (pi.calibrate(&revoked, -1, 1).await, pi.calibrate(&late, -1, 1).await);
    let outlived = run_on(&expiring).await;
    let (tainted, over) = (run_on(&revoked).await, run_on(&late).await);
    let done = CompleteRunRequest { id: over.id.clone(), ..Default::default() };
    let over = pi.runs().complete_run(done).await.unwrap().into_inner().run.unwrap();
    for run in [&outlived, &tainted, &over] {
        assert!(!read(run).await.flagged, "nothing has happened yet");
    }

    for calibration in [bad, worse] {
        let revoke = RevokeCalibrationRequest { id: calibration.id, comment: "wrong".to_owned(), ..Default::default() };
        pi.calibrations().revoke_calibration(revoke).await.unwrap();
    }
    let all_told = async {
        loop {
            let (outlived, tainted, over) = futures::join!(read(&outlived), read(&tainted), read(&over));
            if outlived.flagged && tainted.flagged && over.grants[0].revoked_at.is_some() {
                return (outlived, tainted, over);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (outlived, tainted, over) = tokio::time::timeout(Duration::from_secs(20), all_told).await.expect("flags");
    assert!(outlived.grants[0].revoked_at.is_none());
    assert!(tainted.grants[0].revoked_at.is_some());
    assert!(!over.flagged, "it was over by then");
    assert_eq!((outlived.state(), tainted.state()), (RunState::Running, RunState::Running));

    // What ended stays flagged.
    let done = CompleteRunRequest { id: outlived.id.clone(), ..Default::default() };
    assert!(pi.runs().complete_run(done).await.unwrap().into_inner().run.unwrap().flagged);
    assert!(read(&outlived).await.flagged);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_a_run_without_a_grant_whoever_writes_it() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let (instrument, sample) = (pi.new_fit_instrument().await, pi.new_sample().await);
    let run = pi.new_run(&instrument, &sample).await;
    let owner = lab.database.owner().await;
    let id = &run.id;
    let who = Uuid::now_v7();
    for (set, broken) in [
        ("state = 'running'", "run_started_within_calibration"),
        (
            "state = 'running', started_at = now(), valid_from = now() - interval '2 h', expires_at = now() - interval '1 h'",
            "run_started_within_calibration",
        ),
        (
            "state = 'running', started_at = now(), valid_from = now() - interval '1 h', expires_at = now() + interval '1 h'",
            "run_grants_complete",
        ),
        ("state = 'succeeded', finished_at = now()", "run_transition"),
        ("purpose = 'calibration'", "run_immutable"),
    ] {
        let update = format!("UPDATE runs.run SET operator_id = '{who}', {set} WHERE id = '{id}'");
        let refusal = owner.batch_execute(&update).await.unwrap_err();
        let error = refusal.as_db_error().unwrap();
        let constraint = error.constraint().unwrap_or_default();
        assert!(
            constraint == broken || (broken == "run_started_within_calibration" && constraint.starts_with("run_")),
            "{set}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_runs_decides_nothing() {
    for offset_ms in [-3_600_000, 3_600_000] {
        let clocks = BTreeMap::from([("runs", Clock::off_by_ms(offset_ms))]);
        let settings = vec![("ACCESS_TOKEN_EXPIRE_MINUTES", "120".to_owned())];
        let lab = TestLab::start_with(Start { settings, clocks }).await;
        let pi = lab.person("pi").await;
        let sample = pi.new_sample().await;

        // Valid for half an hour on either side of now: by the wrong clock, not yet valid or expired.
        let fit = pi.new_instrument().await;
        let mut short = certificate(&fit.id, 0, 0);
        let now = Clock::default().now().timestamp();
        short.issued_at = Some(prost_types::Timestamp { seconds: now - 1800, nanos: 0 });
        short.expires_at = Some(prost_types::Timestamp { seconds: now + 1800, nanos: 0 });
        enter(&pi, short).await;
        let run = pi.new_run(&fit, &sample).await;
        let started = pi.runs().start_run(start(&run)).await.unwrap().into_inner().run.unwrap();
        let off = started.started_at.unwrap().seconds - now;
        assert!((0..60).contains(&off), "started_at is the database's time, not off by {off} s");

        // And what has expired by the database's clock is expired.
        let unfit = pi.new_instrument().await;
        let mut over = certificate(&unfit.id, -1, 0);
        over.expires_at = Some(prost_types::Timestamp { seconds: now - 1800, nanos: 0 });
        enter(&pi, over).await;
        let request = CreateRunRequest { run: Some(iv_sweep(&unfit, &sample)), request_id: String::new() };
        assert_eq!(refused(pi.runs().create_run(request).await), "CALIBRATION_EXPIRED");
    }
}

async fn enter(person: &Person, calibration: contract::calibration::v1::Calibration) {
    let request = CreateCalibrationRequest { calibration: Some(calibration), request_id: String::new() };
    person.calibrations().create_calibration(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_from_the_future_counts_for_nothing() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let instrument = pi.new_instrument().await;
    let mut tomorrow = certificate(&instrument.id, 1, 100);
    tomorrow.valid_from = certificate("", -1, 0).issued_at;
    let request = CreateCalibrationRequest { calibration: Some(tomorrow), request_id: String::new() };
    let status = pi.calibrations().create_calibration(request).await.unwrap_err();
    assert_eq!(reason(&status).0, "FIELD_INVALID");
    assert!(status.message().contains("issued_at"), "{}", status.message());
}

/// However the clock is set by which the certificate was written.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_finding_counts_from_when_it_is_entered() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let (instrument, sample) = (pi.new_fit_instrument().await, pi.new_sample().await);
    let bad = || contract::calibration::v1::Calibration {
        as_found: Conformity::OutOfTolerance.into(),
        ..certificate(&instrument.id, 0, 100)
    };
    let mut later = bad();
    later.valid_from = certificate("", 10, 0).issued_at;
    let request = CreateCalibrationRequest { calibration: Some(later), request_id: String::new() };
    let status = pi.calibrations().create_calibration(request).await.unwrap_err();
    assert_eq!(reason(&status).0, "FIELD_INVALID");
    assert!(status.message().starts_with("calibration.valid_from: "), "{}", status.message());
    pi.new_run(&instrument, &sample).await;

    let mut ahead = bad();
    ahead.issued_at.as_mut().unwrap().seconds += 240;
    enter(&pi, ahead).await;
    let request = CreateRunRequest { run: Some(iv_sweep(&instrument, &sample)), request_id: String::new() };
    assert_eq!(refused(pi.runs().create_run(request).await), "CALIBRATION_OUT_OF_TOLERANCE");
}

/// A certificate that was entered with a mistake is revoked and entered again, under the number that stands on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_free_again_and_what_a_certificate_says_is_not() {
    let lab = TestLab::start().await;
    let owner = lab.database.owner().await;
    let pi = lab.person("pi").await;
    let instrument = pi.new_instrument().await;
    let wrong = pi.calibrate(&instrument, -10, -5).await;
    let right = || contract::calibration::v1::Calibration {
        certificate_id: wrong.certificate_id.clone(),
        ..certificate(&instrument.id, -10, 100)
    };
    let again = || CreateCalibrationRequest { calibration: Some(right()), request_id: String::new() };
    assert_eq!(refused(pi.calibrations().create_calibration(again()).await), "RESOURCE_EXISTS");
    let revoke = RevokeCalibrationRequest { id: wrong.id.clone(), comment: "typo".to_owned(), ..Default::default() };
    pi.calibrations().revoke_calibration(revoke).await.unwrap();
    enter(&pi, right()).await;
    assert_eq!(refused(pi.calibrations().create_calibration(again()).await), "RESOURCE_EXISTS");

    for change in [
        "provider = 'somebody else'",
        "accreditation = 'none'",
        "standards_used = '{other}'",
        "document_sha256 = 'other'",
        "created_by = gen_random_uuid()",
        "created_at = now()",
        "expires_at = expires_at + interval '1 year'",
    ] {
        let update = format!("UPDATE calibration.calibration SET {change} WHERE id = '{}'", wrong.id);
        let refusal = owner.batch_execute(&update).await.expect_err(change);
        let constraint = refusal.as_db_error().expect("the database's answer").constraint().map(str::to_owned);
        assert_eq!(constraint.as_deref(), Some("calibration_immutable"), "{change}");
    }
}

/// Every refusal, with the keys that its metadata promises.
#[tokio::test(flavor = "multi_thread")]
async fn each_unfit_instrument_refuses_with_its_own_reason() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let sample = pi.new_sample().await;

    let missing = pi.new_instrument().await;
    let expired = pi.new_instrument().await;
    pi.calibrate(&expired, -10, -1).await;
    let early = pi.new_instrument().await;
    let mut later = certificate(&early.id, -1, 30);
    later.valid_from = certificate("", 10, 0).issued_at;
    enter(&pi, later).await;
    let revoked = pi.new_instrument().await;
    let bad = pi.calibrate(&revoked, -10, 10).await;
    let revoke = RevokeCalibrationRequest { id: bad.id, comment: "wrong".to_owned(), ..Default::default() };
    pi.calibrations().revoke_calibration(revoke).await.unwrap();
    let off = pi.new_instrument().await;
    let mut out = certificate(&off.id, -1, 30);
    out.as_found = Conformity::OutOfTolerance.into();
    enter(&pi, out).await;
    let narrow = pi.new_instrument().await;
    let mut scoped = certificate(&narrow.id, -1, 30);
    scoped.scope = vec!["dc_voltage".to_owned()];
    enter(&pi, scoped).await;
    let away = pi.new_fit_instrument().await;
    let take = TakeOutOfServiceRequest { id: away.id.clone(), reason: "smoke".to_owned(), ..Default::default() };
    pi.instruments().take_out_of_service(take).await.unwrap();

    for (instrument, wanted, keys) in [
        (&missing, "CALIBRATION_MISSING", &["instrument_id"][..]),
        (&expired, "CALIBRATION_EXPIRED", &["instrument_id", "calibration_id", "expires_at"]),
        (&early, "CALIBRATION_NOT_YET_VALID", &["instrument_id", "calibration_id", "valid_from"]),
        (&revoked, "CALIBRATION_REVOKED", &["instrument_id", "calibration_id", "revoked_at"]),
        (&off, "CALIBRATION_OUT_OF_TOLERANCE", &["instrument_id", "calibration_id"]),
        (&narrow, "CALIBRATION_SCOPE", &["instrument_id", "calibration_id", "quantity", "low", "high", "unit"]),
        (&away, "INSTRUMENT_OUT_OF_SERVICE", &["instrument_id"]),
    ] {
        let request = CreateRunRequest { run: Some(iv_sweep(instrument, &sample)), request_id: String::new() };
        let status = pi.runs().create_run(request).await.unwrap_err();
        let (why, metadata) = reason(&status);
        assert_eq!((status.code(), why.as_str()), (Code::FailedPrecondition, wanted));
        assert!(keys.iter().all(|key| metadata.contains_key(*key)), "{wanted}: {metadata:?}");
        assert_eq!(metadata["instrument_id"], instrument.id);
    }

    // Beyond what the instrument can do at all.
    let fit = pi.new_fit_instrument().await;
    let mut wide = iv_sweep(&fit, &sample);
    wide.params = Some(numbers(&[("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.5), ("compliance", 5.0)]));
    let request = CreateRunRequest { run: Some(wide), request_id: String::new() };
    let why = refused(pi.runs().create_run(request).await);
    assert!(matches!(why.as_str(), "CALIBRATION_SCOPE" | "PARAMS_INVALID"), "{why}");

    // What it could not do when it was calibrated, whatever is said of it later.
    let mut better = fit.clone();
    for capability in &mut better.capabilities {
        capability.range_high = format!("{}00", capability.range_high);
    }
    let update_mask = Some(prost_types::FieldMask { paths: vec!["capabilities".to_owned()] });
    let update = UpdateInstrumentRequest { instrument: Some(better), update_mask, ..Default::default() };
    pi.instruments().update_instrument(update).await.unwrap();
    let mut wider = iv_sweep(&fit, &sample);
    wider.params = Some(numbers(&[("vgs_start", 0.0), ("vgs_stop", 900.0), ("vgs_step", 100.0), ("compliance", 0.1)]));
    let request = CreateRunRequest { run: Some(wider), request_id: String::new() };
    let status = pi.runs().create_run(request.clone()).await.unwrap_err();
    assert_eq!(reason(&status).0, "CALIBRATION_SCOPE");
    assert!(status.message().contains("covers"), "{}", status.message());
    pi.calibrate(&fit, -1, 30).await;
    pi.runs().create_run(request).await.unwrap();

    // Back in service, the certificate counts again.
    let back = ReturnToServiceRequest { id: away.id.clone(), ..Default::default() };
    pi.instruments().return_to_service(back).await.unwrap();
    let run = pi.new_run(&away, &sample).await;
    assert_eq!(run.state(), RunState::Queued);
    let status = GetCalibrationStatusRequest { instrument_id: away.id };
    pi.calibrations().get_calibration_status(status).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_checks_an_unfit_instrument_may_start_and_one_instrument_carries_one_run() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let unfit: Instrument = pi.new_instrument().await;
    let create = |sample| CreateNonRoutineRunRequest {
        run: Some(iv_sweep(&unfit, &sample)),
        purpose: RunPurpose::IntermediateCheck.into(),
        request_id: String::new(),
    };
    let first = create(pi.new_sample().await);
    let engineer = lab.person("engineer").await;
    assert_eq!(refused(engineer.runs().create_non_routine_run(first.clone()).await), "PERMISSION_DENIED");
    let first = pi.runs().create_non_routine_run(first).await.unwrap().into_inner().run.unwrap();
    let started = pi.runs().start_run(start(&first)).await.unwrap().into_inner().run.unwrap();
    assert!(started.grants[0].exempt);

    let second = create(pi.new_sample().await);
    let second = pi.runs().create_non_routine_run(second).await.unwrap().into_inner().run.unwrap();
    let busy = pi.runs().start_run(start(&second)).await.unwrap_err();
    let (why, metadata) = reason(&busy);
    assert_eq!((why.as_str(), metadata["instrument_id"].as_str()), ("INSTRUMENT_BUSY", unfit.id.as_str()));
}

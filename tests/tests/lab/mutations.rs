//! Every mutating method leaves exactly one event, and answers a repeated request_id with the reply it gave before.

use contract::{
    auth::v1::{
        DisableUserRequest, EnableUserRequest, ListSessionsRequest, LoginRequest, Organization, RevokeSessionRequest,
        Role, UpdateOrganizationRequest, UpdateUserRequest,
    },
    calibration::v1::{
        AcceptCalibrationRequest, AttachDocumentRequest, Capability, CreateCalibrationRequest, CreateInstrumentRequest,
        Instrument, Policy, RejectCalibrationRequest, ReturnToServiceRequest, RevokeCalibrationRequest,
        TakeOutOfServiceRequest, UpdateInstrumentRequest, UpdatePolicyRequest,
    },
    method, methods,
    runs::v1::{
        self as runs, AbortRunRequest, ApproveRecipeRequest, CancelRunRequest, CompleteRunRequest,
        CreateNonRoutineRunRequest, CreateRecipeRequest, CreateRunRequest, FailRunRequest, HoldRunRequest,
        PauseRunRequest, Recipe, RejectRecipeRequest, ReleaseRunRequest, ResumeRunRequest, RetireRecipeRequest,
        RunPurpose, StartRunRequest, SubmitRecipeRequest, UpdateRecipeRequest,
    },
    samples::v1::{
        ArchiveProjectRequest, BatchCreateSamplesRequest, CreateProjectRequest, CreateSampleRequest,
        DeleteSampleRequest, DisposeSampleRequest, MoveSampleRequest, Project, QuarantineSampleRequest,
        ReleaseSampleRequest, Sample, UnarchiveProjectRequest, UndeleteSampleRequest, UpdateProjectRequest,
        UpdateSampleRequest,
    },
};
use prost::Message as _;
use prost_types::FieldMask;
use spectra_runtime::db::fault;
use spectra_tests::{Person, TestLab, certificate, dynamic, iv_sweep, reason};
use uuid::Uuid;

/// Methods that the table below leaves out, and why.
const ELSEWHERE: [(&str, &str); 5] = [
    ("/spectra.auth.v1.AuthService/Logout", "ends the session it would be repeated with: tests/lab/sessions.rs"),
    ("/spectra.samples.v1.SamplesService/ClaimForRun", "internal: part of StartRun"),
    ("/spectra.samples.v1.SamplesService/ReleaseFromRun", "internal: part of every end of a run"),
    ("/spectra.calibration.v1.CalibrationService/AuthorizeUse", "internal: part of StartRun"),
    ("/spectra.runs.v1.RunsService/AppendDataChunk", "the event of the run's end has its data: tests/lab/data.rs"),
];

/// A valid request of each mutating method, made on a fresh ground; `request_id` and one change of the body are ours.
async fn request(name: &str, admin: &Person, request_id: &str) -> (Vec<u8>, Vec<u8>) {
    let request_id = request_id.to_owned();
    let mask = |path: &str| Some(FieldMask { paths: vec![path.to_owned()] });
    /// The request, and the same with something else in it.
    macro_rules! two {
        ($request:expr, $change:expr) => {{
            let request = $request;
            let mut other = request.clone();
            #[allow(clippy::redundant_closure_call)]
            ($change)(&mut other);
            (request.encode_to_vec(), other.encode_to_vec())
        }};
    }
    /// A transition of a run that was brought to where it may happen.
    macro_rules! transition {
        ($type:ident, $steps:expr) => {{
            let id = run_at(admin, $steps).await;
            two!($type { id, request_id, ..Default::default() }, |other: &mut $type| other.id = new_id())
        }};
        ($type:ident, $steps:expr, $reason:expr) => {{
            let id = run_at(admin, $steps).await;
            two!($type { id, request_id, reason: $reason.to_owned(), ..Default::default() }, |other: &mut $type| {
                other.id = new_id()
            })
        }};
    }
    /// A step of this sample or project, for a reason.
    macro_rules! step {
        ($type:ident, $id:expr) => {{
            let (id, reason) = ($id, "because".to_owned());
            two!($type { id, request_id, reason, ..Default::default() }, |other: &mut $type| other.reason.push('x'))
        }};
    }
    // Two services have a method of this name.
    if name == "RunsService/UpdatePolicy" {
        let policy = Some(runs::Policy { four_eyes: true, ..Default::default() });
        let request = runs::UpdatePolicyRequest { policy, update_mask: mask("four_eyes"), request_id };
        return two!(request, |other: &mut runs::UpdatePolicyRequest| other.policy.as_mut().unwrap().four_eyes = false);
    }
    match name.rsplit('/').next().unwrap() {
        "UpdateUser" => {
            let mut user = admin.new_user(Role::Viewer).await;
            user.display_name = "Nova Nobel".to_owned();
            let request = UpdateUserRequest { user: Some(user), update_mask: mask("display_name"), request_id };
            two!(request, |other: &mut UpdateUserRequest| other.user.as_mut().unwrap().display_name.push('x'))
        }
        "DisableUser" => {
            let id = admin.new_user(Role::Viewer).await.id;
            two!(DisableUserRequest { id, request_id, ..Default::default() }, |other: &mut DisableUserRequest| {
                other.reason.push('x');
            })
        }
        "EnableUser" => {
            let id = admin.new_user(Role::Viewer).await.id;
            let disable = DisableUserRequest { id: id.clone(), ..Default::default() };
            admin.users().disable_user(disable).await.unwrap();
            two!(EnableUserRequest { id, request_id, ..Default::default() }, |other: &mut EnableUserRequest| {
                other.reason.push('x');
            })
        }
        "RevokeSession" => {
            let id = other_session(admin).await;
            two!(RevokeSessionRequest { id, request_id }, |other: &mut RevokeSessionRequest| other.id = new_id())
        }
        "UpdateOrganization" => {
            let organization = Some(Organization { name: "Nova Laboratory".to_owned(), ..Default::default() });
            let request = UpdateOrganizationRequest { organization, update_mask: mask("name"), request_id };
            two!(request, |other: &mut UpdateOrganizationRequest| other.organization.as_mut().unwrap().name.push('x'))
        }
        "CreateSample" => {
            let sample = Sample { name: new_id(), material_type: "wafer".to_owned(), ..Default::default() };
            two!(CreateSampleRequest { sample: Some(sample), request_id }, |other: &mut CreateSampleRequest| {
                other.sample.as_mut().unwrap().name.push('x');
            })
        }
        "UpdateSample" => {
            let mut sample = admin.new_sample().await;
            sample.lot_code = "LOT-2".to_owned();
            let update_mask = mask("lot_code");
            two!(
                UpdateSampleRequest { sample: Some(sample), update_mask, request_id },
                |o: &mut UpdateSampleRequest| {
                    o.sample.as_mut().unwrap().lot_code.push('x');
                }
            )
        }
        "MoveSample" => {
            let id = admin.new_sample().await.id;
            two!(
                MoveSampleRequest { id, location: "shelf".to_owned(), request_id, ..Default::default() },
                |other: &mut MoveSampleRequest| other.location.push('x')
            )
        }
        "BatchCreateSamples" => {
            let sample = || Sample { name: new_id(), material_type: "die".to_owned(), ..Default::default() };
            let one = || CreateSampleRequest { sample: Some(sample()), request_id: String::new() };
            let request = BatchCreateSamplesRequest { requests: vec![one(), one(), one()], request_id };
            two!(request, |other: &mut BatchCreateSamplesRequest| drop(other.requests.pop()))
        }
        "QuarantineSample" => step!(QuarantineSampleRequest, admin.new_sample().await.id),
        "ReleaseSample" => step!(ReleaseSampleRequest, quarantined(admin).await),
        "DisposeSample" => step!(DisposeSampleRequest, quarantined(admin).await),
        "DeleteSample" => step!(DeleteSampleRequest, admin.new_sample().await.id),
        "UndeleteSample" => {
            let id = admin.new_sample().await.id;
            let delete = DeleteSampleRequest { id: id.clone(), ..Default::default() };
            admin.samples().delete_sample(delete).await.unwrap();
            step!(UndeleteSampleRequest, id)
        }
        "CreateProject" => {
            let project = Project { code: "P-1".to_owned(), name: "First".to_owned(), ..Default::default() };
            two!(CreateProjectRequest { project: Some(project), request_id }, |other: &mut CreateProjectRequest| {
                other.project.as_mut().unwrap().name.push('x');
            })
        }
        "UpdateProject" => {
            let mut project = admin.new_project().await;
            project.description = "What it is about".to_owned();
            let update_mask = mask("description");
            let request = UpdateProjectRequest { project: Some(project), update_mask, request_id };
            two!(request, |o: &mut UpdateProjectRequest| o.project.as_mut().unwrap().description.push('x'))
        }
        "ArchiveProject" => step!(ArchiveProjectRequest, admin.new_project().await.id),
        "UnarchiveProject" => {
            let id = admin.new_project().await.id;
            let archive = ArchiveProjectRequest { id: id.clone(), ..Default::default() };
            admin.projects().archive_project(archive).await.unwrap();
            step!(UnarchiveProjectRequest, id)
        }
        "CreateInstrument" => {
            let capability = Capability {
                quantity: "dc_voltage".to_owned(),
                range_low: "0".to_owned(),
                range_high: "1".to_owned(),
                unit: "V".to_owned(),
                ..Default::default()
            };
            let instrument = Instrument {
                asset_code: new_id(),
                manufacturer: "Keithley".to_owned(),
                model: "2400".to_owned(),
                capabilities: vec![capability],
                ..Default::default()
            };
            let request = CreateInstrumentRequest { instrument: Some(instrument), request_id };
            two!(request, |o: &mut CreateInstrumentRequest| o.instrument.as_mut().unwrap().asset_code.push('x'))
        }
        "UpdateInstrument" => {
            let mut instrument = admin.new_instrument().await;
            instrument.location = "elsewhere".to_owned();
            let request =
                UpdateInstrumentRequest { instrument: Some(instrument), update_mask: mask("location"), request_id };
            two!(request, |o: &mut UpdateInstrumentRequest| o.instrument.as_mut().unwrap().location.push('x'))
        }
        "TakeOutOfService" => {
            let id = admin.new_instrument().await.id;
            two!(
                TakeOutOfServiceRequest { id, reason: "broken".to_owned(), request_id, ..Default::default() },
                |other: &mut TakeOutOfServiceRequest| other.reason.push('x')
            )
        }
        "ReturnToService" => {
            let id = admin.new_instrument().await.id;
            let out = TakeOutOfServiceRequest { id: id.clone(), reason: "broken".to_owned(), ..Default::default() };
            admin.instruments().take_out_of_service(out).await.unwrap();
            two!(
                ReturnToServiceRequest { id, request_id, ..Default::default() },
                |other: &mut ReturnToServiceRequest| other.reason.push('x')
            )
        }
        "CreateCalibration" => {
            let instrument = admin.new_instrument().await;
            let calibration = Some(certificate(&instrument.id, -1, 1));
            two!(CreateCalibrationRequest { calibration, request_id }, |other: &mut CreateCalibrationRequest| {
                other.calibration.as_mut().unwrap().certificate_id.push('x');
            })
        }
        "AttachDocument" => {
            let instrument = admin.new_instrument().await;
            let request = AttachDocumentRequest {
                calibration_id: admin.calibrate(&instrument, -1, 1).await.id,
                file_name: "certificate.pdf".to_owned(),
                media_type: "application/pdf".to_owned(),
                content: b"a scan".to_vec(),
                request_id,
            };
            two!(request, |other: &mut AttachDocumentRequest| other.content.push(0))
        }
        "AcceptCalibration" => {
            let id = draft(admin).await;
            two!(
                AcceptCalibrationRequest { id, request_id, ..Default::default() },
                |other: &mut AcceptCalibrationRequest| other.comment.push('x')
            )
        }
        "RejectCalibration" => {
            let id = draft(admin).await;
            two!(
                RejectCalibrationRequest { id, request_id, comment: "no".to_owned(), ..Default::default() },
                |other: &mut RejectCalibrationRequest| other.comment.push('x')
            )
        }
        "RevokeCalibration" => {
            let instrument = admin.new_instrument().await;
            review(admin, false).await;
            let id = admin.calibrate(&instrument, -1, 1).await.id;
            two!(
                RevokeCalibrationRequest { id, request_id, comment: "wrong".to_owned(), ..Default::default() },
                |other: &mut RevokeCalibrationRequest| other.comment.push('x')
            )
        }
        "UpdatePolicy" => {
            let policy = Some(Policy { due_soon_days: 14, ..Default::default() });
            let request = UpdatePolicyRequest { policy, update_mask: mask("due_soon_days"), request_id };
            two!(request, |other: &mut UpdatePolicyRequest| other.policy.as_mut().unwrap().due_soon_days = 15)
        }
        "CreateRun" => {
            let (instrument, sample) = (admin.new_fit_instrument().await, admin.new_sample().await);
            let run = Some(iv_sweep(&instrument, &sample));
            two!(CreateRunRequest { run, request_id }, |other: &mut CreateRunRequest| {
                other.run.as_mut().unwrap().comment.push('x');
            })
        }
        "CreateNonRoutineRun" => {
            let (instrument, sample) = (admin.new_instrument().await, admin.new_sample().await);
            let run = Some(iv_sweep(&instrument, &sample));
            let purpose = RunPurpose::IntermediateCheck.into();
            let request = CreateNonRoutineRunRequest { run, purpose, request_id };
            two!(request, |other: &mut CreateNonRoutineRunRequest| other.run.as_mut().unwrap().comment.push('x'))
        }
        "CreateRecipe" => {
            let recipe = Some(Recipe { name: new_id(), method: "hall_vdp".to_owned(), ..Default::default() });
            two!(CreateRecipeRequest { recipe, request_id }, |other: &mut CreateRecipeRequest| {
                other.recipe.as_mut().unwrap().name.push('x');
            })
        }
        "UpdateRecipe" => {
            let mut recipe = admin.new_recipe().await;
            recipe.comment = "clearer".to_owned();
            let request = UpdateRecipeRequest { recipe: Some(recipe), update_mask: mask("comment"), request_id };
            two!(request, |other: &mut UpdateRecipeRequest| other.recipe.as_mut().unwrap().comment.push('x'))
        }
        "SubmitRecipe" => {
            let id = admin.new_recipe().await.id;
            two!(SubmitRecipeRequest { id, request_id, ..Default::default() }, |other: &mut SubmitRecipeRequest| other
                .etag
                .push('x'))
        }
        "ApproveRecipe" => {
            let id = admin.submit(&admin.new_recipe().await).await.id;
            two!(
                ApproveRecipeRequest { id, version: 1, request_id, ..Default::default() },
                |other: &mut ApproveRecipeRequest| other.comment.push('x')
            )
        }
        "RejectRecipe" => {
            let id = admin.submit(&admin.new_recipe().await).await.id;
            two!(
                RejectRecipeRequest { id, version: 1, comment: "no".to_owned(), request_id, ..Default::default() },
                |other: &mut RejectRecipeRequest| other.comment.push('x')
            )
        }
        "RetireRecipe" => {
            let id = admin.approve(&admin.submit(&admin.new_recipe().await).await).await.id;
            two!(RetireRecipeRequest { id, request_id, ..Default::default() }, |other: &mut RetireRecipeRequest| other
                .comment
                .push('x'))
        }
        "StartRun" => transition!(StartRunRequest, &[]),
        "PauseRun" => transition!(PauseRunRequest, &["start"]),
        "ResumeRun" => transition!(ResumeRunRequest, &["start", "pause"]),
        "CompleteRun" => transition!(CompleteRunRequest, &["start"]),
        "FailRun" => transition!(FailRunRequest, &["start"], "fault"),
        "AbortRun" => transition!(AbortRunRequest, &["start"], "stop"),
        "CancelRun" => transition!(CancelRunRequest, &[]),
        "HoldRun" => transition!(HoldRunRequest, &[]),
        "ReleaseRun" => transition!(ReleaseRunRequest, &["hold"]),
        other => panic!("{other} is mutating and has no request here: add one"),
    }
}

fn new_id() -> String {
    Uuid::now_v7().to_string()
}

async fn quarantined(admin: &Person) -> String {
    let id = admin.new_sample().await.id;
    let request = QuarantineSampleRequest { id: id.clone(), reason: "cracked".to_owned(), ..Default::default() };
    admin.samples().quarantine_sample(request).await.unwrap();
    id
}

/// A session of the admin's beside the one that asks.
async fn other_session(admin: &Person) -> String {
    let login =
        LoginRequest { username: "admin@demo.lab".to_owned(), password: "admin123".to_owned(), otp: String::new() };
    admin.auth().login(login).await.unwrap();
    let sessions = admin.auth().list_sessions(ListSessionsRequest::default()).await.unwrap().into_inner().sessions;
    sessions.into_iter().find(|session| !session.current).expect("another session").id
}

async fn review(admin: &Person, wanted: bool) {
    let policy = Some(Policy { certificate_review: wanted, ..Default::default() });
    let update_mask = Some(FieldMask { paths: vec!["certificate_review".to_owned()] });
    let request = UpdatePolicyRequest { policy, update_mask, request_id: String::new() };
    admin.calibrations().update_policy(request).await.unwrap();
}

/// A certificate that waits for review.
async fn draft(admin: &Person) -> String {
    review(admin, true).await;
    let instrument = admin.new_instrument().await;
    let id = admin.calibrate(&instrument, -1, 1).await.id;
    review(admin, false).await;
    id
}

/// A run that has gone through these steps.
async fn run_at(admin: &Person, steps: &[&str]) -> String {
    let (instrument, sample) = (admin.new_fit_instrument().await, admin.new_sample().await);
    let id = admin.new_run(&instrument, &sample).await.id;
    let mut runs = admin.runs();
    for step in steps {
        let id = id.clone();
        match *step {
            "start" => drop(runs.start_run(StartRunRequest { id, ..Default::default() }).await.unwrap()),
            "pause" => drop(runs.pause_run(PauseRunRequest { id, ..Default::default() }).await.unwrap()),
            "hold" => drop(runs.hold_run(HoldRunRequest { id, ..Default::default() }).await.unwrap()),
            other => panic!("no step {other}"),
        }
    }
    id
}

/// Events by what they are about, so that the sample's claim within StartRun is told from the run's own.
async fn events(owner: &tokio_postgres::Client, service: &str) -> i64 {
    let of = "SELECT count(*) FROM events.event WHERE service = $1";
    owner.query_one(of, &[&service]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_has_one_event_and_replays() {
    let lab = TestLab::start().await;
    let owner = lab.database.owner().await;
    let admin = lab.person("admin").await;
    let mut mutating: Vec<_> =
        methods().filter(|one| one.mutating && ELSEWHERE.iter().all(|(path, _)| *path != one.path)).collect();
    mutating.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(ELSEWHERE.iter().all(|(path, _)| method(path).is_some()), "an exception that is no method any more");

    for method in mutating {
        let name = method.path.rsplit('.').next().unwrap();
        let service = method.service.split('.').nth(1).unwrap();
        let request_id = new_id();
        let (body, other_body) = request(name, &admin, &request_id).await;

        let before = events(&owner, service).await;
        let first = dynamic::call(admin.client(), method, body.clone()).await.unwrap_or_else(|s| panic!("{name}: {s}"));
        assert_eq!(events(&owner, service).await - before, 1, "{name} leaves one event");

        let again = dynamic::call(admin.client(), method, body).await.unwrap_or_else(|s| panic!("{name} again: {s}"));
        assert_eq!(first, again, "{name} replays its reply");
        assert_eq!(events(&owner, service).await - before, 1, "{name} replayed leaves no event");

        let reused = dynamic::call(admin.client(), method, other_body).await.expect_err(name);
        assert_eq!(reason(&reused).0, "REQUEST_ID_REUSED", "{name} with another body");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_id_used_fifty_times_at_once_has_one_effect() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let (body, _) = request("CreateSample", &engineer, &new_id()).await;
    let create = method("/spectra.samples.v1.SamplesService/CreateSample").unwrap();
    let calls = (0..50).map(|_| dynamic::call(engineer.client(), create, body.clone()));
    let replies: Vec<_> = futures::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert!(replies.iter().all(|reply| *reply == replies[0]));
    let owner = lab.database.owner().await;
    let rows: i64 = owner.query_one("SELECT count(*) FROM samples.sample", &[]).await.unwrap().get(0);
    assert_eq!(rows, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_kept_for_a_day_and_then_forgotten() {
    let lab = TestLab::start().await;
    let (owner, engineer) = (lab.database.owner().await, lab.person("engineer").await);
    let create = method("/spectra.samples.v1.SamplesService/CreateSample").unwrap();
    let a_day_passes = "UPDATE samples.request SET created_at = created_at - interval '25 hours'";
    let kept = "SELECT count(*) FROM samples.request";

    // After a day, a request_id is as new: with another body, too.
    let request_id = new_id();
    let (body, other_body) = request("CreateSample", &engineer, &request_id).await;
    dynamic::call(engineer.client(), create, body).await.unwrap();
    owner.batch_execute(a_day_passes).await.unwrap();
    let other = dynamic::call(engineer.client(), create, other_body.clone()).await.unwrap();
    assert_eq!(dynamic::call(engineer.client(), create, other_body).await.unwrap(), other, "and is kept anew");

    let db = lab.database.of("samples");
    assert_eq!(db.forget_replies().await.unwrap(), 0, "not before its time");
    owner.batch_execute(a_day_passes).await.unwrap();
    assert_eq!(db.forget_replies().await.unwrap(), 1);
    assert_eq!(owner.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// What writes goes through a mutation, and nothing else can.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_cannot_write() {
    let database = spectra_tests::database().await;
    let samples = database.of("samples");
    let write = samples.read_as(Uuid::now_v7(), async |conn| {
        diesel_async::SimpleAsyncConnection::batch_execute(conn, "DELETE FROM samples.request").await.map_err(fault)
    });
    let refusal = write.await.unwrap_err();
    assert!(format!("{refusal:?}").contains("read-only transaction"), "{refusal:?}");
}

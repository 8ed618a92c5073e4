//! The main job, from sample to finished run.

use contract::{
    calibration::v1::{GetCalibrationStatusRequest, ListUseGrantsRequest, RevokeCalibrationRequest},
    runs::v1::{CompleteRunRequest, CreateRunRequest, GetRunRequest, RunState, StartRunRequest},
    samples::v1::{GetSampleRequest, SampleStatus},
};
use spectra_tests::{TestLab, iv_sweep, reason};
use tonic::Code;
use tonic_types::StatusExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_instrument_refuses_and_a_new_certificate_lets_the_run_through() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let technician = lab.person("tech").await;
    let sample = engineer.new_sample().await;
    let instrument = engineer.new_instrument().await;
    let old = engineer.calibrate(&instrument, -400, -1).await;

    let request = CreateRunRequest { run: Some(iv_sweep(&instrument, &sample)), request_id: String::new() };
    let refusal = engineer.runs().create_run(request.clone()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::FailedPrecondition);
    let (why, metadata) = reason(&refusal);
    assert_eq!(why, "CALIBRATION_EXPIRED");
    assert_eq!(metadata["instrument_id"], instrument.id);
    assert_eq!(metadata["calibration_id"], old.id);
    assert!(metadata["expires_at"].ends_with('Z'), "{metadata:?}");
    let violations = refusal.get_details_precondition_failure().expect("a PreconditionFailure").violations;
    assert_eq!(violations[0].r#type, "CALIBRATION_EXPIRED");

    let new = engineer.calibrate(&instrument, 0, 365).await;
    let run = engineer.runs().create_run(request).await.unwrap().into_inner().run.unwrap();
    assert_eq!(run.state(), RunState::Queued);

    let start = StartRunRequest { id: run.id.clone(), ..Default::default() };
    let started = technician.runs().start_run(start).await.unwrap().into_inner().run.unwrap();
    assert_eq!(started.state(), RunState::Running);
    assert_eq!(started.grants.len(), 1);
    assert_eq!(started.grants[0].calibration_id, new.id);
    let ledger = ListUseGrantsRequest { filter: format!("run_id = \"{}\"", run.id), ..Default::default() };
    let grants = engineer.calibrations().list_use_grants(ledger).await.unwrap().into_inner().grants;
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0].id, started.grants[0].grant_id);
    assert_eq!(grants[0].authorized_at, started.started_at, "a run starts at the instant of its authorization");

    let held = engineer.samples().get_sample(GetSampleRequest { id: sample.id.clone() }).await.unwrap();
    let held = held.into_inner().sample.unwrap();
    assert_eq!((held.status(), held.run_id), (SampleStatus::InUse, run.id.clone()));

    let complete = CompleteRunRequest { id: run.id.clone(), ..Default::default() };
    let done = technician.runs().complete_run(complete).await.unwrap().into_inner().run.unwrap();
    assert_eq!(done.state(), RunState::Succeeded);
    assert!(done.finished_at.is_some());
    let free = engineer.samples().get_sample(GetSampleRequest { id: sample.id }).await.unwrap();
    assert_eq!(free.into_inner().sample.unwrap().status(), SampleStatus::Available);

    let pi = lab.person("pi").await;
    let revoke = RevokeCalibrationRequest { id: new.id, comment: "wrong reference".to_owned(), ..Default::default() };
    pi.calibrations().revoke_calibration(revoke).await.unwrap();
    let status = GetCalibrationStatusRequest { instrument_id: instrument.id };
    let status = pi.calibrations().get_calibration_status(status).await.unwrap().into_inner().status.unwrap();
    assert_eq!(status.calibration_id, old.id, "the older certificate is in force again, and decides");
    let kept = pi.runs().get_run(GetRunRequest { id: run.id }).await.unwrap().into_inner().run.unwrap();
    assert_eq!(kept.grants, done.grants, "what a run has pinned stays");
}

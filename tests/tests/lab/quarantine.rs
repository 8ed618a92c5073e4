//! What becomes of a sample beside its runs: quarantine, disposal, deletion; and who decides.

use contract::{
    runs::v1::{CompleteRunRequest, StartRunRequest},
    samples::v1::{
        CreateSampleRequest, DeleteSampleRequest, DisposeSampleRequest, GetSampleByBarcodeRequest, GetSampleRequest,
        ListSamplesRequest, MoveSampleRequest, QuarantineSampleRequest, ReleaseSampleRequest, Sample, SampleStatus,
        UndeleteSampleRequest, UpdateSampleRequest,
    },
};
use prost_types::FieldMask;
use spectra_tests::{Person, TestLab, reason, refused};

/// A request of this type for the sample, for a reason.
macro_rules! asked {
    ($type:ident, $id:expr) => {
        $type { id: $id.clone(), reason: "cracked at the edge".to_owned(), ..Default::default() }
    };
}

fn labelled(name: &str, barcode: &str) -> CreateSampleRequest {
    let sample = Sample {
        name: name.to_owned(),
        material_type: "wafer".to_owned(),
        barcode: barcode.to_owned(),
        ..Default::default()
    };
    CreateSampleRequest { sample: Some(sample), request_id: String::new() }
}

async fn names(person: &Person, filter: &str, show_deleted: bool) -> Vec<String> {
    let request = ListSamplesRequest { filter: filter.to_owned(), show_deleted, ..Default::default() };
    let page = person.samples().list_samples(request).await.unwrap().into_inner();
    page.samples.into_iter().map(|sample| sample.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hands_set_a_sample_aside_and_leads_decide_what_becomes_of_it() {
    let lab = TestLab::start().await;
    let (engineer, technician, pi) = (lab.person("engineer").await, lab.person("tech").await, lab.person("pi").await);
    let sample = engineer.new_sample().await;
    let instrument = engineer.new_fit_instrument().await;
    let run = engineer.new_run(&instrument, &sample).await;

    let aside = technician.samples().quarantine_sample(asked!(QuarantineSampleRequest, sample.id)).await.unwrap();
    let aside = aside.into_inner().sample.unwrap();
    assert_eq!((aside.status(), aside.status_reason.as_str()), (SampleStatus::Quarantined, "cracked at the edge"));
    let stale = QuarantineSampleRequest { etag: sample.etag.clone(), ..asked!(QuarantineSampleRequest, sample.id) };
    assert_eq!(refused(technician.samples().quarantine_sample(stale).await), "ETAG_MISMATCH");

    // No run starts with it, and neither a technician nor an engineer lets it go.
    let start = StartRunRequest { id: run.id.clone(), ..Default::default() };
    let (why, metadata) = reason(&technician.runs().start_run(start.clone()).await.unwrap_err());
    assert_eq!((why.as_str(), metadata["status"].as_str()), ("SAMPLE_UNAVAILABLE", "quarantined"));
    for person in [&technician, &engineer] {
        let release = asked!(ReleaseSampleRequest, sample.id);
        assert_eq!(refused(person.samples().release_sample(release).await), "PERMISSION_DENIED");
        let dispose = asked!(DisposeSampleRequest, sample.id);
        assert_eq!(refused(person.samples().dispose_sample(dispose).await), "PERMISSION_DENIED");
    }
    let unsaid = ReleaseSampleRequest { reason: String::new(), ..asked!(ReleaseSampleRequest, sample.id) };
    assert_eq!(refused(pi.samples().release_sample(unsaid).await), "FIELD_INVALID");

    pi.samples().release_sample(asked!(ReleaseSampleRequest, sample.id)).await.unwrap();
    let again = pi.samples().release_sample(asked!(ReleaseSampleRequest, sample.id)).await.unwrap_err();
    let (why, metadata) = reason(&again);
    assert_eq!(
        (why.as_str(), metadata["from"].as_str(), metadata["to"].as_str()),
        ("STATE_CONFLICT", "available", "available")
    );
    assert_eq!(metadata["allowed"], "in_use,quarantined,disposed");

    // What a run has is left to the run.
    technician.runs().start_run(start).await.unwrap();
    let taken = engineer.samples().get_sample(GetSampleRequest { id: sample.id.clone() }).await.unwrap();
    assert_eq!(taken.into_inner().sample.unwrap().status_reason, "", "the reason was that of another status");
    assert_eq!(
        refused(pi.samples().quarantine_sample(asked!(QuarantineSampleRequest, sample.id)).await),
        "STATE_CONFLICT"
    );
    assert_eq!(refused(pi.samples().dispose_sample(asked!(DisposeSampleRequest, sample.id)).await), "STATE_CONFLICT");
    assert_eq!(refused(pi.samples().delete_sample(asked!(DeleteSampleRequest, sample.id)).await), "STATE_CONFLICT");
    technician.runs().complete_run(CompleteRunRequest { id: run.id, ..Default::default() }).await.unwrap();

    let gone = pi.samples().dispose_sample(asked!(DisposeSampleRequest, sample.id)).await.unwrap().into_inner();
    assert_eq!(gone.sample.unwrap().status(), SampleStatus::Disposed);
    let (why, metadata) =
        reason(&pi.samples().release_sample(asked!(ReleaseSampleRequest, sample.id)).await.unwrap_err());
    assert_eq!((why.as_str(), metadata["allowed"].as_str()), ("STATE_CONFLICT", ""), "disposed is for good");
    let elsewhere = Sample { id: sample.id.clone(), location: "bench 2".to_owned(), ..Default::default() };
    let update_mask = Some(FieldMask { paths: vec!["location".to_owned()] });
    let moved = UpdateSampleRequest { sample: Some(elsewhere), update_mask, ..Default::default() };
    assert_eq!(refused(engineer.samples().update_sample(moved).await), "STATE_CONFLICT", "as by MoveSample");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_sample_is_out_of_sight_until_it_is_brought_back() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let create = engineer.samples().create_sample(labelled("W01", "SPL-1")).await.unwrap();
    let sample = create.into_inner().sample.unwrap();
    engineer.samples().create_sample(labelled("W02", "SPL-2")).await.unwrap();
    let run = engineer.new_run(&engineer.new_fit_instrument().await, &sample).await;
    let technician = lab.person("tech").await;
    assert_eq!(
        refused(technician.samples().delete_sample(asked!(DeleteSampleRequest, sample.id)).await),
        "PERMISSION_DENIED"
    );

    let deleted = engineer.samples().delete_sample(asked!(DeleteSampleRequest, sample.id)).await.unwrap();
    assert!(deleted.into_inner().sample.unwrap().deleted_at.is_some());
    let get = GetSampleRequest { id: sample.id.clone() };
    let scan = GetSampleByBarcodeRequest { barcode: "SPL-1".to_owned() };
    assert_eq!(refused(engineer.samples().get_sample(get.clone()).await), "RESOURCE_NOT_FOUND");
    assert_eq!(refused(engineer.samples().get_sample_by_barcode(scan.clone()).await), "RESOURCE_NOT_FOUND");
    assert_eq!(names(&engineer, "", false).await, ["W02"]);
    assert_eq!(names(&engineer, "", true).await, ["W01", "W02"]);
    assert_eq!(names(&engineer, "deleted_at:*", true).await, ["W01"]);
    assert_eq!(names(&engineer, &format!("id = \"{}\"", sample.id), true).await, ["W01"]);
    assert_eq!(names(&engineer, "deleted_at:*", false).await, Vec::<String>::new());

    // Nothing can be done with it; a run that waits for it, waits on.
    let start = StartRunRequest { id: run.id, ..Default::default() };
    assert_eq!(refused(engineer.runs().start_run(start.clone()).await), "RESOURCE_NOT_FOUND");
    let moved = MoveSampleRequest { id: sample.id.clone(), location: "bin".to_owned(), ..Default::default() };
    assert_eq!(refused(engineer.samples().move_sample(moved).await), "RESOURCE_NOT_FOUND");
    let update_mask = Some(FieldMask { paths: vec!["lot_code".to_owned()] });
    let update = UpdateSampleRequest { sample: Some(sample.clone()), update_mask, request_id: String::new() };
    assert_eq!(refused(engineer.samples().update_sample(update).await), "RESOURCE_NOT_FOUND");
    let aside = asked!(QuarantineSampleRequest, sample.id);
    assert_eq!(refused(engineer.samples().quarantine_sample(aside).await), "RESOURCE_NOT_FOUND");
    assert_eq!(
        refused(engineer.samples().delete_sample(asked!(DeleteSampleRequest, sample.id)).await),
        "RESOURCE_NOT_FOUND"
    );

    // Its barcode is taken for ever, its name is free: and then its own return has to wait.
    let status = engineer.samples().create_sample(labelled("W03", "SPL-1")).await.unwrap_err();
    let (why, metadata) = reason(&status);
    assert_eq!((why.as_str(), metadata["field"].as_str()), ("RESOURCE_EXISTS", "barcode"));
    let heir = engineer.samples().create_sample(labelled("W01", "SPL-3")).await.unwrap().into_inner().sample.unwrap();
    let undelete = asked!(UndeleteSampleRequest, sample.id);
    let (why, metadata) = reason(&engineer.samples().undelete_sample(undelete.clone()).await.unwrap_err());
    assert_eq!((why.as_str(), metadata["field"].as_str()), ("RESOURCE_EXISTS", "name"));
    engineer.samples().delete_sample(asked!(DeleteSampleRequest, heir.id)).await.unwrap();
    let back = engineer.samples().undelete_sample(undelete.clone()).await.unwrap().into_inner().sample.unwrap();
    let unchanged = Sample { updated_at: sample.updated_at, etag: sample.etag.clone(), ..back.clone() };
    assert_eq!(unchanged, sample, "it is back as it was");
    assert_eq!(engineer.samples().get_sample(get).await.unwrap().into_inner().sample.unwrap(), back);
    engineer.samples().get_sample_by_barcode(scan).await.unwrap();
    engineer.runs().start_run(start).await.unwrap();
    assert_eq!(refused(engineer.samples().undelete_sample(undelete).await), "STATE_CONFLICT");
}

/// Before names could be freed, each was taken once.
#[tokio::test(flavor = "multi_thread")]
async fn deleted_samples_survive_the_way_back_to_before_there_were_any() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    for barcode in ["SPL-1", "SPL-2"] {
        let create = engineer.samples().create_sample(labelled("W01", barcode)).await.unwrap();
        let id = create.into_inner().sample.unwrap().id;
        engineer.samples().delete_sample(asked!(DeleteSampleRequest, id)).await.unwrap();
    }
    engineer.samples().create_sample(labelled("W01", "SPL-3")).await.unwrap();
    let mut reverted = String::new();
    while !reverted.ends_with("_samples_projects") {
        reverted = spectra::migrate::down(&lab.database.url).await.unwrap().expect("the migration");
    }
    let owner = lab.database.owner().await;
    let names = "SELECT name FROM samples.sample ORDER BY barcode";
    let names: Vec<String> = owner.query(names, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(names.iter().filter(|name| name.starts_with("W01 (deleted, ")).count(), 2, "{names:?}");
    assert_eq!(names[2], "W01");
}

/// Whoever writes past the service.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_holds_the_rules_of_a_samples_life() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let owner = lab.database.owner().await;
    let ways = "registered>available available>in_use in_use>available available>consumed available>disposed \
                available>lost available>quarantined quarantined>available quarantined>disposed quarantined>lost";
    let all = ["registered", "available", "in_use", "consumed", "disposed", "lost", "quarantined"];
    let id = pi.new_sample().await.id;
    for (from, to) in all.iter().flat_map(|from| all.iter().map(move |to| (from, to))).filter(|(from, to)| from != to) {
        let run = |status: &str| if status == "in_use" { "gen_random_uuid()" } else { "NULL" };
        let place = format!(
            "ALTER TABLE samples.sample DISABLE TRIGGER guard; \
             UPDATE samples.sample SET status = '{from}', run_id = {} WHERE id = '{id}'; \
             ALTER TABLE samples.sample ENABLE TRIGGER guard",
            run(from)
        );
        owner.batch_execute(&place).await.unwrap();
        let step = format!("UPDATE samples.sample SET status = '{to}', run_id = {} WHERE id = '{id}'", run(to));
        let broken = owner.batch_execute(&step).await.err().map(|error| constraint(&error));
        let wanted = (!ways.split_whitespace().any(|way| way == format!("{from}>{to}"))).then_some("sample_transition");
        assert_eq!(broken.as_deref(), wanted, "{from} to {to}");
    }

    let (used, project) = (pi.new_sample().await.id, pi.new_project().await.id);
    let gone = pi.new_sample().await.id;
    owner.batch_execute(&format!("UPDATE samples.sample SET status = 'lost' WHERE id = '{gone}'")).await.unwrap();
    for (statement, broken) in [
        (format!("UPDATE samples.sample SET location = 'found' WHERE id = '{gone}'"), "sample_movable"),
        (
            format!(
                "UPDATE samples.sample SET status = 'in_use', run_id = gen_random_uuid(), deleted_at = now() WHERE id = '{used}'"
            ),
            "sample_deleted_is_free",
        ),
        (
            format!("UPDATE samples.sample SET project_id = gen_random_uuid() WHERE id = '{used}'"),
            "sample_project_fkey",
        ),
        (
            format!(
                "UPDATE samples.project SET archived_at = now() WHERE id = '{project}'; \
                 UPDATE samples.sample SET project_id = '{project}' WHERE id = '{used}'"
            ),
            "sample_project_is_active",
        ),
        (
            format!(
                "UPDATE samples.sample SET name = (SELECT name FROM samples.sample WHERE id = '{id}') WHERE id = '{used}'"
            ),
            "sample_name_key",
        ),
    ] {
        assert_eq!(constraint(&owner.batch_execute(&statement).await.unwrap_err()), broken, "{statement}");
    }
}

fn constraint(error: &tokio_postgres::Error) -> String {
    error.as_db_error().and_then(|error| error.constraint()).unwrap_or_default().to_owned()
}

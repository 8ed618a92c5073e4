//! Projects: who may change them, whose samples they have, and that an archived one takes no more.

use contract::samples::v1::{
    ArchiveProjectRequest, BatchCreateSamplesRequest, CreateProjectRequest, CreateSampleRequest, GetProjectRequest,
    ListProjectsRequest, ListSamplesRequest, Project, Sample, UnarchiveProjectRequest, UpdateProjectRequest,
    UpdateSampleRequest,
};
use prost_types::FieldMask;
use spectra_tests::{Person, TestLab, reason, refused};
use uuid::Uuid;

fn project(code: &str) -> Project {
    Project { code: code.to_owned(), name: format!("Project {code}"), ..Default::default() }
}

fn entered(project: Project) -> CreateProjectRequest {
    CreateProjectRequest { project: Some(project), request_id: String::new() }
}

fn of_project(project_id: &str) -> CreateSampleRequest {
    let sample = Sample {
        name: format!("sample {}", Uuid::now_v7()),
        material_type: "die".to_owned(),
        project_id: project_id.to_owned(),
        ..Default::default()
    };
    CreateSampleRequest { sample: Some(sample), request_id: String::new() }
}

fn moved(sample: Sample, project_id: &str) -> UpdateSampleRequest {
    UpdateSampleRequest {
        sample: Some(Sample { project_id: project_id.to_owned(), etag: String::new(), ..sample }),
        update_mask: Some(FieldMask { paths: vec!["project_id".to_owned()] }),
        request_id: String::new(),
    }
}

async fn codes(person: &Person, filter: &str, order_by: &str) -> Vec<String> {
    let request =
        ListProjectsRequest { filter: filter.to_owned(), order_by: order_by.to_owned(), ..Default::default() };
    let page = person.projects().list_projects(request).await.unwrap().into_inner();
    page.projects.into_iter().map(|project| project.code).collect()
}

async fn archive(person: &Person, id: &str) -> Project {
    let request = ArchiveProjectRequest { id: id.to_owned(), reason: "finished".to_owned(), ..Default::default() };
    person.projects().archive_project(request).await.unwrap().into_inner().project.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pi_keeps_projects_and_everybody_sees_them() {
    let lab = TestLab::start().await;
    let (pi, engineer, viewer) = (lab.person("pi").await, lab.person("engineer").await, lab.person("viewer").await);
    let members: Vec<_> = (0..2).map(|_| Uuid::now_v7().to_string()).collect();
    let first = Project { member_ids: members.clone(), ..project("GAN-HEMT") };
    let first = pi.projects().create_project(entered(first)).await.unwrap().into_inner().project.unwrap();
    pi.projects().create_project(entered(project("ZNO.7"))).await.unwrap();
    let seen = viewer.projects().get_project(GetProjectRequest { id: first.id.clone() }).await.unwrap().into_inner();
    assert_eq!(seen.project.as_ref(), Some(&first));
    assert_eq!(first.member_ids, members);

    assert_eq!(refused(engineer.projects().create_project(entered(project("X"))).await), "PERMISSION_DENIED");
    assert_eq!(refused(pi.projects().create_project(entered(project("ZNO.7"))).await), "RESOURCE_EXISTS");
    for code in ["", "with space", "-x", "käfer"] {
        assert_eq!(refused(pi.projects().create_project(entered(project(code))).await), "FIELD_INVALID", "{code}");
    }
    let twice = Project { member_ids: vec![members[0].clone(), members[0].to_uppercase()], ..project("TWICE") };
    assert_eq!(refused(pi.projects().create_project(entered(twice)).await), "FIELD_INVALID");

    let update = |project: Project, path: &str| UpdateProjectRequest {
        project: Some(project),
        update_mask: Some(FieldMask { paths: vec![path.to_owned()] }),
        request_id: String::new(),
    };
    let mut mine = first.clone();
    mine.member_ids.pop();
    mine.name = "not in the mask".to_owned();
    let changed = pi.projects().update_project(update(mine.clone(), "member_ids")).await.unwrap().into_inner();
    let changed = changed.project.unwrap();
    assert_eq!((&changed.member_ids[..], &changed.name), (&members[..1], &first.name));
    assert_eq!(refused(pi.projects().update_project(update(mine, "name")).await), "ETAG_MISMATCH");
    assert_eq!(refused(pi.projects().update_project(update(changed, "archived_at")).await), "FIELD_READ_ONLY");

    archive(&pi, &first.id).await;
    assert_eq!(codes(&viewer, "", "code desc").await, ["ZNO.7", "GAN-HEMT"]);
    assert_eq!(codes(&viewer, "NOT archived_at:*", "").await, ["ZNO.7"]);
    assert_eq!(codes(&viewer, &format!("member_ids:\"{}\"", members[0]), "").await, ["GAN-HEMT"]);
    assert_eq!(codes(&viewer, &format!("member_ids:\"{}\"", members[1]), "").await, Vec::<String>::new());
    assert_eq!(codes(&lab.stranger("admin").await, "", "").await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archived_project_takes_no_new_samples() {
    let lab = TestLab::start().await;
    let (pi, engineer) = (lab.person("pi").await, lab.person("engineer").await);
    let (project, other) = (pi.new_project().await, pi.new_project().await);
    let inside = engineer.samples().create_sample(of_project(&project.id)).await.unwrap().into_inner().sample.unwrap();
    assert_eq!(inside.project_id, project.id);
    let outside = engineer.new_sample().await;

    let list = ListSamplesRequest { filter: format!("project_id = \"{}\"", project.id), ..Default::default() };
    let listed = engineer.samples().list_samples(list).await.unwrap().into_inner().samples;
    assert_eq!(listed, std::slice::from_ref(&inside));

    let archived = archive(&pi, &project.id).await;
    assert!(archived.archived_at.is_some());
    let again = ArchiveProjectRequest { id: project.id.clone(), ..Default::default() };
    assert_eq!(refused(pi.projects().archive_project(again).await), "STATE_CONFLICT");

    let status = engineer.samples().create_sample(of_project(&project.id)).await.unwrap_err();
    let (why, metadata) = reason(&status);
    assert_eq!(
        (why.as_str(), metadata["resource"].as_str(), &metadata["id"]),
        ("STATE_CONFLICT", "project", &project.id)
    );
    assert_eq!((metadata["from"].as_str(), metadata["allowed"].as_str()), ("archived", "active"));
    let refusal = engineer.samples().update_sample(moved(outside.clone(), &project.id)).await;
    assert_eq!(refused(refusal), "STATE_CONFLICT");
    let requests = vec![of_project(&other.id), of_project(&project.id)];
    let batch = BatchCreateSamplesRequest { requests, request_id: String::new() };
    let (why, metadata) = reason(&engineer.samples().batch_create_samples(batch).await.unwrap_err());
    assert_eq!((why.as_str(), metadata["field"].as_str()), ("STATE_CONFLICT", "requests[1].sample.project_id"));

    // What is in it stays, can be changed, and may leave.
    let mut renamed = inside.clone();
    renamed.lot_code = "LOT-2".to_owned();
    let update_mask = Some(FieldMask { paths: vec!["*".to_owned()] });
    let request = UpdateSampleRequest { sample: Some(renamed), update_mask, request_id: String::new() };
    engineer.samples().update_sample(request).await.unwrap();
    engineer.samples().update_sample(moved(inside.clone(), &other.id)).await.unwrap();
    let refusal = engineer.samples().update_sample(moved(inside.clone(), &project.id)).await;
    assert_eq!(refused(refusal), "STATE_CONFLICT", "and does not come back");
    let left = engineer.samples().update_sample(moved(inside, "")).await.unwrap().into_inner().sample.unwrap();
    assert_eq!(left.project_id, "");

    let open = UnarchiveProjectRequest { id: project.id.clone(), ..Default::default() };
    let active = pi.projects().unarchive_project(open.clone()).await.unwrap().into_inner().project.unwrap();
    assert!(active.archived_at.is_none());
    assert_eq!(refused(pi.projects().unarchive_project(open).await), "STATE_CONFLICT");
    engineer.samples().update_sample(moved(outside, &project.id)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_project_is_none() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let foreign = lab.stranger("pi").await.new_project().await;
    let told = |id: String| {
        let engineer = engineer.clone();
        async move {
            let create = engineer.samples().create_sample(of_project(&id)).await.unwrap_err();
            let requests = vec![of_project(""), of_project(&id)];
            let batch = BatchCreateSamplesRequest { requests, request_id: String::new() };
            let batch = engineer.samples().batch_create_samples(batch).await.unwrap_err();
            let sample = engineer.new_sample().await;
            let update = engineer.samples().update_sample(moved(sample, &id)).await.unwrap_err();
            [create, batch, update].map(|status| {
                let (why, mut metadata) = reason(&status);
                metadata.remove("request_id");
                let metadata: std::collections::BTreeMap<_, _> = metadata.into_iter().collect();
                format!("{why} {} {metadata:?}", status.message()).replace(&id, "<id>")
            })
        }
    };
    let foreign = told(foreign.id).await;
    assert_eq!(foreign, told(Uuid::now_v7().to_string()).await);
    assert!(foreign.iter().all(|told| told.starts_with("RESOURCE_NOT_FOUND")), "{foreign:?}");
}

/// Whichever comes first, the other waits for it and then sees it: no sample slips into a project that is being archived.
#[tokio::test(flavor = "multi_thread")]
async fn an_archiving_and_a_new_sample_wait_for_each_other() {
    let lab = TestLab::start().await;
    let (pi, engineer) = (lab.person("pi").await, lab.person("engineer").await);
    let owner = lab.database.owner().await;
    let waiting = async || {
        let locks =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while owner.query_one(locks, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
    };
    // The first of two, in a transaction that we hold open.
    let first = lab.database.owner().await;
    let begin = |project: &Project, statement: &str| format!("BEGIN; {}", statement.replace("<project>", &project.id));

    let project = pi.new_project().await;
    let archives = "UPDATE samples.project SET archived_at = clock_timestamp() WHERE id = '<project>'";
    first.batch_execute(&begin(&project, archives)).await.unwrap();
    let client = engineer.samples();
    let request = of_project(&project.id);
    let create = tokio::spawn(async move { { client }.create_sample(request).await });
    waiting().await;
    first.batch_execute("COMMIT").await.unwrap();
    assert_eq!(refused(create.await.unwrap()), "STATE_CONFLICT");

    let project = pi.new_project().await;
    let inserts = "INSERT INTO samples.sample (org_id, id, name, material_type, status, created_by, project_id) \
                   SELECT org_id, gen_random_uuid(), 'late', 'die', 'available', created_by, id \
                   FROM samples.project WHERE id = '<project>'";
    first.batch_execute(&begin(&project, inserts)).await.unwrap();
    let (client, id) = (pi.clone(), project.id.clone());
    let archiving = tokio::spawn(async move { archive(&client, &id).await });
    waiting().await;
    first.batch_execute("COMMIT").await.unwrap();
    assert!(archiving.await.unwrap().archived_at.is_some());
}

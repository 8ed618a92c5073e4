//! The audit trail, as those read it who may.

use std::time::Duration;

use contract::{
    auth::v1::{AuditEvent, ListAuditEventsRequest, ListAuditEventsResponse, Role},
    runs::v1::CreateRunRequest,
    samples::v1::MoveSampleRequest,
};
use prost_types::{Struct, value::Kind};
use spectra_tests::{Person, TestLab, iv_sweep, refused};
use uuid::Uuid;

fn filtered(filter: &str) -> ListAuditEventsRequest {
    ListAuditEventsRequest { filter: filter.to_owned(), ..Default::default() }
}

async fn list(person: &Person, request: ListAuditEventsRequest) -> ListAuditEventsResponse {
    person.audit().list_audit_events(request).await.unwrap().into_inner()
}

/// As many events as are wanted: a transaction that is open anywhere in the server holds the trail back for a moment.
async fn until(person: &Person, request: &ListAuditEventsRequest, count: usize) -> Vec<AuditEvent> {
    let wanted = async {
        loop {
            let events = list(person, request.clone()).await.events;
            if events.len() >= count {
                assert_eq!(events.len(), count, "{events:?}");
                return events;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wanted).await.expect("the events are shown")
}

fn text(of: &Option<Struct>, field: &str) -> Option<String> {
    match of.as_ref()?.fields.get(field)?.kind.as_ref()? {
        Kind::StringValue(text) => Some(text.clone()),
        other => panic!("{field} is {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_reads_who_did_what_and_how_it_was_before() {
    let lab = TestLab::start().await;
    let (engineer, pi, theirs) = (lab.person("engineer").await, lab.person("pi").await, lab.stranger("pi").await);
    let sample = engineer.new_sample().await;
    let step = MoveSampleRequest {
        id: sample.id.clone(),
        location: "bench 1".to_owned(),
        reason: "for the sweep".to_owned(),
        ..Default::default()
    };
    let moved = engineer.samples().move_sample(step).await.unwrap();
    let request_id = moved.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned();

    let of_sample = filtered(&format!("resource = sample AND resource_id = \"{}\"", sample.id));
    let events = until(&pi, &of_sample, 2).await;
    let [moved, created] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((moved.action.as_str(), created.action.as_str()), ("move", "create"), "the latest first");
    assert_eq!((moved.service.as_str(), moved.reason.as_str()), ("samples", "for the sweep"));
    assert_eq!((&moved.actor, moved.on_behalf_of.as_str()), (&format!("user:{}", sample.created_by), ""));
    assert_eq!(moved.request_id, request_id);
    assert!(moved.recorded_at.is_some());
    assert_eq!((text(&moved.before, "location"), text(&moved.after, "location")), (None, Some("bench 1".to_owned())));
    assert_eq!((&created.before, text(&created.after, "material_type")), (&None, Some("wafer".to_owned())));

    for filter in [
        format!("request_id = \"{request_id}\""),
        format!("service = samples AND action = move AND actor = \"user:{}\"", sample.created_by),
        format!("resource_id = \"{}\" AND NOT action = create AND recorded_at > 2020-01-01T00:00:00Z", sample.id),
    ] {
        assert_eq!(until(&pi, &filtered(&filter), 1).await[0], *moved, "{filter}");
    }
    assert_eq!(list(&pi, filtered("recorded_at < 2020-01-01T00:00:00Z")).await.events, []);
    assert_eq!(list(&theirs, of_sample.clone()).await.events, [], "not in another organization");
    for wrong in [filtered("body = x"), ListAuditEventsRequest { order_by: "action".to_owned(), ..of_sample.clone() }] {
        assert_eq!(refused(pi.audit().list_audit_events(wrong).await), "FILTER_INVALID");
    }
    assert_eq!(refused(engineer.audit().list_audit_events(of_sample).await), "PERMISSION_DENIED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_trail_is_walked_once_either_way_while_it_grows() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    for _ in 0..10 {
        admin.new_user(Role::Viewer).await;
    }
    until(&admin, &filtered("resource = user AND action = create AND actor:\"user:\""), 10).await;
    for order_by in ["", "recorded_at", "recorded_at desc"] {
        let mut request = ListAuditEventsRequest { page_size: 3, order_by: order_by.to_owned(), ..Default::default() };
        request.filter = "resource = user AND actor:\"user:\" AND action = create".to_owned();
        let mut walked = Vec::new();
        loop {
            let page = list(&admin, request.clone()).await;
            walked.extend(page.events);
            // What is not asked for comes in between.
            admin.new_sample().await;
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(walked.len(), 10);
        let instants: Vec<_> = walked.iter().map(|event| event.recorded_at.unwrap()).collect();
        let instants = instants.iter().map(|at| (at.seconds, at.nanos));
        assert!(if order_by == "recorded_at" { instants.is_sorted() } else { instants.rev().is_sorted() });
    }
    let first = list(&admin, ListAuditEventsRequest { page_size: 3, ..Default::default() }).await;
    let altered = ListAuditEventsRequest {
        page_token: first.next_page_token,
        order_by: "recorded_at".to_owned(),
        ..Default::default()
    };
    assert_eq!(refused(admin.audit().list_audit_events(altered).await), "PAGE_TOKEN_INVALID");
}

/// An event whose transaction began first and commits last is not passed by, and a body that nobody can read is no error.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_commits_late_is_waited_for() {
    let lab = TestLab::start().await;
    let (engineer, pi) = (lab.person("engineer").await, lab.person("pi").await);
    let slow = lab.database.owner().await;
    let organization = "SELECT id::text FROM auth.organization WHERE slug = 'demo'";
    let organization: String = slow.query_one(organization, &[]).await.unwrap().get(0);
    let begin = format!(
        "BEGIN; INSERT INTO events.event (org_id, id, service, resource, resource_id, action, actor, request_id, body) \
         VALUES ('{organization}', '{}', 'runs', 'sample', 'slow', 'create', 'service:runs', '', '\\xffff')",
        Uuid::now_v7()
    );
    slow.batch_execute(&begin).await.unwrap();
    let sample = engineer.new_sample().await;
    let request = ListAuditEventsRequest { order_by: "recorded_at".to_owned(), ..filtered("resource = sample") };
    assert_eq!(list(&pi, request.clone()).await.events, [], "what came later waits for what may yet come before");

    slow.batch_execute("COMMIT").await.unwrap();
    let events = until(&pi, &request, 2).await;
    assert_eq!([&events[0].resource_id, &events[1].resource_id], ["slow", &sample.id]);
    assert_eq!((&events[0].before, &events[0].after), (&None, &None));
}

/// What somebody was not let do is in the trail, with who, what and why; of many tries, not each.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_in_the_trail_and_cannot_fill_it() {
    let lab = TestLab::start().await;
    let (engineer, pi) = (lab.person("engineer").await, lab.person("pi").await);
    let (sample, instrument) = (engineer.new_sample().await, pi.new_instrument().await);
    pi.calibrate(&instrument, -10, -1).await;
    let run = CreateRunRequest { run: Some(iv_sweep(&instrument, &sample)), ..Default::default() };
    assert_eq!(refused(engineer.runs().create_run(run).await), "CALIBRATION_EXPIRED");
    assert_eq!(refused(engineer.audit().list_audit_events(filtered("")).await), "PERMISSION_DENIED");

    let events = until(&pi, &filtered("resource = call AND action = refuse"), 2).await;
    let [read, run] = events.as_slice() else { panic!("{events:?}") };
    let by = format!("user:{}", sample.created_by);
    assert_eq!([&read.actor, &run.actor], [&by, &by]);
    assert_eq!(read.resource_id, "spectra.auth.v1.AuditService/ListAuditEvents");
    assert_eq!((read.service.as_str(), run.service.as_str()), ("auth", "runs"), "once, where the person called");
    assert_eq!(run.resource_id, "spectra.runs.v1.RunsService/CreateRun");
    assert_eq!(text(&read.after, "reason").as_deref(), Some("PERMISSION_DENIED"));
    assert_eq!(text(&run.after, "reason").as_deref(), Some("CALIBRATION_EXPIRED"));
    let Some(Kind::StructValue(metadata)) = &run.after.as_ref().unwrap().fields["metadata"].kind else {
        panic!("{run:?}");
    };
    assert_eq!(text(&Some(metadata.clone()), "instrument_id"), Some(instrument.id));

    let tries = (0..100).map(|_| {
        let audit = engineer.audit();
        async move { refused({ audit }.list_audit_events(filtered("")).await) }
    });
    assert!(futures::future::join_all(tries).await.iter().all(|reason| reason == "PERMISSION_DENIED"));
    let kept = list(&pi, ListAuditEventsRequest { page_size: 200, ..filtered("resource = call") }).await.events.len();
    assert!((3..=40).contains(&kept), "{kept} of a hundred are kept");
}

/// Whoever gives up waiting for the answer does not keep the refusal out of the trail.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_recorded_although_its_caller_is_gone() {
    let lab = TestLab::start().await;
    let (engineer, pi) = (lab.person("engineer").await, lab.person("pi").await);
    let slow = lab.database.owner().await;
    slow.batch_execute("BEGIN; LOCK TABLE events.event IN EXCLUSIVE MODE").await.unwrap();
    let mut request = tonic::Request::new(filtered(""));
    request.set_timeout(Duration::from_millis(300));
    let status = engineer.audit().list_audit_events(request).await.unwrap_err();
    assert!(matches!(status.code(), tonic::Code::DeadlineExceeded | tonic::Code::Cancelled), "{status:?}");
    slow.batch_execute("COMMIT").await.unwrap();
    let events = until(&pi, &filtered("resource = call AND action = refuse"), 1).await;
    assert_eq!(events[0].resource_id, "spectra.auth.v1.AuditService/ListAuditEvents");
}

/// A page has fewer events where they are long: clients take answers of four megabytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_long_events_is_short_and_none_is_lost() {
    let lab = TestLab::start().await;
    let pi = lab.person("pi").await;
    let owner = lab.database.owner().await;
    let insert = "INSERT INTO events.event (org_id, id, service, resource, resource_id, action, actor, request_id, body) \
                  SELECT id, gen_random_uuid(), 'samples', 'sample', 'long', 'create', 'service:runs', '', \
                  decode(repeat('ff', 300000), 'hex') FROM auth.organization WHERE slug = 'demo'";
    for _ in 0..4 {
        owner.batch_execute(insert).await.unwrap();
    }
    let long = filtered("resource_id = long");
    let sizes = async {
        loop {
            let (mut sizes, mut request) = (Vec::new(), long.clone());
            loop {
                let page = list(&pi, request.clone()).await;
                sizes.push(page.events.len());
                request.page_token = page.next_page_token;
                if request.page_token.is_empty() {
                    break;
                }
            }
            if sizes.iter().sum::<usize>() == 4 {
                return sizes;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let sizes = tokio::time::timeout(Duration::from_secs(30), sizes).await.expect("the events are shown");
    assert_eq!(sizes, [1, 1, 1, 1], "two of them are more than half a megabyte");
}

//! One organization sees nothing of another: a foreign id answers exactly as a random one.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::{
    Access, Method,
    auth::v1::{ListSessionsRequest, Role},
    calibration::v1::{AuthorizeUseRequest, CreateCalibrationRequest, InstrumentUse},
    common::v1::Actor,
    methods,
    runs::v1::{CreateNonRoutineRunRequest, CreateRunRequest, Run, RunPurpose},
    samples::v1::{
        BatchCreateSamplesRequest, CreateProjectRequest, CreateSampleRequest, Project, Sample, UpdateProjectRequest,
        UpdateSampleRequest,
    },
};
use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use spectra_runtime::Clock;
use spectra_tests::{
    Client, Person, TestLab, certificate,
    dynamic::{self, Dice},
    tokens,
};
use tonic::Status;
use tonic_types::{ErrorDetail, StatusExt as _};
use uuid::Uuid;

/// A thing of each kind that an organization has, by what a field's name calls it.
type Things = BTreeMap<&'static str, String>;

async fn things(admin: &Person) -> Things {
    let (instrument, other) = (admin.new_instrument().await, admin.new_fit_instrument().await);
    let calibration = admin.calibrate(&instrument, -10, 100).await;
    let (sample, measured) = (admin.new_sample().await, admin.new_sample().await);
    let run = admin.new_run(&other, &measured).await;
    let recipe = admin.new_recipe().await;
    let version = admin.submit(&recipe).await.latest_version.expect("a version").id;
    let user = admin.new_user(Role::Viewer).await;
    let sessions = admin.auth().list_sessions(ListSessionsRequest::default()).await.unwrap().into_inner().sessions;
    BTreeMap::from([
        ("instrument", instrument.id),
        ("further_instrument", other.id),
        ("calibration", calibration.id),
        ("sample", sample.id),
        ("run", run.id),
        ("project", admin.new_project().await.id),
        ("recipe", recipe.id),
        ("recipe_version", version),
        ("user", user.id),
        ("session", sessions[0].id.clone()),
    ])
}

/// What an id in this field is an id of.
fn kind(method: &Method, place: &[FieldDescriptor]) -> String {
    let name = place.last().expect("a field").name();
    let name = name.trim_end_matches("_ids").trim_end_matches("_id");
    match (name, place) {
        ("member", _) => "user".to_owned(),
        ("id", [.., outer, _]) => outer.name().to_owned(),
        // RevokeSession and its like say it by their own name, all others by their service's.
        ("id", _) if method.path.contains("Session") => "session".to_owned(),
        ("id", _) => {
            let service = method.descriptor.parent_service().name().to_lowercase();
            service.trim_end_matches("service").trim_end_matches('s').to_owned()
        }
        _ => name.to_owned(),
    }
}

/// Where a message has an id: the field, and those around it from the outside; of a list, the first item.
type Place = Vec<FieldDescriptor>;

/// Ids that a service cannot know: it takes Runs at its word for which run and which attempt it asks.
const AT_ITS_WORD: [(&str, &str); 4] = [
    ("ClaimForRun", "run_id"),
    ("ReleaseFromRun", "run_id"),
    ("AuthorizeUse", "run_id"),
    ("AuthorizeUse", "attempt_id"),
];

/// Every place of a message for an id that its sender chooses.
fn places(method: &Method, message: &DynamicMessage) -> Vec<Place> {
    let mut found = Vec::new();
    for field in message.descriptor().fields() {
        let target = method.descriptor.name().starts_with("Update") && field.name() == "id";
        if field.name() == "request_id" || (dynamic::is_output_only(&field) && !target) {
            continue;
        }
        if dynamic::is_id(&field, dynamic::rules_of(&field).as_ref()) {
            found.push(vec![field]);
        } else if matches!(field.kind(), Kind::Message(_)) && !field.is_map() && message.has_field(&field) {
            let value = message.get_field(&field);
            let inner = value.as_list().map_or(Some(&*value), <[_]>::first).and_then(Value::as_message);
            for mut place in inner.into_iter().flat_map(|inner| places(method, inner)) {
                place.insert(0, field.clone());
                found.push(place);
            }
        }
    }
    found
}

fn put(message: &mut DynamicMessage, place: &[FieldDescriptor], id: &str) {
    let (field, within) = place.split_first().expect("a field");
    if within.is_empty() {
        let value = Value::String(id.to_owned());
        return message.set_field(field, if field.is_list() { Value::List(vec![value]) } else { value });
    }
    let inner = match message.get_field_mut(field) {
        Value::List(items) => &mut items[0],
        value => value,
    };
    put(inner.as_message_mut().expect("a message"), within, id);
}

/// An answer whole, with what may differ taken out: the id that was asked for and the id of the call.
fn told(answer: Result<Vec<u8>, Status>, id: &str) -> String {
    let status = match answer {
        Ok(bytes) => return format!("ok, {} bytes", bytes.len()),
        Err(status) => status,
    };
    let details = status.get_error_details_vec().into_iter().map(|detail| match detail {
        ErrorDetail::ErrorInfo(info) => {
            format!("{} of {}: {:?}", info.reason, info.domain, BTreeMap::from_iter(info.metadata))
        }
        other => format!("{other:?}"),
    });
    let headers: BTreeSet<String> = status.metadata().as_ref().keys().map(ToString::to_string).collect();
    let details: Vec<String> = details.collect();
    let text = format!("{:?} {} {details:#?} {headers:?}", status.code(), status.message()).replace(id, "<id>");
    text.replace(&spectra_tests::reason(&status).1["request_id"], "<call>")
}

/// Messages that are accepted, for all methods by which one thing comes to name another.
fn accepted(ours: &Things, fit: &str, approved: &str) -> BTreeMap<&'static str, Vec<u8>> {
    let of = |kind: &str| ours[kind].clone();
    let sample = |name: &str| Sample {
        name: name.to_owned(),
        material_type: "wafer".to_owned(),
        project_id: of("project"),
        ..Default::default()
    };
    let new_sample = |name: &str| CreateSampleRequest { sample: Some(sample(name)), ..Default::default() };
    let project = |code: &str| Project {
        code: code.to_owned(),
        name: "A project".to_owned(),
        member_ids: vec![of("user")],
        ..Default::default()
    };
    let update_mask = |path: &str| Some(prost_types::FieldMask { paths: vec![path.to_owned()] });
    let run = Run {
        instrument_id: of("instrument"),
        sample_id: of("sample"),
        further_instrument_ids: vec![fit.to_owned()],
        recipe_version_id: approved.to_owned(),
        ..Default::default()
    };
    BTreeMap::from([
        ("CreateSample", new_sample("one").encode_to_vec()),
        (
            "BatchCreateSamples",
            BatchCreateSamplesRequest { requests: vec![new_sample("two")], ..Default::default() }.encode_to_vec(),
        ),
        (
            "UpdateSample",
            UpdateSampleRequest {
                sample: Some(Sample { id: of("sample"), ..sample("three") }),
                update_mask: update_mask("project_id"),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        ("CreateProject", CreateProjectRequest { project: Some(project("ONE")), ..Default::default() }.encode_to_vec()),
        (
            "UpdateProject",
            UpdateProjectRequest {
                project: Some(Project { id: of("project"), ..project("TWO") }),
                update_mask: update_mask("member_ids"),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        (
            "CreateCalibration",
            CreateCalibrationRequest {
                calibration: Some(certificate(&of("instrument"), -1, 30)),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        ("CreateRun", CreateRunRequest { run: Some(run.clone()), ..Default::default() }.encode_to_vec()),
        (
            "CreateNonRoutineRun",
            CreateNonRoutineRunRequest {
                run: Some(run),
                purpose: RunPurpose::IntermediateCheck.into(),
                ..Default::default()
            }
            .encode_to_vec(),
        ),
        (
            "AuthorizeUse",
            AuthorizeUseRequest {
                run_id: of("run"),
                attempt_id: Uuid::now_v7().to_string(),
                uses: vec![InstrumentUse { instrument_id: of("instrument"), ..Default::default() }],
                ..Default::default()
            }
            .encode_to_vec(),
        ),
    ])
}

/// Who calls this method: somebody who may do all, or the service that it is for, on their behalf or in their
/// organization.
fn caller(admin: &Person, org: Uuid, method: &Method) -> Option<Client> {
    match &method.access {
        Access::Public => None,
        Access::Permission(_) | Access::SignedIn => Some(admin.client()),
        Access::Internal { services, actor } => {
            let life = Duration::from_secs(600);
            let token = tokens(&Clock::default()).issue_service(&services[0], Some(org), life).unwrap();
            let header = format!("Bearer {token}").parse().unwrap();
            let mut person = admin.clone();
            if *actor != Actor::Required {
                person.tokens.access_token.clear();
            }
            Some(person.client_with("x-service-authorization", header))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_answers_as_a_random_one_everywhere() {
    let lab = TestLab::start().await;
    let theirs = things(&lab.stranger("admin").await).await;
    let admin = lab.person("admin").await;
    let ours = things(&admin).await;
    let fit = admin.new_fit_instrument().await.id;
    let recipe = admin.submit(&admin.new_recipe().await).await;
    let approved = admin.approve(&recipe).await.approved_version.unwrap().id;
    let accepted = accepted(&ours, &fit, &approved);
    let me = admin.auth().get_current_user(contract::auth::v1::GetCurrentUserRequest {}).await.unwrap().into_inner();
    let org: Uuid = me.organization.unwrap().id.parse().unwrap();

    let mut looked_at = 0;
    for method in methods().filter(|method| !method.descriptor.is_client_streaming()) {
        let Some(client) = caller(&admin, org, method) else { continue };
        let input = method.descriptor.input();
        let by_hand = accepted.get(method.descriptor.name());
        let messages: Vec<DynamicMessage> = match by_hand {
            Some(bytes) => vec![DynamicMessage::decode(input, bytes.as_slice()).unwrap()],
            None => (1..5).map(|seed| dynamic::message(&input, &mut Dice::new(seed), true, 2)).collect(),
        };
        for mut message in messages {
            let places = places(method, &message);
            let target = |place: &Place| place.len() == 1 || place.last().is_some_and(|field| field.name() == "id");
            assert!(
                by_hand.is_some() || places.iter().all(target),
                "{} names another thing: it wants a message in accepted()",
                method.path
            );
            if by_hand.is_none() {
                for place in &places {
                    if let Some(own) = ours.get(kind(method, place).as_str()) {
                        put(&mut message, place, own);
                    }
                }
            }
            for place in &places {
                let name = place.last().map_or("", FieldDescriptor::name);
                if AT_ITS_WORD.contains(&(method.descriptor.name(), name)) {
                    continue;
                }
                let ask = async |id: &str| {
                    let mut message = message.clone();
                    put(&mut message, place, id);
                    told(dynamic::call(client.clone(), method, message.encode_to_vec()).await, id)
                };
                let wanted = ask(&Uuid::now_v7().to_string()).await;
                for (kind, id) in &theirs {
                    let answer = ask(id).await;
                    assert_eq!(answer, wanted, "{} told a foreign {kind} from a random id", method.path);
                    looked_at += 1;
                }
                assert!(by_hand.is_none() || !wanted.starts_with("ok"), "{}: {place:?} is not looked at", method.path);
            }
            // It was the foreign id that was refused: with ids of one's own, the same message is accepted.
            if by_hand.is_some() {
                let answer = dynamic::call(client.clone(), method, message.encode_to_vec()).await;
                assert!(answer.is_ok(), "{}: {answer:?}", method.path);
            }
        }
    }
    assert!(looked_at > 1000, "only {looked_at} calls carried an id");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_barcodes_and_names_do_not_cross() {
    use contract::samples::v1::{CreateSampleRequest, GetSampleByBarcodeRequest, ListSamplesRequest, Sample};
    let lab = TestLab::start().await;
    let (ours, theirs) = (lab.person("engineer").await, lab.stranger("engineer").await);
    let sample = Sample {
        name: "W01".to_owned(),
        material_type: "wafer".to_owned(),
        barcode: "SPL-1".to_owned(),
        ..Default::default()
    };
    let request = CreateSampleRequest { sample: Some(sample), request_id: String::new() };
    theirs.samples().create_sample(request.clone()).await.unwrap();

    let scan = GetSampleByBarcodeRequest { barcode: "SPL-1".to_owned() };
    assert_eq!(spectra_tests::refused(ours.samples().get_sample_by_barcode(scan).await), "RESOURCE_NOT_FOUND");
    let list = ours.samples().list_samples(ListSamplesRequest::default()).await.unwrap().into_inner();
    assert!(list.samples.is_empty());
    // The same name and barcode are free here, which tells nothing of what is there.
    ours.samples().create_sample(request.clone()).await.unwrap();
    assert_eq!(spectra_tests::refused(ours.samples().create_sample(request).await), "RESOURCE_EXISTS");

    // A page token does not travel either.
    ours.new_sample().await;
    let first = ListSamplesRequest { page_size: 1, ..Default::default() };
    let page = ours.samples().list_samples(first.clone()).await.unwrap().into_inner();
    let next = ListSamplesRequest { page_token: page.next_page_token, ..first };
    assert!(ours.samples().list_samples(next.clone()).await.is_ok());
    assert_eq!(spectra_tests::refused(theirs.samples().list_samples(next).await), "PAGE_TOKEN_INVALID");
}

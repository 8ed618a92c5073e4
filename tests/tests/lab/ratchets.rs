//! Rules that hold for every method of the contract, those among them that nobody has written yet.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use contract::{Access, Method, common::v1::Actor, methods};
use prost::Message as _;
use spectra_runtime::{Clock, auth::Role};
use spectra_tests::{
    Person, TestLab,
    dynamic::{self, Dice},
    reason, tokens,
};
use tonic::Code;

/// Unary methods, in order of their paths.
/// Every method, the one that ends the caller's session last.
fn every() -> Vec<&'static Method> {
    let mut all: Vec<_> = methods().filter(|method| !method.descriptor.is_client_streaming()).collect();
    all.sort_by_key(|method| (method.path.ends_with("/Logout"), &method.path));
    all
}

async fn everybody(lab: &TestLab) -> Vec<(Role, Person)> {
    let mut people = Vec::new();
    for (who, role) in [
        ("admin", Role::Admin),
        ("pi", Role::Pi),
        ("engineer", Role::Engineer),
        ("tech", Role::Technician),
        ("viewer", Role::Viewer),
    ] {
        people.push((role, lab.person(who).await));
    }
    people
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_only_public_methods_answer() {
    let lab = TestLab::start().await;
    for token in ["", "x", "a.b.c"] {
        let nobody = Person::with_token(&lab.channel, token);
        for method in every() {
            let answer = dynamic::call(nobody.client(), method, Vec::new()).await;
            if method.access == Access::Public {
                let code = answer.map_or_else(|status| status.code(), |_| Code::Ok);
                assert_ne!(code, Code::Internal, "{}", method.path);
                continue;
            }
            let status = answer.expect_err(&method.path);
            let wanted = if token.is_empty() { "TOKEN_MISSING" } else { "TOKEN_INVALID" };
            assert_eq!((status.code(), reason(&status).0.as_str()), (Code::Unauthenticated, wanted), "{}", method.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_refused_by_every_method() {
    let lab = TestLab::start().await;
    let past = tokens(&Clock::off_by_ms(-3_600_000));
    let id = uuid::Uuid::now_v7;
    let expired = past.issue_access(id(), id(), Role::Admin, id(), &["pwd"]).unwrap();
    let late = Person::with_token(&lab.channel, &expired);
    for method in every().into_iter().filter(|method| method.access != Access::Public) {
        let status = dynamic::call(late.client(), method, Vec::new()).await.expect_err(&method.path);
        assert_eq!(reason(&status).0, "TOKEN_EXPIRED", "{}", method.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_refused_what_it_may_not_do_and_nothing_else() {
    let lab = TestLab::start().await;
    let people = everybody(&lab).await;
    for method in every() {
        for (role, person) in &people {
            let answer = dynamic::call(person.client(), method, Vec::new()).await;
            let (why, metadata) = answer.err().map(|status| reason(&status)).unwrap_or_default();
            match &method.access {
                Access::Permission(permission) => {
                    let refused = why == "PERMISSION_DENIED";
                    assert_eq!(refused, !role.may(permission), "{} as {role:?}: {why}", method.path);
                    if refused {
                        assert_eq!(metadata["permission"], *permission);
                        assert_eq!(metadata["role"], role.as_str());
                    }
                }
                Access::Internal { .. } => assert_eq!(why, "PERMISSION_DENIED", "{} as {role:?}", method.path),
                Access::SignedIn | Access::Public => assert_ne!(why, "PERMISSION_DENIED", "{}", method.path),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_token_opens_nothing_by_itself_and_internal_methods_only_to_the_services_named() {
    let lab = TestLab::start().await;
    let engineer = lab.person("engineer").await;
    let tokens = tokens(&Clock::default());
    let org = uuid::Uuid::now_v7();
    for method in every().into_iter().filter(|method| method.access != Access::Public) {
        for service in ["auth", "samples", "calibration", "runs", "edge"] {
            let token = tokens.issue_service(service, Some(org), Duration::from_secs(60)).unwrap();
            // As a person's token, it is of the wrong type.
            let disguised = Person::with_token(&lab.channel, &token);
            let status = dynamic::call(disguised.client(), method, Vec::new()).await.expect_err(&method.path);
            assert_eq!(reason(&status).0, "TOKEN_INVALID", "{}", method.path);

            let why = as_service(&lab, &token, method, Vec::new()).await;
            match &method.access {
                Access::Internal { services, actor } => {
                    let wanted = match (services.iter().any(|name| name == service), actor) {
                        (true, Actor::Required) => "TOKEN_MISSING",
                        (true, Actor::None) => "FIELD_INVALID",
                        _ => "PERMISSION_DENIED",
                    };
                    assert_eq!(why, wanted, "{} by {service}", method.path);
                }
                _ => assert_eq!(why, "TOKEN_MISSING", "{} by {service}", method.path),
            }
        }
        // The other way round: a person's token in the service's place.
        let why = as_service(&lab, &engineer.tokens.access_token, method, Vec::new()).await;
        assert_eq!(why, "TOKEN_INVALID", "{}", method.path);
    }
}

async fn as_service(lab: &TestLab, token: &str, method: &'static Method, message: Vec<u8>) -> String {
    let header: tonic::metadata::MetadataValue<_> = format!("Bearer {token}").parse().unwrap();
    let client = Person::with_token(&lab.channel, "").client_with("x-service-authorization", header);
    let status = dynamic::call(client, method, message).await.expect_err(&method.path);
    reason(&status).0
}

#[tokio::test(flavor = "multi_thread")]
async fn random_input_is_never_an_internal_error() {
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let mut codes: HashMap<Code, usize> = HashMap::new();
    // Logout comes last: it ends the session that the others are called with.
    let mut all = every();
    all.sort_by_key(|method| method.path.ends_with("/Logout"));
    for method in all {
        for seed in 0..60 {
            let mut dice = Dice::new(seed + 1);
            let message = dynamic::message(&method.descriptor.input(), &mut dice, seed % 2 == 0, 3);
            let answer = dynamic::call(admin.client(), method, message.encode_to_vec()).await;
            let code = answer.as_ref().map_or_else(tonic::Status::code, |_| Code::Ok);
            *codes.entry(code).or_default() += 1;
            assert!(
                !matches!(code, Code::Internal | Code::Unknown | Code::Unavailable | Code::DeadlineExceeded),
                "{} answered {answer:?} to {message}",
                method.path
            );
        }
        // Bytes that are no message at all.
        let answer = dynamic::call(admin.client(), method, vec![0xff; 40]).await;
        let code = answer.as_ref().map_or_else(tonic::Status::code, |_| Code::Ok);
        assert!(
            !matches!(code, Code::Unknown | Code::Unavailable),
            "{} answered {answer:?} to no message",
            method.path
        );
    }
    assert!(codes.contains_key(&Code::Ok) && codes.contains_key(&Code::InvalidArgument), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_stays_small_whatever_was_sent() {
    use contract::calibration::v1::{CreateInstrumentRequest, Instrument};
    let lab = TestLab::start().await;
    let admin = lab.person("admin").await;
    let methods = vec!["\u{7}".repeat(64); 50];
    let instrument = Instrument { asset_code: "x".repeat(5000), methods, ..Default::default() };
    let request = CreateInstrumentRequest { instrument: Some(instrument), request_id: String::new() };
    let status = admin.instruments().create_instrument(request).await.unwrap_err();
    assert_eq!(reason(&status).0, "FIELD_INVALID");
    assert!(status.details().len() + status.message().len() < 8 * 1024, "{}", status.details().len());

    // And it says what is wrong.
    let get = contract::samples::v1::GetSampleRequest { id: "abc".to_owned() };
    let status = admin.samples().get_sample(get).await.unwrap_err();
    assert_eq!(status.message(), "id: must be a UUID");
}

/// What a version of reflection says when it is asked which services there are.
macro_rules! reflected {
    ($version:ident, $lab:expr) => {{
        use tonic_reflection::pb::$version::{
            ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
            server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        };
        let asked = ServerReflectionRequest {
            message_request: Some(MessageRequest::ListServices(String::new())),
            ..Default::default()
        };
        let mut client = ServerReflectionClient::new($lab.channel.clone());
        let answers = client.server_reflection_info(futures::stream::iter([asked])).await.unwrap();
        match answers.into_inner().message().await.unwrap().unwrap().message_response {
            Some(MessageResponse::ListServicesResponse(list)) => {
                list.service.into_iter().map(|service| service.name).collect::<BTreeSet<_>>()
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_names_every_service_in_both_of_its_versions() {
    let lab = TestLab::start().await;
    let told = reflected!(v1, lab);
    for method in methods() {
        let service = method.descriptor.parent_service();
        assert!(told.contains(service.full_name()), "{} is not in {told:?}", service.full_name());
    }
    assert_eq!(reflected!(v1alpha, lab), told);
}

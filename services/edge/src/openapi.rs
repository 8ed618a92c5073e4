//! `/openapi.json`: the plain HTTP side of the contract as OpenAPI 3.1, made of the same descriptors that calls go by.

mod comments;
mod schemas;

use std::{collections::BTreeMap, sync::LazyLock};

use bytes::Bytes;
use contract::{Access, DESCRIPTOR_POOL, HttpRule, Method};
use http::{HeaderValue, Response, header};
use prost_reflect::{FieldDescriptor, MessageDescriptor};
use serde_json::{Map, Value, json};
use tonic::body::Body;

use self::{
    comments::Comments,
    schemas::{ID, Schemas, message_example, well_known},
};
use crate::rest::pattern;

/// Made once.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub fn answer() -> Response<Body> {
    let mut response = Response::new(Body::new(http_body_util::Full::new(Bytes::from_static(DOCUMENT.as_bytes()))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Tools of other origins may read it: it is the same for everybody.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Statuses besides 200, and what they mean here. Each comes with the one shape of errors.
const REFUSALS: [(&str, &str); 12] = [
    ("400", "The request is wrong; `violations` say where."),
    ("401", "Nobody is signed in, or the token is no longer good."),
    ("403", "The role may not do this."),
    ("404", "There is no such thing in this organization."),
    ("405", "The path is for other methods; `Allow` says for which."),
    ("408", "The body did not come in time."),
    ("409", "It exists already, has changed meanwhile, or its state does not allow this: the lockout among them."),
    ("413", "The body is longer than 4 MiB, or has more than 200,000 values."),
    ("415", "The body is compressed, and is not taken so."),
    ("429", "Too many; `Retry-After` says when another try is worth it."),
    ("503", "A service or the database is away for the moment."),
    ("504", "It took too long."),
];

/// Where the previous generation's paths stand, after those of the services.
const FORMER_PATHS: &str = "Former paths";

fn document() -> Value {
    let comments = Comments::read();
    let mut schemas = Schemas { comments: &comments, wanted: Vec::new(), made: BTreeMap::new() };
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut tags = BTreeMap::new();
    let mut methods: Vec<_> = contract::methods().filter(|method| !method.http.is_empty()).collect();
    methods.sort_by_key(|method| &method.path);
    for method in methods {
        let service = method.descriptor.parent_service();
        tags.insert(service.name().to_owned(), comments.of(service.parent_file(), service.path()));
        for (nth, rule) in method.http.iter().enumerate() {
            let (verb, path) = pattern(rule);
            let operation = operation(method, rule, nth, &mut schemas);
            paths.entry(plain(path)).or_default().insert(verb.to_lowercase(), operation);
        }
    }
    let former = (FORMER_PATHS.to_owned(), "Those of the previous generation, which answer as ever.".to_owned());
    let tags = tags.into_iter().chain([former]);
    let tags: Vec<_> = tags.map(|(name, description)| json!({ "name": name, "description": description })).collect();
    schemas.finish();
    let mut made: Map<String, Value> = schemas.made.into_iter().collect();
    made.insert("Error".to_owned(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "SPECTRA-Lab",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT", "identifier": "MIT" },
            "description": "Samples, instruments and their calibration, runs, and who did what. Sign in with \
                POST /api/v1/auth/login and send the access token as `Authorization: Bearer ..`. A change takes an \
                `Idempotency-Key`, under which it counts once; `If-Match` takes an `ETag`. Fields that are left out have \
                their defaults.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "schemas": made,
        },
    })
}

fn operation(method: &Method, rule: &HttpRule, nth: usize, schemas: &mut Schemas<'_>) -> Value {
    let descriptor = &method.descriptor;
    let (input, output) = (descriptor.input(), descriptor.output());
    let (verb, path) = pattern(rule);
    let comment = schemas.comments.of(descriptor.parent_file(), descriptor.path());
    let service = descriptor.parent_service().name().to_owned();
    let suffix = if nth == 0 { String::new() } else { format!("_{}", nth + 1) };

    let variables: Vec<String> =
        path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect();
    let mut parameters = Vec::new();
    for name in &variables {
        if let Some(field) = resolve(&input, name) {
            parameters.push(schemas.parameter("path", own(name), &field));
        }
    }
    if rule.body != "*" {
        for field in
            input.fields().filter(|field| field.name() != rule.body && !variables.iter().any(|it| it == field.name()))
        {
            // Nested messages of the query are given field by field; the request_id has its header.
            if field.name() != "request_id" && !nested(&field) {
                parameters.push(schemas.parameter("query", field.name(), &field));
            }
        }
    }
    let mut header = |name: &str, description: &str, schema: Value| {
        parameters.push(json!({ "name": name, "in": "header", "description": description, "schema": schema }));
    };
    if input.get_field_by_name("request_id").is_some() {
        header(
            "Idempotency-Key",
            "UUID under which the change counts once.",
            json!({ "type": "string", "format": "uuid" }),
        );
    }
    let body_message = input.get_field_by_name(&rule.body).and_then(|field| field.kind().as_message().cloned());
    let tagged = |message: &MessageDescriptor| message.get_field_by_name("etag").is_some();
    if verb != "GET" && (tagged(&input) || (verb == "PATCH" && body_message.as_ref().is_some_and(tagged))) {
        let schema = json!({ "type": "string", "pattern": r#"^([*]|"[!#-~]+")$"# });
        header("If-Match", "ETag that it must still have, in its quotes.", schema);
    }

    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), format!("{service}_{}{suffix}", descriptor.name()).into());
    operation.insert("tags".to_owned(), json!([if path.starts_with("/api/v1/") { &service } else { FORMER_PATHS }]));
    let summary = comment.split(". ").next().unwrap_or_default().trim_end_matches('.');
    operation.insert("summary".to_owned(), summary.replace('\n', " ").into());
    operation.insert("description".to_owned(), comment.clone().into());
    operation.insert("parameters".to_owned(), parameters.into());
    if !rule.body.is_empty() {
        let message = body_message.as_ref().unwrap_or(&input);
        let mut content = json!({ "schema": schemas.reference(message) });
        if let Some(mut example) = message_example(message) {
            // What the path says is not said again.
            for name in &variables {
                example.as_object_mut().and_then(|fields| fields.remove(own(name)));
            }
            content["example"] = example;
        }
        let required = verb != "POST" || !path.contains(':');
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": required, "content": { "application/json": content } }),
        );
    }
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({ "description": "Done.", "content": contents(&output, rule, descriptor.is_server_streaming(), schemas) }),
    );
    let refused = |description: &str| json!({ "description": description, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } });
    for (status, description) in REFUSALS {
        responses.insert(status.to_owned(), refused(description));
    }
    operation.insert("responses".to_owned(), responses.into());
    match &method.access {
        Access::Public => {
            operation.insert("security".to_owned(), json!([]));
        }
        Access::Permission(permission) => {
            operation.insert("x-permission".to_owned(), permission.as_str().into());
        }
        Access::SignedIn | Access::Internal { .. } => {}
    }
    operation.into()
}

/// `/samples/{sample.id}` as `/samples/{id}`: one place is one path, by whatever name a rule calls it.
fn plain(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment.strip_prefix('{') {
        Some(variable) => format!("{{{}", own(variable)),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// The last of a dotted name.
fn own(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// What is answered, by its media type.
fn contents(output: &MessageDescriptor, rule: &HttpRule, streams: bool, schemas: &mut Schemas<'_>) -> Value {
    if streams {
        if output.get_field_by_name("media_type").is_some() {
            // A file, of the kind that it is.
            return json!({ "*/*": {} });
        }
        let schema = schemas.reference(output);
        return json!({
            "application/x-ndjson": { "schema": schema },
            "text/event-stream": { "schema": { "type": "string", "description": "`data` is the JSON; `id` is what Last-Event-ID resumes with." } },
        });
    }
    let schema = match output.get_field_by_name(&rule.response_body) {
        Some(field) => schemas.field(&field),
        None => schemas.reference(output),
    };
    json!({ "application/json": { "schema": schema } })
}

/// The one shape of errors.
fn error() -> Value {
    let violation = json!({ "type": "object", "properties": { "field": { "type": "string" }, "description": { "type": "string" } } });
    let mut reasons: Vec<_> = DESCRIPTOR_POOL
        .get_enum_by_name("spectra.common.v1.ErrorReason")
        .map(|reasons| {
            reasons.values().map(|value| value.name().trim_start_matches("ERROR_REASON_").to_lowercase()).collect()
        })
        .unwrap_or_default();
    reasons.retain(|reason| reason != "unspecified");
    json!({
        "type": "object",
        "required": ["detail"],
        "properties": { "detail": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": { "type": "string", "description": "What went wrong, for a program.", "examples": reasons },
                "message": { "type": "string", "description": "What went wrong, for a person." },
                "request_id": { "type": "string", "description": "By which operators find it." },
                "violations": { "type": "array", "items": violation },
            },
            "additionalProperties": true,
        } },
        "examples": [{ "detail": {
            "code": "calibration_expired",
            "message": "Instrument calibration has expired: certificate CAL-2025-0388 of SMU-04 ended at 2026-10-19T00:00:00Z",
            "instrument_id": ID,
            "calibration_id": ID,
            "expires_at": "2026-10-19T00:00:00Z",
            "request_id": ID,
        } }],
    })
}

/// A message within the query, whose fields have names like `sample.id`.
fn nested(field: &FieldDescriptor) -> bool {
    field.kind().as_message().is_some_and(|message| well_known(message.full_name()).is_none())
}

fn resolve(input: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    match name.split_once('.') {
        Some((parent, rest)) => resolve(input.get_field_by_name(parent)?.kind().as_message()?, rest),
        None => input.get_field_by_name(name),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_has_every_way_and_refers_to_nothing_that_is_not_there() {
        let document = document();
        let ways: usize = contract::methods().map(|method| method.http.len()).sum();
        let paths = document["paths"].as_object().unwrap();
        assert_eq!(paths.values().map(|verbs| verbs.as_object().unwrap().len()).sum::<usize>(), ways);
        let text = document.to_string();
        for reference in text.split(r##""#/components/schemas/"##).skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        let ids: BTreeSet<_> = paths
            .values()
            .flat_map(|verbs| verbs.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), ways, "each has a name of its own");
    }

    #[test]
    fn former_paths_stand_apart_and_last() {
        let document = document();
        assert_eq!(document["tags"].as_array().unwrap().last().unwrap()["name"], FORMER_PATHS);
        let tags = |path: &str, verb: &str| document["paths"][path][verb]["tags"].clone();
        assert_eq!(tags("/api/lims/samples", "get"), json!([FORMER_PATHS]));
        assert_eq!(tags("/api/v1/samples", "get"), json!(["SamplesService"]));
    }

    #[test]
    fn what_the_contract_says_of_a_field_is_in_its_schema() {
        let document = document();
        let sample = &document["components"]["schemas"]["samples.Sample"];
        assert_eq!(sample["properties"]["id"]["readOnly"], true);
        assert_eq!(sample["properties"]["created_at"]["format"], "date-time");
        assert!(sample["properties"]["name"]["maxLength"].is_number(), "{sample}");
        assert!(sample["properties"]["status"]["enum"].as_array().unwrap().contains(&"SAMPLE_STATUS_IN_USE".into()));
        let start = &document["paths"]["/api/v1/runs/{id}:start"]["post"];
        assert_eq!(start["x-permission"], "runs.operate");
        assert!(start["description"].as_str().unwrap().contains("Errors: "), "{start}");
        assert_eq!(document["paths"]["/auth/login"]["post"]["security"], json!([]));
    }

    #[test]
    fn a_body_comes_with_an_example_of_the_contract() {
        let document = document();
        let body = |path: &str| document["paths"][path]["post"]["requestBody"]["content"]["application/json"].clone();
        let calibration = &body("/api/v1/calibrations")["example"];
        assert_eq!(calibration["expires_at"], "2027-10-19T08:00:00Z", "{calibration}");
        assert_eq!(calibration["scope"], json!(["dc_voltage"]));
        assert!(calibration["id"].is_null(), "the server's own");
        assert_eq!(body("/api/v1/runs")["example"]["params"]["vgs_stop"], 5);
        let status = &document["components"]["schemas"]["samples.Sample"]["properties"]["status"];
        assert_eq!(status["examples"], json!(["SAMPLE_STATUS_REGISTERED"]));
    }
}

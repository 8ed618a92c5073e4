//! CreateSample and StartRun, and the statements that CreateSample sends.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use contract::{
    runs::v1::{RunState, StartRunRequest, StartRunResponse},
    samples::v1::{CreateSampleRequest, CreateSampleResponse, Sample, SampleStatus},
};
use prost::Message as _;
use prost_types::{Struct, Value, value::Kind};
use uuid::Uuid;

use super::{Caller, expect};
use crate::{
    Result,
    database::Script,
    load::{Call, Workload},
    seed::{Organization, World, run_id},
    wire::Line,
};

const CREATE: &str = "spectra.samples.v1.SamplesService/CreateSample";
/// Bytes of the event's body and of the kept reply, as the product writes them for such a sample.
const EVENT_BYTES: usize = 300;
const REPLY_BYTES: usize = 240;

/// New samples, each with a request_id, as the clients send one.
pub(crate) struct Create {
    caller: Caller,
    made: AtomicU64,
}

impl Create {
    /// In this organization.
    pub(crate) fn new(line: &Line, organization: &Organization) -> Result<Self> {
        Ok(Self { caller: Caller::new(line, CREATE, organization)?, made: AtomicU64::new(0) })
    }
}

impl Workload for Create {
    fn next(&self) -> Option<Call> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let wafer = Value { kind: Some(Kind::StringValue("W0".to_owned())) };
        let sample = Sample {
            name: format!("new {number}"),
            material_type: "GaN die".to_owned(),
            lot_code: "GAN-2026-03".to_owned(),
            barcode: format!("NEW-{number}"),
            location: "Lab 2, dry box".to_owned(),
            attributes: Some(Struct { fields: [("wafer".to_owned(), wafer)].into() }),
            ..Default::default()
        };
        let request = CreateSampleRequest { sample: Some(sample), request_id: Uuid::new_v4().to_string() };
        Some(self.caller.call(&request, number))
    }

    fn check(&self, key: u64, answer: Bytes) -> Result<()> {
        let sample = CreateSampleResponse::decode(answer)?.sample.unwrap_or_default();
        expect("the name", &format!("new {key}"), &sample.name)?;
        expect("the status", SampleStatus::Available.as_str_name(), sample.status().as_str_name())
    }
}

/// Runs that wait, each started once.
pub(crate) struct Start {
    caller: Caller,
    runs: u64,
    started: AtomicU64,
}

impl Start {
    /// The runs of this world.
    pub(crate) fn new(line: &Line, world: &World) -> Result<Self> {
        let caller = Caller::new(line, "spectra.runs.v1.RunsService/StartRun", &world.demo)?;
        Ok(Self { caller, runs: world.runs, started: AtomicU64::new(0) })
    }
}

impl Workload for Start {
    fn next(&self) -> Option<Call> {
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let request =
            StartRunRequest { id: run_id(number), etag: String::new(), request_id: Uuid::new_v4().to_string() };
        (number <= self.runs).then(|| self.caller.call(&request, number))
    }

    fn check(&self, key: u64, answer: Bytes) -> Result<()> {
        let run = StartRunResponse::decode(answer)?.run.unwrap_or_default();
        expect("the id", &run_id(key), &run.id)?;
        expect("the state", RunState::Running.as_str_name(), run.state().as_str_name())?;
        expect("the number of grants", "1", &run.grants.len().to_string())
    }
}

/// Numbers that no other transaction has: `:low`; and ids that grow with time, as the product's do: `ID`.
const NUMBERS: &str = "\\set n :n + 1\n\
                       \\set high :now + :n * 131072\n\
                       \\set low :series * 1000000000 + :client_id * 10000000 + :n\n";
const ID: &str = "encode(int8send(:high) || int8send(:low), 'hex')::uuid";

/// The bare statement of CreateSample.
pub(crate) fn insert(organization: &Organization) -> Script {
    Script::bare([format!("{NUMBERS}{}", insert_sample(organization))])
}

fn insert_sample(Organization { id, engineer, .. }: &Organization) -> String {
    format!(
        "INSERT INTO samples.sample (org_id, id, name, material_type, lot_code, barcode, location, attributes, status, \
         created_by, created_at, updated_at, revision) VALUES ('{id}', {ID}, 'bare ' || :low, 'GaN die', \
         'GAN-2026-03', 'BARE-' || :low, 'Lab 2, dry box', '{{\"wafer\": \"W0\"}}', 'available', '{engineer}', \
         clock_timestamp(), clock_timestamp(), 1);\n"
    )
}

/// All that the product sends for CreateSample, in as many round trips, under row security.
pub(crate) fn envelope(organization: &Organization) -> Script {
    let Organization { id, engineer, .. } = organization;
    let key = format!("'{id}', '{engineer}', '{CREATE}', encode(int8send(:random) || int8send(:low), 'hex')::uuid");
    let event = format!(
        "INSERT INTO events.event (org_id, id, service, resource, resource_id, action, actor, on_behalf_of, reason, \
         request_id, body) VALUES ('{id}', {ID}, 'samples', 'sample', ({ID})::text, 'create', '{engineer}', NULL, '', \
         ({ID})::text, '\\x{}');\n",
        "ab".repeat(EVENT_BYTES)
    );
    let keep = format!(
        "INSERT INTO samples.request (org_id, principal, method, request_id, body_sha256, reply) \
         VALUES ({key}, '\\x{}', '\\x{}') ON CONFLICT (org_id, request_id, principal, method) DO UPDATE SET \
         body_sha256 = EXCLUDED.body_sha256, reply = EXCLUDED.reply, created_at = CASE \
         WHEN request.created_at < clock_timestamp() - interval '24 hours' THEN EXCLUDED.created_at END;\n",
        "ab".repeat(32),
        "ab".repeat(REPLY_BYTES)
    );
    let begin = "BEGIN READ WRITE;\nSET LOCAL statement_timeout = 10000;\n";
    let insert = insert_sample(organization);
    let random = "\\set random random(1, 9000000000000000000)\n";
    let script = format!("{NUMBERS}{random}\\startpipeline\n{begin}{insert}{event}{keep}COMMIT;\n\\endpipeline\n");
    Script::bound([script], id)
}

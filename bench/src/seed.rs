//! What is there to measure on: many samples in two organizations, and runs that wait to be started.
//!
//! One of each thing is entered through the product; the many are copies of it, made by SQL with other ids and names,
//! so that the tables may change without this file.

use contract::{
    auth::v1::{LoginRequest, LoginResponse},
    calibration::v1::{
        Calibration, Capability, CreateCalibrationRequest, CreateCalibrationResponse, CreateInstrumentRequest,
        CreateInstrumentResponse, Instrument,
    },
    runs::v1::{CreateRunRequest, CreateRunResponse, Run},
    samples::v1::{CreateSampleRequest, CreateSampleResponse, Sample},
};
use http::HeaderValue;
use prost_types::{Struct, Timestamp, Value, value::Kind};
use tokio_postgres::Client;

use crate::{Result, wire::Line};

/// Samples of the first organization.
pub(crate) const SAMPLES: u64 = 100_000;
/// Samples of each organization that the mixed case reads.
pub(crate) const MIXED_SAMPLES: u64 = 5_000;
/// Seconds from one sample's registration to the next one's.
const DISTANCE_S: u64 = 1;
/// Starts of the ids of what is copied; the rest is the number, in decimal digits.
pub(crate) const SAMPLE: &str = "01932fa0-0000-7000-8000-";
const RUN: &str = "01932fa0-0000-7000-8001-";
const INSTRUMENT: &str = "01932fa0-0000-7000-8002-";
const CALIBRATION: &str = "01932fa0-0000-7000-8003-";
/// Tables whose rows are copied beside those of samples.
const INSTRUMENTS: &str = "calibration.instrument";
const CAPABILITIES: &str = "calibration.capability";
const CALIBRATIONS: &str = "calibration.calibration";
const RUNS: &str = "runs.run";
const EQUIPMENT: &str = "runs.run_equipment";
/// Added to the number, so that it has as many digits as an id has left.
pub(crate) const NUMBERS_FROM: u64 = 100_000_000_000;

/// The id of the sample with this number.
pub(crate) fn sample_id(number: u64) -> String {
    format!("{SAMPLE}{}", NUMBERS_FROM + number)
}

/// The id of the run with this number.
pub(crate) fn run_id(number: u64) -> String {
    format!("{RUN}{}", NUMBERS_FROM + number)
}

/// An organization and somebody who is signed in to it.
#[derive(Clone)]
pub(crate) struct Organization {
    /// Its short name.
    pub(crate) slug: &'static str,
    /// Its id.
    pub(crate) id: String,
    /// An engineer's token.
    pub(crate) bearer: HeaderValue,
    /// The engineer's id.
    pub(crate) engineer: String,
}

/// What was made.
#[derive(Clone)]
pub(crate) struct World {
    /// The first organization, with all the samples.
    pub(crate) demo: Organization,
    /// The second one, with a few.
    pub(crate) other: Organization,
    /// Registration of the sample number 0, in seconds since 1970.
    pub(crate) first_s: u64,
    /// Runs that wait.
    pub(crate) runs: u64,
}

impl World {
    /// Registration of a sample, in seconds since 1970.
    pub(crate) fn registered_s(&self, number: u64) -> u64 {
        self.first_s + number * DISTANCE_S
    }
}

/// Fills a lab that is ready.
pub(crate) async fn fill(line: &mut Line, database: &Client, runs: u64) -> Result<World> {
    let demo = sign_in(line, database, "demo").await?;
    let other = sign_in(line, database, "other").await?;
    let row = database.query_one("SELECT extract(epoch FROM now())::bigint", &[]).await?;
    let now_s = u64::try_from(row.get::<_, i64>(0))?;
    // Older than what was entered by itself, a day apart.
    let world = World { demo, other, first_s: now_s - SAMPLES * DISTANCE_S - 86_400, runs };
    for (organization, count) in [(&world.demo, SAMPLES), (&world.other, MIXED_SAMPLES)] {
        let template = sample(line, organization).await?;
        copy_samples(database, organization, &template, count, world.first_s).await?;
    }
    copy_runs(line, database, &world.demo, runs).await?;
    // As after a quiet night: nothing that the database would rather do during the measurements. Only what was filled:
    // a table that is known to be empty is planned for as one that stays so.
    for table in ["samples.sample", INSTRUMENTS, CAPABILITIES, CALIBRATIONS, RUNS, EQUIPMENT] {
        execute(database, &format!("VACUUM (ANALYZE) {table}")).await?;
    }
    execute(database, "CHECKPOINT").await?;
    Ok(world)
}

async fn execute(database: &Client, statement: &str) -> Result<()> {
    database.batch_execute(statement).await.map_err(|error| {
        let said = error.as_db_error().map_or_else(|| error.to_string(), |refusal| refusal.message().to_owned());
        format!("{said}: {statement}").into()
    })
}

async fn sign_in(line: &mut Line, database: &Client, slug: &'static str) -> Result<Organization> {
    let username = format!("engineer@{slug}.lab");
    let request = LoginRequest { username, password: "eng123".to_owned(), otp: String::new() };
    let answer: LoginResponse = line.call("spectra.auth.v1.AuthService/Login", None, &request).await?;
    let find = "SELECT org_id::text, user_id::text FROM auth.login_directory WHERE email = $1";
    let row = database.query_one(find, &[&request.username]).await?;
    let bearer = HeaderValue::from_str(&format!("Bearer {}", answer.access_token))?;
    Ok(Organization { slug, id: row.get(0), bearer, engineer: row.get(1) })
}

async fn sample(line: &mut Line, organization: &Organization) -> Result<String> {
    let sample = Sample {
        name: "bench template".to_owned(),
        material_type: "GaN die".to_owned(),
        lot_code: "GAN-2026-03".to_owned(),
        location: "Lab 2, dry box".to_owned(),
        attributes: Some(fields(&[("wafer", Kind::StringValue("W0".to_owned()))])),
        ..Default::default()
    };
    let request = CreateSampleRequest { sample: Some(sample), request_id: String::new() };
    let name = "spectra.samples.v1.SamplesService/CreateSample";
    let answer: CreateSampleResponse = line.call(name, Some(&organization.bearer), &request).await?;
    Ok(answer.sample.ok_or("no sample came back")?.id)
}

/// Every tenth has a quantity; all have a barcode, a lot and an attribute.
async fn copy_samples(
    database: &Client,
    Organization { slug, id, .. }: &Organization,
    template: &str,
    count: u64,
    first_s: u64,
) -> Result<()> {
    let statement = format!(
        "INSERT INTO samples.sample SELECT copy.* FROM samples.sample template \
         CROSS JOIN generate_series(1, {count}) AS number \
         CROSS JOIN LATERAL (SELECT to_timestamp({first_s} + number * {DISTANCE_S}) AS at) AS registered \
         CROSS JOIN LATERAL jsonb_populate_record(template, jsonb_build_object( \
           'id', '{SAMPLE}' || ({NUMBERS_FROM} + number), 'name', '{slug} ' || number, \
           'barcode', 'BENCH-' || number, 'lot_code', 'LOT-' || number / 25, \
           'attributes', jsonb_build_object('wafer', 'W' || number / 100), \
           'quantity_value', CASE WHEN number % 10 = 0 THEN '12.50' END, \
           'quantity_unit', CASE WHEN number % 10 = 0 THEN 'mg' END, \
           'created_at', at, 'updated_at', at)) AS copy \
         WHERE template.org_id = '{id}' AND template.id = '{template}'"
    );
    execute(database, &statement).await
}

/// Runs in the queue, each on an instrument of its own that is fit for use, and on one of the last samples.
async fn copy_runs(line: &mut Line, database: &Client, demo: &Organization, count: u64) -> Result<()> {
    let instrument = instrument(line, demo).await?;
    let sample = sample_id(SAMPLES - count);
    let run = run(line, demo, &instrument, &sample).await?;
    let id = &demo.id;
    let copy = |table: &str, key: &str, template: &str, changes: &str| {
        format!(
            "INSERT INTO {table} SELECT copy.* FROM {table} template CROSS JOIN generate_series(1, {count}) AS number \
             CROSS JOIN LATERAL jsonb_populate_record(template, jsonb_build_object({changes})) AS copy \
             WHERE template.org_id = '{id}' AND template.{key} = '{template}'"
        )
    };
    let numbered = |field: &str, start: &str| format!("'{field}', '{start}' || ({NUMBERS_FROM} + number)");
    let of = numbered("instrument_id", INSTRUMENT);
    let on = format!("'sample_id', '{SAMPLE}' || ({NUMBERS_FROM} + {SAMPLES} - {count} + number)");
    for statement in [
        copy(
            INSTRUMENTS,
            "id",
            &instrument,
            &format!("{}, 'asset_code', 'BENCH-' || number", numbered("id", INSTRUMENT)),
        ),
        copy(CAPABILITIES, "instrument_id", &instrument, &of),
        copy(CALIBRATIONS, "instrument_id", &instrument, &format!("{}, {of}", numbered("id", CALIBRATION))),
        copy(RUNS, "id", &run, &format!("{}, {of}, {on}", numbered("id", RUN))),
        copy(EQUIPMENT, "run_id", &run, &format!("{}, {of}", numbered("run_id", RUN))),
    ] {
        execute(database, &statement).await?;
    }
    Ok(())
}

async fn instrument(line: &mut Line, demo: &Organization) -> Result<String> {
    let capability = |quantity: &str, range: &str, unit: &str| Capability {
        quantity: quantity.to_owned(),
        range_low: format!("-{range}"),
        range_high: range.to_owned(),
        unit: unit.to_owned(),
        ..Default::default()
    };
    let instrument = Instrument {
        asset_code: "BENCH-0".to_owned(),
        manufacturer: "Keithley".to_owned(),
        model: "2400".to_owned(),
        capabilities: vec![capability("dc_voltage", "210", "V"), capability("dc_current", "1.05", "A")],
        methods: vec!["iv_sweep".to_owned()],
        ..Default::default()
    };
    let request = CreateInstrumentRequest { instrument: Some(instrument), request_id: String::new() };
    let name = "spectra.calibration.v1.InstrumentsService/CreateInstrument";
    let answer: CreateInstrumentResponse = line.call(name, Some(&demo.bearer), &request).await?;
    let id = answer.instrument.ok_or("no instrument came back")?.id;

    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let calibration = Calibration {
        instrument_id: id.clone(),
        certificate_id: "BENCH".to_owned(),
        provider: "Metrology Services".to_owned(),
        // 2020 to 2100.
        issued_at: at(1_577_836_800),
        expires_at: at(4_102_444_800),
        ..Default::default()
    };
    let request = CreateCalibrationRequest { calibration: Some(calibration), request_id: String::new() };
    let name = "spectra.calibration.v1.CalibrationService/CreateCalibration";
    let _: CreateCalibrationResponse = line.call(name, Some(&demo.bearer), &request).await?;
    Ok(id)
}

async fn run(line: &mut Line, demo: &Organization, instrument: &str, sample: &str) -> Result<String> {
    let number = Kind::NumberValue;
    let run = Run {
        instrument_id: instrument.to_owned(),
        sample_id: sample.to_owned(),
        method: "iv_sweep".to_owned(),
        params: Some(fields(&[("vgs_start", number(0.0)), ("vgs_stop", number(5.0)), ("vgs_step", number(0.5))])),
        ..Default::default()
    };
    let request = CreateRunRequest { run: Some(run), request_id: String::new() };
    let name = "spectra.runs.v1.RunsService/CreateRun";
    let answer: CreateRunResponse = line.call(name, Some(&demo.bearer), &request).await?;
    Ok(answer.run.ok_or("no run came back")?.id)
}

fn fields(pairs: &[(&str, Kind)]) -> Struct {
    let value = |kind: &Kind| Value { kind: Some(kind.clone()) };
    Struct { fields: pairs.iter().map(|(name, kind)| ((*name).to_owned(), value(kind))).collect() }
}

//! Samples of the demo laboratory, and runs on some of them.

use std::collections::BTreeMap;

use contract::{
    calibration::v1::ListInstrumentsRequest,
    common::v1::Quantity,
    runs::v1::{CreateRunRequest, Run},
    samples::v1::{CreateSampleRequest, ListSamplesRequest, QuarantineSampleRequest, Sample},
};
use prost_types::{Struct, Value, value::Kind};

use super::{Result, Session, Trouble, projects::Projects, said};

pub(super) async fn demo(session: &Session, projects: &Projects) -> Result<usize> {
    let mut made = 0;
    let mut wafer = sample("W01", "GaN wafer", "GAN-2026-03", "SPL-000001", "Clean room, cassette 4");
    wafer.project_id.clone_from(&projects.transistors);
    made += enter(session, wafer).await?.1;
    for die in 1..=9 {
        let barcode = format!("SPL-0000{:02}", die + 1);
        let mut die = sample(&format!("W01-D{die}"), "GaN die", "GAN-2026-03", &barcode, "Lab 2, dry box");
        die.attributes = Some(attributes(&[("wafer", "W01")]));
        die.project_id.clone_from(&projects.transistors);
        let cracked = die.name == "W01-D5";
        let (id, new) = enter(session, die).await?;
        made += new;
        if cracked && new == 1 {
            let reason = "Cracked at the edge when it was diced".to_owned();
            let request = QuarantineSampleRequest { id, reason, ..Default::default() };
            session.samples().quarantine_sample(request).await.map_err(said)?;
        }
    }
    let mut powder = sample("ZnO-P7", "ZnO powder", "ZNO-2026-01", "SPL-000020", "Storage, shelf 2");
    powder.quantity = Some(Quantity {
        value: "12.50".to_owned(),
        unit: "g".to_owned(),
        expanded_uncertainty: Some("0.02".to_owned()),
        coverage_factor: Some("2".to_owned()),
    });
    powder.project_id.clone_from(&projects.powders);
    made += enter(session, powder).await?.1;
    let (transistor, new) =
        enter(session, sample("2N7000-A", "MOSFET", "MOS-2026-02", "SPL-000030", "Lab 2, bench 1")).await?;
    made += new;
    if new == 1 {
        made += queue_sweep(session, &transistor).await?;
    }
    Ok(made)
}

pub(super) async fn other(session: &Session) -> Result<usize> {
    // The same name and barcode as in the first organization: they do not collide, and neither sees the other's.
    Ok(enter(session, sample("W01", "Si wafer", "SI-2026-11", "SPL-000001", "Cabinet A")).await?.1)
}

/// A run that a technician can start at once.
async fn queue_sweep(session: &Session, sample_id: &str) -> Result<usize> {
    let request = ListInstrumentsRequest { filter: "asset_code = \"KEI-2400-01\"".to_owned(), ..Default::default() };
    let found = session.instruments().list_instruments(request).await.map_err(said)?.into_inner();
    let instrument = found.instruments.into_iter().next().ok_or_else(|| Trouble::new("KEI-2400-01 is missing"))?;
    let params = [("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.05)];
    let run = Run {
        instrument_id: instrument.id,
        sample_id: sample_id.to_owned(),
        method: "iv_sweep".to_owned(),
        params: Some(Struct {
            fields: params
                .into_iter()
                .map(|(name, number)| (name.to_owned(), Value { kind: Some(Kind::NumberValue(number)) }))
                .collect(),
        }),
        comment: "Transfer curve of the new lot".to_owned(),
        ..Default::default()
    };
    session.runs().create_run(CreateRunRequest { run: Some(run), request_id: String::new() }).await.map_err(said)?;
    Ok(1)
}

pub(super) fn sample(name: &str, material_type: &str, lot_code: &str, barcode: &str, location: &str) -> Sample {
    Sample {
        name: name.to_owned(),
        material_type: material_type.to_owned(),
        lot_code: lot_code.to_owned(),
        barcode: barcode.to_owned(),
        location: location.to_owned(),
        ..Default::default()
    }
}

fn attributes(pairs: &[(&str, &str)]) -> Struct {
    let fields: BTreeMap<_, _> = pairs
        .iter()
        .map(|(key, text)| ((*key).to_owned(), Value { kind: Some(Kind::StringValue((*text).to_owned())) }))
        .collect();
    Struct { fields }
}

/// The sample's id, and 1 if it was not there before: under its name or, where somebody gave it another one, its barcode,
/// deleted or not.
pub(super) async fn enter(session: &Session, sample: Sample) -> Result<(String, usize)> {
    let filter = format!("name = \"{}\" OR barcode = \"{}\"", sample.name, sample.barcode);
    let request = ListSamplesRequest { filter, show_deleted: true, page_size: 1, ..Default::default() };
    let there = session.samples().list_samples(request).await.map_err(said)?.into_inner();
    if let Some(found) = there.samples.into_iter().next() {
        return Ok((found.id, 0));
    }
    let request = CreateSampleRequest { sample: Some(sample), request_id: String::new() };
    let created = session.samples().create_sample(request).await.map_err(said)?.into_inner();
    Ok((created.sample.ok_or_else(|| Trouble::new("no sample came back"))?.id, 1))
}

//! Finished runs of the demo laboratory, one of each method, with data by the models of [`crate::physics`].
//!
//! Entered under the services' own rules: routine runs on instruments that are fit for use; on the others, checks by the
//! principal investigator. What the laboratory does not permit any more, as a run on an instrument whose certificate
//! has expired since, is left out.

use contract::{
    calibration::v1::ListInstrumentsRequest,
    runs::v1::{
        AppendDataChunkRequest, CompleteRunRequest, CreateNonRoutineRunRequest, CreateRunRequest, DataColumn,
        ListRunsRequest, Run, RunPurpose, RunState, StartRunRequest,
    },
};
use prost_types::{Struct, Value, value::Kind};
use tonic::Code;

use super::{Result, Session, Trouble, said, samples};
use crate::{
    lab::Lab,
    physics::{Noise, Params, measure},
};

/// Points of a chunk, as an instrument sends them.
const CHUNK: usize = 25;

struct Entry {
    asset_code: &'static str,
    method: &'static str,
    params: &'static [(&'static str, f64)],
    /// Name, material, lot, barcode and location.
    sample: [&'static str; 5],
    purpose: RunPurpose,
    comment: &'static str,
}

const DEMO: [Entry; 6] = [
    Entry {
        asset_code: "KEI-2400-01",
        method: "iv_sweep",
        params: &[("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.05)],
        sample: ["2N7000-B", "MOSFET", "MOS-2026-02", "SPL-000031", "Lab 2, bench 1"],
        purpose: RunPurpose::Routine,
        comment: "Transfer curve, incoming inspection",
    },
    Entry {
        asset_code: "KEI-2400-01",
        method: "diode_iv",
        params: &[("voltage_start", -5.0), ("voltage_stop", 1.0), ("voltage_step", 0.02)],
        sample: ["1N4148-A", "Diode", "DIO-2026-01", "SPL-000032", "Lab 2, bench 1"],
        purpose: RunPurpose::Routine,
        comment: "Forward and reverse characteristic",
    },
    Entry {
        asset_code: "KEY-E4980A-01",
        method: "cv_sweep",
        params: &[("bias_start", -3.0), ("bias_stop", 3.0), ("bias_step", 0.05), ("area", 1e-7)],
        sample: ["MOS-C1", "MOS capacitor", "OX-2026-04", "SPL-000033", "Lab 2, bench 2"],
        purpose: RunPurpose::Routine,
        comment: "Oxide and doping of the new furnace",
    },
    Entry {
        asset_code: "LS-8404-01",
        method: "hall_vdp",
        params: &[("current", 1e-3), ("magnetic_flux_density", 0.5), ("thickness", 2e-6)],
        sample: ["GAN-REF", "GaN layer", "REF-2025", "SPL-000034", "Lab 3, dry box"],
        purpose: RunPurpose::IntermediateCheck,
        comment: "Reference layer, before the instrument goes to its calibration",
    },
    Entry {
        asset_code: "JAN-RM3000-01",
        method: "sheet_resistance",
        params: &[("current", 1e-3)],
        sample: ["GAN-REF-2", "GaN layer", "REF-2025", "SPL-000035", "Clean room"],
        purpose: RunPurpose::IntermediateCheck,
        comment: "Reference layer, after the probe was found out of tolerance",
    },
    Entry {
        asset_code: "JAW-RC2-01",
        method: "ellipsometry",
        params: &[("wavelength_start", 400.0), ("wavelength_stop", 1000.0)],
        sample: ["SIO2-REF", "Oxidized Si wafer", "REF-2025", "SPL-000036", "Clean room"],
        purpose: RunPurpose::Calibration,
        comment: "Reference oxide, first calibration of the instrument",
    },
];

/// Enters what is not there yet; how many records that were.
pub(super) async fn demo(lab: &Lab, engineer: &Session) -> Result<usize> {
    let mut made = 0;
    let mut open = Vec::new();
    for entry in &DEMO {
        let [name, material_type, lot_code, barcode, location] = entry.sample;
        let sample = samples::sample(name, material_type, lot_code, barcode, location);
        let (sample_id, new) = samples::enter(engineer, sample).await?;
        made += new;
        let run = find(engineer, entry, &sample_id).await?;
        if run.as_ref().is_none_or(|run| begun_by_the_seed(run, entry)) {
            open.push((entry, sample_id, run));
        }
    }
    if open.is_empty() {
        return Ok(made);
    }

    let technician = Session::sign_in(lab, "tech@demo.lab", "tech123").await?;
    let investigator = Session::sign_in(lab, "pi@demo.lab", "pi123").await?;
    // Somebody has another password by now.
    let (Some(technician), Some(investigator)) = (technician, investigator) else { return Ok(made) };
    for (entry, sample_id, run) in open {
        let (creator, operator) = match entry.purpose {
            RunPurpose::Routine => (engineer, &technician),
            _ => (&investigator, &investigator),
        };
        let run = match run {
            Some(run) => Some(run),
            None => create(creator, entry, &sample_id).await?,
        };
        if let Some(run) = run
            && finish(operator, entry, run).await?
        {
            made += 1;
        }
    }
    technician.sign_out().await?;
    investigator.sign_out().await?;
    Ok(made)
}

/// The first run of the method on the sample.
async fn find(session: &Session, entry: &Entry, sample_id: &str) -> Result<Option<Run>> {
    let filter = format!("sample_id = \"{sample_id}\" AND method = \"{}\"", entry.method);
    let request = ListRunsRequest { filter, page_size: 1, ..Default::default() };
    let found = session.runs().list_runs(request).await.map_err(said)?.into_inner();
    Ok(found.runs.into_iter().next())
}

/// Whether a seed that was cut short left it, to be gone on with; a person's run is not touched.
fn begun_by_the_seed(run: &Run, entry: &Entry) -> bool {
    run.comment == entry.comment && matches!(run.state(), RunState::Queued | RunState::Running)
}

/// A run in the queue; none where the laboratory does not permit it.
async fn create(session: &Session, entry: &Entry, sample_id: &str) -> Result<Option<Run>> {
    let filter = format!("asset_code = \"{}\"", entry.asset_code);
    let request = ListInstrumentsRequest { filter, page_size: 1, ..Default::default() };
    let found = session.instruments().list_instruments(request).await.map_err(said)?.into_inner();
    let Some(instrument) = found.instruments.into_iter().next() else { return Ok(None) };
    let number = |value: f64| Value { kind: Some(Kind::NumberValue(value)) };
    let run = Run {
        instrument_id: instrument.id,
        sample_id: sample_id.to_owned(),
        method: entry.method.to_owned(),
        params: Some(Struct {
            fields: entry.params.iter().map(|(name, value)| ((*name).to_owned(), number(*value))).collect(),
        }),
        comment: entry.comment.to_owned(),
        ..Default::default()
    };
    let mut runs = session.runs();
    let created = if entry.purpose == RunPurpose::Routine {
        let request = CreateRunRequest { run: Some(run), request_id: String::new() };
        runs.create_run(request).await.map(|response| response.into_inner().run)
    } else {
        let purpose = entry.purpose.into();
        let request = CreateNonRoutineRunRequest { run: Some(run), purpose, request_id: String::new() };
        runs.create_non_routine_run(request).await.map(|response| response.into_inner().run)
    };
    Ok(permitted(created)?.flatten())
}

/// Starts the run, measures, and ends it; whether that was permitted.
async fn finish(session: &Session, entry: &Entry, run: Run) -> Result<bool> {
    let mut runs = session.runs();
    if run.state() == RunState::Queued {
        let start = StartRunRequest { id: run.id.clone(), ..Default::default() };
        if permitted(runs.start_run(start).await)?.is_none() {
            return Ok(false);
        }
    }
    for request in chunks(entry, &run)? {
        runs.append_data_chunk(request).await.map_err(said)?;
    }
    let complete = CompleteRunRequest { id: run.id, ..Default::default() };
    runs.complete_run(complete).await.map_err(said)?;
    Ok(true)
}

/// The run's data: the same, however often they are asked for.
fn chunks(entry: &Entry, run: &Run) -> Result<Vec<AppendDataChunkRequest>> {
    let number = |value: &Value| match value.kind {
        Some(Kind::NumberValue(number)) => Some(number),
        _ => None,
    };
    let params: Params = run
        .params
        .iter()
        .flat_map(|params| &params.fields)
        .filter_map(|(name, value)| Some((name.clone(), number(value)?)))
        .collect();
    let trace = measure(entry.method, &params, Noise::of(entry.sample[0]));
    let trace = trace.ok_or_else(|| Trouble(format!("the seed cannot measure {}", entry.method)))?;
    let columns = trace.columns;
    let points: Vec<_> = trace.collect();
    let chunk = |(seq, points): (i32, &[Vec<f64>])| AppendDataChunkRequest {
        run_id: run.id.clone(),
        seq,
        columns: columns
            .iter()
            .enumerate()
            .map(|(at, column)| DataColumn {
                name: column.name.to_owned(),
                unit: column.unit.to_owned(),
                values: points.iter().map(|point| point[at]).collect(),
            })
            .collect(),
        ..Default::default()
    };
    Ok((0..).zip(points.chunks(CHUNK)).map(chunk).collect())
}

/// What came back; nothing where a rule of the laboratory stands against it.
fn permitted<T>(answer: std::result::Result<T, tonic::Status>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(status) if status.code() == Code::FailedPrecondition => Ok(None),
        Err(status) => Err(said(status)),
    }
}

//! Runs and methods between the wire and the domain; recipes and the policy each in a file of its own.

pub mod policy;
pub mod recipe;

use chrono::{DateTime, Utc};
use contract::runs::v1 as wire;
use spectra_runtime::{
    Error, Result,
    object::{from_struct, to_struct},
    wire::{etag, hex, id, timestamp},
};

use crate::{
    data::{Chunk, Head, Stream},
    method::{Method, ResultDefinition, Span},
    run::{Disposition, Grant, Pin, Purpose, Run, State},
};

pub fn to_wire(run: Run) -> wire::Run {
    let (recipe_version_id, recipe_sha256) =
        run.recipe.map(|Pin { version_id, sha256 }| (version_id.to_string(), sha256)).unwrap_or_default();
    wire::Run {
        id: run.id.to_string(),
        instrument_id: run.instrument_id.to_string(),
        sample_id: run.sample_id.to_string(),
        method: run.method,
        params: Some(to_struct(run.params)),
        further_instrument_ids: run.further_instrument_ids.iter().map(ToString::to_string).collect(),
        comment: run.comment,
        purpose: purpose_to_wire(run.purpose).into(),
        state: state_to_wire(run.state).into(),
        disposition: disposition_to_wire(run.disposition).into(),
        state_reason: run.state_reason,
        created_by: run.created_by.to_string(),
        operator_id: run.operator_id.map(|id| id.to_string()).unwrap_or_default(),
        grants: run.grants.into_iter().map(grant_to_wire).collect(),
        valid_from: run.valid_from.map(timestamp),
        expires_at: run.expires_at.map(timestamp),
        created_at: Some(timestamp(run.created_at)),
        started_at: run.started_at.map(timestamp),
        finished_at: run.finished_at.map(timestamp),
        updated_at: Some(timestamp(run.updated_at)),
        etag: etag(run.revision),
        flagged: run.flagged,
        recipe_version_id,
        recipe_sha256,
        streams: run.streams.into_iter().map(stream_to_wire).collect(),
    }
}

/// Takes what a client may say of a new run; the server's own fields are left alone, params are the method's to check,
/// and the recipe is looked up.
pub fn apply(run: &mut Run, from: wire::Run) -> Result<()> {
    run.instrument_id = id("run.instrument_id", &from.instrument_id)?;
    run.sample_id = id("run.sample_id", &from.sample_id)?;
    run.method = from.method;
    run.params = from_struct("run.params", from.params.unwrap_or_default())?;
    run.further_instrument_ids = from
        .further_instrument_ids
        .iter()
        .enumerate()
        .map(|(index, text)| id(&format!("run.further_instrument_ids[{index}]"), text))
        .collect::<Result<_>>()?;
    run.comment = from.comment;
    run.check_instruments()
}

fn grant_to_wire(grant: Grant) -> wire::PinnedGrant {
    wire::PinnedGrant {
        grant_id: grant.id.to_string(),
        instrument_id: grant.instrument_id.to_string(),
        calibration_id: grant.calibration_id.map(|id| id.to_string()).unwrap_or_default(),
        exempt: grant.exempt,
        expires_at: grant.expires_at.map(timestamp),
        revoked_at: grant.revoked_at.map(timestamp),
    }
}

fn stream_to_wire(stream: Stream) -> wire::DataStream {
    wire::DataStream {
        name: stream.name,
        columns: stream.heads.iter().map(|head| column_to_wire(head, Vec::new())).collect(),
        chunks: stream.chunks,
        points: stream.points,
        sha256: hex(&stream.sha256),
    }
}

fn column_to_wire(head: &Head, values: Vec<f64>) -> wire::DataColumn {
    wire::DataColumn { name: head.name.clone(), unit: head.unit.clone(), values }
}

/// A chunk with these of its columns.
pub fn chunk_to_wire(chunk: &Chunk, columns: &[usize], recorded_at: DateTime<Utc>) -> wire::DataChunk {
    let column = |&at: &usize| column_to_wire(&chunk.heads[at], chunk.values(at).collect());
    wire::DataChunk {
        stream: chunk.stream.clone(),
        seq: chunk.seq,
        columns: columns.iter().map(column).collect(),
        sha256: hex(&chunk.sha256),
        recorded_at: Some(timestamp(recorded_at)),
    }
}

pub fn chunk_from_wire(from: &wire::AppendDataChunkRequest) -> Result<Chunk> {
    let head = |column: &wire::DataColumn| Head { name: column.name.clone(), unit: column.unit.clone() };
    let columns: Vec<_> = from.columns.iter().map(|column| (head(column), column.values.as_slice())).collect();
    Chunk::new(&from.stream, from.seq, &columns)
}

/// What is answered about a chunk that is stored, the first time and each time after it.
pub fn receipt_to_wire(chunk: &Chunk) -> Result<wire::AppendDataChunkResponse> {
    Ok(wire::AppendDataChunkResponse {
        points: i32::try_from(chunk.points).map_err(Error::internal)?,
        sha256: hex(&chunk.sha256),
        next_seq: chunk.seq + 1,
    })
}

const fn purpose_to_wire(purpose: Purpose) -> wire::RunPurpose {
    match purpose {
        Purpose::Routine => wire::RunPurpose::Routine,
        Purpose::IntermediateCheck => wire::RunPurpose::IntermediateCheck,
        Purpose::Calibration => wire::RunPurpose::Calibration,
    }
}

/// `None` where it is not said.
pub const fn purpose_from_wire(purpose: wire::RunPurpose) -> Option<Purpose> {
    match purpose {
        wire::RunPurpose::Unspecified => None,
        wire::RunPurpose::Routine => Some(Purpose::Routine),
        wire::RunPurpose::IntermediateCheck => Some(Purpose::IntermediateCheck),
        wire::RunPurpose::Calibration => Some(Purpose::Calibration),
    }
}

const fn state_to_wire(state: State) -> wire::RunState {
    match state {
        State::Queued => wire::RunState::Queued,
        State::Held => wire::RunState::Held,
        State::Running => wire::RunState::Running,
        State::Paused => wire::RunState::Paused,
        State::Succeeded => wire::RunState::Succeeded,
        State::Failed => wire::RunState::Failed,
        State::Aborted => wire::RunState::Aborted,
        State::Cancelled => wire::RunState::Cancelled,
    }
}

const fn disposition_to_wire(disposition: Disposition) -> wire::RunDisposition {
    match disposition {
        Disposition::Unreviewed => wire::RunDisposition::Unreviewed,
        Disposition::Verified => wire::RunDisposition::Verified,
        Disposition::Suspect => wire::RunDisposition::Suspect,
        Disposition::Invalidated => wire::RunDisposition::Invalidated,
    }
}

pub fn method_to_wire(method: &Method) -> wire::Method {
    let result_to_wire = |result: &ResultDefinition| wire::ResultDefinition {
        name: result.name.clone(),
        title: result.title.clone(),
        unit: result.unit.clone(),
    };
    let span_to_wire = |span: &Span| wire::Span {
        quantity: span.quantity.clone(),
        unit: span.unit.clone(),
        params: span.params.clone(),
        from_zero: span.from_zero,
        both_ways: span.both_ways,
    };
    wire::Method {
        code: method.code.to_owned(),
        title: method.title.clone(),
        description: method.description.clone(),
        params_schema: Some(to_struct(method.params_schema.clone())),
        results: method.results.iter().map(result_to_wire).collect(),
        spans: method.spans.iter().map(span_to_wire).collect(),
    }
}

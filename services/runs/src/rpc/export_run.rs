//! ExportRun: the data of a stream as a file, under a head that says where they come from.

use std::{future::ready, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use contract::{
    calibration::v1::{Calibration, Instrument},
    runs::v1::{ExportFormat, ExportRunRequest, ExportRunResponse},
    samples::v1::Sample,
};
use futures::{
    Stream, StreamExt as _, TryStreamExt as _,
    future::{try_join, try_join_all},
    stream,
};
use spectra_runtime::{Error, Result, auth::Caller, wire};
use uuid::Uuid;

use super::get_run_data::pages;
use crate::{
    App,
    data::named,
    export,
    method::Method,
    run::{Grant, RESOURCE, Run},
};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: ExportRunRequest,
) -> Result<impl Stream<Item = Result<ExportRunResponse>> + Send + 'static> {
    match request.format() {
        // What is not among them was refused by validation; a new one has to be written here before this compiles.
        ExportFormat::Unspecified | ExportFormat::Csv => {}
    }
    let run_id = wire::id("run_id", &request.run_id)?;
    let run = app.db.get(&caller, &app.runs, run_id).await?.ok_or_else(|| Error::not_found(RESOURCE, run_id))?;
    let name = named(&request.stream).to_owned();

    let (sample, pieces) = try_join(
        app.clients.sample_once_there(&caller, run.sample_id),
        try_join_all(run.instrument_ids().map(|id| piece(&app, &caller, &run, id))),
    )
    .await?;
    let measured = run.streams.iter().find(|stream| stream.name == name);
    let columns = measured.map(|stream| stream.heads.as_slice()).unwrap_or_default();
    let mut lines = about(&run, &sample, &pieces)?;
    if let Some(stream) = measured {
        lines.push(("stream".to_owned(), name.clone()));
        lines.push(("stream_sha256".to_owned(), wire::hex(&stream.sha256)));
    }
    let first = ExportRunResponse {
        file_name: export::file_name(&run.method, &sample.name, run_id, &name),
        media_type: export::MEDIA_TYPE.to_owned(),
        content: export::head(&lines, columns)?,
    };

    // As far as the hash above speaks of, whatever is appended meanwhile.
    let places = 0..measured.map_or(0, |stream| stream.chunks);
    // Chunk by chunk: a message holds less than four megabytes, which is what clients take.
    let chunks = pages(app, caller, run_id, name, places).map_ok(|page| stream::iter(page.into_iter().map(Ok)));
    let rows = chunks.try_flatten().and_then(|(chunk, _)| {
        ready(export::rows(&chunk).map(|content| ExportRunResponse { content, ..ExportRunResponse::default() }))
    });
    Ok(stream::once(ready(Ok(first))).chain(rows))
}

/// An instrument of the run, with the grant and the calibration that it was used by.
struct Piece {
    instrument: Instrument,
    grant: Option<Grant>,
    calibration: Option<Calibration>,
}

async fn piece(app: &App, caller: &Caller, run: &Run, instrument_id: Uuid) -> Result<Piece> {
    let instrument = app.clients.instrument(caller, instrument_id).await?;
    let grant = run.grants.iter().find(|grant| grant.instrument_id == instrument_id).cloned();
    let calibration = match grant.as_ref().and_then(|grant| grant.calibration_id) {
        Some(id) => Some(app.clients.calibration_of(caller, id).await?),
        None => None,
    };
    Ok(Piece { instrument, grant, calibration })
}

/// What the head says of a run.
fn about(run: &Run, sample: &Sample, pieces: &[Piece]) -> Result<Vec<(String, String)>> {
    let mut lines = vec![
        ("run", run.id.to_string()),
        ("method", format!("{} ({})", run.method, Method::find(&run.method)?.title)),
        ("sample", format!("{} ({})", sample.name, sample.id)),
    ];
    for Piece { instrument, grant, calibration } in pieces {
        let Instrument { asset_code, manufacturer, model, serial_number, id, .. } = instrument;
        lines.push(("instrument", format!("{asset_code}, {manufacturer} {model}, serial {serial_number} ({id})")));
        let exempt = grant.as_ref().is_some_and(|grant| grant.exempt);
        let by = match calibration {
            Some(by) => format!("certificate {} by {} ({})", by.certificate_id, by.provider, by.id),
            None => "none".to_owned(),
        };
        lines.push(("calibration", if exempt { format!("{by}; exempt from the lockout") } else { by }));
    }
    lines.extend([
        ("purpose", run.purpose.as_str().to_owned()),
        ("state", run.state.as_str().to_owned()),
        ("disposition", run.disposition.as_str().to_owned()),
        ("flagged", run.flagged.to_string()),
        ("operator", run.operator_id.map(|id| id.to_string()).unwrap_or_default()),
        ("started_at", run.started_at.map(instant).unwrap_or_default()),
        ("finished_at", run.finished_at.map(instant).unwrap_or_default()),
        ("comment", run.comment.clone()),
    ]);
    let mut lines: Vec<_> = lines.into_iter().map(|(what, text)| (what.to_owned(), text)).collect();
    lines.extend(params(run)?);
    Ok(lines)
}

/// The parameters, each with its unit.
fn params(run: &Run) -> Result<Vec<(String, String)>> {
    let schema = &Method::find(&run.method)?.params_schema;
    let unit = |name: &str| schema.get("properties")?.get(name)?.get("x-ucum")?.as_str();
    let line =
        |(name, value): (&String, _)| (format!("param {name}"), format!("{value} {}", unit(name).unwrap_or_default()));
    Ok(run.params.iter().map(line).collect())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

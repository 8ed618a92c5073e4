//! WatchRuns: the event log, run by run.

use std::sync::Arc;

use contract::runs::v1::{Run, RunEvent, WatchRunsRequest, WatchRunsResponse};
use futures::{Stream, TryStreamExt as _};
use prost::Message as _;
use spectra_runtime::{Error, Result, auth::Caller, db::LogEntry, list::Filter, watch, wire::timestamp};

use crate::{App, run, store::run::LIST};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: WatchRunsRequest,
) -> Result<impl Stream<Item = Result<WatchRunsResponse>> + Send> {
    let filter = LIST.filter(&request.filter)?;
    let read = move |entry| event(&filter, entry);
    let messages = watch::watch(&app.db, &app.sealer, &caller, &request, &[run::RESOURCE], read).await?;
    Ok(messages.map_ok(|message| WatchRunsResponse { event: message.event, resume_token: message.resume_token }))
}

fn event(filter: &Filter, entry: LogEntry) -> Result<Vec<RunEvent>> {
    let LogEntry { id, action, change, recorded_at, .. } = entry;
    let (true, Some(after)) = (filter.concerns(&change)?, change.after) else { return Ok(Vec::new()) };
    let run = Some(Run::decode(after.value.as_slice()).map_err(Error::internal)?);
    Ok(vec![RunEvent { id: id.to_string(), action, run, recorded_at: Some(timestamp(recorded_at)) }])
}

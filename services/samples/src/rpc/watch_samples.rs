//! WatchSamples: the event log, sample by sample.

use std::sync::Arc;

use contract::{
    common::v1::Change,
    samples::v1::{BatchCreateSamplesResponse, Sample, SampleEvent, WatchSamplesRequest, WatchSamplesResponse},
};
use futures::{Stream, TryStreamExt as _};
use prost::{Message as _, Name as _};
use spectra_runtime::{Error, Result, auth::Caller, db::LogEntry, list::Filter, watch, wire::timestamp};

use super::batch_create_samples;
use crate::{App, sample, store::sample::LIST};

/// What tells of samples: a batch is one event.
const RESOURCES: &[&str] = &[sample::RESOURCE, batch_create_samples::RESOURCE];

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: WatchSamplesRequest,
) -> Result<impl Stream<Item = Result<WatchSamplesResponse>> + Send> {
    let filter = LIST.filter(&request.filter)?;
    let read = move |entry| events(&filter, entry);
    let messages = watch::watch(&app.db, &app.sealer, &caller, &request, RESOURCES, read).await?;
    Ok(messages.map_ok(|message| WatchSamplesResponse { event: message.event, resume_token: message.resume_token }))
}

fn events(filter: &Filter, entry: LogEntry) -> Result<Vec<SampleEvent>> {
    let LogEntry { id, action, change, recorded_at, .. } = entry;
    let event = |sample| SampleEvent {
        id: id.to_string(),
        action: action.clone(),
        sample: Some(sample),
        recorded_at: Some(timestamp(recorded_at)),
    };
    let Some(after) = &change.after else { return Ok(Vec::new()) };
    if after.type_url != BatchCreateSamplesResponse::type_url() {
        let told = filter.concerns(&change)?.then(|| Sample::decode(after.value.as_slice()));
        return Ok(told.transpose().map_err(Error::internal)?.map(event).into_iter().collect());
    }
    let batch = BatchCreateSamplesResponse::decode(after.value.as_slice()).map_err(Error::internal)?;
    let mut events = Vec::new();
    for sample in batch.samples {
        let after = prost_types::Any { type_url: Sample::type_url(), value: sample.encode_to_vec() };
        if filter.concerns(&Change { before: None, after: Some(after) })? {
            events.push(event(sample));
        }
    }
    Ok(events)
}

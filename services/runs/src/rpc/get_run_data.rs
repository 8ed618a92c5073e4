//! GetRunData: the chunks of a stream in their order, read page by page while the client takes them.

use std::{ops::Range, sync::Arc};

use chrono::{DateTime, Utc};
use contract::runs::v1::{GetRunDataRequest, GetRunDataResponse};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use spectra_runtime::{Error, Result, auth::Caller, wire};
use uuid::Uuid;

use super::convert;
use crate::{
    App,
    data::{Chunk, named},
    run::RESOURCE,
    store::data_chunk::chunk_page,
};

/// Chunks that one read takes: what a stream holds in memory at most, six megabytes.
const PAGE: u8 = 8;

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: GetRunDataRequest,
) -> Result<impl Stream<Item = Result<GetRunDataResponse>> + Send + 'static> {
    let run_id = wire::id("run_id", &request.run_id)?;
    let run = app.db.get(&caller, &app.runs, run_id).await?.ok_or_else(|| Error::not_found(RESOURCE, run_id))?;
    let name = named(&request.stream).to_owned();
    let columns = match run.streams.iter().find(|stream| stream.name == name) {
        Some(stream) => stream.pick(&request.columns)?,
        None => return Ok(stream::empty().boxed()),
    };

    let pages = pages(app, caller, run_id, name, request.from_seq..i32::MAX);
    let chunks = pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten();
    let to_wire = move |(chunk, recorded_at)| GetRunDataResponse {
        chunk: Some(convert::chunk_to_wire(&chunk, &columns, recorded_at)),
    };
    Ok(chunks.map_ok(to_wire).boxed())
}

/// The chunks of a stream in these places, as far as there are any, in pages. Each is a read of its own: no connection
/// waits for a client who takes his time. Chunks never change and leave no gap, so that the pages fit together.
pub fn pages(
    app: Arc<App>,
    caller: Caller,
    run_id: Uuid,
    stream: String,
    places: Range<i32>,
) -> impl Stream<Item = Result<Vec<(Chunk, DateTime<Utc>)>>> + Send + 'static {
    let (reader, end) = (Arc::new((app, caller, stream)), places.end);
    stream::try_unfold(Some(places.start), move |next| {
        let reader = Arc::clone(&reader);
        async move {
            let Some(from_seq) = next.filter(|next| *next < end) else { return Ok(None) };
            let count = i64::from(PAGE).min(i64::from(end) - i64::from(from_seq));
            let (app, caller, stream) = &*reader;
            let org_id = caller.org_id();
            let page = app
                .db
                .read(caller, async |conn| chunk_page(conn, org_id, run_id, stream, from_seq, count).await)
                .await?;
            let Some((last, _)) = page.last() else { return Ok(None) };
            let next = (page.len() == usize::from(PAGE)).then_some(last.seq + 1);
            Ok(Some((page, next)))
        }
    })
}

//! AppendDataChunk: the next chunk of a stream, while its run measures; the same chunk again changes nothing.

use std::sync::Arc;

use contract::runs::v1::{AppendDataChunkRequest, AppendDataChunkResponse};
use spectra_runtime::{Result, auth::Caller, db::Tx, wire::id};

use super::convert;
use crate::{
    App,
    data::check_measures,
    store::{
        data_chunk::{chunk_insert, chunk_sha256, stream_find},
        run::run_lock_state,
    },
};

pub async fn handle(app: Arc<App>, caller: Caller, request: AppendDataChunkRequest) -> Result<AppendDataChunkResponse> {
    let run_id = id("run_id", &request.run_id)?;
    let chunk = convert::chunk_from_wire(&request)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            // The run's end waits for the chunk, or the chunk for the run's end; and so do two chunks.
            let state = run_lock_state(tx.conn(), org_id, run_id).await?;
            let stream = stream_find(tx.conn(), org_id, run_id, &chunk.stream).await?;
            let reply = convert::receipt_to_wire(&chunk)?;
            // The event that the audit trail gets of the data is the one of the run's end.
            tx.unchanged();
            if stream.as_ref().is_some_and(|stream| chunk.seq < stream.chunks) {
                let there = chunk_sha256(tx.conn(), org_id, run_id, &chunk.stream, chunk.seq).await?;
                chunk.check_same(&there.unwrap_or_default())?;
                return Ok(reply);
            }
            check_measures(run_id, state)?;
            chunk.check_follows(stream.as_ref())?;
            tx.last(chunk_insert(org_id, run_id, chunk)?);
            Ok(reply)
        })
        .await
}

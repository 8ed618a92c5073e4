//! WatchRevocations: all sessions that were ended, then each further one.

use std::{sync::Arc, time::Instant};

use contract::auth::v1::{Revocation, WatchRevocationsRequest, WatchRevocationsResponse};
use futures::{Stream, StreamExt as _, stream};
use spectra_runtime::{Result, auth::Caller, wire::timestamp};
use tokio::sync::broadcast::error::RecvError;

use crate::{App, revocation::Ended};

pub async fn handle(
    app: Arc<App>,
    _: Caller,
    _: WatchRevocationsRequest,
) -> Result<impl Stream<Item = Result<WatchRevocationsResponse>> + Send> {
    let (all, news) = app.hub.listen(Instant::now())?;
    let further = stream::unfold((app, news), |(app, mut news)| async move {
        let ended = match news.recv().await {
            Ok(ended) => to_wire(&ended),
            Err(RecvError::Closed) => return None,
            Err(RecvError::Lagged(_)) => {
                let all;
                (all, news) = app.hub.listen(Instant::now()).ok()?;
                to_wire(&all)
            }
        };
        Some((Ok(ended), (app, news)))
    });
    Ok(stream::iter([Ok(to_wire(&all))]).chain(further))
}

fn to_wire(ended: &Ended) -> WatchRevocationsResponse {
    let one = |(session_id, over_at): &_| Revocation {
        session_id: uuid::Uuid::to_string(session_id),
        expires_at: Some(timestamp(*over_at)),
    };
    WatchRevocationsResponse { revocations: ended.iter().map(one).collect() }
}

//! MoveSample: what is gone cannot be moved.

use std::sync::Arc;

use contract::samples::v1::{MoveSampleRequest, MoveSampleResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};

use super::convert::sample as convert;
use crate::{
    App,
    sample::RESOURCE,
    store::sample::{sample_lock, sample_update},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: MoveSampleRequest) -> Result<MoveSampleResponse> {
    let id = wire::id("id", &request.id)?;
    let MoveSampleRequest { location, reason, etag, .. } = request.clone();

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut sample = sample_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&etag, sample.revision, RESOURCE, id)?;
            sample.check_movable()?;
            let before = convert::to_wire(sample.clone());
            sample.location = location;

            let sample = convert::to_wire(sample_update(tx.conn(), org_id, &sample).await?);
            tx.record(Event::new(RESOURCE, id, "move").before(&before).after(&sample).reason(reason));
            Ok(MoveSampleResponse { sample: Some(sample) })
        })
        .await
}

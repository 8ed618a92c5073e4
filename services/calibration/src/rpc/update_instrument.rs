//! UpdateInstrument: the fields that the mask names, if the instrument is still the one that was read. No use is
//! authorized while its capabilities change.

use std::sync::Arc;

use contract::calibration::v1::{UpdateInstrumentRequest, UpdateInstrumentResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    mask::Mask,
    wire,
};

use super::convert::instrument as convert;
use crate::{
    App,
    instrument::RESOURCE,
    store::{
        capability::capability_replace,
        instrument::{instrument_lock, instrument_update},
    },
};

const WRITABLE: &[&str] = &[
    "asset_code",
    "manufacturer",
    "model",
    "serial_number",
    "firmware",
    "location",
    "capabilities",
    "methods",
    "calibration_interval_days",
];
const READ_ONLY: &[&str] = &["id", "service_state", "service_reason", "created_by", "created_at", "updated_at", "etag"];

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: UpdateInstrumentRequest,
) -> Result<UpdateInstrumentResponse> {
    let mask = Mask::read(request.update_mask.as_ref(), WRITABLE, READ_ONLY)?;
    let from = request.instrument.clone().unwrap_or_default();
    let id = wire::id("instrument.id", &from.id)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut instrument = instrument_lock(tx.conn(), org_id, id).await?;
            wire::check_etag(&from.etag, instrument.revision, RESOURCE, id)?;
            let before = convert::to_wire(instrument.clone());
            convert::apply(&mut instrument, from, |field| mask.has(field))?;

            if mask.has("capabilities") {
                capability_replace(tx.conn(), org_id, &instrument).await?;
            }
            let instrument = convert::to_wire(instrument_update(tx.conn(), org_id, &instrument).await?);
            tx.record(Event::new(RESOURCE, id, "update").before(&before).after(&instrument));
            Ok(UpdateInstrumentResponse { instrument: Some(instrument) })
        })
        .await
}

//! CreateInstrument: asset_code is unique in the organization; the database decides.

use std::sync::Arc;

use contract::calibration::v1::{CreateInstrumentRequest, CreateInstrumentResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
};
use uuid::Uuid;

use super::convert::instrument as convert;
use crate::{
    App,
    instrument::{Instrument, RESOURCE, ServiceState},
    store::{capability::capability_insert, instrument::instrument_insert},
};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: CreateInstrumentRequest,
) -> Result<CreateInstrumentResponse> {
    let at = app.clock.now_us();
    let mut instrument = Instrument {
        id: Uuid::now_v7(),
        asset_code: String::new(),
        manufacturer: String::new(),
        model: String::new(),
        serial_number: String::new(),
        firmware: String::new(),
        location: String::new(),
        capabilities: Vec::new(),
        methods: Vec::new(),
        calibration_interval_days: 0,
        service_state: ServiceState::InService,
        service_reason: String::new(),
        created_by: caller.user_id(),
        created_at: at,
        updated_at: at,
        revision: 1,
    };
    convert::apply(&mut instrument, request.instrument.clone().unwrap_or_default(), |_| true)?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            instrument_insert(tx.conn(), org_id, &instrument).await?;
            capability_insert(tx.conn(), org_id, &instrument).await?;
            let instrument = convert::to_wire(instrument);
            tx.record(Event::new(RESOURCE, &instrument.id, "create").after(&instrument));
            Ok(CreateInstrumentResponse { instrument: Some(instrument) })
        })
        .await
}

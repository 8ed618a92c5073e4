//! TakeOutOfService and ReturnToService. The instrument is locked before its state is read, so that a use of it is
//! authorized wholly before it goes out of service, or not at all.

use std::sync::Arc;

use contract::calibration::v1::{
    self as v1, ReturnToServiceRequest, ReturnToServiceResponse, TakeOutOfServiceRequest, TakeOutOfServiceResponse,
};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};
use uuid::Uuid;

use super::convert::instrument as convert;
use crate::{
    App,
    instrument::{RESOURCE, ServiceState},
    store::instrument::{instrument_lock, instrument_update},
};

pub async fn take_out(
    app: Arc<App>,
    caller: Caller,
    request: TakeOutOfServiceRequest,
) -> Result<TakeOutOfServiceResponse> {
    let id = wire::id("id", &request.id)?;
    let TakeOutOfServiceRequest { reason, etag, .. } = request.clone();
    let change = Change { id, to: ServiceState::OutOfService, action: "take_out_of_service", reason, etag };

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            Ok(TakeOutOfServiceResponse { instrument: Some(change.make(tx, org_id).await?) })
        })
        .await
}

pub async fn give_back(
    app: Arc<App>,
    caller: Caller,
    request: ReturnToServiceRequest,
) -> Result<ReturnToServiceResponse> {
    let id = wire::id("id", &request.id)?;
    let ReturnToServiceRequest { reason, etag, .. } = request.clone();
    let change = Change { id, to: ServiceState::InService, action: "return_to_service", reason, etag };

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            Ok(ReturnToServiceResponse { instrument: Some(change.make(tx, org_id).await?) })
        })
        .await
}

struct Change {
    id: Uuid,
    to: ServiceState,
    action: &'static str,
    reason: String,
    etag: String,
}

impl Change {
    async fn make(self, tx: &mut Tx, org_id: Uuid) -> Result<v1::Instrument> {
        let Self { id, to, action, reason, etag } = self;
        let mut instrument = instrument_lock(tx.conn(), org_id, id).await?;
        wire::check_etag(&etag, instrument.revision, RESOURCE, id)?;
        let before = convert::to_wire(instrument.clone());
        instrument.change_service(to, &reason)?;

        let instrument = convert::to_wire(instrument_update(tx.conn(), org_id, &instrument).await?);
        tx.record(Event::new(RESOURCE, id, action).before(&before).after(&instrument).reason(reason));
        Ok(instrument)
    }
}

//! CreateCalibration: it counts at once unless the policy wants a review. The instrument is locked first, so that its
//! capabilities, which the certificate speaks of, stay what they are.

use std::sync::Arc;

use contract::calibration::v1::{CreateCalibrationRequest, CreateCalibrationResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
};

use super::convert::calibration as convert;
use crate::{
    App,
    calibration::{RESOURCE, State},
    store::{calibration::calibration_insert, instrument::instrument_lock, policy::policy_get},
};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: CreateCalibrationRequest,
) -> Result<CreateCalibrationResponse> {
    let from = request.calibration.clone().unwrap_or_default();
    let mut calibration = convert::from_wire(from, caller.user_id(), app.clock.now_us())?;

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let instrument = instrument_lock(tx.conn(), org_id, calibration.instrument_id).await?;
            calibration.check_against(&instrument)?;
            let policy = policy_get(tx.conn(), org_id).await?;
            calibration.state = if policy.certificate_review { State::Draft } else { State::Accepted };

            let calibration = convert::to_wire(calibration_insert(tx.conn(), org_id, calibration).await?);
            tx.record(Event::new(RESOURCE, &calibration.id, "create").after(&calibration));
            Ok(CreateCalibrationResponse { calibration: Some(calibration) })
        })
        .await
}

//! GetCalibrationStatus: computed at the database's time, whenever it is asked for; never stored.

use std::sync::Arc;

use contract::calibration::v1::{GetCalibrationStatusRequest, GetCalibrationStatusResponse};
use spectra_runtime::{Result, auth::Caller, wire};

use super::convert::calibration as convert;
use crate::{
    App,
    store::{fitness::facts, policy::policy_get},
};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: GetCalibrationStatusRequest,
) -> Result<GetCalibrationStatusResponse> {
    let id = wire::id("instrument_id", &request.instrument_id)?;
    let org_id = caller.org_id();
    let (policy, facts) = app
        .db
        .read(&caller, async |conn| {
            let (conn, ids) = (&*conn, [id]);
            futures::try_join!(policy_get(conn, org_id), facts(conn, org_id, &ids))
        })
        .await?;
    let fitness = facts.fitness(facts.instrument(id)?, &policy);
    Ok(GetCalibrationStatusResponse { status: Some(convert::status_to_wire(id, &fitness, facts.at)) })
}

//! ListDueCalibrations: found by the database's time, and the status of each computed as GetCalibrationStatus does.

use std::sync::Arc;

use chrono::TimeDelta;
use contract::calibration::v1::{DueCalibration, ListDueCalibrationsRequest, ListDueCalibrationsResponse};
use spectra_runtime::{Result, auth::Caller, wire::timestamp};

use super::convert::{calibration::status_to_wire, instrument};
use crate::{
    App,
    store::{
        due::{LIST, due_list},
        fitness::facts,
        policy::policy_get,
    },
};

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: ListDueCalibrationsRequest,
) -> Result<ListDueCalibrationsResponse> {
    let page = LIST.page(&app.sealer, caller.org_id(), &request)?;
    let within =
        request.within.map(|within| TimeDelta::seconds(within.seconds) + TimeDelta::nanoseconds(within.nanos.into()));

    let org_id = caller.org_id();
    let (policy, rows, facts) = app
        .db
        .read(&caller, async |conn| {
            let policy = policy_get(conn, org_id).await?;
            let within = within.unwrap_or_else(|| TimeDelta::days(policy.due_soon_days.into()));
            let rows = due_list(conn, org_id, within, &page).await?;
            let ids: Vec<_> = rows.iter().map(|row| row.instrument_id).collect();
            let facts = facts(conn, org_id, &ids).await?;
            Ok((policy, rows, facts))
        })
        .await?;

    let (rows, next_page_token) = page.finish(rows);
    let due = rows.into_iter().map(|row| {
        let of = facts.instrument(row.instrument_id)?;
        Ok(DueCalibration {
            status: Some(status_to_wire(of.id, &facts.fitness(of, &policy), facts.at)),
            due_at: facts.due_at(of.id).map(timestamp),
            instrument: Some(instrument::to_wire(of.clone())),
        })
    });
    Ok(ListDueCalibrationsResponse { due: due.collect::<Result<_>>()?, next_page_token })
}

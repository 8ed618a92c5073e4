//! The follower: learns from the event log which calibrations were revoked, so that the runs which pin them show it.
//!
//! A run under way is not stopped. Whether a calibration was lost *while* it ran is told when the run is read, from
//! what the run pins and from the revocations known; a start that was in flight meanwhile is told as well.

use std::{sync::Arc, time::Duration};

use contract::{calibration::v1::Calibration, common::v1::Change};
use prost::{Message as _, Name as _};
use spectra_runtime::{
    Error, Result,
    auth::{Caller, Request},
    db::{Tx, Value},
    error::Kind,
    wire::{id, instant},
};
use uuid::Uuid;

use crate::{
    App,
    store::revocation::{Revocation, Stretch, revocations_keep, revocations_since},
};

/// How long keeping a stretch may take.
const TIME: Duration = Duration::from_secs(8);
/// Transactions after which the cursor is moved although there was nothing to keep.
const STRIDE: i64 = 10_000;

/// Reads on in every organization's log. One that cannot be read does not keep the others from it; the last such failure
/// comes back.
pub async fn round(app: &Arc<App>) -> Result<()> {
    let mut outcome = Ok(());
    for org_id in app.db.organization_ids().await? {
        match read_on(app, org_id).await {
            Err(error) if error.kind() == Kind::Unavailable => return Err(error),
            Err(error) => outcome = Err(error),
            Ok(()) => {}
        }
    }
    outcome
}

async fn read_on(app: &App, org_id: Uuid) -> Result<()> {
    let Stretch { from, to, bodies } =
        app.db.read_as(org_id, async |conn| revocations_since(conn, org_id).await).await?;
    if bodies.is_empty() && to - from < STRIDE {
        return Ok(());
    }
    let revocations = bodies.iter().map(|body| revocation(org_id, body)).collect::<Result<Vec<_>>>()?;
    let told = revocations.len();
    let by = Caller::service(crate::NAME, org_id, Request::internal(TIME));
    let kept = app.db.write(&by, async move |tx: &mut Tx| {
        revocations_keep(tx.conn(), org_id, revocations, to).await?;
        tx.unchanged();
        Ok(Value(()))
    });
    kept.await?;
    if told > 0 {
        tracing::info!(%org_id, told, "runs show calibrations that were revoked");
    }
    Ok(())
}

fn revocation(org_id: Uuid, body: &[u8]) -> Result<Revocation> {
    let change = Change::decode(body).map_err(Error::internal)?;
    let after = change.after.filter(|after| after.type_url == Calibration::type_url());
    let after = after.ok_or_else(|| Error::internal("the event of a revocation holds no calibration"))?;
    let calibration = Calibration::decode(after.value.as_slice()).map_err(Error::internal)?;
    let revoked_at = calibration.revoked_at.ok_or_else(|| Error::internal("a revoked calibration says no instant"))?;
    Ok(Revocation {
        org_id,
        calibration_id: id("calibration.id", &calibration.id)?,
        revoked_at: instant("calibration.revoked_at", &revoked_at)?,
    })
}

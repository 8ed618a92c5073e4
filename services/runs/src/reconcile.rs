//! The reconciler: gives back samples that nobody gives back otherwise: of runs that ended, and of starts that died.

use std::{sync::Arc, time::Duration};

use spectra_runtime::{
    Result,
    auth::{Caller, Request},
    error::Kind,
};
use uuid::Uuid;

use crate::{App, claim::Claim, store::sample_claim::claims_left};

/// How long giving one sample back may take.
const TIME: Duration = Duration::from_secs(8);

/// One round. What fails by itself does not keep the rest from being tried; the last such failure comes back.
pub async fn round(app: &Arc<App>) -> Result<()> {
    let mut outcome = Ok(());
    for org_id in app.db.organization_ids().await? {
        for claim in app.db.read_as(org_id, async |conn| claims_left(conn, org_id).await).await? {
            match give_back(app, org_id, claim).await {
                Err(error) if error.kind() == Kind::Unavailable => return Err(error),
                Err(error) => outcome = Err(error),
                Ok(()) => {}
            }
        }
    }
    outcome
}

async fn give_back(app: &App, org_id: Uuid, claim: Claim) -> Result<()> {
    let by = Caller::service(crate::NAME, org_id, Request::internal(TIME));
    let (run_id, sample_id) = (claim.run_id, claim.sample_id);
    app.give_back(&by, claim).await?;
    tracing::info!(%org_id, %run_id, %sample_id, "a sample was given back for a run that did not do so itself");
    Ok(())
}

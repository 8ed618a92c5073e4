//! The reconciler: gives back samples that nobody gives back otherwise.

use std::{sync::Arc, time::Duration};

use spectra_runtime::{
    Error, Reason, Result,
    auth::{Caller, Request},
    error::Kind,
    server::Drain,
};
use uuid::Uuid;

use crate::{App, claim::Claim, store::sample_claim::claims_left};

/// Between two rounds.
const PERIOD: Duration = Duration::from_secs(5);
/// How long giving one sample back may take.
const TIME: Duration = Duration::from_secs(8);

/// The worker that does it, to be run beside the service.
pub struct Reconciler(Arc<App>);

impl Reconciler {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// Goes from organization to organization, over and over, until the drain closes.
    pub async fn run(self, drain: Drain) {
        // A fault that lasts is told once, not at every round.
        let mut told = None;
        loop {
            tokio::select! {
                () = drain.closed() => return,
                () = tokio::time::sleep(PERIOD) => {}
            }
            let failed = tokio::select! {
                () = drain.closed() => return,
                outcome = round(&self.0) => outcome.err(),
            };
            let reason = failed.as_ref().map(Error::reason);
            // Whoever needs the database says that it is away; the reconciler only waits for it.
            if let Some(error) = failed
                && reason != told
                && reason != Some(Reason::DatabaseUnavailable)
            {
                tracing::warn!(?error, "samples could not be given back; trying again");
            }
            told = reason;
        }
    }
}

/// One round. What fails by itself does not keep the rest from being tried; the last such failure comes back.
async fn round(app: &App) -> Result<()> {
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

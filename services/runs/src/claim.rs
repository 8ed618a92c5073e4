//! A run's hold on its sample. It is on record before Samples is asked for the sample and until it was given back, so
//! that nothing that dies half way leaves a sample in use for ever.
//!
//! One attempt to start a run works on its claim at a time, and a start succeeds only while the claim is still the
//! attempt's: a sample that is being given back is never started with.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use spectra_runtime::{
    Reason, Result,
    auth::{self, Caller},
    db::{Tx, Value},
};
use uuid::Uuid;

use crate::{
    App,
    store::{
        run::run_lock_state,
        sample_claim::{claim_abandon, claim_delete, claim_of_run, claim_take},
    },
};

/// How long giving one sample back may take.
const TIME: Duration = Duration::from_secs(8);

/// A run's claim on its sample, and since when whoever holds this has been working on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub run_id: Uuid,
    pub sample_id: Uuid,
    pub claimed_at: DateTime<Utc>,
}

impl From<(Uuid, Uuid, DateTime<Utc>)> for Claim {
    fn from((run_id, sample_id, claimed_at): (Uuid, Uuid, DateTime<Utc>)) -> Self {
        Self { run_id, sample_id, claimed_at }
    }
}

/// The service by itself, in the course of this call: giving back must not fail for want of the caller's time.
pub fn itself(caller: &Caller) -> Caller {
    let request = auth::Request { deadline: Instant::now() + TIME, ..caller.request().clone() };
    Caller::service(crate::NAME, caller.org_id(), request)
}

impl App {
    /// Gives the sample of a claim back to Samples, unless its run is active or somebody else has taken the claim over.
    ///
    /// # Errors
    /// What kept it from being given back; the claim then stays, for the reconciler.
    pub async fn give_back(&self, by: &Caller, held: Claim) -> Result<()> {
        let org_id = by.org_id();
        let Value(retaken) = self
            .db
            .write(by, async move |tx: &mut Tx| {
                // Waits for whatever transaction holds the run, so an outcome that was unknown is known by now.
                let state = run_lock_state(tx.conn(), org_id, held.run_id).await?;
                let Claim { run_id, sample_id, claimed_at } = held;
                // One that is gone is written again: what it was asked for may have come through after its removal.
                let retaken = match state.is_active() {
                    true => None,
                    false => claim_take(tx.conn(), org_id, run_id, sample_id, Some(claimed_at)).await?,
                };
                tx.unchanged();
                Ok(Value(retaken))
            })
            .await?;
        match retaken {
            Some(claim) => self.release(by, claim).await,
            None => Ok(()),
        }
    }

    /// Gives the sample of a claim back to Samples, for whoever knows that the claim is theirs and its run not active.
    ///
    /// # Errors
    /// As [`Self::give_back`].
    pub async fn release(&self, by: &Caller, claim: Claim) -> Result<()> {
        match self.clients.release_sample(by, claim.sample_id, claim.run_id).await {
            // What is not there is not in use.
            Err(error) if error.reason() != Reason::ResourceNotFound => Err(error),
            _ => self.forget(by, claim).await,
        }
    }

    /// Gives the sample of a run that has ended back, if it still has it.
    ///
    /// # Errors
    /// As [`Self::give_back`].
    pub async fn give_back_of(&self, by: &Caller, run_id: Uuid) -> Result<()> {
        let claim = self.db.read(by, async |conn| claim_of_run(conn, by.org_id(), run_id).await).await?;
        match claim {
            Some(claim) => self.give_back(by, claim).await,
            None => Ok(()),
        }
    }

    /// Forgets a claim on a sample that the run does not have.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget(&self, by: &Caller, claim: Claim) -> Result<()> {
        let org_id = by.org_id();
        let forgotten = self.db.write(by, async move |tx: &mut Tx| {
            claim_delete(tx.conn(), org_id, &claim).await?;
            tx.unchanged();
            Ok(Value(()))
        });
        forgotten.await.map(|Value(())| ())
    }

    /// Leaves a claim to whoever comes next: another attempt, or the reconciler.
    ///
    /// # Errors
    /// The database's.
    pub async fn abandon(&self, by: &Caller, claim: Claim) -> Result<()> {
        let org_id = by.org_id();
        let abandoned = self.db.write(by, async move |tx: &mut Tx| {
            claim_abandon(tx.conn(), org_id, &claim).await?;
            tx.unchanged();
            Ok(Value(()))
        });
        abandoned.await.map(|Value(())| ())
    }
}

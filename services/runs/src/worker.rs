//! What the service does by itself, over and over, beside answering calls.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use spectra_runtime::{Error, Reason, Result, server::Drain};

use crate::{App, follow, reconcile};

/// Between two rounds.
const PERIOD: Duration = Duration::from_secs(5);

/// The worker, to be run beside the service: gives samples back, and learns of revocations.
pub struct Worker(Arc<App>);

impl Worker {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self(app)
    }

    /// Works until the drain closes.
    pub async fn run(self, drain: Drain) {
        futures::join!(
            repeat(&drain, "samples could not be given back", || reconcile::round(&self.0).boxed()),
            repeat(&drain, "revocations could not be read", || follow::round(&self.0).boxed()),
        );
    }
}

/// Goes from organization to organization, over and over.
async fn repeat<'a>(drain: &Drain, trouble: &str, round: impl Fn() -> BoxFuture<'a, Result<()>>) {
    // A fault that lasts is told once, not at every round.
    let mut told = None;
    loop {
        tokio::select! {
            () = drain.closed() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        let failed = tokio::select! {
            () = drain.closed() => return,
            outcome = round() => outcome.err(),
        };
        let reason = failed.as_ref().map(Error::reason);
        // Whoever needs the database says that it is away; the worker only waits for it.
        if let Some(error) = failed
            && reason != told
            && reason != Some(Reason::DatabaseUnavailable)
        {
            tracing::warn!(?error, "{trouble}; trying again");
        }
        told = reason;
    }
}

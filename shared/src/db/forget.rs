//! Replies are kept for a day, for whoever asks again with the same request_id; then they are forgotten.

use std::time::Duration;

use diesel::{sql_query, sql_types::Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use uuid::Uuid;

use super::{Db, Tx, Value, fault};
use crate::{
    auth::{Caller, Request},
    error::Result,
    server::Drain,
};

/// Between two rounds.
const PERIOD: Duration = Duration::from_secs(3600);
/// Replies forgotten in one transaction.
const AT_ONCE: usize = 2000;
/// How long that may take.
const TIME: Duration = Duration::from_secs(30);

impl Db {
    /// Forgets, every hour, until the drain closes. What fails is tried again an hour later.
    pub async fn keep_forgetting(self, drain: Drain) {
        loop {
            tokio::select! {
                () = drain.closed() => return,
                () = tokio::time::sleep(PERIOD) => {}
            }
            tokio::select! {
                () = drain.closed() => return,
                outcome = self.forget_replies() => if let Err(error) = outcome {
                    tracing::warn!(service = self.service, ?error, "old replies could not be forgotten");
                },
            }
        }
    }

    /// Forgets the replies that are older than a day, in every organization; how many there were.
    ///
    /// # Errors
    /// DATABASE_UNAVAILABLE.
    pub async fn forget_replies(&self) -> Result<usize> {
        let mut forgotten = 0;
        for org_id in self.organization_ids().await? {
            loop {
                let some = self.forget_some(org_id).await?;
                forgotten += some;
                if some < AT_ONCE {
                    break;
                }
            }
        }
        Ok(forgotten)
    }

    async fn forget_some(&self, org_id: Uuid) -> Result<usize> {
        let by = Caller::service(self.service, org_id, Request::internal(TIME));
        let table = format!("{}.request", self.service);
        let forget = self.write(&by, async move |tx: &mut Tx| {
            let delete = sql_query(format!(
                "DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} WHERE org_id = $1 \
                 AND created_at < clock_timestamp() - interval '24 hours' LIMIT {AT_ONCE})"
            ));
            let some = delete.bind::<SqlUuid, _>(org_id).execute(tx.conn()).await.map_err(fault)?;
            tx.unchanged();
            Ok(Value(some))
        });
        forget.await.map(|Value(some)| some)
    }
}

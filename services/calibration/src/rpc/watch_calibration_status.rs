//! WatchCalibrationStatus: computed again and again at the database's time, and told where it differs. It cannot be read off
//! the event log alone, since it changes by time as well.

use std::{
    collections::{HashMap, VecDeque},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use contract::calibration::v1::{InstrumentStatus, WatchCalibrationStatusRequest, WatchCalibrationStatusResponse};
use futures::{Stream, stream};
use spectra_runtime::{Result, auth::Caller, wire};
use tokio::time::Instant;
use uuid::Uuid;

use super::convert::calibration::status_to_wire;
use crate::{
    App,
    store::{fitness::facts, instrument::instrument_ids, policy::policy_get},
};

/// A sign of life comes at least so often.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Between two looks, where this process has not written meanwhile.
const LOOK_PERIOD: Duration = Duration::from_secs(1);

struct Watch {
    app: Arc<App>,
    caller: Caller,
    /// Empty for all.
    asked: Vec<Uuid>,
    told: HashMap<String, InstrumentStatus>,
    ready: VecDeque<InstrumentStatus>,
    said_at: Instant,
}

pub async fn handle(
    app: Arc<App>,
    caller: Caller,
    request: WatchCalibrationStatusRequest,
) -> Result<impl Stream<Item = Result<WatchCalibrationStatusResponse>> + Send> {
    let asked = request.instrument_ids.iter().map(|id| wire::id("instrument_ids", id)).collect::<Result<_>>()?;
    let (told, ready) = (HashMap::new(), VecDeque::new());
    let mut watch = Watch { app, caller, asked, told, ready, said_at: Instant::now() };
    watch.look().await?;
    if watch.ready.is_empty() {
        // There is no instrument yet: a sign of life comes at once.
        watch.said_at -= HEARTBEAT;
    }
    Ok(stream::try_unfold(watch, |mut watch| async move {
        let status = watch.next().await?;
        Ok(Some((WatchCalibrationStatusResponse { status }, watch)))
    }))
}

impl Watch {
    async fn next(&mut self) -> Result<Option<InstrumentStatus>> {
        let app = Arc::clone(&self.app);
        loop {
            if let Some(status) = self.ready.pop_front() {
                self.said_at = Instant::now();
                return Ok(Some(status));
            }
            if self.said_at.elapsed() >= HEARTBEAT {
                self.said_at = Instant::now();
                return Ok(None);
            }
            let mut changed = pin!(app.db.changed().notified());
            changed.as_mut().enable();
            self.look().await?;
            if self.ready.is_empty() {
                tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep(LOOK_PERIOD) => {}
                }
            }
        }
    }

    /// Computes every status, and keeps those that are not as they were told.
    async fn look(&mut self) -> Result<()> {
        let (org_id, asked) = (self.caller.org_id(), &self.asked);
        let (policy, facts) = self
            .app
            .db
            .read(&self.caller, async |conn| {
                let conn = &*conn;
                let ids = if asked.is_empty() { instrument_ids(conn, org_id).await? } else { asked.clone() };
                futures::try_join!(policy_get(conn, org_id), facts(conn, org_id, &ids))
            })
            .await?;
        for id in asked {
            facts.instrument(*id)?;
        }
        for instrument in &facts.instruments {
            let now = status_to_wire(instrument.id, &facts.fitness(instrument, &policy), facts.at);
            let told = self.told.get(&now.instrument_id);
            if told.is_none_or(|told| *told != InstrumentStatus { computed_at: told.computed_at, ..now.clone() }) {
                self.told.insert(now.instrument_id.clone(), now.clone());
                self.ready.push_back(now);
            }
        }
        Ok(())
    }
}

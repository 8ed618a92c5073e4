//! Point reads that travel together.
//!
//! Concurrent reads of one table by one organization wait for nothing but the batch in flight, and then go as one
//! statement. A lone read goes at once: no timer, no added latency. A read never joins a batch that was already sent,
//! which would show it an older state than the one at its arrival.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use diesel_async::AsyncPgConnection;
use futures::{FutureExt as _, future::BoxFuture};
use tokio::sync::oneshot;
use tracing::Instrument as _;
use uuid::Uuid;

use super::{Db, Lease, fault, overloaded, unreachable};
use crate::{
    error::{Error, Kind, Reason, Result},
    telemetry,
};

/// What fails sooner has not waited for a connection.
const AT_ONCE: Duration = Duration::from_millis(100);
/// Reads one statement carries at most.
const BATCH_LIMIT: usize = 128;
/// Batches after which a lane gives its connection back, so that others get their turn.
const BATCHES_A_LEASE: usize = 32;

type Rows<V> = Result<HashMap<Uuid, V>>;
type Load<V> = dyn for<'c> Fn(&'c mut AsyncPgConnection, Uuid, Vec<Uuid>) -> BoxFuture<'c, Rows<V>> + Send + Sync;

/// The point reads of one table.
pub struct Batch<V> {
    load: Arc<Load<V>>,
    lanes: Arc<Mutex<HashMap<Uuid, Lane<V>>>>,
}

impl<V> Clone for Batch<V> {
    fn clone(&self) -> Self {
        Self { load: Arc::clone(&self.load), lanes: Arc::clone(&self.lanes) }
    }
}

/// What one organization waits for; it is there as long as somebody drives it.
type Lane<V> = VecDeque<Waiter<V>>;

struct Waiter<V> {
    id: Uuid,
    reply: oneshot::Sender<Result<Option<V>>>,
}

impl<V: Clone + Send + 'static> Batch<V> {
    /// Reads by `load(connection, organization, ids)`, which returns the rows that exist by their ids.
    pub fn new(
        load: impl for<'c> Fn(&'c mut AsyncPgConnection, Uuid, Vec<Uuid>) -> BoxFuture<'c, Rows<V>> + Send + Sync + 'static,
    ) -> Self {
        Self { load: Arc::new(load), lanes: Arc::default() }
    }

    /// The row with this id, if the organization has one.
    pub(super) async fn get(&self, db: &Db, org_id: Uuid, id: Uuid) -> Result<Option<V>> {
        let (reply, answer) = oneshot::channel();
        let waiter = Waiter { id, reply };
        let alone = {
            let mut lanes = self.lanes.lock().expect("no holder of this lock panics");
            match lanes.entry(org_id) {
                Entry::Occupied(mut lane) => {
                    lane.get_mut().push_back(waiter);
                    false
                }
                Entry::Vacant(lane) => {
                    lane.insert(Lane::from([waiter]));
                    true
                }
            }
        };
        if alone {
            tokio::spawn(self.clone().drive(db.clone(), org_id));
        }
        // The statement is sent by a task of its own, for many: in the reader's trace stands the wait for it.
        let answer = answer.instrument(telemetry::statement("SELECT, with those of others"));
        answer.await.unwrap_or_else(|_| Err(Error::internal("a batch was dropped")))
    }

    /// Sends batches until nobody waits. Runs as a task of its own, so that no reader who leaves takes others along.
    async fn drive(self, db: Db, org_id: Uuid) {
        let mut held = None;
        for turn in 1_usize.. {
            // Readers who are about to run join this batch.
            tokio::task::yield_now().await;
            let Some(batch) = self.next(org_id) else { break };
            let ids: Vec<_> = batch.iter().map(|waiter| waiter.id).collect();
            let begun = Instant::now();
            let mut rows = self.ask(&db, &mut held, org_id, ids.clone()).await;
            // The connection may have gone with a server that is back already.
            if rows.as_ref().is_err_and(is_away) && begun.elapsed() < AT_ONCE {
                rows = self.ask(&db, &mut held, org_id, ids).await;
            }
            match rows {
                Ok(mut rows) => {
                    // Two may ask for the same row.
                    let shared = repeated(batch.iter().map(|waiter| waiter.id).collect());
                    for Waiter { id, reply } in batch {
                        let row = if shared.contains(&id) { rows.get(&id).cloned() } else { rows.remove(&id) };
                        let _ = reply.send(Ok(row));
                    }
                }
                // There is nobody to ask: one by one, each would only wait for those before it.
                Err(error) if is_away(&error) => {
                    tracing::warn!(reads = batch.len(), ?error, "the database could not be asked");
                    for Waiter { reply, .. } in batch {
                        let full = error.reason() == Reason::Overloaded;
                        let _ = reply.send(Err(if full { overloaded() } else { unreachable() }));
                    }
                }
                // One by one: a read that fails fails alone.
                Err(_) => {
                    for Waiter { id, reply } in batch {
                        let row = self.ask(&db, &mut held, org_id, vec![id]).await;
                        let _ = reply.send(row.map(|mut rows| rows.remove(&id)));
                    }
                }
            }
            if turn % BATCHES_A_LEASE == 0 {
                held.take().into_iter().for_each(Lease::done);
            }
        }
        held.into_iter().for_each(Lease::done);
    }

    /// Asks on the connection that is held, or on another one, which is held from then on.
    async fn ask(&self, db: &Db, held: &mut Option<Lease>, org_id: Uuid, ids: Vec<Uuid>) -> Rows<V> {
        let mut lease = match held.take() {
            Some(lease) => lease,
            None => db.lease().await?,
        };
        let conn = lease.conn();
        conn.bind(org_id).await.map_err(fault)?;
        // A lane whose driver is gone would keep its readers waiting: a panic fails the reads that it comes of.
        let load = AssertUnwindSafe(async { (self.load)(&mut conn.pg, org_id, ids).await });
        let rows = load.catch_unwind().await.unwrap_or_else(|_| Err(Error::internal("a read panicked")))?;
        *held = Some(lease);
        Ok(rows)
    }

    /// The next to go, without those who left; `None` closes the lane.
    fn next(&self, org_id: Uuid) -> Option<Vec<Waiter<V>>> {
        let mut lanes = self.lanes.lock().expect("no holder of this lock panics");
        let lane = lanes.get_mut(&org_id)?;
        let mut batch = Vec::with_capacity(lane.len().min(BATCH_LIMIT));
        while batch.len() < BATCH_LIMIT {
            match lane.pop_front() {
                Some(waiter) if waiter.reply.is_closed() => {}
                Some(waiter) => batch.push(waiter),
                None => break,
            }
        }
        if batch.is_empty() {
            lanes.remove(&org_id);
            return None;
        }
        Some(batch)
    }
}

fn is_away(error: &Error) -> bool {
    error.kind() == Kind::Unavailable
}

impl Db {
    /// A point read that may travel with others of the same organization and table.
    pub async fn get<V: Clone + Send + 'static>(
        &self,
        caller: &crate::auth::Caller,
        batch: &Batch<V>,
        id: Uuid,
    ) -> Result<Option<V>> {
        batch.get(self, caller.org_id(), id).await
    }
}

/// Those that are there more than once.
fn repeated(mut ids: Vec<Uuid>) -> HashSet<Uuid> {
    ids.sort_unstable();
    ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

//! Point reads that travel together.
//!
//! Concurrent reads of one table by one organization wait for nothing but the batch in flight, and then go as one
//! statement. A lone read goes at once: no timer, no added latency. A read never joins a batch that was already sent,
//! which would show it an older state than the one at its arrival.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use diesel_async::AsyncPgConnection;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Db;
use crate::error::{Error, Result};

/// Reads one statement carries at most.
const BATCH_LIMIT: usize = 128;
/// Batches of one organization that are under way at once: one is being answered while the next is being sent.
const IN_FLIGHT: usize = 2;

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

/// What one organization waits for.
struct Lane<V> {
    in_flight: usize,
    waiting: VecDeque<Waiter<V>>,
}

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
        let depart = {
            let mut lanes = self.lanes.lock().expect("no holder of this lock panics");
            let lane = lanes.entry(org_id).or_insert_with(|| Lane { in_flight: 0, waiting: VecDeque::new() });
            lane.waiting.push_back(Waiter { id, reply });
            let depart = lane.in_flight < IN_FLIGHT;
            lane.in_flight += usize::from(depart);
            depart
        };
        if depart {
            tokio::spawn(self.clone().drive(db.clone(), org_id));
        }
        answer.await.unwrap_or_else(|_| Err(Error::internal("a batch was dropped")))
    }

    /// Sends batches until nobody waits. Runs as a task of its own, so that no reader who leaves takes others along.
    async fn drive(self, db: Db, org_id: Uuid) {
        while let Some(batch) = self.next(org_id) {
            let ids = batch.iter().map(|waiter| waiter.id).collect();
            match self.ask(&db, org_id, ids).await {
                Ok(mut rows) => {
                    let mut batch = batch.into_iter().peekable();
                    while let Some(Waiter { id, reply }) = batch.next() {
                        // Two may ask for the same row.
                        let row = if batch.peek().is_some() { rows.get(&id).cloned() } else { rows.remove(&id) };
                        let _ = reply.send(Ok(row));
                    }
                }
                // One by one: a read that fails fails alone.
                Err(_) => {
                    for Waiter { id, reply } in batch {
                        let row = self.ask(&db, org_id, vec![id]).await;
                        let _ = reply.send(row.map(|mut rows| rows.remove(&id)));
                    }
                }
            }
        }
    }

    async fn ask(&self, db: &Db, org_id: Uuid, ids: Vec<Uuid>) -> Rows<V> {
        let mut lease = db.lease().await?;
        let conn = lease.conn();
        conn.bind(org_id).await.map_err(super::fault)?;
        let rows = (self.load)(&mut conn.pg, org_id, ids).await;
        lease.done();
        rows
    }

    /// The next to go, without those who left; `None` takes this driver out of the lane.
    fn next(&self, org_id: Uuid) -> Option<Vec<Waiter<V>>> {
        let mut lanes = self.lanes.lock().expect("no holder of this lock panics");
        let lane = lanes.get_mut(&org_id)?;
        let mut batch = Vec::with_capacity(lane.waiting.len().min(BATCH_LIMIT));
        while batch.len() < BATCH_LIMIT {
            match lane.waiting.pop_front() {
                Some(waiter) if waiter.reply.is_closed() => {}
                Some(waiter) => batch.push(waiter),
                None => break,
            }
        }
        if batch.is_empty() {
            lane.in_flight -= 1;
            if lane.in_flight == 0 {
                lanes.remove(&org_id);
            }
            return None;
        }
        Some(batch)
    }
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

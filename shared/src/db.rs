//! The two doors to the database: [`Db::read`] (with [`Db::get`] for point reads) and [`Db::mutate`].
//!
//! Nothing else hands out a connection. Each binds the caller's organization before a statement runs, and row security
//! in the database holds whatever a query forgets.

mod batch;
mod conn;
mod echo;
mod fault;
mod forget;
mod link;
mod log;
mod mutate;
mod prepared;
mod statements;

use std::{future::Future, sync::Arc, time::Duration};

use diesel_async::AsyncPgConnection;
use uuid::Uuid;

pub use self::{
    batch::Batch,
    conn::Settings,
    fault::{constraint, fault},
    link::Link,
    log::{LogEntry, LogPosition, LogStretch},
    mutate::{Event, Last, Reply, Tx, Value},
    prepared::Prepared,
};
use self::{
    conn::{Conn, Manager},
    fault::unreachable,
};
use crate::{
    auth::Caller,
    error::{Error, Kind, Reason, Result},
};

diesel::define_sql_function! {
    /// The time of the statement, where `now` is that of the transaction, from before it waited for a lock.
    fn clock_timestamp() -> diesel::sql_types::Timestamptz;
}

type Lent = bb8::PooledConnection<'static, Manager>;

/// A service's database.
#[derive(Clone)]
pub struct Db {
    pool: bb8::Pool<Manager>,
    /// The service's schema, which holds its `request` table.
    service: &'static str,
    pool_size: u32,
    wait: Duration,
    changed: Arc<tokio::sync::Notify>,
}

impl Db {
    /// A pool that connects when it is first used: a service starts while its database is away.
    #[must_use]
    pub fn new(service: &'static str, settings: Settings) -> Self {
        let (wait, pool_size) = (settings.wait, settings.pool_size);
        let pool = bb8::Pool::builder()
            .max_size(settings.pool_size)
            // A few are there before the first burst of calls.
            .min_idle(settings.pool_size.min(4))
            // A ping at every check-out costs 1.4x on reads; a connection that the server closed is noticed without.
            .test_on_check_out(false)
            .connection_timeout(wait)
            .retry_connection(false)
            .max_lifetime(Duration::from_secs(3600))
            .build_unchecked(Manager(settings));
        Self { pool, service, pool_size, wait, changed: Arc::default() }
    }

    /// One statement (a few at most), outside a transaction, bound to the caller's organization.
    pub fn read<'a, T: Send + 'a, Q>(&'a self, caller: &'a Caller, query: Q) -> impl Future<Output = Result<T>> + Send
    where
        for<'c> Q: Work<&'c mut AsyncPgConnection, Result<T>, Done: Send> + Send + 'a,
    {
        self.read_as(caller.org_id(), query)
    }

    #[expect(clippy::manual_async_fn, reason = "the future's Send is part of what is promised")]
    /// A read for a worker, which goes from organization to organization.
    pub fn read_as<'a, T: Send + 'a, Q>(&'a self, org_id: Uuid, query: Q) -> impl Future<Output = Result<T>> + Send
    where
        for<'c> Q: Work<&'c mut AsyncPgConnection, Result<T>, Done: Send> + Send + 'a,
    {
        async move {
            let mut lease = self.lease().await?;
            let conn = lease.conn();
            conn.bind(org_id).await.map_err(fault)?;
            let result = query(&mut conn.pg).await;
            lease.done();
            result
        }
    }

    /// A connection bound to no organization, for the few look-ups of sign-in before one is known: the tables they
    /// read have no row security, and their names are listed in the catalog test.
    pub fn before_sign_in<'a, T: Send + 'a, Q>(&'a self, query: Q) -> impl Future<Output = Result<T>> + Send
    where
        for<'c> Q: Work<&'c mut AsyncPgConnection, Result<T>, Done: Send> + Send + 'a,
    {
        self.read_as(Uuid::nil(), query)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.before_sign_in(async |conn| {
            use diesel_async::SimpleAsyncConnection as _;
            conn.batch_execute("SELECT 1").await.map_err(fault)
        })
        .await
    }

    /// Ids of every organization, for workers.
    pub async fn organization_ids(&self) -> Result<Vec<Uuid>> {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = diesel::sql_types::Uuid)]
            id: Uuid,
        }
        self.before_sign_in(async |conn| {
            let rows: Vec<Row> = diesel_async::RunQueryDsl::load(
                diesel::sql_query("SELECT id FROM spectra.organization_ids() AS id"),
                conn,
            )
            .await
            .map_err(fault)?;
            Ok(rows.into_iter().map(|row| row.id).collect())
        })
        .await
    }

    /// Connections in use, and all there are.
    #[must_use]
    pub fn pool_state(&self) -> (u32, u32) {
        let state = self.pool.state();
        (state.connections - state.idle_connections, state.connections)
    }

    /// Told after each commit that recorded an event.
    #[must_use]
    pub fn changed(&self) -> &tokio::sync::Notify {
        &self.changed
    }

    async fn lease(&self) -> Result<Lease> {
        loop {
            match self.pool.get_owned().await {
                Ok(mut lent) => {
                    // Closed while it lay in the pool, as after a restart of the database: the pool drops it.
                    if !lent.is_closed() {
                        return Ok(Lease { lent: Some(lent) });
                    }
                }
                Err(bb8::RunError::User(error)) => return Err(unreachable().caused_by(error)),
                Err(bb8::RunError::TimedOut) => {
                    let (used, all) = self.pool_state();
                    let cause = format!("no connection within {:?} ({used} of {all} in use)", self.wait);
                    let full = used >= self.pool_size;
                    return Err(if full { overloaded() } else { unreachable() }.caused_by(cause));
                }
            }
        }
    }
}

/// A closure that works on a connection: `async |conn| ..`. Names the future it returns, so that it can be required to
/// be Send for every life of the connection, which `AsyncFnOnce` alone cannot say.
pub trait Work<Conn, Out>: AsyncFnOnce(Conn) -> Out + FnOnce(Conn) -> Self::Done {
    /// The future of the work.
    type Done: Future<Output = Out>;
}

impl<F, Conn, Done, Out> Work<Conn, Out> for F
where
    F: AsyncFnOnce(Conn) -> Out + FnOnce(Conn) -> Done,
    Done: Future<Output = Out>,
{
    type Done = Done;
}

/// A connection checked out for one task. Dropped before `done`, its statement may still be running: it is brought to
/// rest first and only then given back.
struct Lease {
    lent: Option<Lent>,
}

impl Lease {
    fn conn(&mut self) -> &mut Conn {
        self.lent.as_mut().expect("a lease holds its connection until it is dropped")
    }

    fn done(mut self) {
        self.lent = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(lent) = self.lent.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(bring_to_rest(lent));
        }
    }
}

/// A moment for the statement to end by itself; else it is cancelled and the connection goes: a cancellation may come late,
/// and would then hit the next caller's statement.
async fn bring_to_rest(mut lent: Lent) {
    use diesel_async::SimpleAsyncConnection as _;
    const MOMENT: Duration = Duration::from_millis(50);

    if lent.dirty {
        // Half a transaction: closing the connection is what rolls it back.
        return;
    }
    lent.dirty = true;
    let idle = tokio::time::timeout(MOMENT, lent.pg.batch_execute("")).await;
    if !matches!(idle, Ok(Ok(()))) {
        let _ = lent.link.cancel(lent.pg.cancel_token()).await;
        return;
    }
    lent.dirty = false;
}

/// Every connection is at work.
fn overloaded() -> Error {
    Error::unavailable(Reason::Overloaded, "too much to do at once; try again in a moment")
}

/// The answer to a deadline that passed before a statement could be sent.
fn too_late() -> Error {
    Error::new(Kind::Deadline, Reason::DeadlineExceeded, "time ran out before the work began")
}

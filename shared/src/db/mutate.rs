//! The one write primitive: request_id, effect, event and reply in one transaction.

use std::{any::TypeId, pin::pin, task::Poll};

use aws_lc_rs::digest::{SHA256, digest};
use contract::{Mutation, common::v1::Change};
use diesel::{pg::Pg, query_builder::QueryFragment};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use prost::{Message, Name};
use uuid::Uuid;

use super::{
    Db, Lease, Work,
    conn::bind,
    fault,
    prepared::PreparedEnd,
    statements::{Effect, End, Form, Keep, Recall, Record, Used},
    too_late,
};
use crate::{
    auth::Caller,
    error::{Error, Kind, Reason, Result},
};

/// A transaction, as the closure of a mutation sees it.
pub struct Tx {
    lease: Lease,
    last: Option<Last>,
    outcome: Option<Outcome>,
}

/// A statement whose result the closure does not wait for: it is one with the event and the kept reply, travels with the
/// COMMIT, and where it fails nothing of the transaction stays.
pub struct Last {
    /// By this it is known to be prepared.
    form: TypeId,
    statement: Box<Effect>,
    refusal: Box<dyn FnOnce(diesel::result::Error) -> Error + Send>,
}

impl Last {
    /// A statement with a fixed text, and what its failure means.
    pub fn new<S>(statement: S, refusal: impl FnOnce(diesel::result::Error) -> Error + Send + 'static) -> Self
    where
        S: QueryFragment<Pg> + Send + Sync + 'static,
    {
        Self { form: TypeId::of::<S>(), statement: Box::new(statement), refusal: Box::new(refusal) }
    }
}

enum Outcome {
    Changed(Event),
    Unchanged,
}

impl Tx {
    /// The connection, bound to the organization, inside the transaction.
    pub fn conn(&mut self) -> &mut AsyncPgConnection {
        &mut self.lease.conn().pg
    }

    /// Writes this at the end.
    pub fn last(&mut self, statement: Last) {
        debug_assert!(self.last.is_none(), "one last statement a mutation");
        self.last = Some(statement);
    }

    /// What was done: exactly one event a mutation, committed with it.
    pub fn record(&mut self, event: Event) {
        debug_assert!(self.outcome.is_none(), "one event a mutation");
        self.outcome = Some(Outcome::Changed(event));
    }

    /// Nothing changed that the audit trail should know: what was asked for was already so.
    pub fn unchanged(&mut self) {
        self.outcome = Some(Outcome::Unchanged);
    }
}

/// What a mutation did, for the event log.
#[derive(Debug)]
pub struct Event {
    resource: &'static str,
    resource_id: String,
    action: &'static str,
    reason: String,
    /// The person that a service found out it acts for.
    on_behalf_of: Option<String>,
    change: Change,
}

impl Event {
    /// An action (`create`, `move`, `revoke`) on a resource (`sample`).
    pub fn new(resource: &'static str, id: impl ToString, action: &'static str) -> Self {
        Self {
            resource,
            resource_id: id.to_string(),
            action,
            reason: String::new(),
            on_behalf_of: None,
            change: Change { before: None, after: None },
        }
    }

    /// The person it was done for, where the caller is a service that found out only meanwhile who that is.
    #[must_use]
    pub fn on_behalf_of(mut self, user_id: Uuid) -> Self {
        self.on_behalf_of = Some(format!("user:{user_id}"));
        self
    }

    /// The resource as it was.
    #[must_use]
    pub fn before(mut self, message: &impl Name) -> Self {
        self.change.before = Some(any(message));
        self
    }

    /// The resource as it is now.
    #[must_use]
    pub fn after(mut self, message: &impl Name) -> Self {
        self.change.after = Some(any(message));
        self
    }

    /// Why, in the words of whoever did it.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

fn any<M: Name>(message: &M) -> prost_types::Any {
    prost_types::Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

// `async fn` could not promise that its future is Send for every life of the connection.
#[expect(clippy::manual_async_fn, reason = "the future's Send is part of what is promised")]
impl Db {
    /// Runs a mutation: the closure, its event, the reply to keep under the request_id, and the commit, all in one
    /// transaction bound to the caller's organization and deadline. A request_id that was used before makes the
    /// transaction fail as a whole, whatever the closure did; then the reply that was kept is the answer.
    ///
    /// The closure awaits nothing but its connection. It must say what it did by [`Tx::record`] or [`Tx::unchanged`].
    ///
    /// # Errors
    /// REQUEST_ID_REUSED, whatever the closure returns, and DATABASE_UNAVAILABLE: after that one, the outcome is
    /// unknown until the same request_id is asked for again.
    pub fn mutate<'a, Req, Res, E>(
        &'a self,
        caller: &'a Caller,
        request: &'a Req,
        effect: E,
    ) -> impl Future<Output = Result<Res>> + Send
    where
        Req: Mutation,
        Res: Message + Default + Send + 'a,
        for<'t> E: Work<&'t mut Tx, Result<Res>, Done: Send> + Send + 'a,
    {
        async move {
            let used = self.used(caller, request)?;
            let failed = match self.transact(caller, effect, used).await {
                Err(error) if !matches!(error.kind(), Kind::Unavailable | Kind::Deadline) => error,
                done => return done,
            };
            // What was done before shows in the failure: the request_id, the name or the state is taken already.
            let Some(used) = used else { return Err(failed) };
            let earlier = self.read(caller, async move |conn| recall(conn, used).await).await?;
            earlier.ok_or(failed)
        }
    }

    /// The reply that this request_id got before, for handlers that act on other services before they write.
    ///
    /// # Errors
    /// REQUEST_ID_REUSED.
    pub async fn replay<Req, Res>(&self, caller: &Caller, request: &Req) -> Result<Option<Res>>
    where
        Req: Mutation,
        Res: Message + Default,
    {
        let Some(used) = self.used(caller, request)? else { return Ok(None) };
        self.read(caller, async move |conn| recall(conn, used).await).await
    }

    /// A transaction without a request_id: for replies that carry a secret, and for workers.
    pub fn write<'a, T, E>(&'a self, caller: &'a Caller, effect: E) -> impl Future<Output = Result<T>> + Send
    where
        T: Reply + Send + 'a,
        for<'t> E: Work<&'t mut Tx, Result<T>, Done: Send> + Send + 'a,
    {
        self.transact(caller, effect, None)
    }

    fn used<'a, Req: Mutation>(&self, caller: &'a Caller, request: &Req) -> Result<Option<Used<'a>>> {
        if request.request_id().is_empty() {
            return Ok(None);
        }
        let request_id =
            Uuid::try_parse(request.request_id()).map_err(|_| Error::field("request_id", "must be a UUID"))?;
        let body = digest(&SHA256, &request.without_request_id().encode_to_vec());
        Ok(Some(Used {
            schema: self.service,
            org_id: caller.org_id(),
            principal: caller.actor(),
            method: Req::METHOD,
            request_id,
            body_sha256: body.as_ref().try_into().map_err(Error::internal)?,
        }))
    }

    fn transact<'a, T, E>(
        &'a self,
        caller: &'a Caller,
        effect: E,
        used: Option<Used<'a>>,
    ) -> impl Future<Output = Result<T>> + Send
    where
        T: Reply + Send + 'a,
        for<'t> E: Work<&'t mut Tx, Result<T>, Done: Send> + Send + 'a,
    {
        async move {
            let mut tx = Tx { lease: self.begin(caller).await?, last: None, outcome: None };
            let result = effect(&mut tx).await;
            let Tx { lease, last, outcome } = tx;
            let (reply, outcome) = match (result, outcome) {
                (Ok(reply), Some(outcome)) => (reply, outcome),
                (result, _) => {
                    end(lease, "ROLLBACK", Some(false)).await?;
                    return result.and(Err(Error::internal("a mutation did not say what it did")));
                }
            };
            let kept = used.map(|used| (used, reply.kept()));
            let event = match outcome {
                Outcome::Changed(event) => Some((event.change.encode_to_vec(), event)),
                Outcome::Unchanged => None,
            };
            let record = event.as_ref().map(|(body, event)| self.record(caller, event, body));
            let keep = kept.as_ref().map(|(used, reply)| Keep(used, reply));
            commit(self.service, lease, last, record, keep).await?;
            if event.is_some() {
                self.changed.notify_waiters();
            }
            Ok(reply)
        }
    }

    /// A connection in a transaction that is bound to the organization and ends with the caller's deadline.
    async fn begin(&self, caller: &Caller) -> Result<Lease> {
        let mut lease = self.lease().await?;
        let timeout_ms = caller.remaining().ok_or_else(too_late)?.as_millis().max(1);
        let conn = lease.conn();
        let org_id = caller.org_id();
        let binding = if conn.org_id == Some(org_id) {
            String::new()
        } else {
            conn.binds_to = Some(org_id);
            format!("{}; ", bind(org_id))
        };
        conn.dirty = true;
        let begin = format!("BEGIN READ WRITE; {binding}SET LOCAL statement_timeout = {timeout_ms}");
        let mut pg = &conn.pg;
        // Sent, but not waited for: the first statement of the effect follows in the same breath. Where it does not
        // open a transaction, nothing that follows can write: the session is read-only outside of one.
        if let Poll::Ready(begun) = futures::poll!(pin!(pg.batch_execute(&begin))) {
            begun.map_err(fault)?;
        }
        Ok(lease)
    }

    fn record<'a>(&self, caller: &'a Caller, event: &'a Event, body: &'a [u8]) -> Record<'a> {
        Record {
            org_id: caller.org_id(),
            id: Uuid::now_v7(),
            service: self.service,
            resource: event.resource,
            resource_id: &event.resource_id,
            action: event.action,
            actor: caller.actor(),
            on_behalf_of: event.on_behalf_of.as_deref().or(caller.on_behalf_of()),
            reason: &event.reason,
            request_id: caller.request_id(),
            body,
        }
    }
}

/// Writes what is last, the event and the kept reply, and commits; nothing of the transaction stays where that fails.
async fn commit(
    schema: &'static str,
    mut lease: Lease,
    last: Option<Last>,
    record: Option<Record<'_>>,
    keep: Option<Keep<'_>>,
) -> Result<()> {
    let (form, last, refusal) = match last {
        Some(Last { form, statement, refusal }) => (Some(form), Some(statement), refusal),
        None => (None, None, Box::new(fault) as _),
    };
    if last.is_none() && record.is_none() && keep.is_none() {
        return end(lease, "COMMIT", None).await;
    }
    let form = Form { schema, last: form, is_recorded: record.is_some(), is_kept: keep.is_some() };
    let conn = lease.conn();
    let mut pg = &conn.pg;
    let write = PreparedEnd(form, End { last: last.as_deref(), record, keep }).execute(&mut pg);
    // An unprepared statement would be executed after the COMMIT that overtook its preparation.
    if !conn.prepared.contains(&form) {
        return match write.await {
            Ok(_) => {
                conn.prepared.insert(form);
                end(lease, "COMMIT", Some(true)).await
            }
            Err(error) => end(lease, "ROLLBACK", Some(false)).await.and(Err(refusal(error))),
        };
    }
    // Prepared on this connection, they travel together and in this order. After a statement that failed, a COMMIT is a
    // ROLLBACK.
    let commit = async move { pg.batch_execute("COMMIT").await };
    let (written, ended) = futures::join!(write, commit);
    ended.map_err(fault)?;
    // That it was a commit shows in the statement before it; in a transaction that failed, none goes well.
    conn.ended(Some(written.is_ok()));
    lease.done();
    written.map(drop).map_err(refusal)
}

/// Ends the transaction. That a COMMIT was one shows in a statement before it that went well.
async fn end(mut lease: Lease, how: &'static str, is_committed: Option<bool>) -> Result<()> {
    let conn = lease.conn();
    conn.pg.batch_execute(how).await.map_err(fault)?;
    conn.ended(is_committed);
    lease.done();
    Ok(())
}

async fn recall<Res: Message + Default>(conn: &mut AsyncPgConnection, used: Used<'_>) -> Result<Option<Res>> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = Recall(&used).load(conn).await.map_err(fault)?;
    let Some((earlier_sha256, reply)) = rows.into_iter().next() else { return Ok(None) };
    if earlier_sha256 != used.body_sha256 {
        return Err(Error::fields(
            Reason::RequestIdReused,
            [("request_id".to_owned(), "was used before with another body".to_owned())],
        ));
    }
    Res::decode(reply.as_slice()).map(Some).map_err(Error::internal)
}

/// What a transaction returns: messages can be kept for whoever asks again; anything else is not.
pub trait Reply {
    /// The bytes to keep.
    fn kept(&self) -> Vec<u8> {
        Vec::new()
    }
}

impl<M: Message> Reply for M {
    fn kept(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}

/// Any value out of a transaction that keeps no reply.
pub struct Value<T>(pub T);

impl<T> Reply for Value<T> {}

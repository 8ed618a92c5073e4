//! The statements that every mutation sends, each with a fixed text, so that it is prepared once a connection.

use std::any::TypeId;

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Binary, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

/// A request_id that is used: by whom, for what, and the hash of the request's body.
#[derive(Clone, Copy)]
pub(super) struct Used<'a> {
    pub(super) schema: &'static str,
    pub(super) org_id: Uuid,
    pub(super) principal: &'a str,
    pub(super) method: &'static str,
    pub(super) request_id: Uuid,
    pub(super) body_sha256: [u8; 32],
}

impl Used<'_> {
    fn table(&self, out: &mut AstPass<'_, '_, Pg>) {
        out.push_sql(self.schema);
        out.push_sql(".request");
    }
}

/// Keeps the reply for whoever asks again. Where one is kept already, and is not a day old, the statement fails: its
/// time becomes NULL, which the table refuses. An upsert that did nothing would let the COMMIT behind it pass.
pub(super) struct Keep<'a>(pub(super) &'a Used<'a>, pub(super) &'a [u8]);

impl QueryFragment<Pg> for Keep<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Self(used, reply) = self;
        out.push_sql("INSERT INTO ");
        used.table(&mut out);
        out.push_sql(" (org_id, principal, method, request_id, body_sha256, reply) VALUES (");
        out.push_bind_param::<SqlUuid, _>(&used.org_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(used.principal)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(used.method)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&used.request_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&used.body_sha256)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(*reply)?;
        out.push_sql(
            ") ON CONFLICT (org_id, request_id, principal, method) DO UPDATE SET body_sha256 = EXCLUDED.body_sha256, \
             reply = EXCLUDED.reply, created_at = CASE \
             WHEN request.created_at < clock_timestamp() - interval '24 hours' THEN EXCLUDED.created_at END",
        );
        Ok(())
    }
}

/// What a request_id was used for: the hash of its body, and the reply.
pub(super) struct Recall<'a>(pub(super) &'a Used<'a>);

impl QueryFragment<Pg> for Recall<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Self(used) = self;
        out.push_sql("SELECT body_sha256, reply FROM ");
        used.table(&mut out);
        out.push_sql(" WHERE org_id = ");
        out.push_bind_param::<SqlUuid, _>(&used.org_id)?;
        out.push_sql(" AND principal = ");
        out.push_bind_param::<Text, _>(used.principal)?;
        out.push_sql(" AND method = ");
        out.push_bind_param::<Text, _>(used.method)?;
        out.push_sql(" AND request_id = ");
        out.push_bind_param::<SqlUuid, _>(&used.request_id)?;
        out.push_sql(" AND created_at >= clock_timestamp() - interval '24 hours'");
        Ok(())
    }
}

impl Query for Recall<'_> {
    type SqlType = (Binary, Binary);
}

/// One row of the event log; the database adds its transaction, sequence and time.
pub(super) struct Record<'a> {
    pub(super) org_id: Uuid,
    pub(super) id: Uuid,
    pub(super) service: &'a str,
    pub(super) resource: &'a str,
    pub(super) resource_id: &'a str,
    pub(super) action: &'a str,
    pub(super) actor: &'a str,
    pub(super) on_behalf_of: Option<&'a str>,
    pub(super) reason: &'a str,
    pub(super) request_id: &'a str,
    pub(super) body: &'a [u8],
}

impl QueryFragment<Pg> for Record<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "INSERT INTO events.event (org_id, id, service, resource, resource_id, action, actor, on_behalf_of, \
             reason, request_id, body) VALUES (",
        );
        out.push_bind_param::<SqlUuid, _>(&self.org_id)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.id)?;
        for text in [&self.service, &self.resource, &self.resource_id, &self.action, &self.actor] {
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(*text)?;
        }
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Text>, _>(&self.on_behalf_of)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.reason)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(self.request_id)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(self.body)?;
        out.push_sql(")");
        Ok(())
    }
}

/// What a mutation ends with, in one statement, which costs the database less than several: its last effect, its event,
/// and the reply to keep, as far as there are any. All of it is done or nothing.
pub(super) struct End<'a> {
    pub(super) last: Option<&'a Effect>,
    pub(super) record: Option<Record<'a>>,
    pub(super) keep: Option<Keep<'a>>,
}

/// A statement that changes something, whichever.
pub(super) type Effect = dyn QueryFragment<Pg> + Send + Sync;

/// Whose mutation it is (the service's schema), which effect it ends with, if any, and whether it is recorded and its
/// reply kept: as many as there are texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Form {
    pub(super) schema: &'static str,
    pub(super) last: Option<TypeId>,
    pub(super) is_recorded: bool,
    pub(super) is_kept: bool,
}

impl QueryFragment<Pg> for End<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let parts: [Option<(&str, &'b dyn QueryFragment<Pg>)>; 3] = [
            self.last.map(|last| ("done", last as _)),
            self.record.as_ref().map(|record| ("recorded", record as _)),
            self.keep.as_ref().map(|keep| ("kept", keep as _)),
        ];
        let mut parts = parts.into_iter().flatten().peekable();
        let mut before = "WITH ";
        while let Some((name, part)) = parts.next() {
            if parts.peek().is_none() {
                return part.walk_ast(out);
            }
            out.push_sql(before);
            out.push_sql(name);
            out.push_sql(" AS (");
            part.walk_ast(out.reborrow())?;
            out.push_sql(") ");
            before = ", ";
        }
        Ok(())
    }
}

macro_rules! cached_by_text {
    ($($statement:ident),*) => {$(
        impl QueryId for $statement<'_> {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
    )*};
}
cached_by_text!(Recall);

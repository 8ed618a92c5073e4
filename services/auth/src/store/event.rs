//! `events.event`, which every service writes and this one shows.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods as _, QueryDsl as _,
    dsl::sql,
    sql_types::{BigInt, Bool},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Result,
    db::fault,
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::schema::event;

/// The id of a transaction, which never wraps around.
#[derive(diesel::SqlType)]
#[diesel(postgres_type(oid = 5069, array_oid = 271))]
pub struct Xid8;

/// One thing that was done.
#[derive(Debug, diesel::Queryable)]
pub struct AuditEvent {
    txid: i64,
    pub id: Uuid,
    pub service: String,
    pub resource: String,
    pub resource_id: String,
    pub action: String,
    pub actor: String,
    pub on_behalf_of: Option<String>,
    pub reason: String,
    pub request_id: String,
    /// A `spectra.common.v1.Change`.
    pub body: Vec<u8>,
    pub recorded_at: DateTime<Utc>,
}

/// What the audit trail can be filtered and ordered by. A transaction writes one event, so its id orders nothing more
/// than it breaks ties.
pub static LIST: Spec<AuditEvent> = Spec::new(
    ("event.id", |event| event.id),
    &[
        Field::instant("recorded_at", "event.recorded_at")
            .sortable_by_transaction("event.txid", |event| event.txid.into()),
        Field::text("service", "event.service"),
        Field::text("resource", "event.resource"),
        Field::text("resource_id", "event.resource_id"),
        Field::text("action", "event.action"),
        Field::text("actor", "event.actor"),
        Field::text("on_behalf_of", "event.on_behalf_of"),
        Field::text("request_id", "event.request_id"),
    ],
);

/// Only what lies below the oldest transaction still open: one that is open may yet commit an event between those that
/// are here already, and whoever has gone past its place would miss it.
pub async fn event_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    page: &Page<AuditEvent>,
) -> Result<Vec<AuditEvent>> {
    event::table
        .filter(event::org_id.eq(org_id))
        .filter(sql::<Bool>("event.txid < pg_snapshot_xmin(pg_current_snapshot())"))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select((
            sql::<BigInt>("event.txid::text::bigint"),
            event::id,
            event::service,
            event::resource,
            event::resource_id,
            event::action,
            event::actor,
            event::on_behalf_of,
            event::reason,
            event::request_id,
            event::body,
            event::recorded_at,
        ))
        .load(conn)
        .await
        .map_err(fault)
}

//! `runs.revocation` and `runs.event_cursor`: what Runs has learned from the event log, and how far it has read.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, sql_query,
    sql_types::{BigInt, Binary},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Result,
    db::{Prepared, fault},
};
use uuid::Uuid;

use super::schema::{event_cursor, revocation};

/// A calibration that was revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, diesel::Insertable)]
#[diesel(table_name = revocation, check_for_backend(diesel::pg::Pg))]
pub struct Revocation {
    pub org_id: Uuid,
    pub calibration_id: Uuid,
    pub revoked_at: DateTime<Utc>,
}

/// A stretch of the event log.
pub struct Stretch {
    /// Its first transaction, and the first one behind it.
    pub from: i64,
    pub to: i64,
    /// The bodies of the revocations in it.
    pub bodies: Vec<Vec<u8>>,
}

#[derive(diesel::QueryableByName)]
struct Bound {
    #[diesel(sql_type = BigInt)]
    txid: i64,
}

#[derive(diesel::QueryableByName)]
struct Body {
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
}

/// What was recorded since the cursor. Only below the oldest transaction still open: one that is open may yet commit
/// an event between those that are here already.
pub async fn revocations_since(conn: &mut AsyncPgConnection, org_id: Uuid) -> Result<Stretch> {
    let cursor: Option<i64> = event_cursor::table
        .filter(event_cursor::org_id.eq(org_id))
        .select(event_cursor::txid)
        .first(conn)
        .await
        .optional()
        .map_err(fault)?;
    let open: Bound = sql_query("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS txid")
        .get_result(conn)
        .await
        .map_err(fault)?;
    // A database that was restored into another cluster counts anew, and then all is read again.
    let from = cursor.filter(|cursor| *cursor <= open.txid).unwrap_or(0);
    let bodies: Vec<Body> = sql_query(
        "SELECT body FROM events.event WHERE org_id = $1 AND txid >= $2::text::xid8 AND txid < $3::text::xid8 \
         AND service = 'calibration' AND resource = 'calibration' AND action = 'revoke' ORDER BY txid, seq",
    )
    .bind::<diesel::sql_types::Uuid, _>(org_id)
    .bind::<BigInt, _>(from)
    .bind::<BigInt, _>(open.txid)
    .load(conn)
    .await
    .map_err(fault)?;
    Ok(Stretch { from, to: open.txid, bodies: bodies.into_iter().map(|row| row.body).collect() })
}

/// Keeps what a stretch told, and that it has been read. Keeping it twice changes nothing.
pub async fn revocations_keep(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    revocations: Vec<Revocation>,
    read_to: i64,
) -> Result<()> {
    diesel::insert_into(revocation::table)
        .values(revocations)
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map_err(fault)?;
    let cursor = diesel::insert_into(event_cursor::table)
        .values((event_cursor::org_id.eq(org_id), event_cursor::txid.eq(read_to)))
        .on_conflict(event_cursor::org_id)
        .do_update()
        .set(event_cursor::txid.eq(read_to));
    Prepared(cursor).execute(conn).await.map_err(fault)?;
    Ok(())
}

//! The event log, read on from a position: what watches are made of.
//!
//! Only events below the oldest transaction still open are read. A transaction that is open may yet commit an event
//! between those that are there already; a reader that had passed it would never see it.

use chrono::{DateTime, Utc};
use contract::common::v1::Change;
use diesel::{
    QueryableByName, sql_query,
    sql_types::{Array, BigInt, Binary, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use prost::Message as _;
use uuid::Uuid;

use super::{Db, fault};
use crate::error::{Error, Result};

/// Events that are read at once, and bytes of their bodies; one is read however long it is.
const AT_ONCE: i64 = 200;
const BYTES_AT_ONCE: i64 = 1024 * 1024;

/// Where a reader of the log stands: behind this event of this transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPosition {
    /// The cluster that counts the transactions: another one counts anew.
    pub epoch: i64,
    /// The transaction.
    pub txid: i64,
    /// The event.
    pub seq: i64,
}

/// An event of the log.
#[derive(Debug)]
pub struct LogEntry {
    /// Its place.
    pub position: LogPosition,
    /// Its id.
    pub id: Uuid,
    /// What was done, such as `move`.
    pub action: String,
    /// The resource before and after.
    pub change: Change,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// A stretch of the log.
#[derive(Debug)]
pub struct LogStretch {
    /// The events, in their order.
    pub entries: Vec<LogEntry>,
    /// Where to read on.
    pub read_to: LogPosition,
    /// Whether there may be more already.
    pub more: bool,
}

#[derive(QueryableByName)]
struct End {
    #[diesel(sql_type = BigInt)]
    txid: i64,
    #[diesel(sql_type = BigInt)]
    epoch: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    txid: i64,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
}

impl Db {
    /// Behind all that can be read at the moment.
    ///
    /// # Errors
    /// DATABASE_UNAVAILABLE.
    pub async fn log_end(&self, org_id: Uuid) -> Result<LogPosition> {
        self.read_as(org_id, async |conn| end(conn).await).await
    }

    /// What the service recorded of these kinds of resources behind a position. `None` where the position is of another
    /// cluster, or ahead of this one, as after a restore.
    ///
    /// # Errors
    /// DATABASE_UNAVAILABLE.
    pub async fn log_after(
        &self,
        org_id: Uuid,
        resources: &'static [&'static str],
        after: LogPosition,
    ) -> Result<Option<LogStretch>> {
        let service = self.service;
        self.read_as(org_id, async move |conn| {
            // In a statement of its own: what is read next sees at least all that had been committed by then.
            let end = end(conn).await?;
            if after.epoch != end.epoch || after.txid > end.txid {
                return Ok(None);
            }
            let rows: Vec<Row> = sql_query(
                "SELECT txid::text::bigint AS txid, seq, id, action, body, recorded_at FROM ( \
                 SELECT few.*, sum(octet_length(body)) OVER (ORDER BY txid, seq) - octet_length(body) AS before FROM ( \
                 SELECT txid, seq, id, action, body, recorded_at FROM events.event \
                 WHERE org_id = $1 AND (txid, seq) > ($2::text::xid8, $3) AND txid < $4::text::xid8 \
                 AND service = $5 AND resource = ANY($6) ORDER BY txid, seq LIMIT $7) few) few \
                 WHERE before < $8 ORDER BY few.txid, seq",
            )
            .bind::<SqlUuid, _>(org_id)
            .bind::<BigInt, _>(after.txid)
            .bind::<BigInt, _>(after.seq)
            .bind::<BigInt, _>(end.txid)
            .bind::<Text, _>(service)
            .bind::<Array<Text>, _>(resources)
            .bind::<BigInt, _>(AT_ONCE)
            .bind::<BigInt, _>(BYTES_AT_ONCE)
            .load(conn)
            .await
            .map_err(fault)?;
            let (count, bytes) = (rows.len(), rows.iter().map(|row| row.body.len()).sum::<usize>());
            let is_full = |count: usize, limit: i64| i64::try_from(count).is_ok_and(|count| count >= limit);
            let more = is_full(count, AT_ONCE) || is_full(bytes, BYTES_AT_ONCE);
            let entries: Vec<LogEntry> = rows.into_iter().map(|row| entry(row, end.epoch)).collect::<Result<_>>()?;
            let read_to = entries.last().filter(|_| more).map_or(end, |last| last.position);
            Ok(Some(LogStretch { entries, read_to, more }))
        })
        .await
    }
}

/// Before the first event of the oldest transaction that is open, or of the next one.
async fn end(conn: &mut AsyncPgConnection) -> Result<LogPosition> {
    let end: End = sql_query(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS txid, \
         (SELECT system_identifier FROM pg_control_system()) AS epoch",
    )
    .get_result(conn)
    .await
    .map_err(fault)?;
    Ok(LogPosition { epoch: end.epoch, txid: end.txid, seq: -1 })
}

fn entry(row: Row, epoch: i64) -> Result<LogEntry> {
    let Row { txid, seq, id, action, body, recorded_at } = row;
    let change = Change::decode(body.as_slice()).map_err(Error::internal)?;
    Ok(LogEntry { position: LogPosition { epoch, txid, seq }, id, action, change, recorded_at })
}

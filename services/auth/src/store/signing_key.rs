//! Keys that tokens are signed with. No row security: tokens of every organization are signed with them.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods as _, Insertable, QueryDsl as _, Queryable, Selectable, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use spectra_runtime::{Result, db::fault};

use super::schema::signing_key;

/// A key at rest.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_key, check_for_backend(diesel::pg::Pg))]
pub struct Row {
    pub kid: String,
    pub typ: String,
    pub algorithm: String,
    pub private_sealed: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub active_at: DateTime<Utc>,
}

/// All keys, the one that became active last first.
pub async fn signing_key_list(conn: &mut AsyncPgConnection) -> Result<Vec<Row>> {
    signing_key::table
        .order((signing_key::active_at.desc(), signing_key::kid))
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)
}

/// Makes two processes that find no key make one after the other.
pub async fn signing_key_lock(conn: &mut AsyncPgConnection) -> Result<()> {
    conn.batch_execute("SELECT pg_advisory_xact_lock(hashtextextended('auth.signing_key', 0))").await.map_err(fault)
}

pub async fn signing_key_insert(conn: &mut AsyncPgConnection, row: &Row) -> Result<()> {
    diesel::insert_into(signing_key::table).values(row.clone()).execute(conn).await.map(drop).map_err(fault)
}

/// Whether there was one.
pub async fn signing_key_delete(conn: &mut AsyncPgConnection, kid: &str) -> Result<bool> {
    let deleted = diesel::delete(signing_key::table).filter(signing_key::kid.eq(kid)).execute(conn).await;
    deleted.map(|rows| rows > 0).map_err(fault)
}

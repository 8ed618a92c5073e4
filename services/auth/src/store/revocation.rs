//! Sessions that were ended before their tokens. No row security: every verifier learns of all organizations'.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods as _, QueryDsl as _, dsl::sql, sql_types::Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{Result, db::fault};
use uuid::Uuid;

use super::schema::revocation;

/// Those of the last minutes. No mutation takes so long: one that commits late was looked for often enough.
pub async fn revocation_list_recent(conn: &mut AsyncPgConnection) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
    revocation::table
        .filter(revocation::revoked_at.gt(sql::<Timestamptz>("clock_timestamp() - interval '5 minutes'")))
        .select((revocation::session_id, revocation::expires_at))
        .load(conn)
        .await
        .map_err(fault)
}

/// All that still matter.
pub async fn revocation_list(conn: &mut AsyncPgConnection) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
    revocation::table
        .filter(revocation::expires_at.gt(sql::<Timestamptz>("clock_timestamp()")))
        .select((revocation::session_id, revocation::expires_at))
        .load(conn)
        .await
        .map_err(fault)
}

/// Forgets those that matter no more.
pub async fn revocation_forget(conn: &mut AsyncPgConnection) -> Result<usize> {
    diesel::delete(revocation::table)
        .filter(revocation::expires_at.le(sql::<Timestamptz>("clock_timestamp()")))
        .execute(conn)
        .await
        .map_err(fault)
}

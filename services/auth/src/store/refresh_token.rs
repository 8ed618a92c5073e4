//! `auth.refresh_token`. A token's row is locked before its children's and its session's, always in this order, so that
//! uses of one family wait for each other and never in a circle.

use chrono::{DateTime, Utc};
use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, dsl::exists};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Result,
    db::{Prepared, fault},
};
use uuid::Uuid;

use super::schema::{refresh_token, session};
use crate::refresh_token::{Issued, Returned};

type SpentAt = Option<DateTime<Utc>>;

/// Spends the token, if it is live and its session goes on: its id and its session's. Of two who race, one gets it.
pub async fn refresh_token_consume(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    sha256: &[u8; 32],
    at: DateTime<Utc>,
) -> Result<Option<(Uuid, Uuid)>> {
    let session_goes_on = session::table
        .filter(session::org_id.eq(org_id).and(session::id.eq(refresh_token::session_id)))
        .filter(session::ended_at.is_null().and(session::expires_at.gt(at)));
    let live = refresh_token::consumed_at
        .is_null()
        .and(refresh_token::replaced_at.is_null())
        .and(refresh_token::expires_at.gt(at))
        .and(exists(session_goes_on));
    let token = refresh_token::org_id.eq(org_id).and(refresh_token::token_sha256.eq(sha256.as_slice()));
    Prepared(
        diesel::update(refresh_token::table.filter(token.and(live)))
            .set(refresh_token::consumed_at.eq(at))
            .returning((refresh_token::id, refresh_token::session_id)),
    )
    .get_result(conn)
    .await
    .optional()
    .map_err(fault)
}

/// The token, locked until the transaction ends.
pub async fn refresh_token_lock(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    sha256: &[u8; 32],
) -> Result<Option<Returned>> {
    let token: Option<(Uuid, Uuid, SpentAt, SpentAt)> = refresh_token::table
        .filter(refresh_token::org_id.eq(org_id).and(refresh_token::token_sha256.eq(sha256.as_slice())))
        .select((refresh_token::id, refresh_token::session_id, refresh_token::consumed_at, refresh_token::replaced_at))
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?;
    Ok(token.map(|(id, session_id, consumed_at, replaced_at)| Returned { id, session_id, consumed_at, replaced_at }))
}

/// Takes back the live child of a token, which nobody may have received; `false` where the child has been used.
pub async fn refresh_token_replace_child(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    parent_id: Uuid,
    at: DateTime<Utc>,
) -> Result<bool> {
    let live = refresh_token::consumed_at.is_null().and(refresh_token::replaced_at.is_null());
    let child = refresh_token::org_id.eq(org_id).and(refresh_token::parent_id.eq(parent_id));
    let replaced =
        Prepared(diesel::update(refresh_token::table.filter(child.and(live))).set(refresh_token::replaced_at.eq(at)))
            .execute(conn)
            .await
            .map_err(fault)?;
    Ok(replaced == 1)
}

/// Only after the family's live token was consumed or replaced: the database holds at most one.
pub async fn refresh_token_insert(conn: &mut AsyncPgConnection, org_id: Uuid, token: &Issued) -> Result<()> {
    diesel::insert_into(refresh_token::table)
        .values((
            refresh_token::org_id.eq(org_id),
            refresh_token::id.eq(Uuid::now_v7()),
            refresh_token::session_id.eq(token.session_id),
            refresh_token::parent_id.eq(token.parent_id),
            refresh_token::token_sha256.eq(token.sha256.as_slice()),
            refresh_token::created_at.eq(token.created_at),
            refresh_token::expires_at.eq(token.expires_at),
        ))
        .execute(conn)
        .await
        .map_err(fault)?;
    Ok(())
}

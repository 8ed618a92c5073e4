//! `auth.session`.

use chrono::{DateTime, Utc};
use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Result,
    db::{Prepared, fault},
};
use uuid::Uuid;

use super::schema::session;
use crate::session::{EndReason, Session};

type Columns = (Uuid, Uuid, DateTime<Utc>, Option<DateTime<Utc>>);
const COLUMNS: (session::id, session::user_id, session::expires_at, session::ended_at) =
    (session::id, session::user_id, session::expires_at, session::ended_at);

fn from_columns((id, user_id, expires_at, ended_at): Columns) -> Session {
    Session { id, user_id, expires_at, ended_at }
}

pub async fn session_insert(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    session: &Session,
    at: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(session::table)
        .values((
            session::org_id.eq(org_id),
            session::id.eq(session.id),
            session::user_id.eq(session.user_id),
            session::created_at.eq(at),
            session::last_used_at.eq(at),
            session::expires_at.eq(session.expires_at),
        ))
        .execute(conn)
        .await
        .map_err(fault)?;
    Ok(())
}

/// The session of a token, which always has one.
pub async fn session_get(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Session> {
    session::table
        .filter(session::org_id.eq(org_id).and(session::id.eq(id)))
        .select(COLUMNS)
        .first(conn)
        .await
        .map(from_columns)
        .map_err(fault)
}

/// Notes that the session is used, and locks it; `None` where it is over.
pub async fn session_touch(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    id: Uuid,
    at: DateTime<Utc>,
) -> Result<Option<Session>> {
    let going_on = session::ended_at.is_null().and(session::expires_at.gt(at));
    Prepared(
        diesel::update(session::table.filter(session::org_id.eq(org_id).and(session::id.eq(id)).and(going_on)))
            .set(session::last_used_at.eq(at))
            .returning(COLUMNS),
    )
    .get_result(conn)
    .await
    .optional()
    .map(|found| found.map(from_columns))
    .map_err(fault)
}

/// Ends the session; `false` where it had ended before.
pub async fn session_end(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    id: Uuid,
    at: DateTime<Utc>,
    reason: EndReason,
) -> Result<bool> {
    let not_ended = session::id.eq(id).and(session::ended_at.is_null());
    let ended = Prepared(
        diesel::update(session::table.filter(session::org_id.eq(org_id).and(not_ended)))
            .set((session::ended_at.eq(at), session::end_reason.eq(reason.as_str()))),
    )
    .execute(conn)
    .await
    .map_err(fault)?;
    Ok(ended == 1)
}

//! `auth.session`.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _,
    dsl,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Error, Result,
    db::{Prepared, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::schema::session;
use crate::{
    session::{EndReason, RESOURCE, Session},
    signing_key::PUBLISHED_BEHIND,
};

#[derive(diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = session, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Uuid,
    user_id: Uuid,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    address: Option<String>,
    user_agent: Option<String>,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
            address: row.address,
            user_agent: row.user_agent,
        }
    }
}

/// What a person's list of sessions can be filtered and ordered by.
pub static LIST: Spec<Session> = Spec::new(
    ("session.id", |session| session.id),
    &[
        Field::instant("created_at", "session.created_at").sortable(|session| session.created_at.into()),
        Field::instant("last_used_at", "session.last_used_at").sortable(|session| session.last_used_at.into()),
        Field::instant("expires_at", "session.expires_at"),
        Field::text("address", "session.address"),
    ],
);

/// Those of a person that go on.
pub async fn session_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    user_id: Uuid,
    at: DateTime<Utc>,
    page: &Page<Session>,
) -> Result<Vec<Session>> {
    let query = session::table
        .filter(session::org_id.eq(org_id).and(session::user_id.eq(user_id)))
        .filter(session::ended_at.is_null().and(session::expires_at.gt(at)))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select());
    page.load(query, conn).await
}

pub async fn session_insert(conn: &mut AsyncPgConnection, org_id: Uuid, session: &Session) -> Result<()> {
    diesel::insert_into(session::table)
        .values((
            session::org_id.eq(org_id),
            session::id.eq(session.id),
            session::user_id.eq(session.user_id),
            session::created_at.eq(session.created_at),
            session::last_used_at.eq(session.last_used_at),
            session::expires_at.eq(session.expires_at),
            session::address.eq(&session.address),
            session::user_agent.eq(&session.user_agent),
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
        .select(Row::as_select())
        .first(conn)
        .await
        .map(Session::from)
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
            .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .optional()
    .map(|found| found.map(Session::from))
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

/// Refuses a session that is not this person's.
pub async fn session_check_owner(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid, user_id: Uuid) -> Result<()> {
    let owner: Option<Uuid> = session::table
        .filter(session::org_id.eq(org_id).and(session::id.eq(id)))
        .select(session::user_id)
        .first(conn)
        .await
        .optional()
        .map_err(fault)?;
    if owner == Some(user_id) { Ok(()) } else { Err(Error::not_found(RESOURCE, id)) }
}

/// Ends every session of a person but the one to be spared. The person's row is locked before: Login holds it while it
/// begins a session, so that none is missed.
pub async fn sessions_end_of_user(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    user_id: Uuid,
    spared: Option<Uuid>,
    at: DateTime<Utc>,
    reason: EndReason,
) -> Result<usize> {
    // One that is over by itself needs no end, once its last access token has expired as well.
    let over = session::expires_at.lt(at - PUBLISHED_BEHIND);
    let going_on = session::user_id.eq(user_id).and(session::ended_at.is_null()).and(dsl::not(over));
    // No session has the nil id.
    let others = session::id.ne(spared.unwrap_or(Uuid::nil()));
    Prepared(
        diesel::update(session::table.filter(session::org_id.eq(org_id).and(going_on).and(others)))
            .set((session::ended_at.eq(at), session::end_reason.eq(reason.as_str()))),
    )
    .execute(conn)
    .await
    .map_err(fault)
}

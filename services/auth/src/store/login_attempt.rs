//! `auth.login_attempt`: failures to sign in that are not forgotten yet. No row security.

use std::time::Duration;

use diesel::{
    QueryableByName, sql_query,
    sql_types::{Binary, Double, Integer},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{Result, db::fault};

use crate::throttle::Subject;

#[derive(QueryableByName)]
struct Wait {
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// Counts an attempt, in one statement that decides by itself; or says how long to wait for the next one.
pub async fn attempt_count(conn: &mut AsyncPgConnection, subject: &Subject) -> Result<Result<(), Duration>> {
    let every = subject.limit.every.as_secs_f64();
    let burst = i32::try_from(subject.limit.burst).unwrap_or(i32::MAX);
    let counted = sql_query(
        "INSERT INTO auth.login_attempt AS attempt (subject, arrives_at) \
         VALUES ($1, clock_timestamp() + make_interval(secs => $2)) \
         ON CONFLICT (subject) DO UPDATE SET \
           arrives_at = greatest(attempt.arrives_at, clock_timestamp()) + make_interval(secs => $2) \
         WHERE attempt.arrives_at + make_interval(secs => $2) <= clock_timestamp() + make_interval(secs => $2 * $3)",
    )
    .bind::<Binary, _>(subject.sha256.as_slice())
    .bind::<Double, _>(every)
    .bind::<Integer, _>(burst)
    .execute(conn)
    .await
    .map_err(fault)?;
    if counted == 1 {
        return Ok(Ok(()));
    }
    let wait: Wait = sql_query(
        "SELECT extract(epoch FROM arrives_at - clock_timestamp())::double precision - $2 * ($3 - 1) AS seconds \
         FROM auth.login_attempt WHERE subject = $1",
    )
    .bind::<Binary, _>(subject.sha256.as_slice())
    .bind::<Double, _>(every)
    .bind::<Integer, _>(burst)
    .get_result(conn)
    .await
    .map_err(fault)?;
    Ok(Err(Duration::from_secs_f64(wait.seconds.ceil().clamp(1.0, every))))
}

/// Takes one attempt off each of these.
pub async fn attempts_give_back(conn: &mut AsyncPgConnection, subjects: &[Subject]) -> Result<()> {
    // One after the other, in the order in which they were counted: no two wait for each other in a circle.
    for subject in subjects {
        sql_query(
            "UPDATE auth.login_attempt SET arrives_at = arrives_at - make_interval(secs => $2) WHERE subject = $1",
        )
        .bind::<Binary, _>(subject.sha256.as_slice())
        .bind::<Double, _>(subject.limit.every.as_secs_f64())
        .execute(conn)
        .await
        .map_err(fault)?;
    }
    Ok(())
}

/// Forgets, of those that no longer count, a few.
pub async fn attempts_forget(conn: &mut AsyncPgConnection) -> Result<()> {
    let gone = sql_query(
        "DELETE FROM auth.login_attempt WHERE subject IN (SELECT subject FROM auth.login_attempt \
         WHERE arrives_at < clock_timestamp() ORDER BY arrives_at LIMIT 20 FOR UPDATE SKIP LOCKED)",
    );
    gone.execute(conn).await.map(drop).map_err(fault)
}

//! What fitness is decided from.

use chrono::{DateTime, Utc};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Result,
    db::{clock_timestamp, fault},
};
use uuid::Uuid;

use super::{calibration::calibrations_that_count, instrument::instruments_by_id};
use crate::fitness::Facts;

/// The database's time, the only one that fitness and the lapse of grants are decided by.
pub async fn database_now(mut conn: &AsyncPgConnection) -> Result<DateTime<Utc>> {
    diesel::select(clock_timestamp()).get_result(&mut conn).await.map_err(fault)
}

/// The facts about those of these instruments that exist, in one round trip. Where the instruments are locked before
/// it, they hold at the instant that it reads: whatever could change them waits for the lock.
pub async fn facts(conn: &AsyncPgConnection, org_id: Uuid, instrument_ids: &[Uuid]) -> Result<Facts> {
    let (instruments, calibrations, at) = futures::try_join!(
        instruments_by_id(conn, org_id, instrument_ids),
        calibrations_that_count(conn, org_id, instrument_ids),
        database_now(conn),
    )?;
    Ok(Facts { at, instruments, calibrations })
}

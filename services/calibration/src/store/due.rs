//! Instruments by when they need a new calibration.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    ExpressionMethods as _, QueryDsl as _,
    data_types::PgInterval,
    dsl::sql,
    sql_types::{Bool, Interval, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Result,
    db::fault,
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::schema::instrument;

/// `Facts::due_at` in SQL, to find a page by: a test holds the two together. At once is the beginning of time, which
/// comes before every other instant.
const DUE_AT: &str = "coalesce((SELECT CASE CASE WHEN c.adjusted THEN c.as_left ELSE c.as_found END \
                      WHEN 'out_of_tolerance' THEN to_timestamp(0) ELSE c.expires_at END \
                      FROM calibration.calibration c WHERE c.org_id = instrument.org_id \
                      AND c.instrument_id = instrument.id AND c.state = 'accepted' AND c.valid_from <= now() \
                      ORDER BY c.valid_from DESC, c.accepted_at DESC, c.id DESC LIMIT 1), to_timestamp(0))";

/// An instrument, and what a list of those that need a calibration is ordered by.
#[derive(diesel::Queryable)]
pub struct Due {
    pub instrument_id: Uuid,
    asset_code: String,
    location: String,
    due_at: DateTime<Utc>,
}

/// What the list can be filtered and ordered by.
pub static LIST: Spec<Due> = Spec::new(
    ("instrument.id", |due| due.instrument_id),
    &[
        Field::instant("due_at", DUE_AT).sortable(|due| due.due_at.into()),
        Field::text("asset_code", "instrument.asset_code").sortable(|due| due.asset_code.as_str().into()),
        Field::text("location", "instrument.location").sortable(|due| due.location.as_str().into()),
        Field::text("manufacturer", "instrument.manufacturer"),
        Field::text("model", "instrument.model"),
        Field::state("service_state", "instrument.service_state", "spectra.calibration.v1.ServiceState"),
    ],
);

/// A page of the instruments that need a calibration within this time, by the database's clock.
pub async fn due_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    within: TimeDelta,
    page: &Page<Due>,
) -> Result<Vec<Due>> {
    let within = PgInterval::from_microseconds(within.num_microseconds().unwrap_or(i64::MAX));
    instrument::table
        .filter(instrument::org_id.eq(org_id))
        .filter(sql::<Bool>(DUE_AT).sql(" <= now() + ").bind::<Interval, _>(within))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select((instrument::id, instrument::asset_code, instrument::location, sql::<Timestamptz>(DUE_AT)))
        .load(conn)
        .await
        .map_err(fault)
}

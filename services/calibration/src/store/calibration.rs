//! `calibration.calibration`.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use futures::FutureExt as _;
use spectra_runtime::{
    Error, Result,
    db::{Batch, Prepared, constraint, fault},
    list::{Field, Page, Spec},
};
use uuid::Uuid;

use super::{
    calibration_point::{point_insert, point_list},
    schema::calibration,
};
use crate::calibration::{Calibration, Conformity, Point, RESOURCE, Range, State};

#[derive(diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = calibration, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct Row {
    org_id: Uuid,
    id: Uuid,
    instrument_id: Uuid,
    certificate_id: String,
    provider: String,
    accreditation: String,
    issued_at: DateTime<Utc>,
    valid_from: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    scope: Vec<String>,
    #[diesel(skip_insertion)]
    covers: serde_json::Value,
    as_found: String,
    adjusted: bool,
    as_left: String,
    standards_used: Vec<String>,
    document_sha256: String,
    state: String,
    created_by: Uuid,
    created_at: DateTime<Utc>,
    reviewed_by: Option<Uuid>,
    review_comment: String,
    accepted_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    revision: i64,
}

impl Row {
    fn into_calibration(self, points: Vec<Point>) -> Result<Calibration> {
        let unknown = |text: &str| Error::internal(format!("unknown state or conformity {text} in the table"));
        let conformity = |text: &str| Conformity::parse(text).ok_or_else(|| unknown(text));
        Ok(Calibration {
            id: self.id,
            instrument_id: self.instrument_id,
            certificate_id: self.certificate_id,
            provider: self.provider,
            accreditation: self.accreditation,
            issued_at: self.issued_at,
            valid_from: self.valid_from,
            expires_at: self.expires_at,
            scope: self.scope,
            covers: covers(self.covers)?,
            as_found: conformity(&self.as_found)?,
            adjusted: self.adjusted,
            as_left: conformity(&self.as_left)?,
            standards_used: self.standards_used,
            document_sha256: self.document_sha256,
            points,
            state: State::parse(&self.state).ok_or_else(|| unknown(&self.state))?,
            created_by: self.created_by,
            created_at: self.created_at,
            reviewed_by: self.reviewed_by,
            review_comment: self.review_comment,
            accepted_at: self.accepted_at,
            revoked_at: self.revoked_at,
            revision: self.revision,
        })
    }
}

/// What the database noted of the instrument's ranges; their bounds are texts, which keep every digit.
fn covers(noted: serde_json::Value) -> Result<Vec<Range>> {
    #[derive(serde::Deserialize)]
    struct Noted {
        quantity: String,
        low: String,
        high: String,
        unit: String,
    }
    let noted: Vec<Noted> = serde_json::from_value(noted).map_err(Error::internal)?;
    let range = |Noted { quantity, low, high, unit }| {
        let bound = |text: String| text.parse::<BigDecimal>().map_err(Error::internal);
        Ok(Range { quantity, low: bound(low)?, high: bound(high)?, unit })
    };
    noted.into_iter().map(range).collect()
}

fn row(org_id: Uuid, calibration: &Calibration) -> Row {
    let calibration = calibration.clone();
    Row {
        org_id,
        id: calibration.id,
        instrument_id: calibration.instrument_id,
        certificate_id: calibration.certificate_id,
        provider: calibration.provider,
        accreditation: calibration.accreditation,
        issued_at: calibration.issued_at,
        valid_from: calibration.valid_from,
        expires_at: calibration.expires_at,
        scope: calibration.scope,
        covers: serde_json::Value::Null,
        as_found: calibration.as_found.as_str().to_owned(),
        adjusted: calibration.adjusted,
        as_left: calibration.as_left.as_str().to_owned(),
        standards_used: calibration.standards_used,
        document_sha256: calibration.document_sha256,
        state: calibration.state.as_str().to_owned(),
        created_by: calibration.created_by,
        created_at: calibration.created_at,
        reviewed_by: calibration.reviewed_by,
        review_comment: calibration.review_comment,
        accepted_at: calibration.accepted_at,
        revoked_at: calibration.revoked_at,
        revision: calibration.revision,
    }
}

/// What a list of calibrations can be filtered and ordered by.
pub static LIST: Spec<Calibration> = Spec::new(
    ("calibration.id", |calibration| calibration.id),
    &[
        Field::instant("created_at", "calibration.created_at").sortable(|calibration| calibration.created_at.into()),
        Field::instant("issued_at", "calibration.issued_at").sortable(|calibration| calibration.issued_at.into()),
        Field::instant("valid_from", "calibration.valid_from").sortable(|calibration| calibration.valid_from.into()),
        Field::instant("expires_at", "calibration.expires_at").sortable(|calibration| calibration.expires_at.into()),
        Field::text("certificate_id", "calibration.certificate_id")
            .sortable(|calibration| calibration.certificate_id.as_str().into()),
        Field::uuid("instrument_id", "calibration.instrument_id"),
        Field::text("provider", "calibration.provider"),
        Field::state("state", "calibration.state", "spectra.calibration.v1.CalibrationState"),
    ],
);

/// Point reads by id, which travel together.
pub fn batch() -> Batch<Calibration> {
    Batch::new(|conn, org_id, ids| {
        async move {
            let rows: Vec<Row> = calibration::table
                .filter(calibration::org_id.eq(org_id).and(calibration::id.eq_any(ids)))
                .select(Row::as_select())
                .load(conn)
                .await
                .map_err(fault)?;
            let found = with_points(conn, org_id, rows).await?;
            Ok(found.into_iter().map(|calibration| (calibration.id, calibration)).collect())
        }
        .boxed()
    })
}

pub async fn calibration_list(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    page: &Page<Calibration>,
) -> Result<Vec<Calibration>> {
    let rows: Vec<Row> = calibration::table
        .filter(calibration::org_id.eq(org_id))
        .filter(page.condition())
        .order_by(page.order_and_limit())
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)?;
    with_points(conn, org_id, rows).await
}

/// The accepted and the revoked calibrations of these instruments, by instrument and without their points: all that
/// fitness depends on.
pub async fn calibrations_that_count(
    mut conn: &AsyncPgConnection,
    org_id: Uuid,
    instrument_ids: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Calibration>>> {
    let counts = calibration::state.eq(State::Accepted.as_str()).or(calibration::state.eq(State::Revoked.as_str()));
    let rows: Vec<Row> = calibration::table
        .filter(calibration::org_id.eq(org_id).and(calibration::instrument_id.eq_any(instrument_ids)))
        .filter(counts)
        .select(Row::as_select())
        .load(&mut conn)
        .await
        .map_err(fault)?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        found.entry(row.instrument_id).or_default().push(row.into_calibration(Vec::new())?);
    }
    Ok(found)
}

/// The calibration, locked until the transaction ends.
///
/// Not FOR UPDATE: an authorization that holds the instrument, for which the review of this one will wait, wants to
/// refer to it from a grant.
pub async fn calibration_lock(conn: &mut AsyncPgConnection, org_id: Uuid, id: Uuid) -> Result<Calibration> {
    let row: Row = calibration::table
        .filter(calibration::org_id.eq(org_id).and(calibration::id.eq(id)))
        .select(Row::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, id))?;
    let mut points = point_list(conn, org_id, &[id]).await?;
    row.into_calibration(points.remove(&id).unwrap_or_default())
}

/// Enters a calibration of a locked instrument; it comes back with the instants that the database stamped.
pub async fn calibration_insert(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    calibration: Calibration,
) -> Result<Calibration> {
    let row: Row = diesel::insert_into(calibration::table)
        .values(row(org_id, &calibration))
        .returning(Row::as_returning())
        .get_result(conn)
        .await
        .map_err(|error| match constraint(&error) {
            Some("calibration_certificate_id_key") => {
                Error::exists(RESOURCE, "certificate_id", &calibration.certificate_id)
            }
            Some("calibration_issued_before_now") => Error::field("calibration.issued_at", "must not be in the future"),
            _ => fault(error),
        })?;
    point_insert(conn, org_id, &calibration).await?;
    row.into_calibration(calibration.points)
}

/// Writes the review of a locked calibration, all of it that ever changes. The database locks the instrument and then
/// stamps the instant, which comes back with the next revision.
pub async fn calibration_update(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    calibration: Calibration,
) -> Result<Calibration> {
    Prepared(
        diesel::update(
            calibration::table.filter(calibration::org_id.eq(org_id).and(calibration::id.eq(calibration.id))),
        )
        .set((
            calibration::state.eq(calibration.state.as_str()),
            calibration::reviewed_by.eq(calibration.reviewed_by),
            calibration::review_comment.eq(&calibration.review_comment),
            calibration::revision.eq(calibration::revision + 1),
        ))
        .returning(Row::as_returning()),
    )
    .get_result(conn)
    .await
    .map_err(fault)
    .and_then(|row: Row| row.into_calibration(calibration.points))
}

async fn with_points(conn: &mut AsyncPgConnection, org_id: Uuid, rows: Vec<Row>) -> Result<Vec<Calibration>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut points = point_list(conn, org_id, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let points = points.remove(&row.id).unwrap_or_default();
            row.into_calibration(points)
        })
        .collect()
}

//! `calibration.document`: written once, and never changed.

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Error, Result,
    db::{constraint, fault},
};
use uuid::Uuid;

use super::schema::document;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "document";

/// A document, but for its content.
#[derive(Debug, diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = document, check_for_backend(diesel::pg::Pg))]
pub struct Document {
    pub calibration_id: Uuid,
    pub file_name: String,
    pub media_type: String,
    pub size_bytes: i32,
    pub sha256: Vec<u8>,
    pub created_by: Uuid,
    pub created_at: DateTime<Utc>,
}

/// A document that is to be kept. Its length and its hash, the database works out.
#[derive(diesel::Insertable)]
#[diesel(table_name = document, check_for_backend(diesel::pg::Pg))]
pub struct NewDocument {
    pub org_id: Uuid,
    pub calibration_id: Uuid,
    pub file_name: String,
    pub media_type: String,
    pub content: Vec<u8>,
    pub created_by: Uuid,
}

pub async fn document_insert(conn: &mut AsyncPgConnection, new: NewDocument) -> Result<Document> {
    let calibration_id = new.calibration_id;
    diesel::insert_into(document::table).values(new).returning(Document::as_returning()).get_result(conn).await.map_err(
        |error| match constraint(&error) {
            Some("document_pkey") => Error::exists(RESOURCE, "calibration_id", calibration_id),
            Some("document_org_id_calibration_id_fkey") => {
                Error::not_found(crate::calibration::RESOURCE, calibration_id)
            }
            Some("document_declared") => Error::field(
                "content",
                "is another document than the one whose SHA-256 the calibration was entered with",
            ),
            _ => fault(error),
        },
    )
}

pub async fn document_get(conn: &mut AsyncPgConnection, org_id: Uuid, calibration_id: Uuid) -> Result<Document> {
    document::table
        .filter(document::org_id.eq(org_id).and(document::calibration_id.eq(calibration_id)))
        .select(Document::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(fault)?
        .ok_or_else(|| Error::not_found(RESOURCE, calibration_id))
}

pub async fn document_content(conn: &mut AsyncPgConnection, org_id: Uuid, calibration_id: Uuid) -> Result<Vec<u8>> {
    document::table
        .filter(document::org_id.eq(org_id).and(document::calibration_id.eq(calibration_id)))
        .select(document::content)
        .first(conn)
        .await
        .map_err(fault)
}

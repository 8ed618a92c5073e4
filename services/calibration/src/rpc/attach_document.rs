//! AttachDocument: kept once, and only where it is the one that was declared.

use std::sync::Arc;

use contract::calibration::v1::{AttachDocumentRequest, AttachDocumentResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};

use super::document::to_wire;
use crate::{
    App,
    store::document::{NewDocument, RESOURCE, document_insert},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: AttachDocumentRequest) -> Result<AttachDocumentResponse> {
    let calibration_id = wire::id("calibration_id", &request.calibration_id)?;
    let AttachDocumentRequest { file_name, media_type, content, .. } = request.clone();
    let (org_id, created_by) = (caller.org_id(), caller.user_id());
    let new = NewDocument { org_id, calibration_id, file_name, media_type, content, created_by };
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let document = to_wire(document_insert(tx.conn(), new).await?);
            tx.record(Event::new(RESOURCE, calibration_id, "create").after(&document));
            Ok(AttachDocumentResponse { document: Some(document) })
        })
        .await
}

//! GetDocument and DownloadDocument.

use std::sync::Arc;

use contract::calibration::v1::{
    self, DownloadDocumentRequest, DownloadDocumentResponse, GetDocumentRequest, GetDocumentResponse,
};
use futures::{Stream, stream};
use spectra_runtime::{
    Result,
    auth::Caller,
    wire::{self, hex, timestamp},
};

use crate::{
    App,
    store::document::{Document, document_content, document_get},
};

/// Bytes of a document that one message carries.
const PIECE_BYTES: usize = 256 * 1024;

pub async fn get(app: Arc<App>, caller: Caller, request: GetDocumentRequest) -> Result<GetDocumentResponse> {
    let id = wire::id("calibration_id", &request.calibration_id)?;
    let document = app.db.read(&caller, async |conn| document_get(conn, caller.org_id(), id).await).await?;
    Ok(GetDocumentResponse { document: Some(to_wire(document)) })
}

pub async fn download(
    app: Arc<App>,
    caller: Caller,
    request: DownloadDocumentRequest,
) -> Result<impl Stream<Item = Result<DownloadDocumentResponse>> + Send + 'static> {
    let (org_id, id) = (caller.org_id(), wire::id("calibration_id", &request.calibration_id)?);
    let read = app.db.read(&caller, async |conn| {
        let document = document_get(conn, org_id, id).await?;
        Ok((document, document_content(conn, org_id, id).await?))
    });
    let (document, content) = read.await?;
    let mut pieces: Vec<_> = content
        .chunks(PIECE_BYTES)
        .map(|piece| DownloadDocumentResponse { content: piece.to_vec(), ..Default::default() })
        .collect();
    if let Some(first) = pieces.first_mut() {
        (first.file_name, first.media_type) = (document.file_name, document.media_type);
    }
    Ok(stream::iter(pieces.into_iter().map(Ok)))
}

pub fn to_wire(document: Document) -> v1::Document {
    v1::Document {
        calibration_id: document.calibration_id.to_string(),
        file_name: document.file_name,
        media_type: document.media_type,
        size_bytes: document.size_bytes,
        sha256: hex(&document.sha256),
        created_by: document.created_by.to_string(),
        created_at: Some(timestamp(document.created_at)),
    }
}

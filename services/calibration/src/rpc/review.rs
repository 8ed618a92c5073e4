//! AcceptCalibration, RejectCalibration and RevokeCalibration: steps of one table of transitions. The database locks
//! the instrument before it stamps the instant, so that a use of it comes wholly before a revocation or wholly after.

use std::sync::Arc;

use contract::calibration::v1::{
    self as v1, AcceptCalibrationRequest, AcceptCalibrationResponse, RejectCalibrationRequest,
    RejectCalibrationResponse, RevokeCalibrationRequest, RevokeCalibrationResponse,
};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};
use uuid::Uuid;

use super::convert::calibration as convert;
use crate::{
    App,
    calibration::{RESOURCE, State},
    store::calibration::{calibration_lock, calibration_update},
};

pub async fn accept(
    app: Arc<App>,
    caller: Caller,
    request: AcceptCalibrationRequest,
) -> Result<AcceptCalibrationResponse> {
    let id = wire::id("id", &request.id)?;
    let AcceptCalibrationRequest { comment, etag, .. } = request.clone();
    let review = Review { id, to: State::Accepted, action: "accept", by: caller.user_id(), comment, etag };

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            Ok(AcceptCalibrationResponse { calibration: Some(review.make(tx, org_id).await?) })
        })
        .await
}

pub async fn reject(
    app: Arc<App>,
    caller: Caller,
    request: RejectCalibrationRequest,
) -> Result<RejectCalibrationResponse> {
    let id = wire::id("id", &request.id)?;
    let RejectCalibrationRequest { comment, etag, .. } = request.clone();
    let review = Review { id, to: State::Rejected, action: "reject", by: caller.user_id(), comment, etag };

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            Ok(RejectCalibrationResponse { calibration: Some(review.make(tx, org_id).await?) })
        })
        .await
}

pub async fn revoke(
    app: Arc<App>,
    caller: Caller,
    request: RevokeCalibrationRequest,
) -> Result<RevokeCalibrationResponse> {
    let id = wire::id("id", &request.id)?;
    let RevokeCalibrationRequest { comment, etag, .. } = request.clone();
    let review = Review { id, to: State::Revoked, action: "revoke", by: caller.user_id(), comment, etag };

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            Ok(RevokeCalibrationResponse { calibration: Some(review.make(tx, org_id).await?) })
        })
        .await
}

struct Review {
    id: Uuid,
    to: State,
    action: &'static str,
    by: Uuid,
    comment: String,
    etag: String,
}

impl Review {
    async fn make(self, tx: &mut Tx, org_id: Uuid) -> Result<v1::Calibration> {
        let Self { id, to, action, by, comment, etag } = self;
        let mut calibration = calibration_lock(tx.conn(), org_id, id).await?;
        wire::check_etag(&etag, calibration.revision, RESOURCE, id)?;
        let before = convert::to_wire(calibration.clone());
        calibration.review(to, by, comment.clone())?;

        let calibration = convert::to_wire(calibration_update(tx.conn(), org_id, calibration).await?);
        tx.record(Event::new(RESOURCE, id, action).before(&before).after(&calibration).reason(comment));
        Ok(calibration)
    }
}

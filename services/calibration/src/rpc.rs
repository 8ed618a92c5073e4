//! The generated services, each method in one line; each operation in a file of its own.

mod attach_document;
mod authorize_use;
mod convert;
mod create_calibration;
mod create_instrument;
mod document;
mod get_calibration;
mod get_calibration_status;
mod get_instrument;
mod get_policy;
mod list_calibrations;
mod list_due_calibrations;
mod list_instruments;
mod list_use_grants;
mod review;
mod service_state;
mod update_instrument;
mod update_policy;
mod watch_calibration_status;

use std::sync::Arc;

use contract::calibration::v1::{
    calibration_service_server::CalibrationService, instruments_service_server::InstrumentsService, *,
};
use spectra_runtime::server::{Streamed, streaming, unary};
use tonic::{Request, Response, Status};

use crate::App;

/// Both services on the wire.
#[derive(Clone)]
pub struct Rpc(pub Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl InstrumentsService for Rpc {
    async fn create_instrument(&self, request: Request<CreateInstrumentRequest>) -> Answer<CreateInstrumentResponse> {
        unary(&self.0, request, create_instrument::handle).await
    }

    async fn get_instrument(&self, request: Request<GetInstrumentRequest>) -> Answer<GetInstrumentResponse> {
        unary(&self.0, request, get_instrument::handle).await
    }

    async fn list_instruments(&self, request: Request<ListInstrumentsRequest>) -> Answer<ListInstrumentsResponse> {
        unary(&self.0, request, list_instruments::handle).await
    }

    async fn update_instrument(&self, request: Request<UpdateInstrumentRequest>) -> Answer<UpdateInstrumentResponse> {
        unary(&self.0, request, update_instrument::handle).await
    }

    async fn take_out_of_service(&self, request: Request<TakeOutOfServiceRequest>) -> Answer<TakeOutOfServiceResponse> {
        unary(&self.0, request, service_state::take_out).await
    }

    async fn return_to_service(&self, request: Request<ReturnToServiceRequest>) -> Answer<ReturnToServiceResponse> {
        unary(&self.0, request, service_state::give_back).await
    }
}

#[tonic::async_trait]
impl CalibrationService for Rpc {
    async fn create_calibration(
        &self,
        request: Request<CreateCalibrationRequest>,
    ) -> Answer<CreateCalibrationResponse> {
        unary(&self.0, request, create_calibration::handle).await
    }

    async fn get_calibration(&self, request: Request<GetCalibrationRequest>) -> Answer<GetCalibrationResponse> {
        unary(&self.0, request, get_calibration::handle).await
    }

    async fn list_calibrations(&self, request: Request<ListCalibrationsRequest>) -> Answer<ListCalibrationsResponse> {
        unary(&self.0, request, list_calibrations::handle).await
    }

    async fn accept_calibration(
        &self,
        request: Request<AcceptCalibrationRequest>,
    ) -> Answer<AcceptCalibrationResponse> {
        unary(&self.0, request, review::accept).await
    }

    async fn reject_calibration(
        &self,
        request: Request<RejectCalibrationRequest>,
    ) -> Answer<RejectCalibrationResponse> {
        unary(&self.0, request, review::reject).await
    }

    async fn revoke_calibration(
        &self,
        request: Request<RevokeCalibrationRequest>,
    ) -> Answer<RevokeCalibrationResponse> {
        unary(&self.0, request, review::revoke).await
    }

    async fn attach_document(&self, request: Request<AttachDocumentRequest>) -> Answer<AttachDocumentResponse> {
        unary(&self.0, request, attach_document::handle).await
    }

    async fn get_document(&self, request: Request<GetDocumentRequest>) -> Answer<GetDocumentResponse> {
        unary(&self.0, request, document::get).await
    }

    type DownloadDocumentStream = Streamed<DownloadDocumentResponse>;

    async fn download_document(
        &self,
        request: Request<DownloadDocumentRequest>,
    ) -> Answer<Self::DownloadDocumentStream> {
        streaming(&self.0, request, document::download).await
    }

    async fn get_calibration_status(
        &self,
        request: Request<GetCalibrationStatusRequest>,
    ) -> Answer<GetCalibrationStatusResponse> {
        unary(&self.0, request, get_calibration_status::handle).await
    }

    async fn list_due_calibrations(
        &self,
        request: Request<ListDueCalibrationsRequest>,
    ) -> Answer<ListDueCalibrationsResponse> {
        unary(&self.0, request, list_due_calibrations::handle).await
    }

    async fn get_policy(&self, request: Request<GetPolicyRequest>) -> Answer<GetPolicyResponse> {
        unary(&self.0, request, get_policy::handle).await
    }

    async fn update_policy(&self, request: Request<UpdatePolicyRequest>) -> Answer<UpdatePolicyResponse> {
        unary(&self.0, request, update_policy::handle).await
    }

    async fn authorize_use(&self, request: Request<AuthorizeUseRequest>) -> Answer<AuthorizeUseResponse> {
        unary(&self.0, request, authorize_use::handle).await
    }

    async fn list_use_grants(&self, request: Request<ListUseGrantsRequest>) -> Answer<ListUseGrantsResponse> {
        unary(&self.0, request, list_use_grants::handle).await
    }

    type WatchCalibrationStatusStream = Streamed<WatchCalibrationStatusResponse>;

    async fn watch_calibration_status(
        &self,
        request: Request<WatchCalibrationStatusRequest>,
    ) -> Answer<Self::WatchCalibrationStatusStream> {
        streaming(&self.0, request, watch_calibration_status::handle).await
    }
}

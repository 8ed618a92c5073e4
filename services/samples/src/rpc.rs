//! The generated service, each method in one line; each operation in a file of its own.

mod claim_for_run;
mod convert;
mod create_sample;
mod get_sample;
mod list_samples;
mod move_sample;
mod release_from_run;
mod update_sample;

use std::sync::Arc;

use contract::samples::v1::{samples_service_server::SamplesService, *};
use spectra_runtime::server::unary;
use tonic::{Request, Response, Status};

use crate::App;

/// The service on the wire.
pub struct Rpc(pub Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SamplesService for Rpc {
    async fn create_sample(&self, request: Request<CreateSampleRequest>) -> Answer<CreateSampleResponse> {
        unary(&self.0, request, create_sample::handle).await
    }

    async fn get_sample(&self, request: Request<GetSampleRequest>) -> Answer<GetSampleResponse> {
        unary(&self.0, request, get_sample::handle).await
    }

    async fn get_sample_by_barcode(
        &self,
        request: Request<GetSampleByBarcodeRequest>,
    ) -> Answer<GetSampleByBarcodeResponse> {
        unary(&self.0, request, get_sample::handle_by_barcode).await
    }

    async fn list_samples(&self, request: Request<ListSamplesRequest>) -> Answer<ListSamplesResponse> {
        unary(&self.0, request, list_samples::handle).await
    }

    async fn update_sample(&self, request: Request<UpdateSampleRequest>) -> Answer<UpdateSampleResponse> {
        unary(&self.0, request, update_sample::handle).await
    }

    async fn move_sample(&self, request: Request<MoveSampleRequest>) -> Answer<MoveSampleResponse> {
        unary(&self.0, request, move_sample::handle).await
    }

    async fn claim_for_run(&self, request: Request<ClaimForRunRequest>) -> Answer<ClaimForRunResponse> {
        unary(&self.0, request, claim_for_run::handle).await
    }

    async fn release_from_run(&self, request: Request<ReleaseFromRunRequest>) -> Answer<ReleaseFromRunResponse> {
        unary(&self.0, request, release_from_run::handle).await
    }
}

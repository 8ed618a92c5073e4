//! The generated services, each method in one line; each operation in a file of its own, and the steps that people take
//! with a sample in one for all.

mod archive_project;
mod batch_create_samples;
mod claim_for_run;
mod convert;
mod create_project;
mod create_sample;
mod delete_sample;
mod get_project;
mod get_sample;
mod list_projects;
mod list_samples;
mod move_sample;
mod release_from_run;
mod sample_transition;
mod update_project;
mod update_sample;
mod watch_samples;

use std::sync::Arc;

use contract::samples::v1::{projects_service_server::ProjectsService, samples_service_server::SamplesService, *};
use spectra_runtime::server::{Streamed, streaming, unary};
use tonic::{Request, Response, Status};

use crate::App;

/// The services on the wire.
#[derive(Clone)]
pub struct Rpc(pub Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SamplesService for Rpc {
    async fn create_sample(&self, request: Request<CreateSampleRequest>) -> Answer<CreateSampleResponse> {
        unary(&self.0, request, create_sample::handle).await
    }

    async fn batch_create_samples(
        &self,
        request: Request<BatchCreateSamplesRequest>,
    ) -> Answer<BatchCreateSamplesResponse> {
        unary(&self.0, request, batch_create_samples::handle).await
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

    async fn quarantine_sample(&self, request: Request<QuarantineSampleRequest>) -> Answer<QuarantineSampleResponse> {
        unary(&self.0, request, sample_transition::quarantine).await
    }

    async fn release_sample(&self, request: Request<ReleaseSampleRequest>) -> Answer<ReleaseSampleResponse> {
        unary(&self.0, request, sample_transition::release).await
    }

    async fn dispose_sample(&self, request: Request<DisposeSampleRequest>) -> Answer<DisposeSampleResponse> {
        unary(&self.0, request, sample_transition::dispose).await
    }

    async fn delete_sample(&self, request: Request<DeleteSampleRequest>) -> Answer<DeleteSampleResponse> {
        unary(&self.0, request, delete_sample::handle).await
    }

    async fn undelete_sample(&self, request: Request<UndeleteSampleRequest>) -> Answer<UndeleteSampleResponse> {
        unary(&self.0, request, delete_sample::handle_undelete).await
    }

    async fn claim_for_run(&self, request: Request<ClaimForRunRequest>) -> Answer<ClaimForRunResponse> {
        unary(&self.0, request, claim_for_run::handle).await
    }

    async fn release_from_run(&self, request: Request<ReleaseFromRunRequest>) -> Answer<ReleaseFromRunResponse> {
        unary(&self.0, request, release_from_run::handle).await
    }

    type WatchSamplesStream = Streamed<WatchSamplesResponse>;

    async fn watch_samples(&self, request: Request<WatchSamplesRequest>) -> Answer<Self::WatchSamplesStream> {
        streaming(&self.0, request, watch_samples::handle).await
    }
}

#[tonic::async_trait]
impl ProjectsService for Rpc {
    async fn create_project(&self, request: Request<CreateProjectRequest>) -> Answer<CreateProjectResponse> {
        unary(&self.0, request, create_project::handle).await
    }

    async fn get_project(&self, request: Request<GetProjectRequest>) -> Answer<GetProjectResponse> {
        unary(&self.0, request, get_project::handle).await
    }

    async fn list_projects(&self, request: Request<ListProjectsRequest>) -> Answer<ListProjectsResponse> {
        unary(&self.0, request, list_projects::handle).await
    }

    async fn update_project(&self, request: Request<UpdateProjectRequest>) -> Answer<UpdateProjectResponse> {
        unary(&self.0, request, update_project::handle).await
    }

    async fn archive_project(&self, request: Request<ArchiveProjectRequest>) -> Answer<ArchiveProjectResponse> {
        unary(&self.0, request, archive_project::handle).await
    }

    async fn unarchive_project(&self, request: Request<UnarchiveProjectRequest>) -> Answer<UnarchiveProjectResponse> {
        unary(&self.0, request, archive_project::handle_unarchive).await
    }
}

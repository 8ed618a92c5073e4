//! The generated services, each method in one line; each operation in a file of its own, and the steps of a run that
//! ask nobody else in one for all.

mod append_data_chunk;
mod convert;
mod create_recipe;
mod create_run;
mod export_run;
mod get_method;
mod get_policy;
mod get_recipe;
mod get_run;
mod get_run_data;
mod list_methods;
mod list_recipe_versions;
mod list_recipes;
mod list_runs;
mod recipe_review;
mod run_transition;
mod start_run;
mod update_policy;
mod update_recipe;
mod watch_recipes;
mod watch_runs;

use std::sync::Arc;

use contract::runs::v1::{
    methods_service_server::MethodsService, recipes_service_server::RecipesService, runs_service_server::RunsService, *,
};
use spectra_runtime::server::{Streamed, streaming, unary};
use tonic::{Request, Response, Status};

use crate::App;

/// The services on the wire.
pub struct Rpc(pub Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl MethodsService for Rpc {
    async fn get_method(&self, request: Request<GetMethodRequest>) -> Answer<GetMethodResponse> {
        unary(&self.0, request, get_method::handle).await
    }

    async fn list_methods(&self, request: Request<ListMethodsRequest>) -> Answer<ListMethodsResponse> {
        unary(&self.0, request, list_methods::handle).await
    }
}

#[tonic::async_trait]
impl RecipesService for Rpc {
    async fn create_recipe(&self, request: Request<CreateRecipeRequest>) -> Answer<CreateRecipeResponse> {
        unary(&self.0, request, create_recipe::handle).await
    }

    async fn get_recipe(&self, request: Request<GetRecipeRequest>) -> Answer<GetRecipeResponse> {
        unary(&self.0, request, get_recipe::handle).await
    }

    async fn list_recipes(&self, request: Request<ListRecipesRequest>) -> Answer<ListRecipesResponse> {
        unary(&self.0, request, list_recipes::handle).await
    }

    async fn update_recipe(&self, request: Request<UpdateRecipeRequest>) -> Answer<UpdateRecipeResponse> {
        unary(&self.0, request, update_recipe::handle).await
    }

    async fn submit_recipe(&self, request: Request<SubmitRecipeRequest>) -> Answer<SubmitRecipeResponse> {
        unary(&self.0, request, recipe_review::submit).await
    }

    async fn approve_recipe(&self, request: Request<ApproveRecipeRequest>) -> Answer<ApproveRecipeResponse> {
        unary(&self.0, request, recipe_review::approve).await
    }

    async fn reject_recipe(&self, request: Request<RejectRecipeRequest>) -> Answer<RejectRecipeResponse> {
        unary(&self.0, request, recipe_review::reject).await
    }

    async fn retire_recipe(&self, request: Request<RetireRecipeRequest>) -> Answer<RetireRecipeResponse> {
        unary(&self.0, request, recipe_review::retire).await
    }

    async fn list_recipe_versions(
        &self,
        request: Request<ListRecipeVersionsRequest>,
    ) -> Answer<ListRecipeVersionsResponse> {
        unary(&self.0, request, list_recipe_versions::handle).await
    }

    type WatchRecipesStream = Streamed<WatchRecipesResponse>;

    async fn watch_recipes(&self, request: Request<WatchRecipesRequest>) -> Answer<Self::WatchRecipesStream> {
        streaming(&self.0, request, watch_recipes::handle).await
    }
}

#[tonic::async_trait]
impl RunsService for Rpc {
    async fn create_run(&self, request: Request<CreateRunRequest>) -> Answer<CreateRunResponse> {
        unary(&self.0, request, create_run::handle).await
    }

    async fn create_non_routine_run(
        &self,
        request: Request<CreateNonRoutineRunRequest>,
    ) -> Answer<CreateNonRoutineRunResponse> {
        unary(&self.0, request, create_run::handle_non_routine).await
    }

    async fn get_run(&self, request: Request<GetRunRequest>) -> Answer<GetRunResponse> {
        unary(&self.0, request, get_run::handle).await
    }

    async fn list_runs(&self, request: Request<ListRunsRequest>) -> Answer<ListRunsResponse> {
        unary(&self.0, request, list_runs::handle).await
    }

    async fn start_run(&self, request: Request<StartRunRequest>) -> Answer<StartRunResponse> {
        unary(&self.0, request, start_run::handle).await
    }

    async fn pause_run(&self, request: Request<PauseRunRequest>) -> Answer<PauseRunResponse> {
        unary(&self.0, request, run_transition::pause).await
    }

    async fn resume_run(&self, request: Request<ResumeRunRequest>) -> Answer<ResumeRunResponse> {
        unary(&self.0, request, run_transition::resume).await
    }

    async fn complete_run(&self, request: Request<CompleteRunRequest>) -> Answer<CompleteRunResponse> {
        unary(&self.0, request, run_transition::complete).await
    }

    async fn fail_run(&self, request: Request<FailRunRequest>) -> Answer<FailRunResponse> {
        unary(&self.0, request, run_transition::fail).await
    }

    async fn abort_run(&self, request: Request<AbortRunRequest>) -> Answer<AbortRunResponse> {
        unary(&self.0, request, run_transition::abort).await
    }

    async fn cancel_run(&self, request: Request<CancelRunRequest>) -> Answer<CancelRunResponse> {
        unary(&self.0, request, run_transition::cancel).await
    }

    async fn hold_run(&self, request: Request<HoldRunRequest>) -> Answer<HoldRunResponse> {
        unary(&self.0, request, run_transition::hold).await
    }

    async fn release_run(&self, request: Request<ReleaseRunRequest>) -> Answer<ReleaseRunResponse> {
        unary(&self.0, request, run_transition::release).await
    }

    async fn get_policy(&self, request: Request<GetPolicyRequest>) -> Answer<GetPolicyResponse> {
        unary(&self.0, request, get_policy::handle).await
    }

    async fn update_policy(&self, request: Request<UpdatePolicyRequest>) -> Answer<UpdatePolicyResponse> {
        unary(&self.0, request, update_policy::handle).await
    }

    async fn append_data_chunk(&self, request: Request<AppendDataChunkRequest>) -> Answer<AppendDataChunkResponse> {
        unary(&self.0, request, append_data_chunk::handle).await
    }

    type GetRunDataStream = Streamed<GetRunDataResponse>;

    async fn get_run_data(&self, request: Request<GetRunDataRequest>) -> Answer<Self::GetRunDataStream> {
        streaming(&self.0, request, get_run_data::handle).await
    }

    type ExportRunStream = Streamed<ExportRunResponse>;

    async fn export_run(&self, request: Request<ExportRunRequest>) -> Answer<Self::ExportRunStream> {
        streaming(&self.0, request, export_run::handle).await
    }

    type WatchRunsStream = Streamed<WatchRunsResponse>;

    async fn watch_runs(&self, request: Request<WatchRunsRequest>) -> Answer<Self::WatchRunsStream> {
        streaming(&self.0, request, watch_runs::handle).await
    }
}

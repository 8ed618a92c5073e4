//! The generated service, each method in one line; each operation in a file of its own.

pub mod convert;
mod get_current_user;
mod get_jwks;
mod issue_service_token;
mod login;
mod logout;
mod refresh_token;
mod watch_revocations;

use std::sync::Arc;

use contract::auth::v1::{auth_service_server::AuthService, *};
use spectra_runtime::server::{Streamed, public, streaming, unary};
use tonic::{Request, Response, Status};

use crate::App;

/// The service on the wire.
pub struct Rpc(pub Arc<App>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AuthService for Rpc {
    async fn login(&self, request: Request<LoginRequest>) -> Answer<LoginResponse> {
        public(&self.0, request, login::handle).await
    }

    async fn refresh_token(&self, request: Request<RefreshTokenRequest>) -> Answer<RefreshTokenResponse> {
        public(&self.0, request, refresh_token::handle).await
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Answer<LogoutResponse> {
        unary(&self.0, request, logout::handle).await
    }

    async fn get_current_user(&self, request: Request<GetCurrentUserRequest>) -> Answer<GetCurrentUserResponse> {
        unary(&self.0, request, get_current_user::handle).await
    }

    async fn issue_service_token(
        &self,
        request: Request<IssueServiceTokenRequest>,
    ) -> Answer<IssueServiceTokenResponse> {
        public(&self.0, request, issue_service_token::handle).await
    }
    async fn get_jwks(&self, request: Request<GetJwksRequest>) -> Answer<GetJwksResponse> {
        public(&self.0, request, get_jwks::handle).await
    }

    type WatchRevocationsStream = Streamed<WatchRevocationsResponse>;

    async fn watch_revocations(
        &self,
        request: Request<WatchRevocationsRequest>,
    ) -> Answer<Self::WatchRevocationsStream> {
        streaming(&self.0, request, watch_revocations::handle).await
    }
}

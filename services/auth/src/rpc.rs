//! The generated services, each method in one line; each operation in a file of its own.

mod change_password;
pub mod convert;
mod create_user;
mod get_current_user;
mod get_jwks;
mod get_user;
mod issue_service_token;
mod list_audit_events;
mod list_sessions;
mod list_users;
mod login;
mod logout;
mod organization;
mod refresh_token;
mod reset_user_password;
mod revoke_session;
mod update_user;
mod user_account;
mod watch_revocations;

use std::sync::Arc;

use contract::auth::v1::{
    audit_service_server::AuditService, auth_service_server::AuthService,
    organizations_service_server::OrganizationsService, users_service_server::UsersService, *,
};
use spectra_runtime::server::{Streamed, public, streaming, unary};
use tonic::{Request, Response, Status};

use crate::App;

/// The services on the wire.
#[derive(Clone)]
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

    async fn change_password(&self, request: Request<ChangePasswordRequest>) -> Answer<ChangePasswordResponse> {
        unary(&self.0, request, change_password::handle).await
    }

    async fn list_sessions(&self, request: Request<ListSessionsRequest>) -> Answer<ListSessionsResponse> {
        unary(&self.0, request, list_sessions::handle).await
    }

    async fn revoke_session(&self, request: Request<RevokeSessionRequest>) -> Answer<RevokeSessionResponse> {
        unary(&self.0, request, revoke_session::handle).await
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

#[tonic::async_trait]
impl UsersService for Rpc {
    async fn create_user(&self, request: Request<CreateUserRequest>) -> Answer<CreateUserResponse> {
        unary(&self.0, request, create_user::handle).await
    }

    async fn get_user(&self, request: Request<GetUserRequest>) -> Answer<GetUserResponse> {
        unary(&self.0, request, get_user::handle).await
    }

    async fn list_users(&self, request: Request<ListUsersRequest>) -> Answer<ListUsersResponse> {
        unary(&self.0, request, list_users::handle).await
    }

    async fn update_user(&self, request: Request<UpdateUserRequest>) -> Answer<UpdateUserResponse> {
        unary(&self.0, request, update_user::handle).await
    }

    async fn disable_user(&self, request: Request<DisableUserRequest>) -> Answer<DisableUserResponse> {
        unary(&self.0, request, user_account::handle_disable).await
    }

    async fn enable_user(&self, request: Request<EnableUserRequest>) -> Answer<EnableUserResponse> {
        unary(&self.0, request, user_account::handle_enable).await
    }

    async fn reset_user_password(
        &self,
        request: Request<ResetUserPasswordRequest>,
    ) -> Answer<ResetUserPasswordResponse> {
        unary(&self.0, request, reset_user_password::handle).await
    }
}

#[tonic::async_trait]
impl OrganizationsService for Rpc {
    async fn get_organization(&self, request: Request<GetOrganizationRequest>) -> Answer<GetOrganizationResponse> {
        unary(&self.0, request, organization::handle_get).await
    }

    async fn update_organization(
        &self,
        request: Request<UpdateOrganizationRequest>,
    ) -> Answer<UpdateOrganizationResponse> {
        unary(&self.0, request, organization::handle_update).await
    }
}

#[tonic::async_trait]
impl AuditService for Rpc {
    async fn list_audit_events(&self, request: Request<ListAuditEventsRequest>) -> Answer<ListAuditEventsResponse> {
        unary(&self.0, request, list_audit_events::handle).await
    }
}

//! People who are signed in, and their clients.

use contract::{
    auth::v1::{
        LoginRequest, LoginResponse, audit_service_client::AuditServiceClient, auth_service_client::AuthServiceClient,
        organizations_service_client::OrganizationsServiceClient, users_service_client::UsersServiceClient,
    },
    calibration::v1::{
        calibration_service_client::CalibrationServiceClient, instruments_service_client::InstrumentsServiceClient,
    },
    runs::v1::{
        methods_service_client::MethodsServiceClient, recipes_service_client::RecipesServiceClient,
        runs_service_client::RunsServiceClient,
    },
    samples::v1::{projects_service_client::ProjectsServiceClient, samples_service_client::SamplesServiceClient},
};
use tonic::{
    Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use tonic_types::StatusExt as _;

/// E-mail before the @, role and password: the same in both organizations.
pub(crate) const PEOPLE: [(&str, &str, &str); 5] = [
    ("admin", "admin", "admin123"),
    ("pi", "pi", "pi123"),
    ("engineer", "engineer", "eng123"),
    ("tech", "technician", "tech123"),
    ("viewer", "viewer", "view123"),
];

/// A client that sends a person's token along.
pub type Client = InterceptedService<Channel, Bearer>;

/// Tokens in their headers.
#[derive(Clone)]
pub struct Bearer(Vec<(&'static str, MetadataValue<Ascii>)>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: tonic::Request<()>) -> Result<tonic::Request<()>, Status> {
        for (header, token) in &self.0 {
            request.metadata_mut().insert(*header, token.clone());
        }
        Ok(request)
    }
}

/// Somebody at the laboratory's door.
#[derive(Clone)]
pub struct Person {
    channel: Channel,
    /// What signing in gave.
    pub tokens: LoginResponse,
}

impl Person {
    /// Signs in with the password that the tests know.
    pub async fn sign_in(channel: &Channel, email: &str) -> Self {
        let local = email.split('@').next().expect("an e-mail address");
        let password = PEOPLE.iter().find(|(name, ..)| *name == local).expect("a known person").2;
        Self::sign_in_with(channel, email, password).await.expect("signed in")
    }

    /// Signs in with this password.
    ///
    /// # Errors
    /// What the server answered.
    pub async fn sign_in_with(channel: &Channel, email: &str, password: &str) -> Result<Self, Status> {
        let request = LoginRequest { username: email.to_owned(), password: password.to_owned(), otp: String::new() };
        let tokens = AuthServiceClient::new(channel.clone()).login(request).await?.into_inner();
        Ok(Self { channel: channel.clone(), tokens })
    }

    /// Somebody with this access token, or with none where it is empty.
    #[must_use]
    pub fn with_token(channel: &Channel, access_token: &str) -> Self {
        let tokens = LoginResponse { access_token: access_token.to_owned(), ..Default::default() };
        Self { channel: channel.clone(), tokens }
    }

    /// The same person on another connection.
    #[must_use]
    pub fn on(&self, channel: Channel) -> Self {
        Self { channel, tokens: self.tokens.clone() }
    }

    /// The connection with this person's token.
    #[must_use]
    pub fn client(&self) -> Client {
        InterceptedService::new(self.channel.clone(), Bearer(self.bearer()))
    }

    /// The connection with this person's token, if any, and another header.
    #[must_use]
    pub fn client_with(&self, header: &'static str, value: MetadataValue<Ascii>) -> Client {
        let mut bearer = self.bearer();
        bearer.push((header, value));
        InterceptedService::new(self.channel.clone(), Bearer(bearer))
    }

    fn bearer(&self) -> Vec<(&'static str, MetadataValue<Ascii>)> {
        let token = &self.tokens.access_token;
        if token.is_empty() {
            return Vec::new();
        }
        vec![("authorization", format!("Bearer {token}").parse().expect("a header"))]
    }

    /// Auth.
    #[must_use]
    pub fn auth(&self) -> AuthServiceClient<Client> {
        AuthServiceClient::new(self.client())
    }

    /// People.
    #[must_use]
    pub fn users(&self) -> UsersServiceClient<Client> {
        UsersServiceClient::new(self.client())
    }

    /// The organization.
    #[must_use]
    pub fn organizations(&self) -> OrganizationsServiceClient<Client> {
        OrganizationsServiceClient::new(self.client())
    }

    /// The audit trail.
    #[must_use]
    pub fn audit(&self) -> AuditServiceClient<Client> {
        AuditServiceClient::new(self.client())
    }

    /// Samples.
    #[must_use]
    pub fn samples(&self) -> SamplesServiceClient<Client> {
        SamplesServiceClient::new(self.client())
    }

    /// Projects.
    #[must_use]
    pub fn projects(&self) -> ProjectsServiceClient<Client> {
        ProjectsServiceClient::new(self.client())
    }

    /// Instruments.
    #[must_use]
    pub fn instruments(&self) -> InstrumentsServiceClient<Client> {
        InstrumentsServiceClient::new(self.client())
    }

    /// Calibrations.
    #[must_use]
    pub fn calibrations(&self) -> CalibrationServiceClient<Client> {
        CalibrationServiceClient::new(self.client())
    }

    /// Methods.
    #[must_use]
    pub fn methods(&self) -> MethodsServiceClient<Client> {
        MethodsServiceClient::new(self.client())
    }

    /// Recipes.
    #[must_use]
    pub fn recipes(&self) -> RecipesServiceClient<Client> {
        RecipesServiceClient::new(self.client())
    }

    /// Runs.
    #[must_use]
    pub fn runs(&self) -> RunsServiceClient<Client> {
        RunsServiceClient::new(self.client())
    }
}

/// The reason of a refusal, and its metadata.
#[must_use]
pub fn reason(status: &Status) -> (String, std::collections::HashMap<String, String>) {
    status.get_details_error_info().map(|info| (info.reason, info.metadata)).unwrap_or_default()
}

/// The reason with which a call was refused.
///
/// # Panics
/// Where it was not.
pub fn refused<T: std::fmt::Debug>(result: Result<tonic::Response<T>, Status>) -> String {
    let status = result.expect_err("a refusal");
    let (reason, _) = reason(&status);
    assert!(!reason.is_empty(), "a refusal without a reason: {status:?}");
    reason
}

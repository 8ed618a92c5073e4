//! Auth: organizations, people, their sessions, and the tokens that prove who calls.

mod password;
pub mod people;
mod refresh_token;
mod rpc;
mod session;
mod store;
mod throttle;
mod user;

use std::sync::Arc;

use contract::auth::v1::{
    audit_service_server::AuditServiceServer, auth_service_server::AuthServiceServer,
    organizations_service_server::OrganizationsServiceServer, users_service_server::UsersServiceServer,
};
use secrecy::SecretSlice;
use spectra_runtime::{
    Clock,
    auth::token::Tokens,
    db::{self, Db},
    list::Sealer,
    server::{Builder, Guard, Stack},
};

use password::Passwords;

/// Passwords hashed at once where nothing else is set: each takes 19 MiB and a core for some 20 ms.
pub const HASH_PLACES: usize = 2;

/// What the service calls itself.
const NAME: &str = "auth";

/// What the service needs to run.
pub struct Settings {
    /// Its database.
    pub db: db::Settings,
    /// What guards it.
    pub guard: Guard,
    /// Seals page tokens.
    pub sealer: Sealer,
    /// Dates sessions and refresh tokens.
    pub clock: Clock,
    /// Signs what it issues.
    pub tokens: Arc<Tokens>,
    /// What the credentials of services are derived from.
    pub credential_secret: SecretSlice<u8>,
    /// Passwords that are hashed at once; [`HASH_PLACES`] is a good number.
    pub hash_places: usize,
}

/// The running service.
pub struct Service {
    /// What answers its calls.
    pub stack: Stack,
    /// Its database, for health and metrics.
    pub db: Db,
}

/// What every operation has at hand.
struct App {
    db: Db,
    sealer: Sealer,
    clock: Clock,
    tokens: Arc<Tokens>,
    credential_secret: SecretSlice<u8>,
    passwords: Passwords,
}

impl App {
    /// Life of an access token in seconds, as responses say it.
    fn expires_in(&self) -> i32 {
        i32::try_from(self.tokens.access_life().as_secs()).unwrap_or(i32::MAX)
    }
}

impl Service {
    /// Starts the service; its database is connected to when it is first needed.
    #[must_use]
    pub fn new(Settings { db, guard, sealer, clock, tokens, credential_secret, hash_places }: Settings) -> Self {
        let db = Db::new(NAME, db);
        let passwords = Passwords::new(hash_places);
        let app = App { db: db.clone(), sealer, clock, tokens, credential_secret, passwords };
        let rpc = rpc::Rpc(Arc::new(app));
        let stack = Builder::new(guard)
            .add(AuthServiceServer::new(rpc.clone()))
            .add(UsersServiceServer::new(rpc.clone()))
            .add(OrganizationsServiceServer::new(rpc.clone()))
            .add(AuditServiceServer::new(rpc))
            .build();
        Self { stack, db }
    }
}

//! Auth: organizations, people, their sessions, and the tokens that prove who calls.

pub mod keys;
mod password;
pub mod people;
mod refresh_token;
mod revocation;
mod rpc;
mod session;
mod signing_key;
mod store;
mod throttle;
mod user;
mod worker;

use std::sync::Arc;

use arc_swap::ArcSwap;
use contract::auth::v1::{
    Jwk, audit_service_server::AuditServiceServer, auth_service_server::AuthServiceServer,
    organizations_service_server::OrganizationsServiceServer, users_service_server::UsersServiceServer,
};
use secrecy::{ExposeSecret as _, SecretSlice};
use spectra_runtime::{
    Clock, Result,
    auth::{
        keys::{Algorithm, Keys},
        token::Tokens,
    },
    db::{self, Db},
    list::Sealer,
    server::{Builder, Guard, Stack},
};

use keys::Signing;
use password::Passwords;
use revocation::Hub;
use signing_key::Seal;

pub use worker::Worker;

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
    /// The keys that the guard verifies with; the service puts its own in their place, and signs with them.
    pub keys: Arc<Keys>,
    /// How it signs. With HS256, the keys are good as they are.
    pub algorithm: Algorithm,
    /// Seals its keys at rest; what the credentials of services are derived from.
    pub secret: SecretSlice<u8>,
    /// Passwords that are hashed at once; [`HASH_PLACES`] is a good number.
    pub hash_places: usize,
}

/// The running service.
pub struct Service {
    /// What answers its calls.
    pub stack: Stack,
    /// Its database, for health and metrics.
    pub db: Db,
    /// What it does by itself.
    pub worker: Worker,
}

/// What every operation has at hand.
struct App {
    db: Db,
    sealer: Sealer,
    clock: Clock,
    tokens: Arc<Tokens>,
    secret: SecretSlice<u8>,
    passwords: Passwords,
    keys: Arc<Keys>,
    /// `None` where a shared secret signs.
    signing: Option<Signing>,
    /// The public keys, for everybody.
    published: ArcSwap<Vec<Jwk>>,
    hub: Hub,
}

impl App {
    /// Life of an access token in seconds, as responses say it.
    fn expires_in(&self) -> i32 {
        i32::try_from(self.tokens.access_life().as_secs()).unwrap_or(i32::MAX)
    }
}

impl Service {
    /// Starts the service; its database is connected to when it is first needed.
    ///
    /// # Errors
    /// INTERNAL where the secret does not seal.
    pub fn new(settings: Settings) -> Result<Self> {
        let Settings { db, guard, sealer, clock, keys, algorithm, secret, hash_places } = settings;
        let db = Db::new(NAME, db);
        let signing = match algorithm {
            Algorithm::Hs256 => None,
            algorithm => Some(Signing { seal: Seal::new(secret.expose_secret())?, algorithm }),
        };
        let app = Arc::new(App {
            db: db.clone(),
            sealer,
            clock,
            tokens: Arc::clone(&guard.tokens),
            secret,
            passwords: Passwords::new(hash_places),
            keys,
            signing,
            published: ArcSwap::default(),
            hub: Hub::new(Arc::clone(&guard.revocations)),
        });
        let worker = Worker::new(Arc::clone(&app));
        let rpc = rpc::Rpc(app);
        let stack = Builder::new(guard)
            .recording(&db)
            .add(AuthServiceServer::new(rpc.clone()))
            .add(UsersServiceServer::new(rpc.clone()))
            .add(OrganizationsServiceServer::new(rpc.clone()))
            .add(AuditServiceServer::new(rpc))
            .build();
        Ok(Self { stack, db, worker })
    }
}

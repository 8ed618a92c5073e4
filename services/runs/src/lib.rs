//! Runs: created, refused or started by the calibration lockout, and brought to their end.

mod claim;
mod clients;
mod data;
mod export;
mod follow;
mod method;
mod policy;
mod recipe;
mod reconcile;
mod rpc;
mod run;
mod store;
mod worker;

use std::sync::Arc;

use contract::runs::v1::{
    methods_service_server::MethodsServiceServer, recipes_service_server::RecipesServiceServer,
    runs_service_server::RunsServiceServer,
};
use spectra_runtime::{
    Clock,
    auth::service::ServiceTokens,
    db::{self, Batch, Db},
    list::Sealer,
    server::{Builder, Guard, Peer, Stack},
};

use clients::Clients;
use recipe::Recipe;
use run::Run;

pub use worker::Worker;

/// What the service calls itself.
const NAME: &str = "runs";

/// What the service needs to run.
pub struct Settings {
    /// Its database.
    pub db: db::Settings,
    /// What guards it.
    pub guard: Guard,
    /// Seals page tokens.
    pub sealer: Sealer,
    /// Dates what is created; when a run starts is not for this clock to say.
    pub clock: Clock,
    /// Its tokens, for calls to the others.
    pub service_tokens: ServiceTokens,
    /// Where Samples is.
    pub samples: Peer,
    /// Where Calibration is.
    pub calibration: Peer,
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
    runs: Batch<Run>,
    recipes: Batch<Recipe>,
    clients: Clients,
}

impl Service {
    /// Starts the service; its database and the other services are connected to when they are first needed.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let Settings { db, guard, sealer, clock, service_tokens, samples, calibration } = settings;
        let db = Db::new(NAME, db);
        let clients = Clients { samples, calibration, service_tokens };
        let (runs, recipes) = (store::run::batch(), store::recipe::batch());
        let app = Arc::new(App { db: db.clone(), sealer, clock, runs, recipes, clients });
        let worker = Worker::new(Arc::clone(&app));
        let stack = Builder::new(guard)
            .recording(&db)
            .add(MethodsServiceServer::new(rpc::Rpc(Arc::clone(&app))))
            .add(RecipesServiceServer::new(rpc::Rpc(Arc::clone(&app))))
            .add(RunsServiceServer::new(rpc::Rpc(app)))
            .build();
        Self { stack, db, worker }
    }
}

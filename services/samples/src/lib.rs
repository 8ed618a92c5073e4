//! Samples: what exists, where it is, what for, and which run has it.

mod project;
mod rpc;
mod sample;
mod store;

use std::sync::Arc;

use contract::samples::v1::{
    projects_service_server::ProjectsServiceServer, samples_service_server::SamplesServiceServer,
};
use spectra_runtime::{
    Clock,
    db::{self, Batch, Db},
    list::Sealer,
    server::{Builder, Guard, Stack},
};

use project::Project;
use sample::Sample;

/// What the service needs to run.
pub struct Settings {
    /// Its database.
    pub db: db::Settings,
    /// What guards it.
    pub guard: Guard,
    /// Seals page tokens.
    pub sealer: Sealer,
    /// Dates what is registered.
    pub clock: Clock,
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
    samples: Batch<Sample>,
    projects: Batch<Project>,
}

impl Service {
    /// Starts the service; its database is connected to when it is first needed.
    #[must_use]
    pub fn new(Settings { db, guard, sealer, clock }: Settings) -> Self {
        let db = Db::new("samples", db);
        let app =
            App { db: db.clone(), sealer, clock, samples: store::sample::batch(), projects: store::project::batch() };
        let rpc = rpc::Rpc(Arc::new(app));
        let stack = Builder::new(guard)
            .recording(&db)
            .add(SamplesServiceServer::new(rpc.clone()))
            .add(ProjectsServiceServer::new(rpc))
            .build();
        Self { stack, db }
    }
}

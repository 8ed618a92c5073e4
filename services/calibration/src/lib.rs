//! Calibration: which instruments there are, whether each is fit for use, and the ledger of every use.

mod calibration;
mod fitness;
mod instrument;
mod policy;
mod rpc;
mod store;
mod use_grant;

use std::sync::Arc;

use contract::calibration::v1::{
    calibration_service_server::CalibrationServiceServer, instruments_service_server::InstrumentsServiceServer,
};
use spectra_runtime::{
    Clock,
    db::{self, Batch, Db},
    list::Sealer,
    server::{Builder, Guard, Stack},
};

use calibration::Calibration;
use instrument::Instrument;

/// What the service needs to run.
pub struct Settings {
    /// Its database.
    pub db: db::Settings,
    /// What guards it.
    pub guard: Guard,
    /// Seals page tokens.
    pub sealer: Sealer,
    /// Dates what is entered. Fitness for use is decided by the database's clock, never by this one.
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
    instruments: Batch<Instrument>,
    calibrations: Batch<Calibration>,
}

impl Service {
    /// Starts the service; its database is connected to when it is first needed.
    #[must_use]
    pub fn new(Settings { db, guard, sealer, clock }: Settings) -> Self {
        let db = Db::new("calibration", db);
        let app = App {
            db: db.clone(),
            sealer,
            clock,
            instruments: store::instrument::batch(),
            calibrations: store::calibration::batch(),
        };
        let rpc = rpc::Rpc(Arc::new(app));
        let stack = Builder::new(guard)
            .recording(&db)
            .add(InstrumentsServiceServer::new(rpc.clone()))
            .add(CalibrationServiceServer::new(rpc))
            .build();
        Self { stack, db }
    }
}

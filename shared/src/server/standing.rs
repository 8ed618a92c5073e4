//! What stands beside every service: health (by name and as a whole) and reflection, for everybody.

use std::error::Error;

use tonic_health::{
    ServingStatus,
    pb::health_server::HealthServer,
    server::{HealthReporter, HealthService},
};
use tonic_reflection::server::Builder;

use super::{Drain, stack::Routes};

/// Names of the standard services, in the reflection's list.
const STANDARD: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// What the databases of a process are asked for by.
pub const DATABASE: &str = "database";

/// Health and reflection of one process.
#[derive(Clone)]
pub struct Standing {
    reporter: HealthReporter,
    services: Vec<String>,
    routes: Routes,
}

impl Standing {
    /// Health for these gRPC services (`spectra.samples.v1.SamplesService`), not serving yet; reflection, if asked for,
    /// lists them and the standard ones.
    ///
    /// # Errors
    /// Never for descriptors that the build compiled.
    pub async fn new(services: &[&str], reflection: bool) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let reporter = HealthReporter::new();
        let mut routes = Routes::default();
        routes.add(HealthServer::new(HealthService::from_health_reporter(reporter.clone())));
        if reflection {
            routes.add(describe(services).build_v1()?);
            routes.add(describe(services).build_v1alpha()?);
        }
        let services = services.iter().map(|name| (*name).to_owned()).collect();
        let standing = Self { reporter, services, routes };
        standing.set(ServingStatus::NotServing).await;
        Ok(standing)
    }

    /// Says SERVING now, and NOT_SERVING as soon as the process says that it will end.
    pub async fn serving(&self, drain: Drain) {
        self.set(ServingStatus::Serving).await;
        let standing = self.clone();
        tokio::spawn(async move {
            drain.left().await;
            standing.set(ServingStatus::NotServing).await;
        });
    }

    /// Says whether one of our services answers, such as `samples`, which runs elsewhere.
    pub async fn tell(&self, service: &str, serves: bool) {
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        let prefix = format!("spectra.{service}.");
        for name in self.services.iter().filter(|name| name.starts_with(&prefix)) {
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// Says whether the databases of the services here answer. The services' own health does not depend on it: a database
    /// that is away is no reason to restart them.
    pub async fn tell_databases(&self, answer: bool) {
        let status = if answer { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.reporter.set_service_status(DATABASE, status).await;
    }

    async fn set(&self, status: ServingStatus) {
        for name in self.services.iter().map(String::as_str).chain([""]) {
            self.reporter.set_service_status(name, status).await;
        }
    }

    pub(super) fn routes(&self) -> Routes {
        self.routes.clone()
    }
}

fn describe(services: &[&str]) -> Builder<'static> {
    let mut builder = Builder::configure()
        .register_encoded_file_descriptor_set(contract::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // So that generic clients can show the details of errors.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET);
    for name in services.iter().chain(&STANDARD) {
        builder = builder.with_service_name(*name);
    }
    builder
}

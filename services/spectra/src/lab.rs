//! Services of the laboratory, started in this process and wired to each other.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use spectra_edge::Route;
use spectra_runtime::{
    Clock,
    auth::{
        service::{ServiceTokens, derived_credential},
        token::Tokens,
    },
    db::{self, Db},
    list::Sealer,
    secret,
    server::{Drain, Guard, Handler, Peer, Stack, Standing},
};
use tonic::transport::Endpoint;

use crate::{
    Result, Trouble,
    migrate::role,
    settings::{SERVICES, Settings},
};

/// The services that run in this process.
pub struct Lab {
    /// What answers the calls of each service that runs here.
    pub stacks: BTreeMap<&'static str, Stack>,
    /// Their databases.
    pub databases: BTreeMap<&'static str, Db>,
    /// The front door, to services here and elsewhere.
    pub edge: Handler,
    /// Health of the process.
    pub standing: Standing,
    /// Ends it.
    pub drain: Drain,
    /// Work that goes on beside calls, until the drain closes.
    workers: Vec<tokio::task::JoinHandle<()>>,
}

/// What a laboratory is started with, beside its settings.
pub struct Means {
    /// The database.
    pub database_url: SecretString,
    /// The shared secret of tokens, page tokens and service credentials.
    pub secret: SecretString,
    /// The process's clock; one for each service, so that a test can let one of them go wrong.
    pub clocks: BTreeMap<&'static str, Clock>,
}

impl Lab {
    /// Starts these services here; the others are called over the network.
    ///
    /// # Errors
    /// A sentence where a setting cannot be used.
    pub async fn start(settings: &Settings, means: &Means, here: &[&'static str]) -> Result<Self> {
        let drain = Drain::default();
        let names: Vec<&str> = grpc_services(here);
        let standing = Standing::new(&names, settings.reflection).await.map_err(Trouble::new)?;
        let parts = Parts { settings, means, drain: drain.clone(), standing: standing.clone() };

        let mut lab = Self {
            stacks: BTreeMap::new(),
            databases: BTreeMap::new(),
            edge: Arc::new(|_| unreachable!("the edge is wired before anybody can call it")),
            standing,
            drain,
            workers: Vec::new(),
        };
        for service in SERVICES.into_iter().filter(|service| here.contains(service)) {
            lab.start_service(service, &parts)?;
        }
        let routes = SERVICES
            .into_iter()
            .map(|service| Ok(Route { service, peer: lab.peer(service, settings)? }))
            .collect::<Result<_>>()?;
        lab.edge = spectra_edge::handler(routes, parts.guard("edge"));
        Ok(lab)
    }

    fn start_service(&mut self, service: &'static str, parts: &Parts<'_>) -> Result<()> {
        let (db, guard, clock) = (parts.db(service), parts.guard(service), parts.clock(service));
        let (stack, db) = match service {
            "auth" => {
                let settings = spectra_auth::Settings {
                    db,
                    tokens: Arc::clone(&guard.tokens),
                    guard,
                    sealer: parts.sealer(),
                    clock,
                    credential_secret: SecretSlice::from(parts.secret().to_vec()),
                    hash_places: parts.settings.hash_places,
                };
                let auth = spectra_auth::Service::new(settings);
                (auth.stack, auth.db)
            }
            "samples" => {
                let settings = spectra_samples::Settings { db, guard, sealer: parts.sealer(), clock };
                let samples = spectra_samples::Service::new(settings);
                (samples.stack, samples.db)
            }
            "calibration" => {
                let settings = spectra_calibration::Settings { db, guard, sealer: parts.sealer(), clock };
                let calibration = spectra_calibration::Service::new(settings);
                (calibration.stack, calibration.db)
            }
            _ => {
                let credential = derived_credential(parts.secret(), "runs").into();
                let auth = self.peer("auth", parts.settings)?;
                let settings = spectra_runs::Settings {
                    db,
                    guard,
                    sealer: parts.sealer(),
                    clock,
                    service_tokens: ServiceTokens::new("runs", credential, auth),
                    samples: self.peer("samples", parts.settings)?,
                    calibration: self.peer("calibration", parts.settings)?,
                };
                let runs = spectra_runs::Service::new(settings);
                self.workers.push(tokio::spawn(runs.worker.run(self.drain.clone())));
                (runs.stack, runs.db)
            }
        };
        self.workers.push(tokio::spawn(db.clone().keep_forgetting(self.drain.clone())));
        self.stacks.insert(service, stack);
        self.databases.insert(service, db);
        Ok(())
    }

    /// A service: the one here, or the address where it is.
    fn peer(&self, service: &'static str, settings: &Settings) -> Result<Peer> {
        if let Some(stack) = self.stacks.get(service) {
            return Ok(Peer::Local(stack.clone()));
        }
        let url = &settings.service_urls[service];
        let endpoint = Endpoint::from_shared(url.clone())
            .map_err(|error| Trouble(format!("the {service} service's address {url} cannot be used: {error}")))?
            .connect_timeout(std::time::Duration::from_secs(2));
        Ok(Peer::Remote(endpoint.connect_lazy()))
    }

    /// Waits for the workers, after the drain has closed.
    pub async fn finish(self) {
        futures::future::join_all(self.workers).await;
    }
}

/// What each service is given.
struct Parts<'a> {
    settings: &'a Settings,
    means: &'a Means,
    drain: Drain,
    standing: Standing,
}

impl Parts<'_> {
    fn secret(&self) -> &[u8] {
        self.means.secret.expose_secret().as_bytes()
    }

    fn clock(&self, service: &str) -> Clock {
        self.means.clocks.get(service).cloned().unwrap_or_default()
    }

    fn sealer(&self) -> Sealer {
        Sealer::new(&secret::derive(self.secret(), "page-token"))
    }

    /// Each service has a verifier of its own: in one process as in four.
    fn guard(&self, service: &str) -> Guard {
        Guard {
            tokens: Arc::new(Tokens::new(self.settings.tokens(&self.means.secret), self.clock(service))),
            concurrency: self.settings.concurrency,
            origins: self.settings.cors_origins.clone(),
            drain: self.drain.clone(),
            standing: self.standing.clone(),
        }
    }

    fn db(&self, service: &str) -> db::Settings {
        let own = self.settings.service_database_urls.get(service);
        db::Settings {
            url: own.unwrap_or(&self.means.database_url).clone(),
            // A login of its own is the role already.
            role: own.is_none().then(|| role(service)),
            pool_size: self.settings.pool_size,
            wait: self.settings.pool_wait,
            echo: self.settings.sql_echo,
        }
    }
}

/// Names of the gRPC services that these services answer for; all of them for the edge.
fn grpc_services(here: &[&'static str]) -> Vec<&'static str> {
    let edge = here.contains(&"edge");
    let mut names: Vec<_> = contract::methods()
        .map(|method| method.service.as_str())
        .filter(|name| edge || here.iter().any(|service| name.starts_with(&format!("spectra.{service}."))))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

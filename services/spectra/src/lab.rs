//! Services of the laboratory, started in this process and wired to each other.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use spectra_edge::Route;
use spectra_runtime::{
    Clock,
    auth::{
        jwks,
        keys::{Algorithm, Keys},
        revocation::Revocations,
        service::{ServiceTokens, derived_credential},
        token::Tokens,
    },
    db::{self, Db},
    list::Sealer,
    secret,
    server::{Drain, Guard, Handler, Origin, Peer, Remote, Stack, Standing, tls::Tls},
};

use crate::{
    Result, Trouble,
    migrate::role,
    settings::{Profile, SERVICES, Settings},
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
    /// Services elsewhere, as far as they are called.
    remotes: BTreeMap<&'static str, Remote>,
    /// By what the process proves itself, where it speaks TLS.
    pub tls: Option<Tls>,
    /// What the services here know of ended sessions.
    revocations: Vec<Arc<Revocations>>,
    /// Work that goes on beside calls, until the drain closes.
    workers: Vec<tokio::task::JoinHandle<()>>,
}

/// What a laboratory is started with, beside its settings.
pub struct Means {
    /// The database.
    pub database_url: SecretString,
    /// The laboratory's secret, of which tokens, page tokens and service credentials are made; `None` in a process that
    /// is given what it needs of them by itself.
    pub secret: Option<SecretString>,
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

        let tls = settings.tls.clone().map(|files| Tls::start(files, drain.clone())).transpose().map_err(Trouble)?;

        let mut lab = Self {
            tls,
            remotes: BTreeMap::new(),
            stacks: BTreeMap::new(),
            databases: BTreeMap::new(),
            edge: Arc::new(|_| unreachable!("the edge is wired before anybody can call it")),
            standing,
            drain,
            revocations: Vec::new(),
            workers: Vec::new(),
        };
        for service in SERVICES.into_iter().filter(|service| here.contains(service)) {
            lab.start_service(service, &parts)?;
        }
        // Only the edge calls them all; a service that did would be stopped by the network it is deployed in.
        let is_edge = here.contains(&"edge");
        let routes = SERVICES
            .into_iter()
            .filter(|service| is_edge || here.contains(service))
            .map(|service| Ok(Route { service, peer: lab.peer(service, settings)? }))
            .collect::<Result<Vec<_>>>()?;
        if is_edge {
            for route in routes.iter().filter(|route| matches!(route.peer, Peer::Remote(_))) {
                lab.work(spectra_edge::follow_health(route.clone(), lab.standing.clone(), lab.drain.clone()));
            }
        }
        if !lab.databases.is_empty() {
            lab.work(follow_databases(lab.databases.clone(), lab.standing.clone(), lab.drain.clone()));
        }
        // It checks no token itself: each call is checked where it goes.
        let demo = settings.profile == Profile::Development;
        let guard = parts.guard("edge", Arc::new(Keys::none()));
        lab.edge = spectra_edge::handler(routes, guard, settings.trusted_proxies.clone(), demo);
        Ok(lab)
    }

    fn start_service(&mut self, service: &'static str, parts: &Parts<'_>) -> Result<()> {
        let keys = parts.keys();
        let (db, guard, clock) = (parts.db(service), parts.guard(service, Arc::clone(&keys)), parts.clock(service));
        self.revocations.push(Arc::clone(&guard.revocations));
        let (stack, db) = if service == "auth" {
            let settings = spectra_auth::Settings {
                db,
                guard,
                sealer: parts.sealer()?,
                clock,
                keys,
                algorithm: parts.settings.jwt_algorithm,
                secret: SecretSlice::from(parts.secret().ok_or_else(|| wanting("JWT_SECRET"))?.to_vec()),
                hash_places: parts.settings.hash_places,
            };
            let auth = spectra_auth::Service::new(settings)?;
            self.work(auth.worker.run(self.drain.clone()));
            (auth.stack, auth.db)
        } else {
            let auth = self.peer("auth", parts.settings)?;
            let service_tokens = ServiceTokens::new(service, parts.credential(service)?, auth.clone());
            self.follow_auth(&auth, keys, &guard, &service_tokens, parts, clock.clone());
            self.start_behind_auth(service, db, guard, clock, service_tokens, parts)?
        };
        self.work(db.clone().keep_forgetting(self.drain.clone()));
        self.stacks.insert(service, stack);
        self.databases.insert(service, db);
        Ok(())
    }

    /// A service's verifier learns from Auth: its keys, unless one secret does it all, and ended sessions.
    fn follow_auth(
        &mut self,
        auth: &Peer,
        keys: Arc<Keys>,
        guard: &Guard,
        service_tokens: &ServiceTokens,
        parts: &Parts<'_>,
        clock: Clock,
    ) {
        if parts.settings.jwt_algorithm != Algorithm::Hs256 {
            self.work(jwks::follow(keys, auth.clone(), self.drain.clone()));
        }
        let revocations = Arc::clone(&guard.revocations);
        self.work(revocations.follow(auth.clone(), service_tokens.clone(), clock, self.drain.clone()));
    }

    fn start_behind_auth(
        &mut self,
        service: &'static str,
        db: db::Settings,
        guard: Guard,
        clock: Clock,
        service_tokens: ServiceTokens,
        parts: &Parts<'_>,
    ) -> Result<(Stack, Db)> {
        let sealer = parts.sealer()?;
        Ok(match service {
            "samples" => {
                let samples = spectra_samples::Service::new(spectra_samples::Settings { db, guard, sealer, clock });
                (samples.stack, samples.db)
            }
            "calibration" => {
                let settings = spectra_calibration::Settings { db, guard, sealer, clock };
                let calibration = spectra_calibration::Service::new(settings);
                (calibration.stack, calibration.db)
            }
            _ => {
                let settings = spectra_runs::Settings {
                    db,
                    guard,
                    sealer,
                    clock,
                    service_tokens,
                    samples: self.peer("samples", parts.settings)?,
                    calibration: self.peer("calibration", parts.settings)?,
                };
                let runs = spectra_runs::Service::new(settings);
                self.work(runs.worker.run(self.drain.clone()));
                (runs.stack, runs.db)
            }
        })
    }

    fn work(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.workers.push(tokio::spawn(work));
    }

    /// Comes when every service here has heard from Auth: before that, nobody is let in.
    pub async fn ready(&self) {
        const LOOK: Duration = Duration::from_millis(5);
        while self.revocations.iter().any(|revocations| revocations.silence().is_none()) {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A service: the one here, or the address where it is.
    fn peer(&mut self, service: &'static str, settings: &Settings) -> Result<Peer> {
        if let Some(stack) = self.stacks.get(service) {
            return Ok(Peer::Local(stack.clone()));
        }
        if let Some(remote) = self.remotes.get(service) {
            return Ok(Peer::Remote(remote.clone()));
        }
        let url = &settings.service_urls[service];
        let remote = Remote::connect(url, self.tls.as_ref(), &self.drain)
            .map_err(|error| Trouble(format!("the address of the {service} service: {error}")))?;
        self.remotes.insert(service, remote.clone());
        Ok(Peer::Remote(remote))
    }

    /// The services elsewhere that are called.
    #[must_use]
    pub fn remotes(&self) -> BTreeMap<&'static str, Remote> {
        self.remotes.clone()
    }

    /// Waits for the workers, after the drain has closed.
    pub async fn finish(self) {
        futures::future::join_all(self.workers).await;
    }
}

/// Tells over and over whether the databases answer, until the drain closes.
async fn follow_databases(databases: BTreeMap<&'static str, Db>, standing: Standing, drain: Drain) {
    const PERIOD: Duration = Duration::from_secs(2);
    loop {
        let answers = futures::future::join_all(databases.values().map(Db::ping)).await;
        standing.tell_databases(answers.iter().all(|answer| answer.is_ok())).await;
        tokio::select! {
            () = drain.closed() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
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
    fn secret(&self) -> Option<&[u8]> {
        self.means.secret.as_ref().map(|secret| secret.expose_secret().as_bytes())
    }

    fn clock(&self, service: &str) -> Clock {
        self.means.clocks.get(service).cloned().unwrap_or_default()
    }

    /// What all processes of the laboratory share.
    fn seal_key(&self) -> Option<&[u8]> {
        let own = self.settings.seal_key.as_ref().map(|key| key.expose_secret().as_bytes());
        own.or(self.secret())
    }

    fn sealer(&self) -> Result<Sealer> {
        let key = self.seal_key().ok_or_else(|| wanting("SPECTRA_SEAL_KEY"))?;
        Ok(Sealer::new(&secret::derive(key, "page-token")))
    }

    /// By what the service proves itself to Auth.
    fn credential(&self, service: &str) -> Result<SecretString> {
        match (&self.settings.service_credential, self.secret()) {
            (Some(credential), _) => Ok(credential.clone()),
            (None, Some(secret)) => Ok(derived_credential(secret, service).into()),
            (None, None) => Err(wanting("SPECTRA_SERVICE_CREDENTIAL")),
        }
    }

    /// Each service has keys of its own: in one process as in four.
    fn keys(&self) -> Arc<Keys> {
        Arc::new(match (self.settings.jwt_algorithm, self.secret()) {
            (Algorithm::Hs256, Some(secret)) => Keys::shared(secret),
            _ => Keys::none(),
        })
    }

    fn guard(&self, service: &str, keys: Arc<Keys>) -> Guard {
        Guard {
            tokens: Arc::new(Tokens::new(self.settings.tokens(), keys, self.clock(service))),
            revocations: Arc::default(),
            origin: self.seal_key().map(|key| Origin::new(&secret::derive(key, "client-address"))),
            concurrency: self.settings.concurrency,
            rates: self.settings.rates,
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

fn wanting(name: &str) -> Trouble {
    Trouble(format!("{name} is not set"))
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

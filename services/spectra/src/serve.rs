//! `spectra serve`: services until a signal ends them.

use std::{collections::BTreeMap, io, io::IsTerminal as _, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use secrecy::SecretString;
use spectra_auth::people::demo_accounts_present;
use spectra_runtime::{
    auth::keys::Algorithm,
    error::Kind,
    server::{self, Drain, Handler, Listener, Stack},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Result, Trouble, admin,
    lab::{Lab, Means},
    migrate,
    settings::{Profile, SERVICES, Settings},
};

/// Between saying NOT_SERVING and closing: load balancers look away meanwhile.
const LEAVE_TIME: Duration = Duration::from_secs(3);
/// The process ends at the latest this long after it began to close.
const HARD_LIMIT: Duration = Duration::from_secs(20);

/// Runs these services (all of them and the edge, where none is named) until SIGTERM or SIGINT.
///
/// # Errors
/// One sentence on what keeps it from starting.
pub async fn run(settings: Settings, services: &[String]) -> Result<()> {
    let here = chosen(services)?;
    let wanting = wanting(&settings, &here);
    if !wanting.is_empty() {
        return Err(Trouble(wanting.join("; ")));
    }
    let database_url = settings.database_url.clone().unwrap_or_default();
    if here != ["edge"] {
        check_database(&settings, &database_url).await?;
    }
    let means = Means { database_url, secret: settings.jwt_secret.clone(), clocks: BTreeMap::new() };
    let lab = Lab::start(&settings, &means, &here).await?;
    check_people(&settings, &lab).await?;

    let mut listeners = Vec::new();
    for service in here.iter().filter(|service| **service != "edge") {
        let address = settings.service_listen[service];
        let listener = secured(&lab, bind("the service's SPECTRA_.._LISTEN", address).await?, true);
        tracing::info!(service, %address, "listening");
        listeners.push((listener, handler(&lab, service)));
    }
    let first = if here.contains(&"edge") { settings.listen } else { settings.service_listen[here[0]] };
    let pages = admin::serve(admin_address(&settings, first), &lab).await?;
    if here.contains(&"edge") {
        let listener = secured(&lab, bind("SPECTRA_LISTEN", settings.listen).await?, false);
        listeners.extend(edge(&settings, &lab, listener, pages, |line| tracing::warn!("{line}")).await);
    }
    serve(lab, listeners, ended_by_signal(), LEAVE_TIME).await;
    Ok(())
}

/// What these services need and is not set: for each, what to do.
fn wanting(settings: &Settings, here: &[&str]) -> Vec<&'static str> {
    let shared = settings.jwt_algorithm == Algorithm::Hs256;
    let (secret, behind_auth) =
        (settings.jwt_secret.is_some(), here.iter().any(|name| !matches!(*name, "auth" | "edge")));
    let mut wanting = Vec::new();
    if here != ["edge"] && settings.database_url.is_none() {
        wanting.push("DATABASE_URL is not set: `spectra up` makes a database of its own");
    }
    if !secret && (here.contains(&"auth") || (shared && behind_auth)) {
        wanting.push("JWT_SECRET is not set: make one with `openssl rand -base64 48` and give it to every service");
    }
    if !secret && behind_auth && !shared {
        if settings.service_credential.is_none() {
            wanting.push("SPECTRA_SERVICE_CREDENTIAL is not set: make it with `spectra keys credential <service>`");
        }
        if settings.seal_key.is_none() {
            wanting.push(
                "SPECTRA_SEAL_KEY is not set: make one with `openssl rand -base64 48`, the same for every service",
            );
        }
    }
    wanting
}

async fn check_database(settings: &Settings, database_url: &SecretString) -> Result<()> {
    let checked = async {
        migrate::check(database_url).await?;
        match settings.profile {
            Profile::Production => migrate::check_login(database_url).await,
            Profile::Development => Ok(()),
        }
    };
    match checked.await {
        // A database that is away comes back, and calls are refused as UNAVAILABLE until then.
        Err(trouble) if trouble.0.contains("cannot be reached") => tracing::warn!(%trouble, "starting without it"),
        checked => checked?,
    }
    Ok(())
}

/// In production, nobody may sign in with a password that everybody knows.
async fn check_people(settings: &Settings, lab: &Lab) -> Result<()> {
    let Some(auth) = lab.databases.get("auth").filter(|_| settings.profile == Profile::Production) else {
        return Ok(());
    };
    match demo_accounts_present(auth).await {
        Ok(true) => {
            Err(Trouble::new("the database has the demo's accounts, whose passwords everybody knows: use another"))
        }
        Err(error) if error.kind() != Kind::Unavailable => Err(error.into()),
        _ => Ok(()),
    }
}

fn chosen(services: &[String]) -> Result<Vec<&'static str>> {
    let known: Vec<&'static str> = SERVICES.into_iter().chain(["edge"]).collect();
    if services.is_empty() {
        return Ok(known);
    }
    services
        .iter()
        .map(|name| {
            known
                .iter()
                .copied()
                .find(|service| service == name)
                .ok_or_else(|| Trouble(format!("there is no service {name}; choose from {}", known.join(", "))))
        })
        .collect()
}

fn handler(lab: &Lab, service: &str) -> Handler {
    match lab.stacks.get(service) {
        Some(stack) => of_stack(stack.clone()),
        None => Arc::clone(&lab.edge),
    }
}

/// The edge on its listener, and on those ports of the former API that are free; `say` tells of the others.
pub async fn edge(
    settings: &Settings,
    lab: &Lab,
    listener: Listener,
    pages: Router,
    say: impl Fn(&str),
) -> Vec<(Listener, Handler)> {
    let handler = admin::beside(Arc::clone(&lab.edge), pages, settings.profile);
    let mut listeners = vec![(listener, Arc::clone(&handler))];
    for address in &settings.former_listen {
        match bind("SPECTRA_FORMER_LISTEN", *address).await {
            Ok(former) => listeners.push((secured(lab, former, false), Arc::clone(&handler))),
            Err(trouble) => say(&format!("the former API's port is not served: {trouble}")),
        }
    }
    listeners
}

/// The listener, with TLS where the process speaks it: services then let in services only.
#[must_use]
pub fn secured(lab: &Lab, listener: Listener, mutual: bool) -> Listener {
    match &lab.tls {
        Some(tls) => listener.secured(tls.server(mutual)),
        None => listener,
    }
}

/// Where health and metrics are: a thousand above the first port that the process listens on, unless it was said.
#[must_use]
pub fn admin_address(settings: &Settings, first: SocketAddr) -> SocketAddr {
    const ABOVE: u16 = 1000;
    settings.admin_listen.unwrap_or_else(|| SocketAddr::new(first.ip(), first.port().saturating_add(ABOVE)))
}

/// A stack as a listener's handler.
#[must_use]
pub fn of_stack(stack: Stack) -> Handler {
    Arc::new(move |request| stack.handle(request))
}

/// Serves until `end` comes, then drains: health says so, streams end, accepted calls are answered, within a limit.
pub async fn serve(lab: Lab, listeners: Vec<(Listener, Handler)>, end: impl Future<Output = ()>, leave: Duration) {
    let tasks: Vec<_> = listeners
        .into_iter()
        .map(|(listener, handler)| tokio::spawn(server::serve(listener, handler, lab.drain.clone())))
        .collect();
    let mut end = pin!(end);
    tokio::select! {
        () = lab.ready() => {
            lab.standing.serving(lab.drain.clone()).await;
            end.await;
        }
        () = &mut end => {}
    }

    let drain: Drain = lab.drain.clone();
    drain.leave();
    tokio::time::sleep(leave).await;
    drain.close();
    let finished = tokio::time::timeout(HARD_LIMIT, async {
        futures::future::join_all(tasks).await;
        lab.finish().await;
    });
    if finished.await.is_err() {
        tracing::warn!("some work did not end in time and was cut");
    }
}

/// Comes with SIGTERM or SIGINT.
pub async fn ended_by_signal() {
    let term = async {
        match signal(SignalKind::terminate()) {
            Ok(mut term) => term.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    // The terminal was closed. Under nohup, which has no terminal to read from, that ends nothing.
    let hangup = async {
        match std::io::stdin().is_terminal().then(|| signal(SignalKind::hangup())) {
            Some(Ok(mut hangup)) => hangup.recv().await,
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = term => {}
        _ = hangup => {}
    }
}

/// Binds an address that a setting names.
///
/// # Errors
/// One sentence on why it cannot be had.
pub async fn bind(name: &str, address: SocketAddr) -> Result<Listener> {
    Listener::bind(address).await.map_err(|error| address_trouble(name, address, &error))
}

pub(crate) fn address_trouble(name: &str, address: SocketAddr, error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::AddrInUse => Trouble(format!(
            "port {} is in use by another program: end it, or set {name} to another address",
            address.port()
        )),
        io::ErrorKind::PermissionDenied => Trouble(format!(
            "port {} needs more rights than this user has: set {name} to one above 1023",
            address.port()
        )),
        _ => Trouble(format!("cannot listen on {address} ({error}): set {name} to another address")),
    }
}

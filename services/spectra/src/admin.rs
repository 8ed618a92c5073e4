//! Health and metrics, on a port of their own: for operators, never for clients.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{Method, StatusCode},
    routing::get,
};
use futures::{FutureExt as _, future::join_all};
use serde_json::{Value, json};
use spectra_runtime::{
    db::Db,
    server::{DATABASE, Handler, Peer, Remote},
    telemetry::Exporter,
};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tower::ServiceExt as _;

use crate::{Result, Trouble, lab::Lab, settings::Profile};

struct Admin {
    databases: BTreeMap<&'static str, Db>,
    remotes: BTreeMap<&'static str, Remote>,
    metrics: Exporter,
}

/// Serves `/health`, `/health/db` and `/metrics` until the drain closes. Gives what answers them, for [`beside`].
///
/// # Errors
/// A sentence where the address cannot be had.
pub async fn serve(address: SocketAddr, lab: &Lab) -> Result<Router> {
    let (databases, remotes, drain) = (lab.databases.clone(), lab.remotes(), lab.drain.clone());
    let admin = Arc::new(Admin { databases, remotes, metrics: Exporter::install() });
    let router = Router::new()
        .route("/health", get(health))
        .route("/health/db", get(health_db))
        .route("/metrics", get(metrics))
        .with_state(admin);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| crate::serve::address_trouble("SPECTRA_ADMIN_LISTEN", address, &error))?;
    let pages = router.clone();
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(async move { drain.closed().await }).await;
        if let Err(error) = served {
            tracing::warn!(%error, "the admin port closed");
        }
    });
    Ok(pages)
}

/// The edge with these pages beside it, as the previous generation's API had them. Metrics are for those inside only, once
/// the laboratory is a real one.
#[must_use]
pub fn beside(edge: Handler, pages: Router, profile: Profile) -> Handler {
    let ours: &[&str] = match profile {
        Profile::Development => &["/health", "/health/db", "/metrics"],
        Profile::Production => &["/health", "/health/db"],
    };
    Arc::new(move |request| {
        if request.method() != Method::GET || !ours.contains(&request.uri().path()) {
            return edge(request);
        }
        let pages = pages.clone();
        let answer = async move { pages.oneshot(request).await.unwrap_or_else(|never| match never {}).map(Body::new) };
        answer.boxed()
    })
}

/// The process is alive. Touches no database: a database that is down is no reason to restart us.
async fn health(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let services: Vec<_> = admin.databases.keys().collect();
    Json(json!({"status": "ok", "services": services}))
}

/// The database answers each service: those here, and those elsewhere that are called from here, which say so themselves.
async fn health_db(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<Value>) {
    let here = admin.databases.iter().map(|(service, db)| async { (*service, db.ping().await.is_ok()) });
    let elsewhere = admin.remotes.iter().map(|(service, remote)| async { (*service, has_database(remote).await) });
    let (here, elsewhere) = futures::join!(join_all(here), join_all(elsewhere));
    let (mut all, mut services) = (true, serde_json::Map::new());
    for (service, answers) in elsewhere.into_iter().chain(here) {
        all &= answers;
        services.insert(service.to_owned(), json!(if answers { "ok" } else { "unreachable" }));
    }
    let (code, status) = if all { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unreachable") };
    (code, Json(json!({"status": status, "database": services})))
}

async fn has_database(remote: &Remote) -> bool {
    const TIME: Duration = Duration::from_secs(2);
    let request = HealthCheckRequest { service: DATABASE.to_owned() };
    let mut health = HealthClient::new(Peer::Remote(remote.clone()));
    let answer = tokio::time::timeout(TIME, health.check(request)).await;
    matches!(answer, Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving)
}

async fn metrics(State(admin): State<Arc<Admin>>) -> String {
    for (service, db) in &admin.databases {
        let (used, all) = db.pool_state();
        metrics::gauge!("spectra_db_connections", "service" => *service, "state" => "used").set(f64::from(used));
        metrics::gauge!("spectra_db_connections", "service" => *service, "state" => "idle")
            .set(f64::from(all.saturating_sub(used)));
    }
    admin.metrics.render()
}

impl From<spectra_runtime::Error> for Trouble {
    fn from(error: spectra_runtime::Error) -> Self {
        Self(error.to_string())
    }
}

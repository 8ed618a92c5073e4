//! Health and metrics, on a port of their own: for operators, never for clients.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};
use spectra_runtime::{db::Db, server::Drain, telemetry::Exporter};
use tokio::net::TcpListener;

use crate::{Result, Trouble};

struct Admin {
    databases: BTreeMap<&'static str, Db>,
    metrics: Exporter,
}

/// Serves `/health`, `/health/db` and `/metrics` until the drain closes.
///
/// # Errors
/// A sentence where the address cannot be had.
pub async fn serve(address: SocketAddr, databases: BTreeMap<&'static str, Db>, drain: Drain) -> Result<()> {
    let admin = Arc::new(Admin { databases, metrics: Exporter::install() });
    let router = Router::new()
        .route("/health", get(health))
        .route("/health/db", get(health_db))
        .route("/metrics", get(metrics))
        .with_state(admin);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| crate::serve::address_trouble("SPECTRA_ADMIN_LISTEN", address, &error))?;
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(async move { drain.closed().await }).await;
        if let Err(error) = served {
            tracing::warn!(%error, "the admin port closed");
        }
    });
    Ok(())
}

/// The process is alive. Touches no database: a database that is down is no reason to restart us.
async fn health(State(admin): State<Arc<Admin>>) -> Json<Value> {
    let services: Vec<_> = admin.databases.keys().collect();
    Json(json!({"status": "ok", "services": services}))
}

/// The database answers, for each service here.
async fn health_db(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<Value>) {
    let mut all = true;
    let mut services = serde_json::Map::new();
    for (service, db) in &admin.databases {
        let answers = db.ping().await.is_ok();
        all &= answers;
        services.insert((*service).to_owned(), json!(if answers { "ok" } else { "unreachable" }));
    }
    let (code, status) = if all { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unreachable") };
    (code, Json(json!({"status": status, "database": services})))
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

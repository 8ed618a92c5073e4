//! `spectra healthcheck`: asks a running process whether it serves; for containers, whose images have no other tool.

use std::time::Duration;

use spectra_runtime::server::tls;
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{Result, Trouble, settings::Settings};

/// Asks the process at this URL about a gRPC service, or about itself where the name is empty.
///
/// # Errors
/// One sentence where it does not answer SERVING within three seconds.
pub async fn run(settings: &Settings, url: Option<String>, service: &str) -> Result<()> {
    let url = url.unwrap_or_else(|| settings.listen.to_string());
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let url = if url.contains("://") { url } else { format!("{scheme}://{url}") };
    let mut endpoint = Endpoint::from_shared(url.clone())
        .map_err(|error| Trouble(format!("{url} cannot be used: {error}")))?
        .timeout(Duration::from_secs(3))
        .connect_timeout(Duration::from_secs(3));
    if let (true, Some(files)) = (url.starts_with("https://"), &settings.tls) {
        endpoint = endpoint.tls_config(tls::client(files).map_err(Trouble)?).map_err(Trouble::new)?;
    }
    let channel = endpoint.connect().await.map_err(|_| Trouble(format!("nothing answers at {url}: is it running?")))?;
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest { service: service.to_owned() })
        .await
        .map_err(|status| Trouble(format!("{url} answered {}: {}", status.code(), status.message())))?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        status => Err(Trouble(format!("{url} says {}", status.as_str_name()))),
    }
}

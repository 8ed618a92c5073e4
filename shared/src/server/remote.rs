//! A service elsewhere, behind a name that may stand for several processes, of which some may be away.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::{mpsc, watch};
use tonic::{
    body::Body,
    codegen::StdError,
    transport::{Channel, ClientTlsConfig, Endpoint, channel::Change},
};
use tower::ServiceExt as _;

use super::{Drain, tls::Tls};

/// How long a connection may take to come about.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// A connection is asked so often whether the other end is there, and given so long to say so: behind a network that
/// swallows packets, calls fail after five seconds at the latest.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(2));
/// Between two looks at what the name stands for.
const RESOLVE_PERIOD: Duration = Duration::from_secs(5);
/// After a name that could not be resolved.
const RESOLVE_PAUSE: Duration = Duration::from_millis(500);
/// Calls that fail one after the other until the peer is left alone.
const PATIENCE_CALLS: u32 = 3;
/// It is left alone for so long; then one call tries again.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// A service elsewhere. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    channel: Channel,
    breaker: Arc<Breaker>,
}

impl Remote {
    /// The service at this URL, such as `https://samples:3022`: calls go to all the addresses that the name has at the
    /// time. Connections come about when they are needed. With `https`, `tls` says who is trusted.
    ///
    /// # Errors
    /// A sentence on why the URL cannot be used.
    pub fn connect(url: &str, tls: Option<&Tls>, drain: &Drain) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url} is not a URL: {error}"))?;
        let host = uri.host().ok_or_else(|| format!("{url} names no host"))?.trim_matches(['[', ']']).to_owned();
        let tls = match (uri.scheme_str(), tls) {
            (Some("http"), _) => None,
            (Some("https"), Some(tls)) => Some(tls.client()),
            (Some("https"), None) => return Err(format!("{url} needs a certificate authority to trust")),
            _ => return Err(format!("{url} begins neither with http:// nor with https://")),
        };
        let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
        let (channel, changes) = Channel::balance_channel(64);
        let addresses = Addresses { host, port, tls, known: BTreeSet::new(), changes };
        let closed = drain.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = closed.closed() => {}
                () = addresses.follow() => {}
            }
        });
        Ok(Self { channel, breaker: Arc::default() })
    }

    /// Calls it. A call that only reads is sent once more, perhaps elsewhere, where the connection failed.
    pub(super) async fn call(self, request: Request<Body>) -> Result<Response<Body>, StdError> {
        let safe = contract::method(request.uri().path())
            .is_some_and(|method| method.safe() && !method.descriptor.is_client_streaming());
        if !safe {
            return self.send(request).await;
        }
        let (parts, body) = request.into_parts();
        let body: Bytes = body.collect().await?.to_bytes();
        let again = |parts| Request::from_parts(parts, Body::new(Full::new(body.clone())));
        match self.send(again(parts.clone())).await {
            Err(_) => self.send(again(parts)).await,
            answer => answer,
        }
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, StdError> {
        if !self.breaker.admits() {
            return Err("it could not be reached a moment ago, and is left alone until it is tried again".into());
        }
        match self.channel.clone().oneshot(request).await {
            Ok(response) => {
                self.breaker.worked();
                Ok(response)
            }
            Err(error) => {
                self.breaker.failed();
                Err(error.into())
            }
        }
    }
}

/// What a name stands for, at the moment.
struct Addresses {
    host: String,
    port: u16,
    tls: Option<watch::Receiver<ClientTlsConfig>>,
    known: BTreeSet<SocketAddr>,
    changes: mpsc::Sender<Change<SocketAddr, Endpoint>>,
}

impl Addresses {
    async fn follow(mut self) {
        loop {
            let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
            let wait = match found.map(Iterator::collect) {
                Ok(found) => {
                    self.replace(found).await;
                    RESOLVE_PERIOD
                }
                // Those that are known may still be there.
                Err(error) => {
                    tracing::debug!(host = self.host, %error, "a name cannot be resolved");
                    RESOLVE_PAUSE
                }
            };
            let renewed = async {
                match &mut self.tls {
                    Some(tls) => tls.changed().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // Other certificates: every connection is made anew.
                true = renewed => self.known.clear(),
            }
        }
    }

    async fn replace(&mut self, found: BTreeSet<SocketAddr>) {
        let changes = self.changes.clone();
        for gone in self.known.difference(&found) {
            let _ = changes.send(Change::Remove(*gone)).await;
        }
        for new in found.difference(&self.known) {
            match self.endpoint(*new) {
                Ok(endpoint) => {
                    let _ = changes.send(Change::Insert(*new, endpoint)).await;
                }
                Err(error) => tracing::warn!(address = %new, %error, "an address cannot be used"),
            }
        }
        self.known = found;
    }

    fn endpoint(&self, address: SocketAddr) -> Result<Endpoint, tonic::transport::Error> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let (interval, patience) = KEEPALIVE;
        let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?
            .connect_timeout(CONNECT_TIME)
            .http2_keep_alive_interval(interval)
            .keep_alive_timeout(patience)
            .keep_alive_while_idle(true);
        match &self.tls {
            // The certificate is the name's, not the address's.
            Some(tls) => endpoint.tls_config(tls.borrow().clone().domain_name(&self.host)),
            None => Ok(endpoint),
        }
    }
}

/// Leaves a peer alone that does not answer, so that callers learn it at once and nothing piles up.
struct Breaker {
    began_at: Instant,
    failures: AtomicU32,
    /// Milliseconds since `began_at` until which nobody is let through.
    closed_until_ms: AtomicU64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { began_at: Instant::now(), failures: AtomicU32::new(0), closed_until_ms: AtomicU64::new(0) }
    }
}

impl Breaker {
    /// Whether a call may try. Of those that come after a pause, only one is let through.
    fn admits(&self) -> bool {
        if self.failures.load(Ordering::Relaxed) < PATIENCE_CALLS {
            return true;
        }
        let (now_ms, until_ms) = (self.now_ms(), self.closed_until_ms.load(Ordering::Relaxed));
        now_ms >= until_ms
            && self
                .closed_until_ms
                .compare_exchange(until_ms, now_ms + pause_ms(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    fn worked(&self) {
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.closed_until_ms.store(self.now_ms() + pause_ms(), Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began_at.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }
}

fn pause_ms() -> u64 {
    u64::try_from(LEFT_ALONE.as_millis()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_fails_is_left_alone_and_then_tried_by_one() {
        let breaker = Breaker::default();
        for _ in 0..PATIENCE_CALLS {
            assert!(breaker.admits());
            breaker.failed();
        }
        assert!(!breaker.admits());
        breaker.closed_until_ms.store(0, Ordering::Relaxed);
        assert!(breaker.admits());
        assert!(!breaker.admits(), "one tries, the others do not wait for it");
        breaker.worked();
        assert!(breaker.admits() && breaker.admits());
    }
}

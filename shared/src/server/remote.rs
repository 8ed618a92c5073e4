//! A service elsewhere, behind a name that may stand for several processes, of which some may be away.

use std::{
    collections::BTreeSet,
    error::Error,
    iter,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tokio::sync::{mpsc, watch};
use tonic::{
    body::Body,
    codegen::StdError,
    transport::{Channel, ClientTlsConfig, Endpoint, channel::Change},
};
use tower::ServiceExt as _;

use super::{Drain, tls::Tls};
use crate::error::{Error as Refusal, Kind, Reason};

/// How long a connection may take to come about.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// A connection is asked so often whether the other end is there, and given so long to say so: behind a network that
/// swallows packets, calls fail after five seconds at the latest.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(2));
/// So often a call is sent, where connections are refused, until the peer counts as away; a network that swallows
/// packets is not asked again.
const ATTEMPTS: u32 = 5;
const HASTE: Duration = Duration::from_millis(500);
/// Bytes of a body that is kept to be sent again: a message of 4 MiB, in the base64 of a browser too. Whoever sends more is
/// not known yet, and could fill the memory.
const KEPT_BYTES: usize = 6 * 1024 * 1024;
/// How long it may take to come.
const MESSAGE_TIME: Duration = Duration::from_secs(10);
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

    /// Calls it. A call that only reads is sent once more, perhaps elsewhere, where the connection failed; any call is
    /// where it did not come about, so that nothing was sent.
    ///
    /// Of a name's addresses some may be away, and one that was away a moment ago says so once more when it is back.
    pub(super) async fn call(self, request: Request<Body>) -> Result<Response<Body>, StdError> {
        let method = contract::method(request.uri().path()).filter(|method| !method.descriptor.is_client_streaming());
        let Some(method) = method else {
            return self.guarded(self.send(request)).await;
        };
        let (parts, body) = request.into_parts();
        let body = Limited::new(body, KEPT_BYTES).collect();
        let Ok(body) = tokio::time::timeout(MESSAGE_TIME, body).await else {
            let error = Refusal::new(Kind::Deadline, Reason::DeadlineExceeded, "the message did not come in time");
            return Ok(error.into_status("").into_http());
        };
        let body: Bytes = match body {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Ok(Refusal::field("message", "is larger than 4 MiB").into_status("").into_http());
            }
            Err(error) => return Err(error),
        };
        let again = || Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())));
        self.guarded(async {
            let (began_at, mut attempt) = (Instant::now(), 1);
            loop {
                match self.send(again()).await {
                    Err(error)
                        if (attempt == 1 && method.safe())
                            || (attempt < ATTEMPTS && began_at.elapsed() < HASTE && never_sent(error.as_ref())) =>
                    {
                        attempt += 1;
                    }
                    answer => return answer,
                }
            }
        })
        .await
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, StdError> {
        Ok(self.channel.clone().oneshot(request).await?)
    }

    /// Unless the peer is left alone; and how it went decides whether it will be.
    async fn guarded(
        &self,
        answer: impl Future<Output = Result<Response<Body>, StdError>>,
    ) -> Result<Response<Body>, StdError> {
        if !self.breaker.admits() {
            return Err("it could not be reached a moment ago, and is left alone until it is tried again".into());
        }
        let answer = answer.await;
        match answer {
            Ok(_) => self.breaker.worked(),
            Err(_) => self.breaker.failed(),
        }
        answer
    }
}

/// Whether there was no connection that the call could have gone by.
fn never_sent(error: &(dyn Error + 'static)) -> bool {
    iter::successors(Some(error), |error| (*error).source()).any(|error| error.is::<tonic::ConnectError>())
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
    use tokio::{io::AsyncReadExt as _, net::TcpListener};
    use tonic::transport::server::TcpIncoming;

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

    const WRITE: &str = "/spectra.samples.v1.SamplesService/CreateSample";

    /// Calls whatever is at these addresses, as if one name stood for them.
    async fn balanced(addresses: [SocketAddr; 2]) -> Remote {
        let (channel, changes) = Channel::balance_channel(addresses.len());
        for address in addresses {
            let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
            changes.send(Change::Insert(address, endpoint)).await.unwrap();
        }
        Remote { channel, breaker: Arc::default() }
    }

    fn write() -> Request<Body> {
        let request = Request::post(WRITE).header("content-type", "application/grpc");
        request.body(Body::new(Full::new(Bytes::from_static(&[0; 5])))).unwrap()
    }

    #[tokio::test]
    async fn of_two_addresses_one_may_be_away() {
        let (here, away) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let remote = balanced([here.local_addr().unwrap(), away.local_addr().unwrap()]).await;
        drop(away);
        let routes = tonic::service::Routes::default();
        tokio::spawn(
            tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(TcpIncoming::from(here)),
        );
        for _ in 0..50 {
            let answer = remote.clone().call(write()).await.expect("a call that was refused goes elsewhere");
            assert_eq!(answer.headers()["grpc-status"], "12", "the server knows no services");
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_refused_and_not_kept() {
        let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
        let piece = || Ok::<_, tonic::Status>(http_body::Frame::data(Bytes::from_static(&[0; 65536])));
        let endless = http_body_util::StreamBody::new(futures::stream::repeat_with(piece));
        let request = Request::post(WRITE).body(Body::new(endless)).unwrap();
        let answer = balanced([nobody, nobody]).await.call(request).await.expect("it is an answer, not an outage");
        let status = tonic::Status::from_header_map(answer.headers()).expect("a refusal");
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status:?}");
    }

    #[tokio::test]
    async fn what_may_have_been_sent_is_not_sent_again() {
        let (one, other) =
            (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let remote = balanced([one.local_addr().unwrap(), other.local_addr().unwrap()]).await;
        let connections = Arc::new(AtomicU32::new(0));
        // Takes connections, and closes each as soon as something came.
        for listener in [one, other] {
            let connections = Arc::clone(&connections);
            tokio::spawn(async move {
                while let Ok((mut connection, _)) = listener.accept().await {
                    let _ = connection.read(&mut [0; 1024]).await;
                    connections.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let error = remote.call(write()).await.expect_err("nobody answered");
        assert!(!never_sent(error.as_ref()));
        assert!(connections.load(Ordering::Relaxed) <= 2, "at most one of each address");
    }
}

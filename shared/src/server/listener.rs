//! A socket, and the connections that come in on it.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{Request, Response};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tower::{ServiceExt as _, service_fn, util::BoxCloneService};

use super::{Drain, drain::LAST_CALL};

/// Streams that one connection carries at once.
const STREAMS_A_CONNECTION: u32 = 200;
/// Bytes of headers that one request may have.
const HEADER_BYTES: u32 = 16 * 1024;
/// How long a client may take over its headers.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// A connection that has been silent so long is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Connections at once; more wait in the system's queue.
const CONNECTIONS: usize = 8192;
/// Pause after the system refused us a connection, such as for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long connections may take to finish once the listener closes: their last calls are answered by then.
const FINISH_TIME: Duration = LAST_CALL.saturating_add(Duration::from_secs(2));

/// A bound socket.
pub struct Listener {
    socket: TcpListener,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
}

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// The system's, such as an address in use.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, tls: None })
    }

    /// The address that was bound; its port is known even where 0 was asked for.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Speaks TLS and nothing else, as configured at the time of each connection.
    #[must_use]
    pub fn secured(self, tls: watch::Receiver<Arc<ServerConfig>>) -> Self {
        Self { tls: Some(tls), ..self }
    }
}

/// Where a request came from, beside it among its extensions.
#[derive(Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// What answers the requests of a listener.
pub type Handler = Arc<dyn Fn(Request<Body>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// Serves HTTP/1.1 and HTTP/2 on one socket until the drain closes it; then every accepted call is answered, within a
/// hard limit.
pub async fn serve(listener: Listener, handler: Handler, drain: Drain) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_A_CONNECTION)
        // A client may give up all of its calls at once; only more than that looks like an attack.
        .max_pending_accept_reset_streams(2 * STREAMS_A_CONNECTION as usize)
        .max_header_list_size(HEADER_BYTES)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(Duration::from_secs(20));
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));

    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener.socket, &places) => accepted,
            () = drain.closed() => break,
        };
        let (socket, client, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Small messages go out at once.
        let _ = socket.set_nodelay(true);
        let handler = Arc::clone(&handler);
        let service = service_fn(move |mut request: Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(client);
            let response = handler(request.map(Body::new));
            async move { Ok::<_, std::convert::Infallible>(response.await) }
        });
        let service = TowerToHyperService::new(service.boxed_clone());
        let acceptor = listener.tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.borrow())));
        let (builder, watcher) = (builder.clone(), connections.watcher());
        tokio::spawn(async move {
            let _place = place;
            // Which protocol it is, the first bytes tell; somebody who sends none is not waited for.
            if !matches!(tokio::time::timeout(HEADER_TIME, socket.readable()).await, Ok(Ok(()))) {
                return;
            }
            match acceptor {
                None => converse(&builder, socket, service, watcher).await,
                Some(acceptor) => match tokio::time::timeout(HEADER_TIME, acceptor.accept(socket)).await {
                    Ok(Ok(socket)) => converse(&builder, socket, service, watcher).await,
                    Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                },
            }
        });
    }

    drop(listener);
    if tokio::time::timeout(FINISH_TIME, connections.shutdown()).await.is_err() {
        tracing::warn!("connections did not finish in time and were cut");
    }
}

type Service =
    TowerToHyperService<BoxCloneService<Request<hyper::body::Incoming>, Response<Body>, std::convert::Infallible>>;

/// Serves one connection to its end.
async fn converse(
    builder: &auto::Builder<TokioExecutor>,
    socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Service,
    watcher: Watcher,
) {
    let connection = builder.serve_connection(TokioIo::new(socket), service).into_owned();
    let connection = Gather { connection: Box::pin(watcher.watch(connection)), gathered: false };
    if let Err(error) = connection.await {
        tracing::debug!(error = %error, "a connection ended badly");
    }
}

/// A connection, whose it is, and its place among those that are served at once.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, ClientAddress, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (socket, client) = listener.accept().await?;
    Ok((socket, ClientAddress(client.ip().to_canonical()), place))
}

/// A connection that, when it is woken, first lets everybody go who is ready: their answers then leave in one write.
struct Gather<F> {
    connection: Pin<Box<F>>,
    gathered: bool,
}

impl<F: Future> Future for Gather<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.gathered = !self.gathered;
        if self.gathered {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.connection.as_mut().poll(context)
    }
}

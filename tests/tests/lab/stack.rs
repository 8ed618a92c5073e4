//! What the stack does for every service, whatever the service itself does.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use contract::auth::v1::{LoginRequest, LoginResponse, auth_service_client::AuthServiceClient};
use futures::future::BoxFuture;
use http::{Request, Response};
use spectra::settings::Settings;
use spectra_runtime::{
    Clock,
    server::{self, Builder, Drain, Guard, Listener, Standing},
};
use spectra_tests::{reason, tokens};
use tonic::{Code, body::Body, server::NamedService, transport::Endpoint};

/// Auth, with a fault in it: each of its calls ends in a panic.
#[derive(Clone)]
struct Faulty;

impl NamedService for Faulty {
    const NAME: &'static str = "spectra.auth.v1.AuthService";
}

impl tower::Service<Request<Body>> for Faulty {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        Box::pin(async { panic!("of the password hunter2") })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_fails_its_own_call_and_tells_nothing() {
    let settings = Settings::read(std::collections::BTreeMap::new()).unwrap();
    let drain = Drain::default();
    let standing = Standing::new(&[], false).await.unwrap();
    standing.serving(drain.clone()).await;
    let guard = Guard {
        tokens: Arc::new(tokens(&Clock::default())),
        revocations: Arc::default(),
        origin: None,
        concurrency: 2,
        rates: settings.rates,
        origins: Vec::new(),
        drain: drain.clone(),
        standing,
    };
    let stack = Builder::new(guard).add(Faulty).build();
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address().unwrap();
    let serving = tokio::spawn(server::serve(listener, Arc::new(move |request| stack.handle(request)), drain.clone()));

    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let call = || {
        let mut auth = AuthServiceClient::new(channel.clone());
        async move { auth.login(LoginRequest::default()).await.map(tonic::Response::<LoginResponse>::into_inner) }
    };
    // More often than there is room for calls: a place that a panic kept would be missed.
    for _ in 0..10 {
        let status = tokio::time::timeout(Duration::from_secs(5), call()).await.expect("an answer").unwrap_err();
        let (why, metadata) = reason(&status);
        assert_eq!((status.code(), why.as_str()), (Code::Internal, "INTERNAL"));
        assert!(!metadata["request_id"].is_empty());
        assert!(!format!("{status:?}").contains("hunter2"), "{status:?}");
    }
    // The connection lives, and so does the rest of the process.
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.clone());
    health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    drop(health);
    drain.close();
    tokio::time::timeout(Duration::from_secs(25), serving).await.expect("it ends").unwrap();
}

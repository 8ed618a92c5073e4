//! Log lines and trace spans. Spans leave the process only where an OTLP endpoint is set.

use std::{error::Error, io::IsTerminal as _, sync::OnceLock};

use http::HeaderMap;
use opentelemetry::{
    propagation::{Extractor, Injector, TextMapPropagator as _},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tonic::metadata::{MetadataKey, MetadataMap, MetadataValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::auth::Request;

/// Where logs and traces go.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A filter such as `info` or `info,spectra_runtime=debug`.
    pub filter: String,
    /// Log lines as JSON instead of text.
    pub json: bool,
    /// `http://host:4317` of an OTLP collector.
    pub otlp_endpoint: Option<String>,
    /// `service.name` of the spans.
    pub service_name: String,
}

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Starts logging, and tracing if an endpoint is set.
///
/// # Errors
/// A filter that cannot be read, an endpoint that cannot be used, or a second call.
///
/// # Panics
/// Where an endpoint is set, outside of a runtime.
pub fn init(settings: &Settings) -> Result<(), Box<dyn Error + Send + Sync>> {
    let filter = EnvFilter::try_new(&settings.filter)?;
    let lines =
        tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    let lines = if settings.json { lines.json().flatten_event(true).boxed() } else { lines.compact().boxed() };
    let spans = match &settings.otlp_endpoint {
        None => None,
        Some(endpoint) => {
            let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
            let resource = Resource::builder().with_service_name(settings.service_name.clone()).build();
            let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
            let tracer = provider.tracer("spectra");
            let _ = PROVIDER.set(provider);
            let own = tracing_subscriber::filter::Targets::new().with_target("rpc", tracing::Level::DEBUG);
            Some(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(own))
        }
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).try_init()?;
    Ok(())
}

/// Sends what spans are left.
pub fn shutdown() {
    if let Some(provider) = PROVIDER.get() {
        let _ = provider.shutdown();
    }
}

/// The span of one call, a child of the caller's. Of level debug: where nobody collects it, it costs nothing.
#[must_use]
pub fn span(method: Option<&'static contract::Method>, request_id: &str, headers: &HeaderMap) -> Span {
    let Some(method) = method else { return Span::none() };
    let span = tracing::debug_span!(
        target: "rpc",
        "rpc",
        otel.name = method.path.trim_start_matches('/'),
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = method.service,
        rpc.method = method.descriptor.name(),
        request_id,
    );
    if !span.is_disabled() && PROVIDER.get().is_some() {
        let _ = span.set_parent(TraceContextPropagator::new().extract(&Headers(headers)));
    }
    span
}

/// Whether spans are collected.
#[must_use]
pub fn exports() -> bool {
    PROVIDER.get().is_some()
}

/// The span of a call that passes through the edge, which is the parent of the service's from here on.
pub fn passage<B>(request: &mut http::Request<B>) -> Span {
    if !exports() {
        return Span::none();
    }
    let name = format!("edge {}", request.uri().path().trim_start_matches('/'));
    let headers = request.headers_mut();
    let span = tracing::debug_span!(target: "rpc", "edge", otel.name = name, otel.kind = "server", rpc.system = "grpc");
    let propagator = TraceContextPropagator::new();
    let _ = span.set_parent(propagator.extract(&Headers(headers)));
    propagator.inject_context(&span.context(), &mut HeadersMut(headers));
    span
}

/// The span of a statement, by its text without values (OpenTelemetry's conventions for databases).
#[must_use]
pub fn statement(text: &str) -> Span {
    if !exports() {
        return Span::none();
    }
    let name = text.split_whitespace().next().unwrap_or("SQL");
    tracing::debug_span!(
        target: "rpc",
        "db",
        otel.name = name,
        otel.kind = "client",
        db.system.name = "postgresql",
        db.query.text = text,
    )
}

/// Passes the trace on to another service: the current span's, or where nobody collects spans, the caller's as it came.
pub fn pass_on(metadata: &mut MetadataMap, request: &Request) {
    if PROVIDER.get().is_some() {
        TraceContextPropagator::new().inject_context(&Span::current().context(), &mut Metadata(metadata));
    } else if let Some(parent) = &request.traceparent {
        Metadata(metadata).set("traceparent", parent.to_string());
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (http::HeaderName::from_bytes(key.as_bytes()), http::HeaderValue::try_from(value))
        {
            self.0.insert(key, value);
        }
    }
}

struct Metadata<'a>(&'a mut MetadataMap);

impl Injector for Metadata<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(key), Ok(value)) = (MetadataKey::from_bytes(key.as_bytes()), MetadataValue::try_from(value)) {
            self.0.insert(key, value);
        }
    }
}

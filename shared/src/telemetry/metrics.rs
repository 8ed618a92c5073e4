//! What Prometheus sees.

use std::{
    collections::HashMap,
    sync::{LazyLock, RwLock},
    time::Instant,
};

use metrics::{Counter, Gauge, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tonic::Code;

/// Upper bounds of the latency buckets, in seconds.
const BUCKETS_S: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The metrics of the process, to be rendered on request.
#[derive(Clone)]
pub struct Exporter(PrometheusHandle);

impl Exporter {
    /// Installs the process's one recorder. A second call in the same process gives what the first one installed.
    ///
    /// # Panics
    /// Never: the buckets are not empty.
    #[must_use]
    pub fn install() -> Self {
        static INSTALLED: LazyLock<PrometheusHandle> = LazyLock::new(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Full("spectra_rpc_seconds".to_owned()), BUCKETS_S)
                .expect("the list of buckets is not empty")
                .build_recorder();
            let handle = recorder.handle();
            let _ = metrics::set_global_recorder(recorder);
            metrics::describe_counter!("spectra_rpc_total", "Calls answered, by service, method and gRPC code.");
            metrics::describe_counter!("spectra_rpc_refused_total", "Calls not answered with Ok, by their reason.");
            metrics::describe_gauge!("spectra_streams_open", "Streams that people have open.");
            metrics::describe_gauge!("spectra_edge_reaches", "Whether a service answers the edge.");
            metrics::describe_histogram!(
                "spectra_rpc_seconds",
                metrics::Unit::Seconds,
                "Time from a call's arrival to its answer."
            );
            metrics::describe_gauge!("spectra_rpc_in_flight", "Calls being worked on.");
            metrics::describe_counter!("spectra_lockout_refusals_total", "Runs refused by the lockout, by reason.");
            metrics::describe_gauge!("spectra_db_connections", "Connections to the database, by service and state.");
            handle
        });
        Self(INSTALLED.clone())
    }

    /// The text that Prometheus scrapes.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Reasons that count as refusals by the lockout.
const LOCKOUT: &[&str] = &[
    "CALIBRATION_EXPIRED",
    "CALIBRATION_MISSING",
    "CALIBRATION_NOT_YET_VALID",
    "CALIBRATION_REVOKED",
    "CALIBRATION_OUT_OF_TOLERANCE",
    "CALIBRATION_SCOPE",
    "INSTRUMENT_OUT_OF_SERVICE",
];

/// Whether this reason is a refusal by the lockout.
#[must_use]
pub fn is_lockout(reason: &str) -> bool {
    LOCKOUT.contains(&reason)
}

/// Handles of one method's metrics, made once: looking them up by label costs more than the counting.
#[derive(Clone)]
struct Handles {
    ok: Counter,
    seconds: Histogram,
    in_flight: Gauge,
}

static HANDLES: LazyLock<RwLock<HashMap<&'static str, Handles>>> = LazyLock::new(RwLock::default);

fn handles(method: &'static contract::Method) -> Handles {
    if let Some(handles) = HANDLES.read().expect("no holder of this lock panics").get(method.path.as_str()) {
        return handles.clone();
    }
    let (service, name) = (method.service.as_str(), method.descriptor.name().to_owned());
    let handles = Handles {
        ok: metrics::counter!("spectra_rpc_total", "service" => service, "method" => name.clone(), "code" => "Ok"),
        seconds: metrics::histogram!("spectra_rpc_seconds", "service" => service, "method" => name.clone()),
        in_flight: metrics::gauge!("spectra_rpc_in_flight", "service" => service, "method" => name),
    };
    HANDLES.write().expect("no holder of this lock panics").entry(method.path.as_str()).or_insert(handles).clone()
}

/// One call, from its arrival to its answer. A call that is dropped unanswered counts as cancelled.
pub struct Call {
    method: Option<(&'static contract::Method, Handles)>,
    begun: Instant,
    ended: bool,
}

impl Call {
    /// Counts a call in. Health, reflection and unknown paths are not counted by name.
    #[must_use]
    pub fn begin(method: Option<&'static contract::Method>) -> Self {
        let method = method.map(|method| (method, handles(method)));
        if let Some((_, handles)) = &method {
            handles.in_flight.increment(1.0);
        }
        Self { method, begun: Instant::now(), ended: false }
    }

    /// Counts it out, with its code and, for a refusal, its reason.
    pub fn end(mut self, code: Code, reason: Option<String>) {
        self.record(code);
        let Some(reason) = reason else { return };
        if let Some((method, _)) = &self.method {
            metrics::counter!(
                "spectra_rpc_refused_total",
                "service" => method.service.as_str(),
                "method" => method.descriptor.name().to_owned(),
                "reason" => reason.clone(),
            )
            .increment(1);
        }
        // Counted where a person meets it, and not once more where Runs asks Calibration.
        let of_runs = self.method.as_ref().is_some_and(|(method, _)| method.service.starts_with("spectra.runs."));
        if of_runs && is_lockout(&reason) {
            metrics::counter!("spectra_lockout_refusals_total", "reason" => reason).increment(1);
        }
    }

    fn record(&mut self, code: Code) {
        self.ended = true;
        let Some((method, handles)) = &self.method else { return };
        handles.in_flight.decrement(1.0);
        handles.seconds.record(self.begun.elapsed());
        if code == Code::Ok {
            handles.ok.increment(1);
        } else {
            metrics::counter!(
                "spectra_rpc_total",
                "service" => method.service.as_str(),
                "method" => method.descriptor.name().to_owned(),
                "code" => format!("{code:?}"),
            )
            .increment(1);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.record(Code::Cancelled);
        }
    }
}

//! Logs, metrics and traces.

mod metrics;
mod trace;

pub use self::{
    metrics::{Call, Exporter},
    trace::{Settings, init, pass_on, shutdown, span},
};

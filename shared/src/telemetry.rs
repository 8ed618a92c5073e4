//! Logs, metrics and traces.

mod metrics;
mod trace;

pub use self::{
    metrics::{Call, Exporter, is_lockout},
    trace::{Settings, exports, init, pass_on, passage, shutdown, span, statement},
};

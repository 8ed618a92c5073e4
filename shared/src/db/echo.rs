//! Statements as they are sent, never their values: in the log where `SQL_ECHO=true`, and in traces where they are
//! collected.

use std::collections::VecDeque;

use diesel::connection::{Instrumentation, InstrumentationEvent};
use tracing::Span;

use crate::telemetry;

/// Watches one connection.
pub(super) struct Echo {
    log: bool,
    /// Of the statements that are under way, in the order in which they were sent.
    spans: VecDeque<Span>,
}

impl Echo {
    /// `None` where nobody wants to know.
    pub(super) fn wanted(log: bool) -> Option<Self> {
        (log || telemetry::exports()).then(|| Self { log, spans: VecDeque::new() })
    }
}

impl Instrumentation for Echo {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let text = query.to_string();
                // diesel's debug form appends the values behind this mark.
                let statement = text.split(" -- binds:").next().unwrap_or_default();
                if self.log {
                    tracing::info!(target: "sql", statement);
                }
                self.spans.push_back(telemetry::statement(statement));
            }
            InstrumentationEvent::FinishQuery { .. } => drop(self.spans.pop_front()),
            _ => {}
        }
    }
}

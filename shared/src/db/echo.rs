//! `SQL_ECHO=true`: statements in the log, never their values.

use diesel::connection::InstrumentationEvent;

pub(super) fn statement(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        let text = query.to_string();
        // diesel's debug form appends the values behind this mark.
        let statement = text.split(" -- binds:").next().unwrap_or_default();
        tracing::info!(target: "sql", statement);
    }
}

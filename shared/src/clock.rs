//! The one place that asks the process what time it is.
//!
//! No decision about fitness for use is made by this clock: those are made by the database's. It dates tokens and
//! deadlines, and tests can set it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};

/// A clock that a test can move; clones share the movement.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Now, on this clock.
    #[must_use]
    #[allow(clippy::disallowed_methods)]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Now, to the microsecond, as the store keeps it.
    #[must_use]
    pub fn now_us(&self) -> DateTime<Utc> {
        let now = self.now();
        now.with_nanosecond(now.timestamp_subsec_micros().min(999_999) * 1000).unwrap_or(now)
    }

    /// Moves the clock forward, and every clone of it with it.
    pub fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// A clock that is off by so many milliseconds.
    #[must_use]
    pub fn off_by_ms(offset_ms: i64) -> Self {
        Self { offset_ms: Arc::new(AtomicI64::new(offset_ms)) }
    }
}

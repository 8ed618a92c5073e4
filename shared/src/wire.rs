//! Values as they travel: ids, instants, decimals and etags, from the wire and back.

use std::str::FromStr as _;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Timelike as _, Utc};
use prost_types::Timestamp;
use uuid::Uuid;

use crate::error::{Error, Result};

/// An id that a client sent in this field.
///
/// # Errors
/// FIELD_INVALID.
pub fn id(field: &str, text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| Error::field(field, "must be a UUID"))
}

/// An instant to the microsecond, as everywhere in the store.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: at.timestamp(),
        nanos: i32::try_from(at.timestamp_subsec_micros().min(999_999) * 1000).unwrap_or_default(),
    }
}

/// An instant that a client sent in this field, truncated to the microsecond, toward the past.
///
/// # Errors
/// FIELD_INVALID for what is no instant between 1970 and 9999.
pub fn instant(field: &str, timestamp: &Timestamp) -> Result<DateTime<Utc>> {
    let invalid = || Error::field(field, "must be an instant between the years 1970 and 9999");
    if !(0..253_402_300_800).contains(&timestamp.seconds) {
        return Err(invalid());
    }
    let nanos = u32::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000).ok_or_else(invalid)?;
    let at = DateTime::from_timestamp(timestamp.seconds, nanos).ok_or_else(invalid)?;
    at.with_nanosecond(nanos / 1000 * 1000).ok_or_else(invalid)
}

/// An exact decimal that a client sent in this field; `None` where it is empty.
///
/// # Errors
/// FIELD_INVALID.
pub fn decimal(field: &str, text: &str) -> Result<Option<BigDecimal>> {
    if text.is_empty() {
        return Ok(None);
    }
    // An exponent could stand for a number of a million digits.
    if text.len() > 64 || text.contains(['e', 'E', '_']) {
        return Err(Error::field(field, "must be a decimal number such as 12.50"));
    }
    BigDecimal::from_str(text).map(Some).map_err(|_| Error::field(field, "must be a decimal number such as 12.50"))
}

/// A decimal with the digits it was written with.
#[must_use]
pub fn decimal_text(number: &BigDecimal) -> String {
    number.to_plain_string()
}

/// The etag of a resource's revision.
#[must_use]
pub fn etag(revision: i64) -> String {
    revision.to_string()
}

/// Refuses a change to a resource that is no longer the one that was read. An empty etag asks for no check.
///
/// # Errors
/// ETAG_MISMATCH.
pub fn check_etag(given: &str, revision: i64, resource: &'static str, id: Uuid) -> Result<()> {
    let current = etag(revision);
    if given.is_empty() || given == current {
        return Ok(());
    }
    Err(Error::stale(resource, id, current))
}

/// Bytes in hexadecimal, as hashes are written.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_kept_to_the_microsecond_toward_the_past() {
        let at = instant("at", &Timestamp { seconds: 1_700_000_000, nanos: 123_456_999 }).unwrap();
        assert_eq!(timestamp(at), Timestamp { seconds: 1_700_000_000, nanos: 123_456_000 });
        assert!(instant("at", &Timestamp { seconds: -1, nanos: 0 }).is_err());
        assert!(instant("at", &Timestamp { seconds: 253_402_300_800, nanos: 0 }).is_err());
        assert!(instant("at", &Timestamp { seconds: 0, nanos: -1 }).is_err());
    }

    #[test]
    fn decimals_keep_their_digits_and_know_no_exponent() {
        assert_eq!(decimal_text(&decimal("v", "12.50").unwrap().unwrap()), "12.50");
        assert_eq!(decimal_text(&decimal("v", "-0.000000000000000001").unwrap().unwrap()), "-0.000000000000000001");
        assert!(decimal("v", "1e9").is_err());
        assert!(decimal("v", "").unwrap().is_none());
    }
}

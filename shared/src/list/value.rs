//! What fields hold, and how filters write it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Error, Result};

/// A value of a field: what a filter compares with, and where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a text, or of a state in its SQL spelling.
    Text(String),
    /// Of a UUID.
    Uuid(Uuid),
    /// Of an instant, to the microsecond.
    Instant(DateTime<Utc>),
    /// Of an integer.
    Integer(i64),
    /// Of a boolean.
    Boolean(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Uuid> for Value {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::Instant(instant)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

/// What kind of value a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Uuid,
    Instant,
    Integer,
    Boolean,
    /// By the full name of its enum in the contract.
    State(&'static str),
}

impl Kind {
    /// Whether values of this kind have an order that means something to people.
    pub(super) const fn is_ordered(self) -> bool {
        matches!(self, Self::Text | Self::Instant | Self::Integer)
    }

    /// Whether the value is of this kind.
    pub(super) const fn holds(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Self::Text | Self::State(_), Value::Text(_))
                | (Self::Uuid, Value::Uuid(_))
                | (Self::Instant, Value::Instant(_))
                | (Self::Integer, Value::Integer(_))
                | (Self::Boolean, Value::Boolean(_))
        )
    }

    /// The value that the text stands for; the inner error says what is wanted instead.
    pub(super) fn read(self, text: &str) -> Result<Result<Value, String>> {
        Ok(match self {
            Self::Text => Ok(text.into()),
            Self::Uuid => Uuid::try_parse(text).map(Value::Uuid).map_err(|_| "a UUID".to_owned()),
            Self::Instant => DateTime::parse_from_rfc3339(text)
                .map(|instant| Value::Instant(instant.to_utc()))
                .map_err(|_| "an instant such as 2026-01-31T12:00:00Z".to_owned()),
            Self::Integer => text.parse().map(Value::Integer).map_err(|_| "a whole number".to_owned()),
            Self::Boolean => text.parse().map(Value::Boolean).map_err(|_| "true or false".to_owned()),
            Self::State(of) => {
                let (prefix, names) = names(of)?;
                let wanted = text.to_ascii_uppercase();
                let wanted = wanted.strip_prefix(&prefix).unwrap_or(&wanted);
                if names.iter().any(|name| name == wanted) {
                    Ok(Value::Text(wanted.to_ascii_lowercase()))
                } else {
                    Err(format!("one of {}", names.join(", ")))
                }
            }
        })
    }
}

/// The prefix of an enum's values, and their names without it, but for `UNSPECIFIED`.
fn names(of: &str) -> Result<(String, Vec<String>)> {
    let declared = contract::DESCRIPTOR_POOL
        .get_enum_by_name(of)
        .ok_or_else(|| Error::internal(format!("a list names {of}, which is no enum of the contract")))?;
    let prefix = declared.default_value().name().trim_end_matches("UNSPECIFIED").to_owned();
    let names = declared
        .values()
        .filter(|value| value.number() != 0)
        .map(|value| value.name().strip_prefix(&prefix).unwrap_or(value.name()).to_owned())
        .collect();
    Ok((prefix, names))
}

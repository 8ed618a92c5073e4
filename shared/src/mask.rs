//! Which fields an update changes (AIP-134).

use prost_types::FieldMask;

use crate::error::{Error, Kind, Reason, Result};

/// The fields that a client named, each one that may change.
#[derive(Debug)]
pub struct Mask(Vec<&'static str>);

impl Mask {
    /// Reads a mask over the fields that may change; `*` names them all.
    ///
    /// # Errors
    /// FIELD_READ_ONLY for a field that the server owns, FIELD_INVALID for one that does not exist or for none.
    pub fn read(mask: Option<&FieldMask>, writable: &[&'static str], read_only: &[&str]) -> Result<Self> {
        let paths = mask.map(|mask| mask.paths.as_slice()).unwrap_or_default();
        if paths.is_empty() {
            return Err(Error::field("update_mask", "must name what changes, or `*`"));
        }
        let mut fields = Vec::new();
        for path in paths {
            if path == "*" {
                fields.extend_from_slice(writable);
            } else if let Some(field) = writable.iter().find(|field| *field == path) {
                fields.push(*field);
            } else if read_only.contains(&path.as_str()) {
                let message = format!("{path} is written by the server only");
                return Err(Error::new(Kind::Invalid, Reason::FieldReadOnly, message).with("field", path));
            } else {
                let rule = format!("names {path}, which is not one of {}", writable.join(", "));
                return Err(Error::field("update_mask", rule));
            }
        }
        Ok(Self(fields))
    }

    /// Whether the field changes.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.contains(&field)
    }
}

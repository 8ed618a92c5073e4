//! The policy.

use contract::calibration::v1 as wire;
use spectra_runtime::wire::etag;

use crate::policy::Policy;

pub fn to_wire(policy: &Policy) -> wire::Policy {
    wire::Policy {
        due_soon_days: policy.due_soon_days,
        certificate_review: policy.certificate_review,
        etag: etag(policy.revision),
    }
}

/// Takes the fields that `has` names from what a client sent.
pub fn apply(policy: &mut Policy, from: &wire::Policy, has: impl Fn(&str) -> bool) {
    if has("due_soon_days") {
        policy.due_soon_days = from.due_soon_days;
    }
    if has("certificate_review") {
        policy.certificate_review = from.certificate_review;
    }
}

//! The policy.

use contract::runs::v1 as wire;
use spectra_runtime::wire::etag;

use crate::policy::Policy;

pub fn to_wire(policy: &Policy) -> wire::Policy {
    wire::Policy {
        require_approved_recipe: policy.require_approved_recipe,
        four_eyes: policy.four_eyes,
        etag: etag(policy.revision),
    }
}

/// Takes the fields that `has` names from what a client sent.
pub fn apply(policy: &mut Policy, from: &wire::Policy, has: impl Fn(&str) -> bool) {
    if has("require_approved_recipe") {
        policy.require_approved_recipe = from.require_approved_recipe;
    }
    if has("four_eyes") {
        policy.four_eyes = from.four_eyes;
    }
}

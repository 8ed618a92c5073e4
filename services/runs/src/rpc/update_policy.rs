//! UpdatePolicy: the fields that the mask names, if the policy is still the one that was read.

use std::sync::Arc;

use contract::runs::v1::{UpdatePolicyRequest, UpdatePolicyResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    mask::Mask,
    wire,
};

use super::convert::policy as convert;
use crate::{
    App,
    policy::RESOURCE,
    store::policy::{policy_lock, policy_update},
};

const WRITABLE: &[&str] = &["require_approved_recipe", "four_eyes"];
const READ_ONLY: &[&str] = &["etag"];

pub async fn handle(app: Arc<App>, caller: Caller, request: UpdatePolicyRequest) -> Result<UpdatePolicyResponse> {
    let mask = Mask::read(request.update_mask.as_ref(), WRITABLE, READ_ONLY)?;
    let from = request.policy.clone().unwrap_or_default();

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut policy = policy_lock(tx.conn(), org_id).await?;
            wire::check_etag(&from.etag, policy.revision, RESOURCE, org_id)?;
            let before = convert::to_wire(&policy);
            convert::apply(&mut policy, &from, |field| mask.has(field));

            let policy = convert::to_wire(&policy_update(tx.conn(), org_id, &policy).await?);
            tx.record(Event::new(RESOURCE, org_id, "update").before(&before).after(&policy));
            Ok(UpdatePolicyResponse { policy: Some(policy) })
        })
        .await
}

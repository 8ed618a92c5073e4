//! GetOrganization and UpdateOrganization: the caller's own, always.

use std::sync::Arc;

use contract::auth::v1::{
    GetOrganizationRequest, GetOrganizationResponse, UpdateOrganizationRequest, UpdateOrganizationResponse,
};
use spectra_runtime::{
    Error, Result,
    auth::Caller,
    db::{Event, Tx},
    mask::Mask,
    wire,
};

use super::convert;
use crate::{
    App,
    store::organization::{RESOURCE, organization_get, organization_lock, organization_update},
};

const WRITABLE: &[&str] = &["name", "time_zone"];
const READ_ONLY: &[&str] = &["id", "slug", "created_at", "updated_at", "etag"];

pub async fn handle_get(app: Arc<App>, caller: Caller, _: GetOrganizationRequest) -> Result<GetOrganizationResponse> {
    let organization = app.db.read(&caller, async |conn| organization_get(conn, caller.org_id()).await).await?;
    let organization = organization.ok_or_else(|| Error::not_found(RESOURCE, caller.org_id()))?;
    Ok(GetOrganizationResponse { organization: Some(convert::organization_to_wire(organization)) })
}

pub async fn handle_update(
    app: Arc<App>,
    caller: Caller,
    request: UpdateOrganizationRequest,
) -> Result<UpdateOrganizationResponse> {
    let mask = Mask::read(request.update_mask.as_ref(), WRITABLE, READ_ONLY)?;
    let from = request.organization.clone().unwrap_or_default();

    let org_id = caller.org_id();
    app.db
        .mutate(&caller, &request, async move |tx: &mut Tx| {
            let mut organization = organization_lock(tx.conn(), org_id).await?;
            wire::check_etag(&from.etag, organization.revision, RESOURCE, org_id)?;
            let before = convert::organization_to_wire(organization.clone());
            convert::apply_organization(&mut organization, from, |field| mask.has(field))?;

            let organization = convert::organization_to_wire(organization_update(tx.conn(), &organization).await?);
            tx.record(Event::new(RESOURCE, org_id, "update").before(&before).after(&organization));
            Ok(UpdateOrganizationResponse { organization: Some(organization) })
        })
        .await
}

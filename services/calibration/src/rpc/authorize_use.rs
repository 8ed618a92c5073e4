//! AuthorizeUse: the calibration lockout. Whatever can take fitness away waits for the lock that is held here, and
//! what it did before is seen: each use comes wholly before such a change or wholly after it.

use std::sync::Arc;

use contract::calibration::v1::{AuthorizeUseRequest, AuthorizeUseResponse};
use spectra_runtime::{
    Result,
    auth::Caller,
    db::{Event, Tx},
    wire,
};
use uuid::Uuid;

use super::convert::use_grant as convert;
use crate::{
    App,
    store::{
        fitness::{database_now, facts},
        instrument::instruments_hold,
        use_grant::{use_grants_insert, use_grants_of},
    },
    use_grant::{Attempt, RESOURCE},
};

pub async fn handle(app: Arc<App>, caller: Caller, request: AuthorizeUseRequest) -> Result<AuthorizeUseResponse> {
    let attempt = convert::attempt_from_wire(&request)?;

    let org_id = caller.org_id();
    if request.validate_only {
        let ids = attempt.instrument_ids();
        let facts = app.db.read(&caller, async |conn| facts(conn, org_id, &ids).await).await?;
        attempt.decide(&facts)?;
        return Ok(AuthorizeUseResponse { grants: Vec::new(), authorized_at: Some(wire::timestamp(facts.at)) });
    }
    app.db.mutate(&caller, &request, async move |tx: &mut Tx| authorize(tx, org_id, &attempt).await).await
}

async fn authorize(tx: &mut Tx, org_id: Uuid, attempt: &Attempt) -> Result<AuthorizeUseResponse> {
    let ids = attempt.instrument_ids();
    // A statement of its own: one that waits for a lock goes on with the snapshot from before the wait.
    instruments_hold(tx.conn(), org_id, &ids).await?;

    let conn = &*tx.conn();
    let (earlier, facts) = futures::try_join!(use_grants_of(conn, org_id, attempt), facts(conn, org_id, &ids))?;
    if !earlier.is_empty() {
        tx.unchanged();
        return Ok(convert::response(attempt.again(earlier, facts.at)?));
    }
    let grants = attempt.decide(&facts)?;
    let written = use_grants_insert(tx.conn(), org_id, &grants).await?;
    if written == 0 {
        // The same attempt asked twice at once, and the other came first.
        let conn = &*tx.conn();
        let (earlier, at) = futures::try_join!(use_grants_of(conn, org_id, attempt), database_now(conn))?;
        tx.unchanged();
        return Ok(convert::response(attempt.again(earlier, at)?));
    }
    if written != grants.len() {
        return Err(Attempt::reused());
    }

    let response = convert::response(grants);
    tx.record(Event::new(RESOURCE, attempt.run_id, "authorize").after(&response));
    Ok(response)
}

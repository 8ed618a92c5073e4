//! GetJwks: the public keys, as they were read last.

use std::sync::Arc;

use contract::auth::v1::{GetJwksRequest, GetJwksResponse};
use spectra_runtime::{Error, Reason, Result, auth::Request};

use crate::App;

pub async fn handle(app: Arc<App>, _: Request, _: GetJwksRequest) -> Result<GetJwksResponse> {
    let keys = app.published.load();
    if keys.is_empty() && app.signing.is_some() {
        return Err(Error::unavailable(Reason::DatabaseUnavailable, "the keys have not been read yet; try again"));
    }
    Ok(GetJwksResponse { keys: keys.to_vec() })
}

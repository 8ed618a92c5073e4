//! GetMethod.

use std::sync::Arc;

use contract::runs::v1::{GetMethodRequest, GetMethodResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert;
use crate::{App, method::Method};

pub async fn handle(_: Arc<App>, _: Caller, request: GetMethodRequest) -> Result<GetMethodResponse> {
    let method = Method::find(&request.code)?;
    Ok(GetMethodResponse { method: Some(convert::method_to_wire(method)) })
}

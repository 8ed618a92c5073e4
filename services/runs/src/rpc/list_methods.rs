//! ListMethods.

use std::sync::Arc;

use contract::runs::v1::{ListMethodsRequest, ListMethodsResponse};
use spectra_runtime::{Result, auth::Caller};

use super::convert;
use crate::{App, method::Method};

pub async fn handle(_: Arc<App>, _: Caller, _: ListMethodsRequest) -> Result<ListMethodsResponse> {
    Ok(ListMethodsResponse { methods: Method::all().iter().map(convert::method_to_wire).collect() })
}

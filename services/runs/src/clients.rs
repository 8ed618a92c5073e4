//! Typed calls to the services that Runs depends on.

use std::{future::Future, time::Duration};

use contract::{
    calibration::v1::{
        self as calibration, AuthorizeUseRequest, Calibration, GetCalibrationRequest, GetInstrumentRequest, GrantKind,
        Instrument, InstrumentUse, UseGrant, calibration_service_client::CalibrationServiceClient,
        instruments_service_client::InstrumentsServiceClient,
    },
    samples::v1::{
        ClaimForRunRequest, GetSampleRequest, ListSamplesRequest, ReleaseFromRunRequest, Sample,
        samples_service_client::SamplesServiceClient,
    },
};
use spectra_runtime::{
    Error, Reason, Result,
    auth::{Caller, service::ServiceTokens},
    server::{Credentials, Peer},
    wire,
};
use tonic::{Response, Status, service::interceptor::InterceptedService};
use uuid::Uuid;

use crate::{
    method::Demand,
    run::{Authorization, Grant, Run},
};

/// How long another service may take to answer. Shorter than callers wait by default, so that they learn which one is
/// away.
const PATIENCE: Duration = Duration::from_secs(4);

/// The services that Runs depends on.
pub struct Clients {
    pub samples: Peer,
    pub calibration: Peer,
    pub service_tokens: ServiceTokens,
}

/// A use to be authorized.
pub struct Use<'a> {
    pub run: &'a Run,
    /// What is asked of the instrument that measures.
    pub demands: &'a [Demand],
    /// One attempt to start; the ledger of uses tells them apart.
    pub attempt_id: Uuid,
}

impl Clients {
    /// The sample, as the caller may see it.
    ///
    /// # Errors
    /// RESOURCE_NOT_FOUND, SAMPLES_UNREACHABLE.
    pub async fn sample(&self, caller: &Caller, id: Uuid) -> Result<Sample> {
        let mut client = self.samples(Credentials::on_behalf(caller, &self.service_tokens).await?);
        let request = GetSampleRequest { id: id.to_string() };
        let response = answer(client.get_sample(request), samples_unreachable).await?;
        response.sample.ok_or_else(|| Error::internal("Samples answered without the sample"))
    }

    /// The sample, also where it was deleted since: what was measured on it stays.
    ///
    /// # Errors
    /// RESOURCE_NOT_FOUND, SAMPLES_UNREACHABLE.
    pub async fn sample_once_there(&self, caller: &Caller, id: Uuid) -> Result<Sample> {
        let mut client = self.samples(Credentials::on_behalf(caller, &self.service_tokens).await?);
        let request = ListSamplesRequest {
            filter: format!("id = \"{id}\""),
            show_deleted: true,
            page_size: 1,
            ..ListSamplesRequest::default()
        };
        let response = answer(client.list_samples(request), samples_unreachable).await?;
        response.samples.into_iter().next().ok_or_else(|| Error::not_found("sample", id))
    }

    /// Takes the sample into use for the run; it may be so already.
    ///
    /// # Errors
    /// RESOURCE_NOT_FOUND, SAMPLE_UNAVAILABLE, SAMPLES_UNREACHABLE.
    pub async fn claim_sample(&self, caller: &Caller, sample_id: Uuid, run_id: Uuid) -> Result<()> {
        let mut client = self.samples(Credentials::on_behalf(caller, &self.service_tokens).await?);
        let request = ClaimForRunRequest {
            sample_id: sample_id.to_string(),
            run_id: run_id.to_string(),
            ..ClaimForRunRequest::default()
        };
        answer(client.claim_for_run(request), samples_unreachable).await.map(drop)
    }

    /// Gives the sample back, in the service's own name; the run may not have had it any more.
    ///
    /// # Errors
    /// RESOURCE_NOT_FOUND, SAMPLES_UNREACHABLE.
    pub async fn release_sample(&self, by: &Caller, sample_id: Uuid, run_id: Uuid) -> Result<()> {
        let mut client = self.samples(Credentials::of_service(by, &self.service_tokens).await?);
        let request = ReleaseFromRunRequest {
            sample_id: sample_id.to_string(),
            run_id: run_id.to_string(),
            ..ReleaseFromRunRequest::default()
        };
        answer(client.release_from_run(request), samples_unreachable).await.map(drop)
    }

    /// An instrument, as the caller may see it.
    ///
    /// # Errors
    /// RESOURCE_NOT_FOUND, CALIBRATION_UNREACHABLE.
    pub async fn instrument(&self, caller: &Caller, id: Uuid) -> Result<Instrument> {
        let credentials = Credentials::on_behalf(caller, &self.service_tokens).await?;
        let mut client = InstrumentsServiceClient::with_interceptor(self.calibration.clone(), credentials);
        let request = GetInstrumentRequest { id: id.to_string() };
        let response = answer(client.get_instrument(request), calibration_away).await?;
        response.instrument.ok_or_else(|| Error::internal("Calibration answered without the instrument"))
    }

    /// A calibration, as the caller may see it.
    ///
    /// # Errors
    /// RESOURCE_NOT_FOUND, CALIBRATION_UNREACHABLE.
    pub async fn calibration_of(&self, caller: &Caller, id: Uuid) -> Result<Calibration> {
        let mut client = self.calibration(Credentials::on_behalf(caller, &self.service_tokens).await?);
        let request = GetCalibrationRequest { id: id.to_string() };
        let response = answer(client.get_calibration(request), calibration_away).await?;
        response.calibration.ok_or_else(|| Error::internal("Calibration answered without the calibration"))
    }

    /// Whether the run might start on its instruments now. Writes nothing.
    ///
    /// # Errors
    /// Every refusal of AuthorizeUse, CALIBRATION_UNREACHABLE.
    pub async fn check_use(&self, caller: &Caller, asked: &Use<'_>) -> Result<()> {
        let request = AuthorizeUseRequest { validate_only: true, ..asked.request() };
        let mut client = self.calibration(Credentials::on_behalf(caller, &self.service_tokens).await?);
        answer(client.authorize_use(request), calibration_unreachable).await.map(drop)
    }

    /// Decides whether the run may start on its instruments now; the grants are in Calibration's ledger.
    ///
    /// # Errors
    /// Every refusal of AuthorizeUse, CALIBRATION_UNREACHABLE.
    pub async fn authorize_use(&self, caller: &Caller, asked: &Use<'_>) -> Result<Authorization> {
        let mut client = self.calibration(Credentials::on_behalf(caller, &self.service_tokens).await?);
        let response = answer(client.authorize_use(asked.request()), calibration_unreachable).await?;
        let authorized_at = response.authorized_at.as_ref();
        let authorized_at = authorized_at.ok_or_else(|| Error::internal("Calibration answered without an instant"))?;
        let grants = response.grants.into_iter().map(grant_from_wire).collect::<Result<_>>();
        Ok(Authorization {
            grants: grants.map_err(Error::internal)?,
            authorized_at: wire::instant("authorized_at", authorized_at).map_err(Error::internal)?,
        })
    }

    fn samples(&self, credentials: Credentials) -> SamplesServiceClient<InterceptedService<Peer, Credentials>> {
        SamplesServiceClient::with_interceptor(self.samples.clone(), credentials)
    }

    fn calibration(&self, credentials: Credentials) -> CalibrationServiceClient<InterceptedService<Peer, Credentials>> {
        CalibrationServiceClient::with_interceptor(self.calibration.clone(), credentials)
    }
}

impl Use<'_> {
    fn request(&self) -> AuthorizeUseRequest {
        let uses = self.run.instrument_ids().enumerate().map(|(position, id)| InstrumentUse {
            instrument_id: id.to_string(),
            // What the others do is not among the method's parameters: they have to be fit, for any range.
            demands: if position == 0 { self.demands.iter().map(demand_to_wire).collect() } else { Vec::new() },
        });
        AuthorizeUseRequest {
            run_id: self.run.id.to_string(),
            attempt_id: self.attempt_id.to_string(),
            uses: uses.collect(),
            exempt: self.run.purpose.is_exempt(),
            ..AuthorizeUseRequest::default()
        }
    }
}

/// The message that came back, or the refusal with its reason unchanged.
async fn answer<T>(
    call: impl Future<Output = Result<Response<T>, Status>>,
    unreachable: impl FnOnce() -> Error,
) -> Result<T> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(Error::from_peer(&status, unreachable)),
        Err(_) => Err(unreachable().caused_by(format!("no answer within {PATIENCE:?}"))),
    }
}

fn samples_unreachable() -> Error {
    Error::unavailable(Reason::SamplesUnreachable, "the Samples service cannot be reached; try again in a moment")
}

fn calibration_unreachable() -> Error {
    let message = "the Calibration service cannot be reached, so nothing was started; try again in a moment";
    Error::unavailable(Reason::CalibrationUnreachable, message)
}

/// For what starts nothing anyway.
fn calibration_away() -> Error {
    let message = "the Calibration service cannot be reached; try again in a moment";
    Error::unavailable(Reason::CalibrationUnreachable, message)
}

fn demand_to_wire(demand: &Demand) -> calibration::Demand {
    calibration::Demand {
        quantity: demand.quantity.to_owned(),
        low: demand.low,
        high: demand.high,
        unit: demand.unit.to_owned(),
    }
}

fn grant_from_wire(grant: UseGrant) -> Result<Grant> {
    let exempt = match grant.kind() {
        GrantKind::Fit => false,
        GrantKind::Exempt => true,
        GrantKind::Unspecified => return Err(Error::internal("a grant of no kind")),
    };
    let calibration_id = Some(&grant.calibration_id).filter(|id| !id.is_empty());
    let wanted = |name, at: Option<prost_types::Timestamp>| {
        wire::instant(name, &at.ok_or_else(|| Error::internal(format!("a grant without {name}")))?)
    };
    Ok(Grant {
        id: wire::id("id", &grant.id)?,
        instrument_id: wire::id("instrument_id", &grant.instrument_id)?,
        exempt,
        calibration_id: calibration_id.map(|id| wire::id("calibration_id", id)).transpose()?,
        valid_from: grant.valid_from.map(|at| wire::instant("valid_from", &at)).transpose()?,
        expires_at: grant.expires_at.map(|at| wire::instant("expires_at", &at)).transpose()?,
        authorized_at: wanted("authorized_at", grant.authorized_at)?,
        lapses_at: wanted("lapses_at", grant.lapses_at)?,
        revoked_at: None,
    })
}

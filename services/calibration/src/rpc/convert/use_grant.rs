//! Attempts to start a run, and what they are granted.

use bigdecimal::BigDecimal;
use contract::calibration::v1 as wire;
use spectra_runtime::{
    Error, Result,
    wire::{id, timestamp},
};

use crate::{
    fitness::{Demand, InstrumentUse},
    use_grant::{Attempt, Kind, UseGrant},
};

pub fn attempt_from_wire(request: &wire::AuthorizeUseRequest) -> Result<Attempt> {
    let mut uses: Vec<InstrumentUse> = Vec::with_capacity(request.uses.len());
    for (index, wanted) in request.uses.iter().enumerate() {
        let path = format!("uses[{index}]");
        let instrument_id = id(&format!("{path}.instrument_id"), &wanted.instrument_id)?;
        if uses.iter().any(|earlier| earlier.instrument_id == instrument_id) {
            return Err(Error::field(format!("{path}.instrument_id"), "names an instrument a second time"));
        }
        let demands = wanted.demands.iter().enumerate();
        let demands = demands.map(|(at, demand)| demand_from_wire(&format!("{path}.demands[{at}]"), demand));
        uses.push(InstrumentUse { instrument_id, demands: demands.collect::<Result<_>>()? });
    }
    Ok(Attempt {
        id: id("attempt_id", &request.attempt_id)?,
        run_id: id("run_id", &request.run_id)?,
        kind: if request.exempt { Kind::Exempt } else { Kind::Fit },
        uses,
    })
}

pub fn to_wire(grant: UseGrant) -> wire::UseGrant {
    wire::UseGrant {
        id: grant.id.to_string(),
        run_id: grant.run_id.to_string(),
        attempt_id: grant.attempt_id.to_string(),
        instrument_id: grant.instrument_id.to_string(),
        kind: kind_to_wire(grant.kind).into(),
        calibration_id: grant.calibration_id.map(|id| id.to_string()).unwrap_or_default(),
        valid_from: grant.valid_from.map(timestamp),
        expires_at: grant.expires_at.map(timestamp),
        authorized_at: Some(timestamp(grant.authorized_at)),
        lapses_at: Some(timestamp(grant.lapses_at)),
    }
}

/// Grants of one attempt, which were all authorized at one instant.
pub fn response(grants: Vec<UseGrant>) -> wire::AuthorizeUseResponse {
    let authorized_at = grants.first().map(|grant| timestamp(grant.authorized_at));
    wire::AuthorizeUseResponse { grants: grants.into_iter().map(to_wire).collect(), authorized_at }
}

fn demand_from_wire(path: &str, demand: &wire::Demand) -> Result<Demand> {
    let (low, high) = (exact(demand.low)?, exact(demand.high)?);
    if high < low {
        return Err(Error::field(format!("{path}.high"), "must not be below low"));
    }
    Ok(Demand { quantity: demand.quantity.clone(), low, high, unit: demand.unit.clone() })
}

/// The decimal that a person would write for this double, 0.1 for 0.1: ranges are written by people.
fn exact(number: f64) -> Result<BigDecimal> {
    number.to_string().parse().map_err(Error::internal)
}

const fn kind_to_wire(kind: Kind) -> wire::GrantKind {
    match kind {
        Kind::Fit => wire::GrantKind::Fit,
        Kind::Exempt => wire::GrantKind::Exempt,
    }
}

#[cfg(test)]
mod tests {
    use spectra_runtime::Reason;
    use uuid::Uuid;

    use super::*;

    fn request(uses: Vec<wire::InstrumentUse>) -> wire::AuthorizeUseRequest {
        let id = Uuid::now_v7().to_string();
        wire::AuthorizeUseRequest { run_id: id.clone(), attempt_id: id, uses, ..Default::default() }
    }

    fn wanted(instrument_id: Uuid, low: f64, high: f64) -> wire::InstrumentUse {
        let demand = wire::Demand { quantity: "dc_voltage".to_owned(), low, high, unit: "V".to_owned() };
        wire::InstrumentUse { instrument_id: instrument_id.to_string(), demands: vec![demand] }
    }

    #[test]
    fn doubles_become_the_decimals_that_people_write() {
        for (number, text) in
            [(0.1, "0.1"), (-0.0, "0"), (1e-7, "0.0000001"), (5e-324, "5e-324"), (1e300, "1e300"), (200.0, "200")]
        {
            assert_eq!(exact(number).unwrap(), text.parse::<BigDecimal>().unwrap(), "{number}");
        }
    }

    #[test]
    fn an_instrument_is_named_once_and_a_range_goes_up() {
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        let attempt = attempt_from_wire(&request(vec![wanted(first, 0.0, 0.0), wanted(second, -1.0, 1.0)])).unwrap();
        assert_eq!(attempt.instrument_ids(), [first, second]);
        for uses in [vec![wanted(first, 0.0, 1.0), wanted(first, 0.0, 1.0)], vec![wanted(first, 1.0, 0.0)]] {
            assert_eq!(attempt_from_wire(&request(uses)).unwrap_err().reason(), Reason::FieldInvalid);
        }
    }
}

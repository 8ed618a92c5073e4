//! Instruments and their capabilities.

use contract::calibration::v1 as wire;
use spectra_runtime::{
    Error, Result,
    wire::{decimal, decimal_text, etag, timestamp},
};

use crate::instrument::{Capability, Instrument, ServiceState};

pub fn to_wire(instrument: Instrument) -> wire::Instrument {
    wire::Instrument {
        id: instrument.id.to_string(),
        asset_code: instrument.asset_code,
        manufacturer: instrument.manufacturer,
        model: instrument.model,
        serial_number: instrument.serial_number,
        firmware: instrument.firmware,
        location: instrument.location,
        capabilities: instrument.capabilities.into_iter().map(capability_to_wire).collect(),
        methods: instrument.methods,
        calibration_interval_days: instrument.calibration_interval_days,
        service_state: service_state_to_wire(instrument.service_state).into(),
        service_reason: instrument.service_reason,
        created_by: instrument.created_by.to_string(),
        created_at: Some(timestamp(instrument.created_at)),
        updated_at: Some(timestamp(instrument.updated_at)),
        etag: etag(instrument.revision),
    }
}

/// Takes the fields that `has` names from what a client sent; the server's own are left alone.
pub fn apply(instrument: &mut Instrument, from: wire::Instrument, has: impl Fn(&str) -> bool) -> Result<()> {
    if has("asset_code") {
        instrument.asset_code = from.asset_code;
    }
    if has("manufacturer") {
        instrument.manufacturer = from.manufacturer;
    }
    if has("model") {
        instrument.model = from.model;
    }
    if has("serial_number") {
        instrument.serial_number = from.serial_number;
    }
    if has("firmware") {
        instrument.firmware = from.firmware;
    }
    if has("location") {
        instrument.location = from.location;
    }
    if has("capabilities") {
        let capabilities = from.capabilities.into_iter().enumerate();
        instrument.capabilities =
            capabilities.map(|(index, capability)| capability_from_wire(index, capability)).collect::<Result<_>>()?;
    }
    if has("methods") {
        instrument.methods = from.methods;
    }
    if has("calibration_interval_days") {
        instrument.calibration_interval_days = from.calibration_interval_days;
    }
    instrument.check()
}

fn capability_to_wire(capability: Capability) -> wire::Capability {
    let optional = |number: Option<_>| number.as_ref().map(decimal_text).unwrap_or_default();
    wire::Capability {
        quantity: capability.quantity,
        range_low: decimal_text(&capability.range_low),
        range_high: decimal_text(&capability.range_high),
        unit: capability.unit,
        maximum_permissible_error: optional(capability.maximum_permissible_error),
        resolution: optional(capability.resolution),
    }
}

fn capability_from_wire(index: usize, capability: wire::Capability) -> Result<Capability> {
    let optional = |field: &str, text: &str| decimal(&format!("instrument.capabilities[{index}].{field}"), text);
    let wanted = |field: &str, text: &str| {
        let missing = || Error::field(format!("instrument.capabilities[{index}].{field}"), "is wanted");
        optional(field, text)?.ok_or_else(missing)
    };
    Ok(Capability {
        range_low: wanted("range_low", &capability.range_low)?,
        range_high: wanted("range_high", &capability.range_high)?,
        maximum_permissible_error: optional("maximum_permissible_error", &capability.maximum_permissible_error)?,
        resolution: optional("resolution", &capability.resolution)?,
        quantity: capability.quantity,
        unit: capability.unit,
    })
}

const fn service_state_to_wire(state: ServiceState) -> wire::ServiceState {
    match state {
        ServiceState::InService => wire::ServiceState::InService,
        ServiceState::OutOfService => wire::ServiceState::OutOfService,
    }
}

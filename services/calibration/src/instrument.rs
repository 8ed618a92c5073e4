//! What an instrument is, what it can do, and whether it is in service.

use bigdecimal::{BigDecimal, Zero as _};
use chrono::{DateTime, Utc};
use spectra_runtime::{Error, Result};
use uuid::Uuid;

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "instrument";

/// A measuring instrument.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    pub id: Uuid,
    pub asset_code: String,
    pub manufacturer: String,
    pub model: String,
    pub serial_number: String,
    pub firmware: String,
    pub location: String,
    pub capabilities: Vec<Capability>,
    pub methods: Vec<String>,
    /// 0 where none is agreed.
    pub calibration_interval_days: i32,
    pub service_state: ServiceState,
    /// Why it is out of service; empty in service.
    pub service_reason: String,
    pub created_by: Uuid,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub revision: i64,
}

/// A quantity that an instrument measures or sources, and how far; its numbers are in `unit` (UCUM).
#[derive(Debug, Clone, PartialEq)]
pub struct Capability {
    pub quantity: String,
    pub range_low: BigDecimal,
    pub range_high: BigDecimal,
    pub unit: String,
    pub maximum_permissible_error: Option<BigDecimal>,
    pub resolution: Option<BigDecimal>,
}

/// Whether an instrument may be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    InService,
    OutOfService,
}

impl ServiceState {
    pub const ALL: [Self; 2] = [Self::InService, Self::OutOfService];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InService => "in_service",
            Self::OutOfService => "out_of_service",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Instrument {
    /// Refuses what no instrument may be, whoever wrote it.
    pub fn check(&self) -> Result<()> {
        let named = [("asset_code", &self.asset_code), ("manufacturer", &self.manufacturer), ("model", &self.model)];
        if let Some((field, _)) = named.into_iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(Error::field(format!("instrument.{field}"), "is wanted"));
        }
        for (index, capability) in self.capabilities.iter().enumerate() {
            let path = |field: &str| format!("instrument.capabilities[{index}].{field}");
            if self.capabilities[..index].iter().any(|earlier| earlier.quantity == capability.quantity) {
                return Err(Error::field(path("quantity"), format!("names {} a second time", capability.quantity)));
            }
            capability.check(path)?;
        }
        Ok(())
    }

    /// What it can do with this quantity.
    pub fn capability(&self, quantity: &str) -> Option<&Capability> {
        self.capabilities.iter().find(|capability| capability.quantity == quantity)
    }

    /// Takes it out of service for this reason, or lets it be used again, if its calibration allows.
    pub fn change_service(&mut self, to: ServiceState, reason: &str) -> Result<()> {
        let from = self.service_state;
        if from == to {
            let other = ServiceState::ALL.into_iter().filter(|state| *state != from).map(ServiceState::as_str);
            let allowed: Vec<_> = other.collect();
            return Err(Error::state(RESOURCE, self.id, from.as_str(), to.as_str(), &allowed));
        }
        self.service_state = to;
        self.service_reason = match to {
            ServiceState::InService => String::new(),
            ServiceState::OutOfService => reason.to_owned(),
        };
        Ok(())
    }
}

impl Capability {
    fn check(&self, path: impl Fn(&str) -> String) -> Result<()> {
        if self.unit.is_empty() {
            return Err(Error::field(path("unit"), "is wanted; `1` for a pure number"));
        }
        if self.range_high < self.range_low {
            return Err(Error::field(path("range_high"), "must not be below range_low"));
        }
        let widths = [("maximum_permissible_error", &self.maximum_permissible_error), ("resolution", &self.resolution)];
        for (field, width) in widths {
            if width.as_ref().is_some_and(|width| *width < BigDecimal::zero()) {
                return Err(Error::field(path(field), "must not be negative"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use spectra_runtime::Reason;

    use super::*;

    /// An instrument in service that sources from -200 to 200 V.
    pub fn instrument() -> Instrument {
        let at = DateTime::UNIX_EPOCH;
        Instrument {
            id: Uuid::now_v7(),
            asset_code: "KEI-2400-01".to_owned(),
            manufacturer: "Keithley".to_owned(),
            model: "2400".to_owned(),
            serial_number: String::new(),
            firmware: String::new(),
            location: String::new(),
            capabilities: vec![Capability {
                quantity: "dc_voltage".to_owned(),
                range_low: BigDecimal::from(-200),
                range_high: BigDecimal::from(200),
                unit: "V".to_owned(),
                maximum_permissible_error: None,
                resolution: None,
            }],
            methods: Vec::new(),
            calibration_interval_days: 365,
            service_state: ServiceState::InService,
            service_reason: String::new(),
            created_by: Uuid::nil(),
            created_at: at,
            updated_at: at,
            revision: 1,
        }
    }

    #[test]
    fn an_instrument_changes_service_only_to_what_it_is_not() {
        use ServiceState::{InService, OutOfService};
        let mut instrument = instrument();
        let refusal = instrument.change_service(InService, "repaired").unwrap_err();
        assert_eq!(refusal.reason(), Reason::StateConflict);
        assert_eq!(refusal.metadata("allowed"), Some("out_of_service"));

        instrument.change_service(OutOfService, "dropped").unwrap();
        assert!(instrument.change_service(OutOfService, "again").is_err());
        assert_eq!((instrument.service_state, instrument.service_reason.as_str()), (OutOfService, "dropped"));
        instrument.change_service(InService, "repaired").unwrap();
        assert_eq!((instrument.service_state, instrument.service_reason.as_str()), (InService, ""));
    }

    #[test]
    fn a_capability_is_named_once_and_its_range_goes_up() {
        let refused = |spoil: fn(&mut Instrument)| {
            let mut spoilt = instrument();
            spoil(&mut spoilt);
            spoilt.check().unwrap_err().to_string()
        };
        instrument().check().unwrap();
        let twice = refused(|it| it.capabilities.push(it.capabilities[0].clone()));
        assert!(twice.contains("instrument.capabilities[1].quantity"), "{twice}");
        let upside_down = refused(|it| it.capabilities[0].range_high = BigDecimal::from(-201));
        assert!(upside_down.contains("range_high"), "{upside_down}");
        let unitless = refused(|it| it.capabilities[0].unit.clear());
        assert!(unitless.contains("unit"), "{unitless}");
        let negative = refused(|it| it.capabilities[0].resolution = Some(BigDecimal::from(-1)));
        assert!(negative.contains("resolution"), "{negative}");
        let nameless = refused(|it| it.model = " ".to_owned());
        assert!(nameless.contains("instrument.model"), "{nameless}");
    }
}

//! Instruments of the demo laboratory, one in each state that a calibration can be in.

use contract::calibration::v1::{
    Calibration, Capability, Conformity, CreateCalibrationRequest, CreateInstrumentRequest, Instrument,
    ListInstrumentsRequest,
};
use spectra_runtime::{Clock, wire::timestamp};

use super::{Result, Session, Trouble, said};

/// A capability: quantity, low, high, unit, maximum permissible error.
type Range = (&'static str, &'static str, &'static str, &'static str, &'static str);

struct Entry {
    asset_code: &'static str,
    manufacturer: &'static str,
    model: &'static str,
    serial_number: &'static str,
    location: &'static str,
    methods: &'static [&'static str],
    capabilities: &'static [Range],
    certificates: &'static [Certificate],
}

/// A certificate: its number, and days from today to its issue and its expiry.
struct Certificate {
    id: &'static str,
    issued_days: i64,
    expires_days: i64,
    as_found: Conformity,
    /// How the instrument was left, where it was adjusted.
    as_left: Option<Conformity>,
}

const fn good(id: &'static str, issued_days: i64, expires_days: i64) -> Certificate {
    Certificate { id, issued_days, expires_days, as_found: Conformity::InTolerance, as_left: None }
}

const KEITHLEY: Entry = Entry {
    asset_code: "KEI-2400-01",
    manufacturer: "Keithley",
    model: "2400 SourceMeter",
    serial_number: "1089264",
    location: "Lab 2, bench 1",
    methods: &["iv_sweep", "diode_iv"],
    capabilities: &[("dc_voltage", "-210", "210", "V", "0.01"), ("dc_current", "-1.05", "1.05", "A", "0.0001")],
    certificates: &[good("CAL-2024-0311", -700, -335), good("CAL-2025-0287", -120, 245)],
};

const DEMO: [Entry; 5] = [
    KEITHLEY,
    Entry {
        asset_code: "KEY-E4980A-01",
        manufacturer: "Keysight",
        model: "E4980A LCR meter",
        serial_number: "MY46101288",
        location: "Lab 2, bench 2",
        methods: &["cv_sweep"],
        capabilities: &[("dc_voltage", "-40", "40", "V", "0.01"), ("frequency", "20", "2000000", "Hz", "200")],
        certificates: &[good("CAL-2025-0102", -353, 12)],
    },
    Entry {
        asset_code: "LS-8404-01",
        manufacturer: "Lake Shore",
        model: "8404 Hall system",
        serial_number: "LS840417",
        location: "Lab 3",
        methods: &["hall_vdp"],
        capabilities: &[
            ("dc_current", "-0.1", "0.1", "A", "0.00001"),
            ("magnetic_flux_density", "-1.7", "1.7", "T", "0.001"),
        ],
        certificates: &[good("CAL-2024-0954", -366, -1)],
    },
    Entry {
        asset_code: "JAN-RM3000-01",
        manufacturer: "Jandel",
        model: "RM3000 four-point probe",
        serial_number: "RM3-2231",
        location: "Clean room",
        methods: &["sheet_resistance"],
        capabilities: &[("dc_current", "-0.1", "0.1", "A", "0.0003"), ("dc_voltage", "-1.25", "1.25", "V", "0.004")],
        certificates: &[
            good("CAL-2025-0033", -400, 330),
            Certificate {
                id: "CAL-2025-0611",
                issued_days: -20,
                expires_days: 345,
                as_found: Conformity::OutOfTolerance,
                as_left: Some(Conformity::OutOfTolerance),
            },
        ],
    },
    Entry {
        asset_code: "JAW-RC2-01",
        manufacturer: "J.A. Woollam",
        model: "RC2 ellipsometer",
        serial_number: "RC2-0417",
        location: "Clean room",
        methods: &["ellipsometry"],
        capabilities: &[("wavelength", "193", "1690", "nm", "0.5"), ("angle", "45", "90", "deg", "0.02")],
        certificates: &[],
    },
];

pub(super) async fn demo(session: &Session) -> Result<usize> {
    enter(session, &DEMO).await
}

pub(super) async fn other(session: &Session) -> Result<usize> {
    enter(session, &[KEITHLEY]).await
}

/// Enters what is not there yet; how many records that were.
async fn enter(session: &Session, entries: &[Entry]) -> Result<usize> {
    let mut made = 0;
    for entry in entries {
        let request = ListInstrumentsRequest {
            filter: format!("asset_code = \"{}\"", entry.asset_code),
            page_size: 1,
            ..Default::default()
        };
        let there = session.instruments().list_instruments(request).await.map_err(said)?.into_inner();
        if !there.instruments.is_empty() {
            continue;
        }
        let request = CreateInstrumentRequest { instrument: Some(instrument(entry)), request_id: String::new() };
        let created = session.instruments().create_instrument(request).await.map_err(said)?.into_inner();
        let id = created.instrument.ok_or_else(|| Trouble::new("no instrument came back"))?.id;
        for certificate in entry.certificates {
            let request = CreateCalibrationRequest {
                calibration: Some(calibration(&id, certificate)),
                request_id: String::new(),
            };
            session.calibrations().create_calibration(request).await.map_err(said)?;
        }
        made += 1 + entry.certificates.len();
    }
    Ok(made)
}

fn instrument(entry: &Entry) -> Instrument {
    let capability = |range: &Range| Capability {
        quantity: range.0.to_owned(),
        range_low: range.1.to_owned(),
        range_high: range.2.to_owned(),
        unit: range.3.to_owned(),
        maximum_permissible_error: range.4.to_owned(),
        resolution: String::new(),
    };
    Instrument {
        asset_code: entry.asset_code.to_owned(),
        manufacturer: entry.manufacturer.to_owned(),
        model: entry.model.to_owned(),
        serial_number: entry.serial_number.to_owned(),
        location: entry.location.to_owned(),
        methods: entry.methods.iter().map(|&method| method.to_owned()).collect(),
        capabilities: entry.capabilities.iter().map(capability).collect(),
        calibration_interval_days: 365,
        ..Default::default()
    }
}

fn calibration(instrument_id: &str, certificate: &Certificate) -> Calibration {
    let day = |days| Some(timestamp(Clock::default().now_us() + chrono::TimeDelta::days(days)));
    Calibration {
        instrument_id: instrument_id.to_owned(),
        certificate_id: certificate.id.to_owned(),
        provider: "Metrology Services Ltd".to_owned(),
        accreditation: "D-K-15195-01-00".to_owned(),
        issued_at: day(certificate.issued_days),
        expires_at: day(certificate.expires_days),
        as_found: certificate.as_found.into(),
        adjusted: certificate.as_left.is_some(),
        as_left: certificate.as_left.unwrap_or(Conformity::Unspecified).into(),
        ..Default::default()
    }
}

//! A layer under four probes in line (Valdes, 1954; Smits, 1958): R_s = (pi / ln 2) (V / I) F.

use std::f64::consts::{LN_2, PI};

use super::{Column, Model, Noise, Params};

/// A layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sheet {
    /// R_s, Ohm.
    pub sheet_resistance: f64,
    /// Voltage that the probes give by themselves, V.
    pub thermal_voltage: f64,
}

impl Sheet {
    /// The layer of n-type GaN that the Hall measurement has, too.
    pub const N_GAN: Self = Self { sheet_resistance: 693.5, thermal_voltage: 3.4e-6 };

    /// Voltage between the inner probes, V, at a current through the outer ones, A, on a sample with this factor F.
    #[must_use]
    pub fn voltage(&self, current: f64, correction_factor: f64) -> f64 {
        current * self.sheet_resistance * LN_2 / (PI * correction_factor)
    }
}

impl Model for Sheet {
    const COLUMNS: &'static [Column] = &[Column { name: "current", unit: "A" }, Column { name: "voltage", unit: "V" }];

    /// As a voltmeter with 0.05 % and 1 uV of noise reads it, the current both ways by turns.
    fn points(self, params: &Params, mut noise: Noise) -> Option<impl Iterator<Item = Vec<f64>> + Send + 'static> {
        let [current, factor, readings] = ["current", "correction_factor", "readings"].map(|name| params.get(name));
        let (current, factor, readings) = (*current?, *factor?, *readings?);
        let currents =
            (0..).take_while(move |at| f64::from(*at) < readings).flat_map(move |_: i32| [current, -current]);
        Some(currents.map(move |current| {
            let voltage = self.voltage(current, factor) + self.thermal_voltage;
            vec![current, noise.reading(voltage, 5e-4, 1e-6)]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{near, params},
        *,
    };

    #[test]
    fn the_voltage_is_that_of_a_wide_thin_layer_and_both_ways_cancel_the_offset() {
        // The factor that is in every manual: R_s = 4.532 V / I.
        let layer = Sheet { sheet_resistance: 4.532, thermal_voltage: 0.0 };
        assert!(near(layer.voltage(1.0, 1.0), 1.0, 1e-3));
        let setup = params(&[("current", 1e-3), ("correction_factor", 0.9), ("readings", 200.0)]);
        let points: Vec<_> = Sheet::N_GAN.points(&setup, Noise::new(3)).unwrap().collect();
        assert_eq!(points.len(), 400);
        let mean = points.iter().map(|point| point[1] / point[0]).sum::<f64>() / points.len() as f64;
        assert!(near(mean * PI / LN_2 * 0.9, 693.5, 1e-3), "{mean}");
    }
}

//! A diode by the Shockley equation with series and shunt resistance:
//!
//! I = I_0 [exp((V - I R_s) / n U_T) - 1] + (V - I R_s) / R_sh.

use super::{Column, Model, Noise, Params, U_T, sweep};

/// A diode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Diode {
    /// I_0, A.
    pub saturation_current: f64,
    /// n.
    pub ideality_factor: f64,
    /// R_s, Ohm.
    pub series_resistance: f64,
    /// R_sh, Ohm.
    pub shunt_resistance: f64,
}

impl Diode {
    /// A 1N4148: I_0, n and R_s of the SPICE model in general use; the shunt from a reverse current of 25 nA at 20 V.
    pub const D1N4148: Self =
        Self { saturation_current: 2.52e-9, ideality_factor: 1.752, series_resistance: 0.568, shunt_resistance: 0.8e9 };

    /// Current, A, at this voltage, V.
    ///
    /// Solved by Newton's steps for the voltage of the junction V_j = V - I R_s, of which V_j + R_s I(V_j) is a rising
    /// convex function: from above, no step overshoots. Above is V, and where R_s alone would take all of it.
    #[must_use]
    pub fn current(&self, voltage: f64) -> f64 {
        let forward = voltage.max(0.0);
        let most = (forward / (self.series_resistance * self.saturation_current)).ln_1p();
        let mut junction = forward.min(self.ideality_factor * U_T * most);
        for _ in 0..100 {
            let (current, conductance) = self.junction(junction);
            let excess = junction + self.series_resistance * current - voltage;
            let step = excess / (1.0 + self.series_resistance * conductance);
            junction -= step;
            if step.abs() <= f64::EPSILON * junction.abs() {
                break;
            }
        }
        self.junction(junction).0
    }

    /// Current of the junction and its shunt at a voltage, and its derivative.
    fn junction(&self, voltage: f64) -> (f64, f64) {
        let slope = self.ideality_factor * U_T;
        let current = self.saturation_current * (voltage / slope).exp_m1() + voltage / self.shunt_resistance;
        let conductance = self.saturation_current / slope * (voltage / slope).exp() + 1.0 / self.shunt_resistance;
        (current, conductance)
    }
}

impl Model for Diode {
    const COLUMNS: &'static [Column] = &[Column { name: "v", unit: "V" }, Column { name: "i", unit: "A" }];

    /// As a source meter sees it: 0.05 % and 10 pA of noise, clipped at the compliance.
    fn points(self, params: &Params, mut noise: Noise) -> Option<impl Iterator<Item = Vec<f64>> + Send + 'static> {
        let compliance = *params.get("compliance")?;
        let voltages = sweep(params, ["voltage_start", "voltage_stop", "voltage_step"])?;
        Some(voltages.map(move |v| {
            let i = noise.reading(self.current(v), 5e-4, 1e-11);
            vec![v, i.clamp(-compliance, compliance)]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::near, *};

    #[test]
    fn without_resistances_it_is_the_shockley_equation() {
        let ideal = Diode { series_resistance: 0.0, shunt_resistance: f64::INFINITY, ..Diode::D1N4148 };
        for voltage in [-5.0, -0.1, 0.0, 0.3, 0.7] {
            let wanted = 2.52e-9 * ((voltage / (1.752 * U_T)).exp() - 1.0);
            assert!((ideal.current(voltage) - wanted).abs() <= 1e-9 * wanted.abs() + 1e-24, "at {voltage} V");
        }
    }

    #[test]
    fn with_them_the_current_solves_its_own_equation() {
        for series_resistance in [0.0, 0.568, 50.0, 1e4] {
            let diode = Diode { series_resistance, ..Diode::D1N4148 };
            let mut last = f64::NEG_INFINITY;
            for step in -300..=300 {
                let voltage = f64::from(step) / 100.0;
                if series_resistance == 0.0 && voltage > 1.0 {
                    continue;
                }
                let current = diode.current(voltage);
                let junction = voltage - current * series_resistance;
                let wanted = 2.52e-9 * (junction / (1.752 * U_T)).exp_m1() + junction / 0.8e9;
                // What rounding leaves of V - I R_s, times the conductance there.
                let conductance = 2.52e-9 / (1.752 * U_T) * (junction / (1.752 * U_T)).exp();
                let rounding = 1e-15 * voltage.abs() * conductance.max(1e-9) + 1e-10 * wanted.abs() + 1e-20;
                assert!(
                    (current - wanted).abs() <= rounding.max(1e-9 * wanted.abs()),
                    "at {voltage} V, {series_resistance} Ohm"
                );
                assert!(current > last, "rises at {voltage} V");
                last = current;
            }
        }
        let far = Diode::D1N4148.current(1100.0);
        assert!(near(far, 1100.0 / 0.568, 0.01), "far out, the series resistance alone: {far}");
        assert!(near(Diode::D1N4148.current(-20.0), -2.75e-8, 0.01), "far down, the shunt");
    }

    #[test]
    fn it_keeps_what_the_data_sheet_of_the_1n4148_promises() {
        // Forward voltage at 10 mA: 1 V at most; at 5 mA, 0.62 V to 0.72 V.
        assert!(Diode::D1N4148.current(1.0) > 10e-3);
        assert!(Diode::D1N4148.current(0.62) < 5e-3 && Diode::D1N4148.current(0.72) > 5e-3);
    }
}

//! A field-effect transistor by the model of Enz, Krummenacher and Vittoz ("An analytical MOS transistor model valid in
//! all regions of operation", 1995), from weak to strong inversion in one formula:
//!
//! I_D = I_S [L(V_P) - L(V_P - V_DS)] (1 + lambda |V_DS|), L(x) = ln²(1 + exp(x / 2 U_T)), V_P = (V_GS - V_T) / n.

use super::{Column, Model, Noise, Params, U_T, sweep};

/// An n-channel transistor, its source and body joined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Transistor {
    /// V_T, V.
    pub threshold_voltage: f64,
    /// n.
    pub slope_factor: f64,
    /// I_S, A.
    pub specific_current: f64,
    /// lambda, 1/V.
    pub channel_length_modulation: f64,
}

impl Transistor {
    /// A 2N7000, as fitted to measured curves (0.015 decades, root mean square).
    pub const T2N7000: Self = Self {
        threshold_voltage: 2.178,
        slope_factor: 3.70,
        specific_current: 3.52e-3,
        channel_length_modulation: 0.058,
    };

    /// Drain current, A, at these voltages, V.
    #[must_use]
    pub fn current(&self, v_gs: f64, v_ds: f64) -> f64 {
        let inversion = |x: f64| soft_plus(x / (2.0 * U_T)).powi(2);
        let pinch_off = (v_gs - self.threshold_voltage) / self.slope_factor;
        self.specific_current
            * (inversion(pinch_off) - inversion(pinch_off - v_ds))
            * (1.0 + self.channel_length_modulation * v_ds.abs())
    }
}

/// ln(1 + exp(x)), where exp(x) alone would be too large for a double.
fn soft_plus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl Model for Transistor {
    const COLUMNS: &'static [Column] =
        &[Column { name: "v_gs", unit: "V" }, Column { name: "v_ds", unit: "V" }, Column { name: "i_d", unit: "A" }];

    /// As a source meter sees it: 0.05 % and 10 pA of noise, clipped at the compliance.
    fn points(self, params: &Params, mut noise: Noise) -> Option<impl Iterator<Item = Vec<f64>> + Send + 'static> {
        let [v_ds, compliance] = ["vds", "compliance"].map(|name| params.get(name).copied());
        let (v_ds, compliance) = (v_ds?, compliance?);
        let gate = sweep(params, ["vgs_start", "vgs_stop", "vgs_step"])?;
        Some(gate.map(move |v_gs| {
            let i_d = noise.reading(self.current(v_gs, v_ds), 5e-4, 1e-11);
            vec![v_gs, v_ds, i_d.clamp(-compliance, compliance)]
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
    fn the_currents_are_those_of_the_formula_in_each_region() {
        let fet = Transistor::T2N7000;
        // At the threshold, in saturation: I_S ln²2 (1 + lambda V_DS).
        assert!(near(fet.current(2.178, 5.0), 3.52e-3 * 2_f64.ln().powi(2) * 1.29, 1e-9));
        // Weak inversion: a decade each n U_T ln 10 = 0.2203 V.
        let decade = fet.slope_factor * U_T * 10_f64.ln();
        assert!(near(decade, 0.2203, 1e-3));
        assert!(near(fet.current(1.0 + decade, 5.0) / fet.current(1.0, 5.0), 10.0, 5e-3));
        // Strong inversion, saturated: I_S (V_P / 2 U_T)².
        let wanted = 3.52e-3 * ((10.0 - 2.178) / 3.70 / (2.0 * U_T)).powi(2) * (1.0 + 0.058 * 20.0);
        assert!(near(fet.current(10.0, 20.0), wanted, 1e-6));
        // Symmetrical about the drain, and nothing without a drain voltage.
        assert_eq!(fet.current(3.0, 0.0), 0.0);
        assert!(fet.current(3.0, -0.1) < 0.0);
        assert!(fet.current(1100.0, 1100.0).is_finite());
    }

    #[test]
    fn it_keeps_what_the_data_sheet_of_the_2n7000_promises() {
        let fet = Transistor::T2N7000;
        // Gate threshold at 1 mA: 0.8 V to 3 V; on-state current at 4.5 V and 10 V: 75 mA at least.
        assert!(fet.current(0.8, 5.0) < 1e-3 && fet.current(3.0, 5.0) > 1e-3);
        assert!(fet.current(4.5, 10.0) > 0.075);
    }

    #[test]
    fn the_compliance_limits_what_is_read() {
        let setup = [("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.05), ("vds", 5.0), ("compliance", 0.1)];
        let points: Vec<_> = Transistor::T2N7000.points(&params(&setup), Noise::new(1)).unwrap().collect();
        assert_eq!(points.len(), 101);
        assert_eq!(points[100], [5.0, 5.0, 0.1]);
        assert!(points.iter().all(|point| point[2] <= 0.1));
    }
}

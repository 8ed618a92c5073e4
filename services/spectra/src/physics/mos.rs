//! A MOS capacitor on p-type silicon at high frequency, by the depletion approximation (Sze and Ng, "Physics of
//! Semiconductor Devices", chapter 4): the oxide in series with the depletion layer.
//!
//! In depletion, 1/C² = 1/C_ox² + 2 (V - V_FB) / (q epsilon_s N A²), the straight line of Mott and Schottky; in
//! accumulation, C = C_ox; in inversion, the layer is as wide as it gets, W² = 4 epsilon_s U_T ln(N / n_i) / (q N).

use super::{Column, EPSILON_0, Model, Noise, Params, Q, U_T, sweep};

/// Relative permittivity of silicon.
const SILICON: f64 = 11.7;
/// Relative permittivity of silicon dioxide.
const OXIDE: f64 = 3.9;
/// Intrinsic carrier density of silicon at 300 K, 1/m³ (Altermatt et al., 2003).
const INTRINSIC: f64 = 9.65e15;

/// A capacitor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MosCapacitor {
    /// m.
    pub oxide_thickness: f64,
    /// Acceptors, 1/m³.
    pub doping: f64,
    /// V_FB, V.
    pub flat_band_voltage: f64,
    /// Of the gate, m²; the run's parameter goes first.
    pub area: f64,
}

impl MosCapacitor {
    /// 20 nm of oxide on 10 Ohm cm wafers, gates of 0.1 mm².
    pub const DEMO: Self = Self { oxide_thickness: 20e-9, doping: 1.3e21, flat_band_voltage: -0.85, area: 1e-7 };

    /// C_ox, F.
    #[must_use]
    pub fn oxide_capacitance(&self) -> f64 {
        OXIDE * EPSILON_0 * self.area / self.oxide_thickness
    }

    /// Width of the depletion layer in inversion, m.
    #[must_use]
    pub fn widest_depletion(&self) -> f64 {
        (4.0 * SILICON * EPSILON_0 * U_T * (self.doping / INTRINSIC).ln() / (Q * self.doping)).sqrt()
    }

    /// Capacitance, F, at this bias, V.
    #[must_use]
    pub fn capacitance(&self, bias: f64) -> f64 {
        let beyond = (bias - self.flat_band_voltage).max(0.0);
        let line = 2.0 * beyond / (Q * SILICON * EPSILON_0 * self.doping * self.area * self.area);
        let depleted = (self.oxide_capacitance().powi(-2) + line).sqrt().recip();
        let widest = self.widest_depletion() / (SILICON * EPSILON_0 * self.area);
        depleted.max((self.oxide_capacitance().recip() + widest).recip())
    }
}

impl Model for MosCapacitor {
    const COLUMNS: &'static [Column] = &[Column { name: "v_bias", unit: "V" }, Column { name: "c", unit: "F" }];

    /// As an LCR meter sees it: 0.05 % of noise at a level of 30 mV, more at a lower one, and 5 fF.
    fn points(self, params: &Params, mut noise: Noise) -> Option<impl Iterator<Item = Vec<f64>> + Send + 'static> {
        let level = *params.get("oscillator_level")?;
        let device = Self { area: params.get("area").copied().unwrap_or(self.area), ..self };
        let part = 5e-4 * (0.03 / level).max(0.2);
        let biases = sweep(params, ["bias_start", "bias_stop", "bias_step"])?;
        Some(biases.map(move |bias| vec![bias, noise.reading(device.capacitance(bias), part, 5e-15)]))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::near, *};

    #[test]
    fn the_capacitance_is_that_of_the_oxide_then_falls_on_a_straight_line_and_stays() {
        let device = MosCapacitor { doping: 1e22, ..MosCapacitor::DEMO };
        // Sze: 3.45e-11 F/m over 20 nm, and a depletion layer of 0.30 um for 1e16 /cm³.
        assert!(near(device.oxide_capacitance(), 172.7e-12, 1e-3));
        assert!(near(device.widest_depletion(), 0.30e-6, 0.03));
        for bias in [-5.0, device.flat_band_voltage] {
            assert!(near(device.capacitance(bias), device.oxide_capacitance(), 1e-12), "accumulation at {bias} V");
        }
        // The slope of 1/C² gives the doping back.
        let line = |bias| device.capacitance(bias).powi(-2);
        let slope = (line(-0.2) - line(-0.6)) / 0.4;
        let doping = 2.0 / (Q * SILICON * EPSILON_0 * slope * device.area * device.area);
        assert!(near(doping, 1e22, 1e-9), "{doping}");
        let least = device.capacitance(5.0);
        assert_eq!(least.to_bits(), device.capacitance(9.0).to_bits(), "inversion");
        let wanted =
            1.0 / (1.0 / device.oxide_capacitance() + device.widest_depletion() / (SILICON * EPSILON_0 * 1e-7));
        assert!(near(least, wanted, 1e-12));
    }
}

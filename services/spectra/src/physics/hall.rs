//! A layer with four contacts at its edge, by van der Pauw ("A method of measuring specific resistivity and Hall effect
//! of discs of arbitrary shape", 1958): exp(-pi R_A / R_s) + exp(-pi R_B / R_s) = 1, and V_H = I B / (q n_s).

use std::f64::consts::{LN_2, PI};

use super::{Column, Model, Noise, Params, Q};

/// A layer whose carriers are electrons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// R_s, Ohm.
    pub sheet_resistance: f64,
    /// n_s, 1/m².
    pub sheet_carrier_density: f64,
    /// R_A / R_B: what the shape of the sample makes of them.
    pub asymmetry: f64,
    /// How far the contacts miss the diagonal: resistance between them without a field, Ohm.
    pub misalignment: f64,
    /// Voltage that the contacts give by themselves, V.
    pub thermal_voltage: f64,
}

impl Layer {
    /// 2 um of n-type GaN: 1e17 electrons a cm³ with a mobility of 450 cm²/(V s), 694 Ohm a square.
    pub const N_GAN: Self = Self {
        sheet_resistance: 693.5,
        sheet_carrier_density: 2e17,
        asymmetry: 1.27,
        misalignment: 3.8,
        thermal_voltage: 2.1e-6,
    };

    /// R_A and R_B, Ohm.
    #[must_use]
    pub fn resistances(&self) -> (f64, f64) {
        let r_b = self.sheet_resistance / sheet_resistance(self.asymmetry, 1.0);
        (self.asymmetry * r_b, r_b)
    }

    /// Hall voltage, V, at a current, A, and a magnetic flux density, T; negative for electrons.
    #[must_use]
    pub fn hall_voltage(&self, current: f64, magnetic_flux_density: f64) -> f64 {
        -current * magnetic_flux_density / (Q * self.sheet_carrier_density)
    }
}

/// Sheet resistance, Ohm, of a layer with these two resistances, Ohm.
///
/// Newton's steps for 1/R_s from where R_A = R_B would have it: from there, the convex left side is approached from
/// above and never overshot.
#[must_use]
pub fn sheet_resistance(r_a: f64, r_b: f64) -> f64 {
    let mut inverse = 2.0 * LN_2 / (PI * (r_a + r_b));
    for _ in 0..100 {
        let (a, b) = ((-PI * r_a * inverse).exp(), (-PI * r_b * inverse).exp());
        let step = (a + b - 1.0) / (PI * (r_a * a + r_b * b));
        inverse += step;
        if step.abs() <= f64::EPSILON * inverse {
            break;
        }
    }
    inverse.recip()
}

impl Model for Layer {
    /// The positions: 0 to 3 go round the edge, R_A and R_B by turns, without a field; 4 and 5 are the two diagonals.
    const COLUMNS: &'static [Column] = &[
        Column { name: "position", unit: "1" },
        Column { name: "magnetic_flux_density", unit: "T" },
        Column { name: "current", unit: "A" },
        Column { name: "voltage", unit: "V" },
    ];

    /// As a voltmeter with 0.01 % and 0.2 uV of noise reads it, current and field both ways.
    fn points(self, params: &Params, mut noise: Noise) -> Option<impl Iterator<Item = Vec<f64>> + Send + 'static> {
        let [current, field, readings] = ["current", "magnetic_flux_density", "readings"].map(|name| params.get(name));
        let (current, field, readings) = (*current?, *field?, *readings?);
        let (r_a, r_b) = self.resistances();
        let edge = [r_a, r_b, r_a, r_b].into_iter().zip([0.0, 1.0, 2.0, 3.0]).map(|(r, at)| (at, 0.0, r));
        let diagonals = [(4.0, 1.0), (5.0, -1.0)].into_iter();
        let diagonals =
            diagonals.flat_map(move |(at, side)| [field, -field].map(|b| (at, b, side * self.misalignment)));
        let both_ways =
            edge.chain(diagonals).flat_map(move |place| [current, -current].map(|current| (place, current)));
        let each = move |(place, current)| {
            (0..).take_while(move |at| f64::from(*at) < readings).map(move |_: i32| (place, current))
        };
        Some(both_ways.flat_map(each).map(move |((position, field, resistance), current)| {
            let voltage = current * resistance + self.hall_voltage(current, field) + self.thermal_voltage;
            vec![position, field, current, noise.reading(voltage, 1e-4, 2e-7)]
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
    fn van_der_pauw_s_equation_is_solved() {
        assert!(near(sheet_resistance(1.0, 1.0), PI / LN_2, 1e-14), "equal resistances: pi / ln 2");
        for (r_a, r_b) in [(1.0, 2.0), (100.0, 1.0), (1e-3, 5e3), (220.6, 153.0)] {
            let r_s = sheet_resistance(r_a, r_b);
            assert!(near((-PI * r_a / r_s).exp() + (-PI * r_b / r_s).exp(), 1.0, 1e-12), "{r_a} {r_b}");
            assert!(near(r_s, sheet_resistance(r_b, r_a), 1e-12));
        }
    }

    #[test]
    fn what_is_measured_gives_the_layer_back() {
        let layer = Layer::N_GAN;
        let setup = params(&[("current", 1e-3), ("magnetic_flux_density", 0.5), ("readings", 50.0)]);
        let points: Vec<_> = layer.points(&setup, Noise::new(7)).unwrap().collect();
        assert_eq!(points.len(), 16 * 50);
        // Mean of V/I with the sign of the current, and of the field where it is on: offsets cancel.
        let mean = |of: &dyn Fn(&Vec<f64>) -> Option<f64>| {
            let all: Vec<f64> = points.iter().filter_map(of).collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        let at = |position: f64| mean(&|point| (point[0] == position).then(|| point[3] / point[2]));
        let (r_a, r_b) = (f64::midpoint(at(0.0), at(2.0)), f64::midpoint(at(1.0), at(3.0)));
        assert!(near(sheet_resistance(r_a, r_b), layer.sheet_resistance, 1e-4));
        let hall = mean(&|point| (point[0] >= 4.0).then(|| point[3] / point[2] / point[1]));
        assert!(near(-1.0 / (Q * hall), layer.sheet_carrier_density, 1e-3), "{hall}");
        // Mobility, from both: 450 cm²/(V s).
        let mobility = 1.0 / (Q * layer.sheet_carrier_density * layer.sheet_resistance);
        assert!(near(mobility, 0.045, 1e-3), "{mobility}");
    }
}

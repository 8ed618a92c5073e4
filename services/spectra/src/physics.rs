//! What the instruments of the demo laboratory would measure: a model of a device for each built-in method, seen
//! through the noise of an instrument.
//!
//! Pure functions of a run's parameters and a seed: the same seed gives the same numbers at any time. A simulated
//! instrument takes the points one by one, the demo's data take them all.

mod diode;
mod ellipsometry;
mod hall;
mod mos;
mod noise;
mod sheet;
mod silicon;
mod transistor;

use std::collections::BTreeMap;

pub use self::{
    diode::Diode, ellipsometry::Film, hall::Layer, mos::MosCapacitor, noise::Noise, sheet::Sheet,
    transistor::Transistor,
};

/// Elementary charge, C (SI, exact).
const Q: f64 = 1.602_176_634e-19;
/// Boltzmann constant, J/K (SI, exact).
const K_B: f64 = 1.380_649e-23;
/// Electric constant, F/m (CODATA 2018).
const EPSILON_0: f64 = 8.854_187_812_8e-12;
/// Temperature of the laboratory's devices, K.
const T: f64 = 300.0;
/// Thermal voltage kT/q, V.
const U_T: f64 = K_B * T / Q;

/// A quantity that a model gives at each point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its UCUM unit.
    pub unit: &'static str,
}

/// Parameters of a run by their names, those with a default among them.
pub type Params = BTreeMap<String, f64>;

/// A device that is measured by one method.
pub trait Model {
    /// What each point consists of.
    const COLUMNS: &'static [Column];

    /// The points in the order in which they are measured; `None` where a parameter is missing.
    fn points(self, params: &Params, noise: Noise) -> Option<impl Iterator<Item = Vec<f64>> + Send + 'static>;
}

/// A measurement under way: its points, one by one.
pub struct Trace {
    /// What each point consists of.
    pub columns: &'static [Column],
    points: Box<dyn Iterator<Item = Vec<f64>> + Send>,
}

impl Iterator for Trace {
    type Item = Vec<f64>;

    fn next(&mut self) -> Option<Vec<f64>> {
        self.points.next()
    }
}

/// Measures the demo's device for a method; `None` where there is no such method, or a parameter is missing.
#[must_use]
pub fn measure(method: &str, params: &Params, noise: Noise) -> Option<Trace> {
    match method {
        "cv_sweep" => trace(MosCapacitor::DEMO, params, noise),
        "diode_iv" => trace(Diode::D1N4148, params, noise),
        "ellipsometry" => trace(Film::THERMAL_OXIDE, params, noise),
        "hall_vdp" => trace(Layer::N_GAN, params, noise),
        "iv_sweep" => trace(Transistor::T2N7000, params, noise),
        "sheet_resistance" => trace(Sheet::N_GAN, params, noise),
        _ => None,
    }
}

fn trace<M: Model>(model: M, params: &Params, noise: Noise) -> Option<Trace> {
    Some(Trace { columns: M::COLUMNS, points: Box::new(model.points(params, noise)?) })
}

/// From start to stop, both included where the steps hit it; in either direction.
fn sweep(params: &Params, [start, stop, step]: [&str; 3]) -> Option<impl Iterator<Item = f64> + Send + 'static> {
    let [start, stop, step] = [start, stop, step].map(|name| params.get(name).copied());
    let (start, step) = (start?, step?);
    let length = stop? - start;
    // A billionth of a step more: 0.3 / 0.1 is a little less than 3.
    let steps = (length.abs() / step + 1e-9).floor();
    let step = step.copysign(length);
    let at = move |number: f64| {
        let value = start + number * step;
        // What rounding leaves of zero is zero.
        if value.abs() < 1e-9 * step.abs() { 0.0 } else { digits(value, 12) }
    };
    Some(std::iter::successors(Some(0.0), |at| Some(at + 1.0)).take_while(move |at| *at <= steps).map(at))
}

/// A number with so many digits, as an instrument shows it.
fn digits(value: f64, count: usize) -> f64 {
    format!("{value:.*e}", count - 1).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn params(pairs: &[(&str, f64)]) -> Params {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    /// Whether two numbers are the same but for such a part of the second.
    pub(super) fn near(one: f64, other: f64, part: f64) -> bool {
        (one - other).abs() <= part * other.abs()
    }

    #[test]
    fn a_sweep_hits_both_ends_and_goes_either_way() {
        let all = |start, stop, step| -> Vec<f64> {
            let params = params(&[("a", start), ("b", stop), ("c", step)]);
            sweep(&params, ["a", "b", "c"]).unwrap().collect()
        };
        assert_eq!(all(0.0, 0.3, 0.1), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(all(-0.3, 0.1, 0.1), [-0.3, -0.2, -0.1, 0.0, 0.1]);
        assert_eq!(all(1.0, -1.0, 0.5), [1.0, 0.5, 0.0, -0.5, -1.0]);
        assert_eq!(all(0.0, 1.0, 0.4), [0.0, 0.4, 0.8]);
        assert!(sweep(&params(&[("a", 0.0)]), ["a", "b", "c"]).is_none());
    }

    #[test]
    fn a_seed_gives_the_same_finite_points_again_and_another_seed_others() {
        let all: [(&str, &[(&str, f64)]); 6] = [
            ("cv_sweep", &[("bias_start", -3.0), ("bias_stop", 3.0), ("bias_step", 0.1), ("oscillator_level", 0.03)]),
            (
                "diode_iv",
                &[("voltage_start", -5.0), ("voltage_stop", 1.0), ("voltage_step", 0.05), ("compliance", 0.1)],
            ),
            (
                "ellipsometry",
                &[
                    ("wavelength_start", 400.0),
                    ("wavelength_stop", 1000.0),
                    ("wavelength_step", 5.0),
                    ("angle_of_incidence", 70.0),
                ],
            ),
            ("hall_vdp", &[("current", 1e-3), ("magnetic_flux_density", 0.5), ("readings", 10.0)]),
            (
                "iv_sweep",
                &[("vgs_start", 0.0), ("vgs_stop", 5.0), ("vgs_step", 0.05), ("vds", 5.0), ("compliance", 0.1)],
            ),
            ("sheet_resistance", &[("current", 1e-3), ("correction_factor", 1.0), ("readings", 10.0)]),
        ];
        for (method, pairs) in all {
            let of = |seed| measure(method, &params(pairs), Noise::new(seed)).expect(method);
            let width = of(1).columns.len();
            let points: Vec<_> = of(1).collect();
            assert!(points.len() >= 20, "{method} gave {} points", points.len());
            assert!(points.iter().all(|point| point.len() == width), "{method}");
            assert!(points.iter().flatten().all(|value| value.is_finite()), "{method}");
            assert_eq!(points, of(1).collect::<Vec<_>>(), "{method}");
            assert_ne!(points, of(2).collect::<Vec<_>>(), "{method}");
            assert!(measure(method, &Params::new(), Noise::new(1)).is_none(), "{method} needs its parameters");
        }
        assert!(measure("tarot", &Params::new(), Noise::new(1)).is_none());
    }
}

//! A transparent film on silicon under polarized light (Azzam and Bashara, "Ellipsometry and Polarized Light", chapter
//! 4): tan(psi) exp(i delta) = R_p / R_s, each of the two the reflection of air, film and substrate,
//!
//! R = (r_01 + r_12 exp(-2 i beta)) / (1 + r_01 r_12 exp(-2 i beta)), beta = 2 pi d n cos(theta) / wavelength,
//!
//! with the coefficients r of Fresnel, indices N = n - i k, and a Cauchy film: n = A + B / wavelength².

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::{Column, Model, Noise, Params, silicon, sweep};

/// A film on silicon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Film {
    /// d, nm.
    pub thickness: f64,
    /// A.
    pub cauchy_a: f64,
    /// B, nm².
    pub cauchy_b: f64,
}

impl Film {
    /// 100 nm of thermal silicon dioxide: 1.4610 at 633 nm.
    pub const THERMAL_OXIDE: Self = Self { thickness: 100.0, cauchy_a: 1.452, cauchy_b: 3600.0 };

    /// psi and delta, degrees, at a wavelength, nm, and an angle of incidence, degrees; delta from 0 to 360.
    #[must_use]
    pub fn angles(&self, wavelength: f64, angle_of_incidence: f64) -> (f64, f64) {
        let film = Complex64::from(self.cauchy_a + self.cauchy_b / wavelength.powi(2));
        let (n, k) = silicon::index(wavelength);
        let indices = [Complex64::from(1.0), film, Complex64::new(n, -k)];
        let sine = angle_of_incidence.to_radians().sin();
        // Snell: N sin(theta) is the same in every layer.
        let cosines = indices.map(|index| (1.0 - (sine / index).powi(2)).sqrt());
        let phase = (film * cosines[1] * Complex64::new(0.0, -2.0 * TAU * self.thickness / wavelength)).exp();
        let ratio = reflection(phase, |above, below| {
            let (one, other) = (indices[below] * cosines[above], indices[above] * cosines[below]);
            (one - other) / (one + other)
        }) / reflection(phase, |above, below| {
            let (one, other) = (indices[above] * cosines[above], indices[below] * cosines[below]);
            (one - other) / (one + other)
        });
        (ratio.norm().atan().to_degrees(), ratio.arg().to_degrees().rem_euclid(360.0))
    }
}

/// What two boundaries reflect together, from what each does.
fn reflection(phase: Complex64, fresnel: impl Fn(usize, usize) -> Complex64) -> Complex64 {
    let (upper, lower) = (fresnel(0, 1), fresnel(1, 2) * phase);
    (upper + lower) / (1.0 + upper * lower)
}

impl Model for Film {
    const COLUMNS: &'static [Column] = &[
        Column { name: "wavelength", unit: "nm" },
        Column { name: "psi", unit: "deg" },
        Column { name: "delta", unit: "deg" },
    ];

    /// As an ellipsometer sees it: 0.02° of noise in psi, 0.05° in delta.
    fn points(self, params: &Params, mut noise: Noise) -> Option<impl Iterator<Item = Vec<f64>> + Send + 'static> {
        let incidence = *params.get("angle_of_incidence")?;
        let wavelengths = sweep(params, ["wavelength_start", "wavelength_stop", "wavelength_step"])?;
        Some(wavelengths.map(move |wavelength| {
            let (psi, delta) = self.angles(wavelength, incidence);
            vec![wavelength, noise.reading(psi, 0.0, 0.02), noise.reading(delta, 0.0, 0.05)]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(thickness: f64) -> Film {
        Film { thickness, ..Film::THERMAL_OXIDE }
    }

    #[test]
    fn bare_silicon_is_where_the_tables_have_it() {
        // Tompkins, "A User's Guide to Ellipsometry": 10.45° and 179.2° at 632.8 nm and 70°.
        let (psi, delta) = film(0.0).angles(632.8, 70.0);
        assert!((psi - 10.45).abs() < 0.1 && (delta - 179.2).abs() < 0.2, "{psi} {delta}");
    }

    #[test]
    fn a_film_of_one_period_and_one_of_air_are_as_none() {
        let bare = film(0.0).angles(632.8, 70.0);
        let n: f64 = 1.452 + 3600.0 / (632.8 * 632.8);
        let period = 632.8 / (2.0 * (n * n - 70_f64.to_radians().sin().powi(2)).sqrt());
        let air = Film { thickness: 137.0, cauchy_a: 1.0, cauchy_b: 0.0 };
        for same in [film(period), film(2.0 * period), air] {
            let (psi, delta) = same.angles(632.8, 70.0);
            assert!((psi - bare.0).abs() < 1e-6 && (delta - bare.1).abs() < 1e-6, "{same:?}");
        }
        let half = film(period / 2.0).angles(632.8, 70.0);
        assert!((half.0 - bare.0).abs() > 10.0, "and half a period is far from it: {half:?}");
    }

    #[test]
    fn straight_down_both_polarizations_are_alike() {
        let (psi, delta) = film(100.0).angles(500.0, 0.0);
        assert!((psi - 45.0).abs() < 1e-9 && (delta - 180.0).abs() < 1e-9, "{psi} {delta}");
    }
}

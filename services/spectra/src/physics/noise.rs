//! Noise that a seed repeats.

use std::f64::consts::TAU;

use super::digits;

/// A source of random numbers: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014),
/// spelled out here so that a seed gives the same data in every version of the program.
#[derive(Debug, Clone)]
pub struct Noise(u64);

impl Noise {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From a text, such as the id of a run (FNV-1a, 64 bits).
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mix = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    /// Evenly from the half-open range (0, 1].
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper 53 bits: as many as a double holds.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let mixed = (mixed >> 11) as f64 + 1.0;
        mixed / 9_007_199_254_740_992.0
    }

    /// Normally distributed, with mean 0 and standard deviation 1 (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), TAU * self.uniform());
        radius * angle.cos()
    }

    /// A reading of a value, with seven digits: the instrument errs by a part of it, and by some of its unit whatever the
    /// value.
    pub fn reading(&mut self, value: f64, part: f64, floor: f64) -> f64 {
        digits(value + value * part * self.normal() + floor * self.normal(), 7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_is_as_its_authors_publish_it() {
        // The first output for the seed 1234567, from the reference implementation: 6457827717110365317.
        let first = Noise::new(1_234_567).uniform();
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let wanted = ((6_457_827_717_110_365_317_u64 >> 11) as f64 + 1.0) / 9_007_199_254_740_992.0;
        assert_eq!(first.to_bits(), wanted.to_bits());
    }

    #[test]
    fn noise_has_mean_nought_and_deviation_one() {
        let mut noise = Noise::of("a run");
        let count = 20_000;
        let all: Vec<f64> = (0..count).map(|_| noise.normal()).collect();
        let mean = all.iter().sum::<f64>() / f64::from(count);
        let variance = all.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / f64::from(count);
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}

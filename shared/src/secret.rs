//! Keys for one use each, derived from one secret (HKDF, RFC 5869).

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

/// A key for the use that the label names. Different labels give independent keys.
#[must_use]
pub fn derive(secret: &[u8], label: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Salt::new(HKDF_SHA256, b"spectra-lab")
        .extract(secret)
        .expand(&[label.as_bytes()], Length)
        .and_then(|output| output.fill(&mut key))
        .expect("32 bytes are within what HKDF-SHA256 gives");
    key
}

#[cfg(test)]
mod tests {
    use super::derive;

    #[test]
    fn labels_and_secrets_give_independent_keys() {
        assert_eq!(derive(b"a", "x"), derive(b"a", "x"));
        assert_ne!(derive(b"a", "x"), derive(b"a", "y"));
        assert_ne!(derive(b"a", "x"), derive(b"b", "x"));
    }
}

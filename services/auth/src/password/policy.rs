//! What a new password must be. Signing in never asks: a password that was good enough once still opens the door.

use secrecy::{ExposeSecret as _, SecretString};
use spectra_runtime::{Error, Reason, Result};
use zxcvbn::{Score, zxcvbn};

/// Between the 8 that NIST SP 800-63B-4 asks for beside a second factor and the 15 without one. The proto holds the most.
const MIN_CHARS: usize = 12;
/// 10^10 guesses: at the 20 ms that one costs, six years of a core for whoever has stolen the hash.
const MIN_SCORE: Score = Score::Four;

/// Refuses a password that is short, or one that a guesser tries early: common ones, words, names, dates, keyboard rows
/// and repetitions count for little, and so does what the person is called (`about`).
///
/// # Errors
/// PASSWORD_WEAK, about this field of the request; the password is not in it.
pub fn check(field: &'static str, password: &SecretString, about: &[&str]) -> Result<()> {
    let weak = |rule: String| Err(Error::fields(Reason::PasswordWeak, [(field.to_owned(), rule)]));
    let password = password.expose_secret();
    if password.chars().count() < MIN_CHARS {
        return weak(format!("must have at least {MIN_CHARS} characters"));
    }
    // An address is guessed by its parts.
    let about: Vec<&str> = about.iter().flat_map(|text| text.split(['@', '.', ' ']).chain([*text])).collect();
    let judged = zxcvbn(password, &about);
    if judged.score() >= MIN_SCORE {
        return Ok(());
    }
    match judged.feedback().and_then(|feedback| feedback.warning()) {
        Some(warning) => weak(format!("is guessed too soon: {warning} A few unrelated words make a good one")),
        None => weak("is guessed too soon; a few unrelated words make a good one".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str) -> Option<Error> {
        check("password", &password.into(), &["marie.curie@demo.lab", "Marie Curie"]).err()
    }

    #[test]
    fn what_is_short_or_guessed_too_soon_is_refused_and_not_repeated() {
        for weak in [
            "",
            "Tr0ub4dor&3",
            "passwordpassword",
            "password1234",
            "123456789012",
            "qwertyuiop123",
            "aaaaaaaaaaaaaaaa",
            "mariecurie2026",
            "Marie.Curie@demo.lab",
            "abcabcabcabcabc",
        ] {
            let refusal = refusal(weak).unwrap_or_else(|| panic!("{weak} was taken"));
            assert_eq!(refusal.reason(), Reason::PasswordWeak);
            assert!(weak.is_empty() || !refusal.to_string().contains(weak), "{refusal}");
        }
    }

    #[test]
    fn what_is_long_and_of_its_own_is_taken_in_any_script() {
        for good in [
            "correct horse battery staple",
            "xK9#mQ2$vL7p",
            "vier gelbe Ziegel am Kanal",
            "七つの青い鳥が朝に歌っていた",
        ] {
            assert!(refusal(good).is_none(), "{good}: {:?}", refusal(good));
        }
        // A very long one is judged as quickly as any.
        assert!(refusal(&"lorem ipsum dolor sit ".repeat(11)).is_none());
    }
}

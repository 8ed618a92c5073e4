//! Reads settings by name, remembers where each came from, and collects every fault before it reports any.

use std::{collections::BTreeMap, fs, time::Duration};

use secrecy::SecretString;

/// A setting as it is in force.
pub struct Shown {
    /// Its name.
    pub name: &'static str,
    /// Its value; masked where it is a secret.
    pub value: String,
    /// `environment`, `file <path>`, `default` or `not set`.
    pub source: String,
    /// What it does.
    pub help: &'static str,
}

/// The settings of one process.
pub struct Reader {
    environment: BTreeMap<String, String>,
    faults: Vec<String>,
    shown: Vec<Shown>,
}

impl Reader {
    /// Reads from these variables.
    #[must_use]
    pub fn new(environment: BTreeMap<String, String>) -> Self {
        Self { environment, faults: Vec::new(), shown: Vec::new() }
    }

    /// What `name` is set to: by itself, or by the file that `<name>_FILE` names.
    fn raw(&mut self, name: &'static str) -> Option<(String, String)> {
        let direct = self.environment.get(name).filter(|value| !value.is_empty()).cloned();
        let file = self.environment.get(&format!("{name}_FILE")).filter(|path| !path.is_empty()).cloned();
        match (direct, file) {
            (Some(_), Some(_)) => {
                self.fault(name, format!("is set twice; take out {name} or {name}_FILE"));
                None
            }
            (Some(value), None) => Some((value, "environment".to_owned())),
            (None, Some(path)) => match fs::read_to_string(&path) {
                Ok(text) => Some((text.trim_end_matches(['\r', '\n']).to_owned(), format!("file {path}"))),
                Err(error) => {
                    self.fault(name, format!("cannot be read from the file {path} ({error}); check {name}_FILE"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    fn show(&mut self, name: &'static str, value: String, source: String, help: &'static str) {
        self.shown.push(Shown { name, value, source, help });
    }

    /// Notes a fault of a setting: what is wrong, and what to do.
    pub fn fault(&mut self, name: &str, text: impl std::fmt::Display) {
        self.faults.push(format!("{name} {text}"));
    }

    /// A text, or `None`.
    pub fn optional(&mut self, name: &'static str, help: &'static str) -> Option<String> {
        let raw = self.raw(name);
        let (value, source) = raw.clone().unwrap_or_else(|| (String::new(), "not set".to_owned()));
        self.show(name, value, source, help);
        raw.map(|(value, _)| value)
    }

    /// A text, or its default.
    pub fn text(&mut self, name: &'static str, default: &str, help: &'static str) -> String {
        let (value, source) = self.raw(name).unwrap_or_else(|| (default.to_owned(), "default".to_owned()));
        self.show(name, value.clone(), source, help);
        value
    }

    /// A value of any type that reads itself from text; `wanted` says what it must be.
    pub fn parse<T: std::str::FromStr + ToString>(
        &mut self,
        name: &'static str,
        default: T,
        wanted: &str,
        help: &'static str,
    ) -> T {
        let Some((text, source)) = self.raw(name) else {
            self.show(name, default.to_string(), "default".to_owned(), help);
            return default;
        };
        self.show(name, text.clone(), source, help);
        text.parse().unwrap_or_else(|_| {
            self.fault(name, format!("is {text:?}; it must be {wanted}"));
            default
        })
    }

    /// A value of any type that reads itself from text, or `None`.
    pub fn parse_optional<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
        wanted: &str,
        help: &'static str,
    ) -> Option<T> {
        let text = self.optional(name, help)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.fault(name, format!("is {text:?}; it must be {wanted}"));
        }
        parsed
    }

    /// Minutes, as a whole number from `1` to `most`.
    pub fn minutes(&mut self, name: &'static str, default: u64, most: u64, help: &'static str) -> Duration {
        let minutes = self.parse(name, default, &format!("a whole number of minutes from 1 to {most}"), help);
        if !(1..=most).contains(&minutes) {
            self.fault(name, format!("is {minutes}; it must be from 1 to {most} minutes"));
        }
        Duration::from_secs(60 * minutes)
    }

    /// `true` or `false`.
    pub fn switch(&mut self, name: &'static str, default: bool, help: &'static str) -> bool {
        let Some((text, source)) = self.raw(name) else {
            self.show(name, default.to_string(), "default".to_owned(), help);
            return default;
        };
        self.show(name, text.clone(), source, help);
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => {
                self.fault(name, format!("is {text:?}; it must be true or false"));
                default
            }
        }
    }

    /// A secret, or `None`; never shown.
    pub fn secret(&mut self, name: &'static str, help: &'static str) -> Option<SecretString> {
        let raw = self.raw(name);
        let (value, source) = match &raw {
            Some((value, source)) => (format!("({} characters)", value.chars().count()), source.clone()),
            None => (String::new(), "not set".to_owned()),
        };
        self.show(name, value, source, help);
        raw.map(|(value, _)| value.into())
    }

    /// A URL, or `None`; shown without the password in it.
    pub fn secret_url(&mut self, name: &'static str, help: &'static str) -> Option<SecretString> {
        let raw = self.raw(name);
        let (value, source) = match &raw {
            Some((value, source)) => (without_password(value), source.clone()),
            None => (String::new(), "not set".to_owned()),
        };
        self.show(name, value, source, help);
        raw.map(|(value, _)| value.into())
    }

    /// Names that begin as ours do and that nothing has read.
    #[must_use]
    pub fn unknown(&self) -> Vec<String> {
        let known = |name: &str| self.shown.iter().any(|setting| setting.name == name);
        self.environment
            .keys()
            .filter(|name| name.starts_with("SPECTRA_"))
            .filter(|name| !known(name) && !known(name.trim_end_matches("_FILE")))
            .cloned()
            .collect()
    }

    /// What is in force, and every fault.
    #[must_use]
    pub fn finish(self) -> (Vec<Shown>, Vec<String>) {
        (self.shown, self.faults)
    }
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "(not a URL)".to_owned() };
    let Some((login, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(pairs: &[(&str, &str)]) -> Reader {
        Reader::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn every_fault_is_reported_and_defaults_stand_in() {
        let mut reader =
            reader(&[("A", "x"), ("B", "maybe"), ("C", "1"), ("C_FILE", "/nowhere"), ("D_FILE", "/nowhere")]);
        assert_eq!(reader.parse("A", 7_u32, "a number", ""), 7);
        assert!(reader.switch("B", true, ""));
        assert!(reader.secret("C", "").is_none());
        assert!(reader.secret("D", "").is_none());
        let (_, faults) = reader.finish();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(faults[3].contains("D_FILE"), "{faults:?}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let mut reader = reader(&[("S", "hunter2hunter2"), ("U", "postgres://me:hunter2@db/x")]);
        reader.secret("S", "");
        reader.secret_url("U", "");
        let (shown, _) = reader.finish();
        assert!(shown.iter().all(|setting| !setting.value.contains("hunter2")));
        assert_eq!(shown[1].value, "postgres://me:***@db/x");
    }
}

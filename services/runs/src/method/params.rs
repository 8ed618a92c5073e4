//! Parameters of a run: checked against the schema of its method and beyond it, and complete.

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::{Map, Value};
use spectra_runtime::{Error, Reason, Result};

use super::{Method, Sweep};

/// Points that one sweep may have: minutes of an instrument's time, and megabytes of data.
const POINTS: f64 = 100_000.0;
/// Violations that one refusal names: they travel in a header, whose size is limited.
const VIOLATIONS: usize = 20;
/// Characters of a parameter's name that a refusal repeats.
const NAME_CHARACTERS: usize = 64;

/// Parameters that a method takes, each one that has a default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Params(Map<String, Value>);

impl Params {
    /// Parameters that were checked before, as the store keeps them.
    pub fn stored(params: Map<String, Value>) -> Self {
        Self(params)
    }

    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// A parameter's value. Its absence is our fault: what is wanted was checked, what has a default was filled in.
    pub fn number(&self, name: &str) -> Result<f64> {
        self.0
            .get(name)
            .and_then(Value::as_f64)
            .ok_or_else(|| Error::internal(format!("checked parameters have no number {name}")))
    }
}

impl Method {
    /// The parameters that a client sent in this field, checked and complete.
    ///
    /// # Errors
    /// PARAMS_INVALID, which names each violation by its path.
    pub fn check(&self, field: &str, sent: Map<String, Value>) -> Result<Params> {
        let params = Value::Object(sent);
        let found = self.validator.iter_errors(&params).flat_map(violations).take(VIOLATIONS);
        refuse(field, found.collect())?;

        let Value::Object(mut params) = params else { return Err(Error::internal("an object became none")) };
        for (name, property) in self.params_schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if let Some(default) = property.get("default") {
                params.entry(name).or_insert_with(|| default.clone());
            }
        }
        let params = Params(params);
        if let Some(sweep) = &self.sweep {
            refuse(field, sweep.check(&params)?)?;
        }
        Ok(params)
    }

    /// What the schema has against this value of one parameter, whatever the others are.
    pub fn objection(&self, name: &str, value: f64) -> Option<String> {
        let alone = Value::Object(Map::from_iter([(name.to_owned(), value.into())]));
        let mut found = self.validator.iter_errors(&alone).flat_map(violations);
        found.find(|(of, _)| of == name).map(|(_, rule)| rule)
    }
}

impl Sweep {
    /// What a schema cannot say of several parameters together.
    fn check(&self, params: &Params) -> Result<Vec<(String, String)>> {
        let [start, stop, step] = [&self.start, &self.stop, &self.step].map(|name| params.number(name));
        let (start, stop, step) = (start?, stop?, step?);
        if start == stop {
            return Ok(vec![(self.stop.clone(), format!("must differ from {}", self.start))]);
        }
        let points = ((stop - start).abs() / step).floor() + 1.0;
        if points > POINTS {
            let rule = format!("makes {points} points; a sweep has at most {POINTS}");
            return Ok(vec![(self.step.clone(), rule)]);
        }
        Ok(Vec::new())
    }
}

/// Refuses the violations that were found in a field, each a parameter's name and the rule.
pub fn refuse(field: &str, violations: Vec<(String, String)>) -> Result<()> {
    if violations.is_empty() {
        return Ok(());
    }
    let path = |name: String| format!("{field}.{}", name.chars().take(NAME_CHARACTERS).collect::<String>());
    Err(Error::fields(Reason::ParamsInvalid, violations.into_iter().map(|(name, rule)| (path(name), rule))))
}

/// What the schema found: the parameter's name, and the rule, without repeating the value, which may be long.
fn violations(error: ValidationError<'_>) -> Vec<(String, String)> {
    let name = error.instance_path().as_str().trim_start_matches('/').to_owned();
    let rule = match error.kind() {
        Kind::Required { property } => {
            return vec![(property.as_str().unwrap_or_default().to_owned(), "is wanted".to_owned())];
        }
        Kind::AdditionalProperties { unexpected } => {
            let unknown = unexpected.iter().take(VIOLATIONS);
            return unknown.map(|name| (name.clone(), "is no parameter of the method".to_owned())).collect();
        }
        Kind::Type { kind: TypeKind::Single(JsonType::Integer) } => "must be a whole number".to_owned(),
        Kind::Type { .. } => "must be a number".to_owned(),
        Kind::Minimum { limit } => format!("must be at least {limit}"),
        Kind::Maximum { limit } => format!("must be at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        _ => error.masked().to_string(),
    };
    vec![(name, rule)]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(params: Value) -> Result<Params> {
        let Value::Object(params) = params else { panic!("{params} is no object") };
        Method::find("iv_sweep").unwrap().check("run.params", params)
    }

    fn refusal(params: Value) -> String {
        check(params).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_the_parameter_and_the_rule() {
        let missing = refusal(json!({"vgs_start": 0, "vgs_stop": 3}));
        assert_eq!(missing, "PARAMS_INVALID: run.params.vgs_step: is wanted");
        let unknown = refusal(json!({"vgs_start": 0, "vgs_stop": 3, "vgs_step": 0.1, "vgs": 1}));
        assert_eq!(unknown, "PARAMS_INVALID: run.params.vgs: is no parameter of the method");
        let negative = refusal(json!({"vgs_start": 0, "vgs_stop": 3, "vgs_step": -0.1}));
        assert_eq!(negative, "PARAMS_INVALID: run.params.vgs_step: must be more than 0");
        let far = refusal(json!({"vgs_start": 0, "vgs_stop": 3000, "vgs_step": 0.1}));
        assert_eq!(far, "PARAMS_INVALID: run.params.vgs_stop: must be at most 1100");
        let three = refusal(json!({}));
        assert!(three.ends_with("(and 2 more)"), "{three}");
    }

    #[test]
    fn whole_numbers_are_asked_for_as_such() {
        let Value::Object(params) = json!({"readings": 2.5}) else { unreachable!() };
        let refusal = Method::find("hall_vdp").unwrap().check("run.params", params).unwrap_err();
        assert_eq!(refusal.to_string(), "PARAMS_INVALID: run.params.readings: must be a whole number");
    }

    #[test]
    fn a_sweep_goes_somewhere_in_a_bounded_number_of_steps() {
        let sweep =
            |start: f64, stop: f64, step: f64| check(json!({"vgs_start": start, "vgs_stop": stop, "vgs_step": step}));
        assert!(sweep(3.0, -3.0, 0.1).is_ok(), "downwards too");
        assert!(sweep(0.0, 99.999, 0.001).is_ok());
        assert!(sweep(0.0, 100.5, 0.001).is_err(), "too many points");
        assert!(sweep(0.0, 3.0, 1e-300).is_err());
        assert!(sweep(1.0, 1.0, 0.1).is_err(), "no way to go");
        assert!(sweep(0.0, 1.0, 0.0).is_err(), "no step");
    }

    #[test]
    fn a_refusal_stays_short_whatever_was_sent() {
        let many = (0..10_000).map(|n| (format!("{n}{}", "x".repeat(1000)), json!(1)));
        let refusal = format!("{:?}", check(Value::Object(many.collect())).unwrap_err().into_status(""));
        assert!(refusal.len() < 20_000, "{}", refusal.len());
    }
}

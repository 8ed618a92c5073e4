//! What a version of a recipe says: a method, its parameters, and how far a run may move them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spectra_runtime::{Error, Result};

use super::canonical::canonical;
use crate::method::{Method, refuse};

/// A method with its parameters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Content {
    /// By code.
    pub method: String,
    /// As the method's schema wants them; complete, once they were checked.
    pub params: Map<String, Value>,
    /// Of parameters that a run may change; the others are fixed.
    pub limits: BTreeMap<String, Limit>,
}

/// How far a run may move a parameter, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub low: f64,
    pub high: f64,
}

impl Content {
    /// The content, checked by its method, with defaults filled in.
    ///
    /// # Errors
    /// RESOURCE_NOT_FOUND (method), PARAMS_INVALID.
    pub fn check(self) -> Result<Self> {
        if self.method.is_empty() {
            return Err(Error::field("recipe.method", "is wanted"));
        }
        let method = Method::find(&self.method)?;
        let params = method.check("recipe.params", self.params)?.into_map();
        let wrong = |(name, limit): (&String, &Limit)| {
            limit.objection(method, name, params.get(name)).map(|rule| (name.clone(), rule))
        };
        refuse("recipe.limits", self.limits.iter().filter_map(wrong).collect())?;
        Ok(Self { params, ..self })
    }

    /// The bytes that are kept and hashed: RFC 8785.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let value = serde_json::to_value(self).map_err(Error::internal)?;
        Ok(canonical(&value).into_bytes())
    }

    /// Content that was checked before, as the store keeps it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(Error::internal)
    }

    /// The parameters of a run that follows the recipe but for these.
    ///
    /// # Errors
    /// PARAMS_INVALID, which names each parameter that the recipe does not let be so.
    pub fn params_with(&self, changes: Map<String, Value>) -> Result<Map<String, Value>> {
        let objection = |(name, value): (&String, &Value)| {
            let set = self.params.get(name).and_then(Value::as_f64);
            let Some(wanted) = value.as_f64() else { return Some((name.clone(), "must be a number".to_owned())) };
            match self.limits.get(name) {
                _ if set == Some(wanted) => None,
                Some(limit) if limit.holds(wanted) => None,
                Some(Limit { low, high }) => {
                    Some((name.clone(), format!("must be from {low} to {high}: the recipe's limits")))
                }
                None => Some((name.clone(), "is fixed by the recipe".to_owned())),
            }
        };
        refuse("run.params", changes.iter().filter_map(objection).collect())?;
        let mut params = self.params.clone();
        params.extend(changes);
        Ok(params)
    }
}

impl Limit {
    fn holds(self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// What is wrong with it for this parameter, which the recipe sets so.
    fn objection(self, method: &Method, name: &str, set: Option<&Value>) -> Option<String> {
        let Some(set) = set.and_then(Value::as_f64) else { return Some("is no parameter of the recipe".to_owned()) };
        if self.low > self.high {
            return Some("has its low end above its high end".to_owned());
        }
        if !self.holds(set) {
            return Some(format!("leaves out {set}, which the recipe sets itself"));
        }
        let ends = [("low", self.low), ("high", self.high)];
        ends.into_iter().find_map(|(end, value)| Some(format!("its {end} end {}", method.objection(name, value)?)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use spectra_runtime::Reason;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("{value} is no object") };
        object
    }

    fn sweep(limits: &[(&str, f64, f64)]) -> Content {
        let params = object(json!({"vgs_start": 0, "vgs_stop": 5, "vgs_step": 0.05}));
        let limits = limits.iter().map(|(name, low, high)| ((*name).to_owned(), Limit { low: *low, high: *high }));
        Content { method: "iv_sweep".to_owned(), params, limits: limits.collect() }
    }

    #[test]
    fn the_bytes_are_canonical_and_give_the_content_back() {
        let content = sweep(&[("vgs_stop", 1.0, 7.5)]).check().unwrap();
        let bytes = content.to_bytes().unwrap();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            "{\"limits\":{\"vgs_stop\":{\"high\":7.5,\"low\":1}},\"method\":\"iv_sweep\",\
             \"params\":{\"compliance\":0.1,\"vds\":5,\"vgs_start\":0,\"vgs_step\":0.05,\"vgs_stop\":5}}"
        );
        let again = Content::from_bytes(&bytes).unwrap();
        assert_eq!(again, content);
        assert_eq!(again.to_bytes().unwrap(), bytes);
    }

    #[test]
    fn a_double_comes_back_to_the_last_bit() {
        // One that the quick way to parse would change.
        let mut content = sweep(&[]);
        content.params.insert("vds".to_owned(), json!(51.248_178_375_505_404_f64));
        let content = content.check().unwrap();
        let bytes = content.to_bytes().unwrap();
        assert_eq!(Content::from_bytes(&bytes).unwrap(), content);
    }

    #[test]
    fn limits_fit_the_method_and_the_recipe() {
        assert!(sweep(&[("vgs_stop", 5.0, 5.0), ("vds", -5.0, 5.0)]).check().is_ok());
        for (limit, wanted) in [
            (("vgs", 0.0, 1.0), "recipe.limits.vgs: is no parameter of the recipe"),
            (("vgs_stop", 6.0, 4.0), "recipe.limits.vgs_stop: has its low end above its high end"),
            (("vgs_stop", 6.0, 7.0), "recipe.limits.vgs_stop: leaves out 5, which the recipe sets itself"),
            (("vgs_step", 0.0, 0.1), "recipe.limits.vgs_step: its low end must be more than 0"),
            (("vgs_stop", 0.0, 2000.0), "recipe.limits.vgs_stop: its high end must be at most 1100"),
        ] {
            let refusal = sweep(&[limit]).check().unwrap_err();
            assert_eq!(refusal.to_string(), format!("PARAMS_INVALID: {wanted}"));
        }
        let mut unknown = sweep(&[]);
        unknown.params.insert("vgs".to_owned(), json!(1));
        let refusal = unknown.check().unwrap_err();
        assert_eq!(refusal.to_string(), "PARAMS_INVALID: recipe.params.vgs: is no parameter of the method");
    }

    #[test]
    fn a_run_changes_what_has_limits_within_them_and_nothing_else() {
        let content = sweep(&[("vgs_stop", 1.0, 7.5)]).check().unwrap();
        let with = |changes: Value| content.params_with(object(changes));
        assert_eq!(with(json!({})).unwrap(), content.params);
        assert_eq!(with(json!({"vgs_stop": 7.5})).unwrap()["vgs_stop"], 7.5);
        assert!(with(json!({"vds": 5.0, "vgs_step": 0.05})).is_ok(), "what the recipe says itself");
        for (changes, wanted) in [
            (json!({"vgs_stop": 7.6}), "run.params.vgs_stop: must be from 1 to 7.5: the recipe's limits"),
            (json!({"vgs_stop": "5"}), "run.params.vgs_stop: must be a number"),
            (json!({"vds": 5.1}), "run.params.vds: is fixed by the recipe"),
            (json!({"vgs": 1}), "run.params.vgs: is fixed by the recipe"),
        ] {
            let refusal = with(changes).unwrap_err();
            assert_eq!(refusal.reason(), Reason::ParamsInvalid);
            assert_eq!(refusal.to_string(), format!("PARAMS_INVALID: {wanted}"));
        }
    }
}

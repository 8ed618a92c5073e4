//! The ways to measure that are built into the product, a file each: their parameters, what they take an instrument
//! through, and what they result in.

mod params;

use std::sync::LazyLock;

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Map, Value};
use spectra_runtime::{Error, Result};

pub use params::{Params, refuse};

/// The name of the noun in errors.
pub const RESOURCE: &str = "method";

/// A way to measure.
pub struct Method {
    /// Short name, such as `iv_sweep`.
    pub code: &'static str,
    pub title: String,
    /// What it measures, and by which model.
    pub description: String,
    /// JSON Schema (2020-12) of its parameters, an object of numbers; each carries its UCUM unit in `x-ucum`.
    pub params_schema: Map<String, Value>,
    pub results: Vec<ResultDefinition>,
    /// The schema, compiled once.
    validator: Validator,
    /// Which parameters span its points, beyond what a schema can say of them.
    sweep: Option<Sweep>,
    /// What it takes the instrument through.
    pub spans: Vec<Span>,
}

/// A value that a method results in.
#[derive(Debug, Deserialize)]
pub struct ResultDefinition {
    pub name: String,
    pub title: String,
    /// UCUM.
    pub unit: String,
}

/// A quantity that the instrument is taken through, from the least of these parameters' values to the greatest.
#[derive(Debug, Deserialize)]
pub struct Span {
    /// By the name of the instrument's capability.
    pub quantity: String,
    /// UCUM, as the capability has it.
    pub unit: String,
    pub params: Vec<String>,
    /// It is driven there from zero.
    #[serde(default)]
    pub from_zero: bool,
    /// It goes as far in the other direction.
    #[serde(default)]
    pub both_ways: bool,
}

/// The range of a quantity that a run takes its instrument through.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// By the name of the instrument's capability.
    pub quantity: &'static str,
    pub low: f64,
    pub high: f64,
    /// UCUM, as the capability has it.
    pub unit: &'static str,
}

/// The names of the parameters that say where a sweep begins, ends, and how far apart its points are.
#[derive(Debug, Deserialize)]
struct Sweep {
    start: String,
    stop: String,
    step: String,
}

/// A method as its file has it.
#[derive(Deserialize)]
struct File {
    title: String,
    description: String,
    params_schema: Map<String, Value>,
    sweep: Option<Sweep>,
    spans: Vec<Span>,
    results: Vec<ResultDefinition>,
}

/// By code.
static BUILT_IN: LazyLock<[Method; 6]> = LazyLock::new(|| {
    [
        Method::new("cv_sweep", include_str!("methods/cv_sweep.json")),
        Method::new("diode_iv", include_str!("methods/diode_iv.json")),
        Method::new("ellipsometry", include_str!("methods/ellipsometry.json")),
        Method::new("hall_vdp", include_str!("methods/hall_vdp.json")),
        Method::new("iv_sweep", include_str!("methods/iv_sweep.json")),
        Method::new("sheet_resistance", include_str!("methods/sheet_resistance.json")),
    ]
});

impl Method {
    fn new(code: &'static str, file: &str) -> Self {
        let File { title, description, params_schema, sweep, spans, results } =
            serde_json::from_str(file).expect("a test reads every method's file");
        let validator = jsonschema::draft202012::new(&Value::Object(params_schema.clone()))
            .expect("a test compiles every method's schema");
        Self { code, title, description, params_schema, results, validator, sweep, spans }
    }

    /// Every method, by code.
    pub fn all() -> &'static [Self] {
        &*BUILT_IN
    }

    /// The method with this code.
    ///
    /// # Errors
    /// RESOURCE_NOT_FOUND.
    pub fn find(code: &str) -> Result<&'static Self> {
        Self::all().iter().find(|method| method.code == code).ok_or_else(|| Error::not_found(RESOURCE, code))
    }

    /// The ranges that the instrument is taken through with these parameters.
    pub fn demands(&'static self, params: &Params) -> Result<Vec<Demand>> {
        self.spans.iter().map(|span| span.demand(params)).collect()
    }
}

impl Span {
    fn demand(&'static self, params: &Params) -> Result<Demand> {
        let zero = self.from_zero.then_some(0.0);
        let (mut low, mut high) = zero.map_or((f64::INFINITY, f64::NEG_INFINITY), |zero| (zero, zero));
        for name in &self.params {
            let value = params.number(name)?;
            let other = if self.both_ways { -value } else { value };
            low = low.min(value).min(other);
            high = high.max(value).max(other);
        }
        Ok(Demand { quantity: &self.quantity, low, high, unit: &self.unit })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use spectra_runtime::Reason;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("{value} is no object") };
        object
    }

    fn demands(code: &str, params: Value) -> Vec<Demand> {
        let method = Method::find(code).unwrap();
        method.demands(&method.check("run.params", object(params)).unwrap()).unwrap()
    }

    /// The least that each method takes.
    fn least(code: &str) -> Value {
        match code {
            "cv_sweep" => json!({"bias_start": -5, "bias_stop": 5}),
            "diode_iv" => json!({"voltage_start": -1, "voltage_stop": 0.8}),
            "iv_sweep" => json!({"vgs_start": 0, "vgs_stop": 3, "vgs_step": 0.05}),
            _ => json!({}),
        }
    }

    #[test]
    fn every_method_is_found_by_its_code_and_says_what_its_numbers_mean() {
        let codes: Vec<_> = Method::all().iter().map(|method| method.code).collect();
        assert!(codes.is_sorted(), "{codes:?}");
        for method in Method::all() {
            assert_eq!(Method::find(method.code).unwrap().code, method.code);
            assert!(jsonschema::meta::is_valid(&Value::Object(method.params_schema.clone())), "{}", method.code);
            assert_eq!(method.params_schema["additionalProperties"], false, "{}", method.code);
            for (name, property) in method.params_schema["properties"].as_object().unwrap() {
                let kind = property["type"].as_str().unwrap();
                assert!(matches!(kind, "number" | "integer"), "{}.{name} is a {kind}", method.code);
                for key in ["description", "x-ucum"] {
                    assert!(property[key].as_str().is_some_and(|text| !text.is_empty()), "{}.{name}", method.code);
                }
                let bound = |keys: [&str; 2]| keys.iter().any(|key| property[key].is_number());
                assert!(bound(["minimum", "exclusiveMinimum"]), "{}.{name} has a low end", method.code);
                assert!(bound(["maximum", "exclusiveMaximum"]), "{}.{name} has a high end", method.code);
            }
            assert!(!method.spans.is_empty(), "{} asks nothing of its instrument", method.code);
            for span in &method.spans {
                assert!(!span.params.is_empty(), "{}.{}", method.code, span.quantity);
                for name in &span.params {
                    assert_eq!(method.params_schema["properties"][name]["x-ucum"], span.unit, "{}.{name}", method.code);
                }
            }
            assert!(!method.results.is_empty());
            let names: BTreeSet<_> = method.results.iter().map(|result| result.name.as_str()).collect();
            assert_eq!(names.len(), method.results.len(), "{}", method.code);
        }
        let unknown = Method::find("tarot").err().expect("no such method");
        assert_eq!((unknown.reason(), unknown.metadata("resource")), (Reason::ResourceNotFound, Some("method")));
    }

    #[test]
    fn an_instrument_is_asked_for_what_it_is_taken_through() {
        let demand = |quantity, low, high, unit| Demand { quantity, low, high, unit };
        assert_eq!(
            demands("iv_sweep", json!({"vgs_start": 1, "vgs_stop": 3, "vgs_step": 0.05, "vds": -5})),
            [demand("dc_voltage", -5.0, 3.0, "V"), demand("dc_current", -0.1, 0.1, "A")]
        );
        assert_eq!(
            demands("iv_sweep", json!({"vgs_start": 1, "vgs_stop": 3, "vgs_step": 0.05, "compliance": 0.01})),
            [demand("dc_voltage", 0.0, 5.0, "V"), demand("dc_current", -0.01, 0.01, "A")]
        );
        assert_eq!(
            demands("diode_iv", json!({"voltage_start": 0.8, "voltage_stop": -1})),
            [demand("dc_voltage", -1.0, 0.8, "V"), demand("dc_current", -0.1, 0.1, "A")]
        );
        assert_eq!(
            demands("cv_sweep", json!({"bias_start": -5, "bias_stop": 5, "frequency": 1_000_000})),
            [demand("dc_voltage", -5.0, 5.0, "V"), demand("frequency", 1e6, 1e6, "Hz")]
        );
        assert_eq!(
            demands("hall_vdp", json!({})),
            [demand("dc_current", -0.001, 0.001, "A"), demand("magnetic_flux_density", -0.5, 0.5, "T")]
        );
        assert_eq!(demands("sheet_resistance", json!({"current": 0.01})), [demand("dc_current", -0.01, 0.01, "A")]);
        assert_eq!(demands("ellipsometry", json!({})), [demand("wavelength", 400.0, 1000.0, "nm")]);
    }

    #[test]
    fn the_least_that_a_method_takes_is_enough_for_its_demands() {
        for method in Method::all() {
            assert!(!demands(method.code, least(method.code)).is_empty(), "{}", method.code);
        }
    }

    #[test]
    fn what_was_left_out_takes_its_default() {
        for method in Method::all() {
            let params = method.check("run.params", object(least(method.code))).unwrap().into_map();
            for (name, property) in method.params_schema["properties"].as_object().unwrap() {
                if let Some(default) = property.get("default") {
                    assert_eq!(params.get(name), Some(default), "{}.{name}", method.code);
                }
            }
        }
        let sweep =
            Method::find("iv_sweep").unwrap().check("run.params", object(least("iv_sweep"))).unwrap().into_map();
        let wanted = json!({"vgs_start": 0, "vgs_stop": 3, "vgs_step": 0.05, "vds": 5, "compliance": 0.1});
        assert_eq!(Value::Object(sweep), wanted);
    }

    #[test]
    fn no_parameter_is_anything_but_a_number() {
        for method in Method::all() {
            for name in method.params_schema["properties"].as_object().unwrap().keys() {
                for wrong in [json!("1"), json!(true), json!(null), json!([1]), json!({"value": 1}), json!(1e300)] {
                    let mut params = object(least(method.code));
                    params.insert(name.clone(), wrong.clone());
                    let Err(refusal) = method.check("run.params", params) else {
                        panic!("{}.{name} takes {wrong}", method.code);
                    };
                    assert_eq!(refusal.reason(), Reason::ParamsInvalid);
                    assert!(refusal.to_string().contains(&format!("run.params.{name}: ")), "{refusal}");
                }
            }
        }
    }
}

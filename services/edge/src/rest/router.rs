//! Which method a verb and a path call, as the contract's `google.api.http` rules say.

use std::{borrow::Cow, collections::BTreeMap};

use contract::{Access, HttpRule, http_rule::Pattern};
use http::{Method as Verb, uri::PathAndQuery};
use matchit::Router as Paths;
use percent_encoding::percent_decode_str;
use prost_reflect::MethodDescriptor;

/// A way to call a method.
pub struct Binding {
    pub verb: Verb,
    pub method: MethodDescriptor,
    /// Path of the gRPC call.
    pub call: PathAndQuery,
    /// Whether it is for everybody, signed in or not.
    pub public: bool,
    /// Fields of the request that the path's variables are, in their order, such as `sample.id`.
    pub variables: Vec<String>,
    /// Field of the request that the body is; `*` for all of it; empty for none.
    pub body: String,
    /// Field of the response that is answered; empty for all of it.
    pub response_body: String,
}

/// All ways.
pub struct Router(Paths<BTreeMap<&'static str, Binding>>);

/// What a request comes to.
pub enum Found<'r> {
    /// A way, and the values of its variables.
    Way(&'r Binding, Vec<String>),
    /// The path is known, with these verbs.
    OtherVerbs(String),
    Nothing,
}

impl Router {
    /// Over the whole contract.
    ///
    /// # Panics
    /// Where two methods claim one verb and path, or a rule cannot be read: a fault of the contract, which a test finds.
    pub fn new() -> Self {
        let mut ways: BTreeMap<String, BTreeMap<&'static str, Binding>> = BTreeMap::new();
        for method in contract::methods() {
            for rule in &method.http {
                let (verb, path) = pattern(rule);
                let (template, variables) = template(path);
                let binding = Binding {
                    verb: verb.parse().expect("a verb of HTTP"),
                    method: method.descriptor.clone(),
                    call: method.path.parse().expect("a method's path is one of HTTP"),
                    public: method.access == Access::Public,
                    variables,
                    body: rule.body.clone(),
                    response_body: rule.response_body.clone(),
                };
                let earlier = ways.entry(template).or_default().insert(verb, binding);
                assert!(earlier.is_none(), "two methods at {verb} {path}");
            }
        }
        let mut paths = Paths::new();
        for (template, verbs) in ways {
            paths.insert(template, verbs).expect("the contract's paths go beside each other");
        }
        Self(paths)
    }

    pub fn find(&self, verb: &Verb, path: &str) -> Found<'_> {
        let path = action_apart(path);
        let Ok(matched) = self.0.at(&path) else { return Found::Nothing };
        match matched.value.get(verb.as_str()) {
            Some(binding) => {
                let values =
                    matched.params.iter().map(|(_, value)| percent_decode_str(value).decode_utf8_lossy().into());
                Found::Way(binding, values.collect())
            }
            None => Found::OtherVerbs(matched.value.keys().copied().collect::<Vec<_>>().join(", ")),
        }
    }
}

/// The verb and the path of a rule.
pub fn pattern(rule: &HttpRule) -> (&'static str, &str) {
    match rule.pattern.as_ref().expect("a rule has a path") {
        Pattern::Get(path) => ("GET", path),
        Pattern::Put(path) => ("PUT", path),
        Pattern::Post(path) => ("POST", path),
        Pattern::Delete(path) => ("DELETE", path),
        Pattern::Patch(path) => ("PATCH", path),
    }
}

/// A rule's path with its variables by number, so that paths which differ in a name alone are one; and their names.
fn template(path: &str) -> (String, Vec<String>) {
    let (mut template, mut variables) = (String::new(), Vec::new());
    for segment in action_apart(path).split('/').skip(1) {
        template.push('/');
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(variable) => {
                template.push_str(&format!("{{{}}}", variables.len()));
                variables.push(variable.to_owned());
            }
            None => template.push_str(segment),
        }
    }
    (template, variables)
}

/// `/runs/7:start` as `/runs/7/:start`: an action (AIP-136) is a segment of its own here.
fn action_apart(path: &str) -> Cow<'_, str> {
    match path.rfind([':', '/']) {
        Some(at) if path.as_bytes()[at] == b':' && at > 0 => Cow::Owned(format!("{}/{}", &path[..at], &path[at..])),
        _ => Cow::Borrowed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(verb: &Verb, path: &str) -> String {
        match Router::new().find(verb, path) {
            Found::Way(binding, values) => format!("{} {values:?}", binding.method.name()),
            Found::OtherVerbs(verbs) => verbs,
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn a_verb_and_a_path_name_a_method_and_its_variables() {
        assert_eq!(found(&Verb::GET, "/api/v1/samples/7"), r#"GetSample ["7"]"#);
        assert_eq!(found(&Verb::PATCH, "/api/v1/samples/7"), r#"UpdateSample ["7"]"#);
        assert_eq!(found(&Verb::POST, "/api/v1/runs/7:start"), r#"StartRun ["7"]"#);
        assert_eq!(found(&Verb::GET, "/api/v1/samples:watch"), "WatchSamples []");
        assert_eq!(found(&Verb::GET, "/api/v1/samples/a%2Fb"), r#"GetSample ["a/b"]"#);
        assert_eq!(found(&Verb::POST, "/api/v1/samples/7"), "DELETE, GET, PATCH");
        assert_eq!(found(&Verb::GET, "/api/v1/nothing"), "nothing");
    }

    #[test]
    fn every_method_that_people_may_call_has_a_path() {
        let internal = |method: &contract::Method| matches!(method.access, contract::Access::Internal { .. });
        let without = contract::methods().filter(|method| !internal(method) && method.http.is_empty());
        let mut without: Vec<_> = without.map(|method| method.path.as_str()).collect();
        without.sort_unstable();
        // Keys are at /.well-known/jwks.json; a service's credential is for services.
        assert_eq!(without, ["/spectra.auth.v1.AuthService/GetJwks", "/spectra.auth.v1.AuthService/IssueServiceToken"]);
    }

    #[test]
    fn what_a_rule_names_is_there() {
        for method in contract::methods() {
            for rule in &method.http {
                let (input, output) = (method.descriptor.input(), method.descriptor.output());
                for variable in template(pattern(rule).1).1 {
                    let mut at = Some(input.clone());
                    for name in variable.split('.') {
                        let field = at.and_then(|message| message.get_field_by_name(name));
                        let field = field.unwrap_or_else(|| panic!("{}: no {variable}", method.path));
                        at = field.kind().as_message().cloned();
                    }
                }
                let body = rule.body.as_str();
                assert!(matches!(body, "" | "*") || input.get_field_by_name(body).is_some(), "{}", method.path);
                let answered = rule.response_body.as_str();
                assert!(answered.is_empty() || output.get_field_by_name(answered).is_some(), "{}", method.path);
            }
        }
    }
}

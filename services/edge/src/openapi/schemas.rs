//! Messages and what is asked of their fields, as JSON Schema.

use std::collections::{BTreeMap, BTreeSet};

use contract::DESCRIPTOR_POOL;
use prost_reflect::{
    Cardinality, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value as Dynamic,
};
use serde_json::{Map, Value, json};

use super::comments::Comments;

/// Messages as schemas, made as they are met.
pub(super) struct Schemas<'c> {
    pub(super) comments: &'c Comments,
    pub(super) wanted: Vec<MessageDescriptor>,
    pub(super) made: BTreeMap<String, Value>,
}

impl Schemas<'_> {
    pub(super) fn reference(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(known) = well_known(message.full_name()) {
            return known;
        }
        let name = name(message);
        if !self.made.contains_key(&name) {
            self.made.insert(name.clone(), Value::Null);
            self.wanted.push(message.clone());
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    pub(super) fn finish(&mut self) {
        while let Some(message) = self.wanted.pop() {
            let mut properties = Map::new();
            let mut required = BTreeSet::new();
            for field in message.fields() {
                let behaviours = behaviours(&field);
                let mut schema = self.field(&field);
                if let Value::Object(schema) = &mut schema {
                    let comment = self.comments.of(field.parent_file(), field.path());
                    schema.insert("description".to_owned(), comment.into());
                    if behaviours.contains(&OUTPUT_ONLY) {
                        schema.insert("readOnly".to_owned(), true.into());
                    }
                }
                if behaviours.contains(&REQUIRED) || (wanted(&field) && !behaviours.contains(&OUTPUT_ONLY)) {
                    required.insert(field.name().to_owned());
                }
                properties.insert(field.name().to_owned(), schema);
            }
            let mut schema = Map::new();
            schema.insert("type".to_owned(), "object".into());
            schema.insert("description".to_owned(), self.comments.of(message.parent_file(), message.path()).into());
            schema.insert("properties".to_owned(), properties.into());
            if !required.is_empty() {
                schema.insert("required".to_owned(), required.into_iter().collect());
            }
            self.made.insert(name(&message), schema.into());
        }
    }

    pub(super) fn parameter(&mut self, place: &str, name: &str, field: &FieldDescriptor) -> Value {
        json!({
            "name": name,
            "in": place,
            "required": place == "path",
            "description": self.comments.of(field.parent_file(), field.path()),
            "schema": self.field(field),
        })
    }

    pub(super) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let mut schema = self.shape(field);
        if let (Some(example), Value::Object(schema)) = (example(field), &mut schema) {
            schema.insert("examples".to_owned(), json!([example]));
        }
        schema
    }

    fn shape(&mut self, field: &FieldDescriptor) -> Value {
        let rules = rules(field);
        if field.is_map() {
            let Kind::Message(entry) = field.kind() else { return json!({ "type": "object" }) };
            let value = entry.get_field_by_name("value").map_or_else(|| json!(true), |value| self.one(&value, None));
            return json!({ "type": "object", "additionalProperties": value });
        }
        if field.cardinality() == Cardinality::Repeated {
            let of = rules.as_ref().and_then(|rules| inner(rules, "repeated"));
            let each = of.as_ref().and_then(|of| inner(of, "items"));
            let mut schema = json!({ "type": "array", "items": self.one(field, each.as_ref()) });
            if let (Some(of), Value::Object(schema)) = (of, &mut schema) {
                limits(schema, &of, &[("min_items", "minItems"), ("max_items", "maxItems")]);
            }
            return schema;
        }
        self.one(field, rules.as_ref())
    }

    fn one(&mut self, field: &FieldDescriptor, rules: Option<&DynamicMessage>) -> Value {
        let of = |kind: &str| rules.and_then(|rules| inner(rules, kind));
        let number = |schema: Value, kind: &str| {
            let mut schema = schema;
            if let (Some(of), Value::Object(schema)) = (of(kind), &mut schema) {
                let names =
                    [("gte", "minimum"), ("lte", "maximum"), ("gt", "exclusiveMinimum"), ("lt", "exclusiveMaximum")];
                limits(schema, &of, &names);
            }
            schema
        };
        match field.kind() {
            Kind::String => {
                let schema = text(of("string"));
                // A rule that holds only where something is said.
                if rules.is_some_and(passes_empty) {
                    json!({ "anyOf": [schema, { "type": "string", "maxLength": 0 }] })
                } else {
                    schema
                }
            }
            Kind::Bytes => bytes(of("bytes")),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Double => number(json!({ "type": "number" }), "double"),
            Kind::Float => number(json!({ "type": "number" }), "float"),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                number(json!({ "type": "integer", "format": "int32" }), "int32")
            }
            Kind::Uint32 | Kind::Fixed32 => {
                number(json!({ "type": "integer", "format": "int64", "minimum": 0 }), "uint32")
            }
            // As protobuf's JSON has them: a double could not hold them all.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => {
                json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" })
            }
            Kind::Enum(values) => {
                let allowed = of("enum").and_then(|of| set(&of, "in"));
                let allowed = allowed.as_ref().and_then(Dynamic::as_list);
                let is_allowed = |number| allowed.is_none_or(|list| list.contains(&Dynamic::I32(number)));
                let names = values.values().filter(|value| is_allowed(value.number()));
                json!({ "type": "string", "enum": names.map(|value| value.name().to_owned()).collect::<Vec<_>>() })
            }
            Kind::Message(message) => self.reference(&message),
        }
    }
}

/// A message that might be sent: every field that has an example, and ids that are wanted.
pub(super) fn message_example(message: &MessageDescriptor) -> Option<Value> {
    let fields = message.fields().filter(|field| !behaviours(field).contains(&OUTPUT_ONLY));
    let fields: Map<String, Value> = fields
        .filter_map(|field| {
            let value = example(&field).or_else(|| match field.kind() {
                Kind::Message(of) if !field.is_map() => {
                    let one = message_example(&of)?;
                    Some(if field.is_list() { json!([one]) } else { one })
                }
                _ => (wanted(&field) && is_uuid(&field)).then(|| ID.into()),
            });
            Some((field.name().to_owned(), value?))
        })
        .collect();
    (!fields.is_empty()).then(|| fields.into())
}

/// An id, where one is wanted of nothing in particular.
pub(super) const ID: &str = "01a1f3c2-7d00-7000-8000-000000000001";

/// What the contract gives as an example of a field: by its validation rules, or where these have none, by our own option;
/// of an enum, the first value that says something.
fn example(field: &FieldDescriptor) -> Option<Value> {
    let own = DESCRIPTOR_POOL.get_extension_by_name("spectra.common.v1.example")?;
    let options = field.options();
    if options.has_extension(&own) {
        return serde_json::from_str(options.get_extension(&own).as_str()?).ok();
    }
    let rules = rules(field);
    let given = rules.as_ref().and_then(|rules| match field.is_list() {
        true => given(&inner(&inner(rules, "repeated")?, "items")?),
        false => given(rules),
    });
    let one = given.or_else(|| {
        let Kind::Enum(of) = field.kind() else { return None };
        let allowed = rules.as_ref().and_then(|rules| set(&inner(rules, "enum")?, "in"));
        let allowed =
            |number| allowed.as_ref().and_then(Dynamic::as_list).is_none_or(|set| set.contains(&Dynamic::I32(number)));
        of.values().find(|value| value.number() != 0 && allowed(value.number())).map(|value| value.name().into())
    })?;
    Some(if field.is_list() { json!([one]) } else { one })
}

/// The first example among rules of any kind.
fn given(rules: &DynamicMessage) -> Option<Value> {
    let kind = rules.descriptor().oneofs().find(|oneof| oneof.name() == "type")?;
    let kind = kind.fields().find(|field| rules.has_field(field))?;
    let examples = set(rules.get_field(&kind).as_message()?, "example")?;
    match examples.as_list()?.first()? {
        Dynamic::String(text) => Some(text.as_str().into()),
        Dynamic::I32(number) => Some((*number).into()),
        Dynamic::F64(number) => Some((*number).into()),
        Dynamic::Message(time) => {
            let seconds = time.get_field_by_name("seconds")?.as_i64()?;
            let time = chrono::DateTime::from_timestamp(seconds, 0)?;
            Some(time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into())
        }
        _ => None,
    }
}

/// Whether the rules pass over an empty value.
fn passes_empty(rules: &DynamicMessage) -> bool {
    const IF_ZERO_VALUE: i32 = 1;
    set(rules, "ignore").and_then(|ignore| ignore.as_enum_number()) == Some(IF_ZERO_VALUE)
}

/// Whether a field has to be there: text that must not be empty.
fn wanted(field: &FieldDescriptor) -> bool {
    let Some(rules) = rules(field).filter(|rules| !field.is_list() && !passes_empty(rules)) else { return false };
    let text = inner(&rules, "string");
    text.is_some_and(|text| {
        set(&text, "min_len").and_then(|least| least.as_u64()).is_some_and(|least| least > 0)
            || set(&text, "uuid").and_then(|uuid| uuid.as_bool()) == Some(true)
    })
}

fn is_uuid(field: &FieldDescriptor) -> bool {
    let text = rules(field).and_then(|rules| inner(&rules, "string"));
    text.and_then(|text| set(&text, "uuid")).and_then(|uuid| uuid.as_bool()) == Some(true)
}

fn text(rules: Option<DynamicMessage>) -> Value {
    let mut schema = Map::from_iter([("type".to_owned(), "string".into())]);
    let Some(rules) = rules else { return schema.into() };
    limits(&mut schema, &rules, &[("min_len", "minLength"), ("max_len", "maxLength")]);
    if let Some(pattern) = set(&rules, "pattern").and_then(|pattern| pattern.as_str().map(str::to_owned)) {
        schema.insert("pattern".to_owned(), pattern.into());
    }
    if set(&rules, "uuid").is_some_and(|uuid| uuid.as_bool() == Some(true)) {
        schema.insert("format".to_owned(), "uuid".into());
    }
    schema.into()
}

/// Bytes as base64: four letters for each three of them, padded or not.
fn bytes(rules: Option<DynamicMessage>) -> Value {
    let count = |rule| rules.as_ref().and_then(|rules| set(rules, rule)).and_then(|count| count.as_u64());
    let mut schema = json!({ "type": "string", "contentEncoding": "base64" });
    if let Some(least) = count("min_len") {
        schema["minLength"] = (least * 4).div_ceil(3).into();
    }
    if let Some(most) = count("max_len") {
        schema["maxLength"] = (most.div_ceil(3) * 4).into();
    }
    schema
}

/// Copies those of these rules that are set.
fn limits(schema: &mut Map<String, Value>, rules: &DynamicMessage, names: &[(&str, &str)]) {
    for (rule, keyword) in names {
        let value = set(rules, rule).and_then(|value| match value {
            Dynamic::I32(value) => Some(json!(value)),
            Dynamic::I64(value) => Some(json!(value)),
            Dynamic::U32(value) => Some(json!(value)),
            Dynamic::U64(value) => Some(json!(value)),
            Dynamic::F32(value) => Some(json!(value)),
            Dynamic::F64(value) => Some(json!(value)),
            _ => None,
        });
        if let Some(value) = value {
            schema.insert((*keyword).to_owned(), value);
        }
    }
}

/// The protobuf types whose JSON is their own.
pub(super) fn well_known(name: &str) -> Option<Value> {
    Some(match name {
        "google.protobuf.Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "google.protobuf.Duration" => {
            json!({ "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["2592000s"] })
        }
        "google.protobuf.FieldMask" => json!({ "type": "string", "examples": ["name,location"] }),
        "google.protobuf.Struct" | "google.protobuf.Any" => json!({ "type": "object" }),
        "google.protobuf.Value" => json!({}),
        _ => return None,
    })
}

/// Unique over all packages: both policies are called Policy.
fn name(message: &MessageDescriptor) -> String {
    let package = message.package_name().trim_start_matches("spectra.").trim_end_matches(".v1");
    let own = message.full_name().trim_start_matches(message.package_name()).trim_start_matches('.').replace('.', "");
    format!("{package}.{own}")
}

const REQUIRED: i32 = 2;
const OUTPUT_ONLY: i32 = 3;

/// What google.api.field_behavior says of a field.
fn behaviours(field: &FieldDescriptor) -> Vec<i32> {
    let Some(extension) = DESCRIPTOR_POOL.get_extension_by_name("google.api.field_behavior") else { return Vec::new() };
    let options = field.options();
    let value = options.get_extension(&extension);
    value.as_list().map(|list| list.iter().filter_map(Dynamic::as_enum_number).collect()).unwrap_or_default()
}

/// What buf.validate says of a field.
fn rules(field: &FieldDescriptor) -> Option<DynamicMessage> {
    let extension = DESCRIPTOR_POOL.get_extension_by_name("buf.validate.field")?;
    let options = field.options();
    options.has_extension(&extension).then(|| options.get_extension(&extension).as_message().cloned()).flatten()
}

fn inner(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    set(rules, name).and_then(|value| value.as_message().cloned())
}

fn set(rules: &DynamicMessage, name: &str) -> Option<Dynamic> {
    let field = rules.descriptor().get_field_by_name(name)?;
    rules.has_field(&field).then(|| rules.get_field(&field).into_owned())
}

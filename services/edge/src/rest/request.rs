//! An HTTP request as the message that it stands for.

use http::{HeaderMap, Uri, header};
use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment, Track};

use super::router::Binding;

/// Why no message could be made of a request, and where.
pub struct Malformed(pub String);

type Object = Map<String, Value>;

/// Names that query parameters had in the previous generation.
const FORMER: [(&str, &str); 1] = [("limit", "page_size")];

/// Puts together what path, query, headers and body say.
pub fn message(
    binding: &Binding,
    variables: Vec<String>,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<DynamicMessage, Malformed> {
    let input = binding.method.input();
    let mut object = content(binding, &input, body)?;
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        query(&mut object, &input, &name, &value)?;
    }
    for (name, value) in binding.variables.iter().zip(variables) {
        let (parents, field) = resolve(&input, name).ok_or_else(|| unknown(&input, name))?;
        let place = inside(&mut object, &parents).ok_or_else(|| unknown(&input, name))?;
        let _ = place.remove(field.json_name());
        place.insert(field.name().to_owned(), value.into());
    }
    from_headers(&mut object, binding, &input, headers)?;
    mask(&mut object, binding, &input);
    let (object, options) = (Value::Object(object), DeserializeOptions::new().deny_unknown_fields(true));
    DynamicMessage::deserialize_with_options(input.clone(), &object, &options)
        .map_err(|_| misplaced(input, &object, &options))
}

/// What is wrong with an object that is no such message, and where. Asked for afterwards, because to keep track of the
/// place costs every request.
fn misplaced(input: MessageDescriptor, object: &Value, options: &DeserializeOptions) -> Malformed {
    let mut track = Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(object, &mut track);
    let error = match DynamicMessage::deserialize_with_options(input.clone(), deserializer, options) {
        Err(error) => error.to_string(),
        Ok(_) => "it cannot be read".to_owned(),
    };
    let path = track.path();
    let told = expectation(&input, object, &path).unwrap_or(error);
    let path = path.to_string();
    Malformed(if path == "." { told } else { format!("{path}: {told}") })
}

/// What is at a path, and what was expected there. None where the value alone is not what is wrong.
fn expectation(input: &MessageDescriptor, object: &Value, path: &Path) -> Option<String> {
    let (mut value, mut field, mut element) = (object, None::<FieldDescriptor>, false);
    for segment in path.iter() {
        element = matches!(segment, Segment::Seq { .. });
        match segment {
            Segment::Seq { index } => value = value.get(index)?,
            Segment::Map { key } => {
                value = value.get(key)?;
                let within = field.as_ref().map_or(Some(input.clone()), |field| field.kind().as_message().cloned())?;
                let known =
                    if within.is_map_entry() { Some(within.map_entry_value_field()) } else { named(&within, key) };
                field = Some(known?);
            }
            _ => return None,
        }
    }
    let field = field?;
    if field.is_list() && !element {
        return (!value.is_array()).then(|| format!("{}, expected an array", kind(value)));
    }
    let wanted = match field.kind() {
        Kind::Message(message) => match message.full_name() {
            "google.protobuf.Timestamp" => "a time such as \"2026-03-01T09:30:00Z\"".to_owned(),
            "google.protobuf.Duration" => "seconds such as \"90s\"".to_owned(),
            "google.protobuf.FieldMask" => "names of fields, with commas between them".to_owned(),
            name if value.is_object() || name.starts_with("google.protobuf.") => return None,
            _ => "an object".to_owned(),
        },
        Kind::Enum(of) => {
            let names: Vec<_> = of.values().map(|value| value.name().to_owned()).collect();
            format!("one of {}", names.join(", "))
        }
        Kind::Bool => "true or false".to_owned(),
        Kind::String => "a string".to_owned(),
        Kind::Bytes => "base64 in a string".to_owned(),
        Kind::Double | Kind::Float => "a number".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "a whole number of 64 bits".to_owned(),
        Kind::Uint64 | Kind::Fixed64 => "a whole number of 64 bits, not below zero".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "a whole number of 32 bits".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => "a whole number of 32 bits, not below zero".to_owned(),
    };
    let got = if value.is_object() || value.is_array() { kind(value).to_owned() } else { value.to_string() };
    Some(format!("{got:.60}, expected {wanted}"))
}

fn named(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}

/// The body, where the rule wants it.
fn content(binding: &Binding, input: &MessageDescriptor, body: &[u8]) -> Result<Object, Malformed> {
    if binding.body.is_empty() || body.trim_ascii().is_empty() {
        return Ok(Object::new());
    }
    let value: Value =
        serde_json::from_slice(body).map_err(|error| Malformed(format!("the body is no JSON: {error}")))?;
    if binding.body == "*" {
        return match value {
            Value::Object(object) => Ok(object),
            other => Err(Malformed(format!("the body is {}, expected an object", kind(&other)))),
        };
    }
    // What the method takes under the field's name may be written so as well: {"sample": {..}}.
    match value {
        Value::Object(mut object) if object.len() == 1 && object.get(&binding.body).is_some_and(Value::is_object) => {
            let nested = input.get_field_by_name(&binding.body).and_then(|field| field.kind().as_message().cloned());
            if nested.is_some_and(|message| message.get_field_by_name(&binding.body).is_none()) {
                return Ok(object);
            }
            Ok(Object::from_iter([(binding.body.clone(), Value::Object(std::mem::take(&mut object)))]))
        }
        value => Ok(Object::from_iter([(binding.body.clone(), value)])),
    }
}

fn query(object: &mut Object, input: &MessageDescriptor, name: &str, value: &str) -> Result<(), Malformed> {
    let name = FORMER.iter().find(|(former, _)| *former == name).map_or(name, |(_, now)| now);
    let (parents, field) = resolve(input, name).ok_or_else(|| unknown(input, name))?;
    let value = match field.kind() {
        Kind::Bool => match value {
            "true" | "1" | "" => true.into(),
            "false" | "0" => false.into(),
            other => return Err(Malformed(format!("{name}: {other:?}, expected true or false"))),
        },
        Kind::Message(message) if message.full_name() == "google.protobuf.FieldMask" => camel_case_paths(value).into(),
        // Timestamps and durations are strings in JSON; of other messages the JSON itself is expected.
        Kind::Message(message) if !message.full_name().starts_with("google.protobuf.") => {
            serde_json::from_str(value)
                .map_err(|_| Malformed(format!("{name}: expected JSON, or its fields as {name}.field")))?
        }
        _ => value.into(),
    };
    let place = inside(object, &parents).ok_or_else(|| unknown(input, name))?;
    if field.is_list() {
        let list = place.entry(field.name()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = list {
            items.push(value);
        }
    } else if place.insert(field.name().to_owned(), value).is_some() {
        return Err(Malformed(format!("{name}: is given twice")));
    }
    Ok(())
}

/// `Idempotency-Key` is the request_id, `If-Match` the etag, `Last-Event-ID` the resume_token; what the request itself says
/// counts first. A change that knows of no etag is not made where it was to depend on one.
fn from_headers(
    object: &mut Object,
    binding: &Binding,
    input: &MessageDescriptor,
    headers: &HeaderMap,
) -> Result<(), Malformed> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let mut set = |field: &str, value: &str| {
        let is_known = input.get_field_by_name(field).is_some();
        if is_known {
            object.entry(field).or_insert_with(|| value.into());
        }
        is_known
    };
    if let Some(key) = text(header::HeaderName::from_static("idempotency-key")) {
        // Quoted, where somebody follows the header's draft to the letter.
        let key = key.trim().trim_matches('"');
        if set("request_id", key) && uuid::Uuid::try_parse(key).is_err() {
            return Err(Malformed(format!("Idempotency-Key: {:.60}, expected a UUID", format!("{key:?}"))));
        }
    }
    if let Some(id) = text(header::HeaderName::from_static("last-event-id")) {
        set("resume_token", id);
    }
    let Some(tag) = text(header::IF_MATCH).map(tag).filter(|tag| *tag != "*") else { return Ok(()) };
    if set("etag", tag) || binding.verb == http::Method::GET {
        return Ok(());
    }
    let resource = input.get_field_by_name(&binding.body).and_then(|field| field.kind().as_message().cloned());
    let is_tagged = resource.is_some_and(|resource| resource.get_field_by_name("etag").is_some());
    let is_compared = is_tagged && binding.verb == http::Method::PATCH;
    if let Some(Value::Object(resource)) = object.get_mut(&binding.body).filter(|_| is_compared) {
        resource.entry("etag").or_insert_with(|| tag.into());
        return Ok(());
    }
    Err(Malformed("If-Match: this method compares no tag; leave the header out".to_owned()))
}

/// An entity tag without its quotes (RFC 9110, 8.8.3).
pub fn tag(value: &str) -> &str {
    value.trim().trim_start_matches("W/").trim_matches('"')
}

/// A change in part is of the fields that its body has, unless update_mask says which (AIP-134).
fn mask(object: &mut Object, binding: &Binding, input: &MessageDescriptor) {
    if binding.verb != http::Method::PATCH || object.contains_key("update_mask") || object.contains_key("updateMask") {
        return;
    }
    let (Some(_), Some(Value::Object(resource))) = (input.get_field_by_name("update_mask"), object.get(&binding.body))
    else {
        return;
    };
    let changed = resource.keys().map(String::as_str).filter(|name| !matches!(*name, "id" | "etag"));
    let paths = camel_case_paths(&changed.collect::<Vec<_>>().join(","));
    object.insert("update_mask".to_owned(), paths.into());
}

/// Paths as a FieldMask has them in JSON, whichever way they are written.
fn camel_case_paths(paths: &str) -> String {
    let mut result = String::with_capacity(paths.len());
    let mut upper = false;
    for letter in paths.chars() {
        match letter {
            '_' => upper = true,
            _ if upper => {
                result.push(letter.to_ascii_uppercase());
                upper = false;
            }
            _ => result.push(letter),
        }
    }
    result
}

/// The fields on the way to the one that a dotted name means, and that one.
fn resolve(input: &MessageDescriptor, name: &str) -> Option<(Vec<FieldDescriptor>, FieldDescriptor)> {
    let mut parents = Vec::new();
    let mut message = input.clone();
    let mut names = name.split('.').peekable();
    loop {
        let name = names.next()?;
        let field = named(&message, name)?;
        if names.peek().is_none() {
            return Some((parents, field));
        }
        message = field.kind().as_message().filter(|_| !field.is_list() && !field.is_map())?.clone();
        parents.push(field);
    }
}

/// The object that lies there, made where there is none.
fn inside<'o>(mut object: &'o mut Object, parents: &[FieldDescriptor]) -> Option<&'o mut Object> {
    for parent in parents {
        let name = if object.contains_key(parent.json_name()) { parent.json_name() } else { parent.name() };
        let value = object.entry(name).or_insert_with(|| Value::Object(Object::new()));
        object = value.as_object_mut()?;
    }
    Some(object)
}

fn unknown(input: &MessageDescriptor, name: &str) -> Malformed {
    let known = input.fields().map(|field| field.name().to_owned()).collect::<Vec<_>>().join(", ");
    Malformed(format!("{name}: there is no such parameter; there are: {known}"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

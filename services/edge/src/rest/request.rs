//! An HTTP request as the message that it stands for.

use http::{HeaderMap, HeaderName, Uri, header};
use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment, Track};

use super::{
    router::Binding,
    values::{self, Refused},
};

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
    body: Option<Value>,
) -> Result<DynamicMessage, Malformed> {
    let input = binding.method.input();
    let mut object = body.map_or_else(|| Ok(Object::new()), |body| content(binding, &input, body))?;
    by_name(&mut object, &input)?;
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        query(&mut object, &input, &name, &value)?;
    }
    for (name, value) in binding.variables.iter().zip(variables) {
        let (parents, field) = resolve(&input, name).ok_or_else(|| unknown(&input, name))?;
        let place = inside(&mut object, &parents).ok_or_else(|| unknown(&input, name))?;
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
fn content(binding: &Binding, input: &MessageDescriptor, body: Value) -> Result<Object, Malformed> {
    if binding.body == "*" {
        return match body {
            Value::Object(object) => Ok(object),
            other => Err(Malformed(format!("the body is {}, expected an object", kind(&other)))),
        };
    }
    // What the method takes under the field's name may be written so as well: {"sample": {..}}.
    match body {
        Value::Object(mut object) if object.len() == 1 && object.get(&binding.body).is_some_and(Value::is_object) => {
            let nested = input.get_field_by_name(&binding.body).and_then(|field| field.kind().as_message().cloned());
            if nested.is_some_and(|message| message.get_field_by_name(&binding.body).is_none()) {
                return Ok(object);
            }
            Ok(Object::from_iter([(binding.body.clone(), Value::Object(std::mem::take(&mut object)))]))
        }
        body => Ok(Object::from_iter([(binding.body.clone(), body)])),
    }
}

/// Puts each field under its name in the contract, also where it came under its other one (`lotCode`), so that it is
/// found there afterwards.
fn by_name(object: &mut Object, of: &MessageDescriptor) -> Result<(), Malformed> {
    let mut others = Vec::new();
    for name in object.keys().filter(|name| of.get_field_by_name(name).is_none()) {
        others.extend(of.get_field_by_json_name(name));
    }
    for field in others {
        let Some(value) = object.remove(field.json_name()) else { continue };
        if object.insert(field.name().to_owned(), value).is_some() {
            return Err(Malformed(format!("{}: is given twice, as {} as well", field.name(), field.json_name())));
        }
    }
    for (name, value) in object {
        let Some(Kind::Message(within)) = of.get_field_by_name(name).map(|field| field.kind()) else { continue };
        // The names in a Struct are the client's own.
        if within.is_map_entry() || within.full_name().starts_with("google.protobuf.") {
            continue;
        }
        match value {
            Value::Object(object) => by_name(object, &within)?,
            Value::Array(items) => {
                for object in items.iter_mut().filter_map(Value::as_object_mut) {
                    by_name(object, &within)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
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
            let mut value = values::read(value.as_bytes()).map_err(|refused| match refused {
                Refused::Repeated(told) => Malformed(format!("{name}: {told}")),
                _ => Malformed(format!("{name}: expected JSON, or its fields as {name}.field")),
            })?;
            if let Value::Object(object) = &mut value {
                by_name(object, &message)?;
            }
            value
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

/// `Idempotency-Key` is the request_id, `If-Match` the etag, `Last-Event-ID` the resume_token; what the request itself
/// says counts first, but its etag must not be another one. A change that knows of no etag is not made where it was to
/// depend on one.
fn from_headers(
    object: &mut Object,
    binding: &Binding,
    input: &MessageDescriptor,
    headers: &HeaderMap,
) -> Result<(), Malformed> {
    // What is no text is refused as any other that is not what it should be, and not passed over.
    let text = |name: HeaderName| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let knows = |field: &str| input.get_field_by_name(field).is_some();
    if let Some(key) = text(HeaderName::from_static("idempotency-key")).filter(|_| knows("request_id")) {
        // Quoted, where somebody follows the header's draft to the letter.
        let key = key.trim().trim_matches('"');
        if uuid::Uuid::try_parse(key).is_err() {
            return Err(Malformed(format!("Idempotency-Key: {:.60}, expected a UUID", format!("{key:?}"))));
        }
        fill(object, "request_id", key);
    }
    if let Some(id) = text(HeaderName::from_static("last-event-id")).filter(|_| knows("resume_token")) {
        fill(object, "resume_token", &id);
    }
    let Some(tag) = condition(headers)? else { return Ok(()) };
    if knows("etag") {
        return depend(object, tag);
    }
    if binding.verb == http::Method::GET {
        return Ok(());
    }
    let resource = input.get_field_by_name(&binding.body).and_then(|field| field.kind().as_message().cloned());
    let is_tagged = resource.is_some_and(|resource| resource.get_field_by_name("etag").is_some());
    let is_compared = is_tagged && binding.verb == http::Method::PATCH;
    if let Some(Value::Object(resource)) = object.get_mut(&binding.body).filter(|_| is_compared) {
        return depend(resource, tag);
    }
    Err(Malformed("If-Match: this method compares no tag; leave the header out".to_owned()))
}

/// The tag that a change depends on (RFC 9110, 13.1.1). None where it depends on none: without the header, or with `*`.
/// What cannot be read is refused, for whoever sends a condition wants no change without it.
fn condition(headers: &HeaderMap) -> Result<Option<&str>, Malformed> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let is_opaque = |tag: &&str| tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    let tag = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(is_opaque);
    // In quotes, the wildcard is none, and nobody has such a tag.
    let tag = tag.filter(|tag| !matches!(*tag, "" | "*"));
    match (text, tag, values.next()) {
        ("*", _, None) => Ok(None),
        (_, Some(tag), None) => Ok(Some(tag)),
        (_, _, None) => {
            let got = String::from_utf8_lossy(value.as_bytes());
            Err(Malformed(format!("If-Match: {got:.60}, expected one tag in its quotes, as ETag has it, or *")))
        }
        (_, _, Some(_)) => Err(Malformed("If-Match: is given twice, expected one tag".to_owned())),
    }
}

/// Has a change depend on a tag. A body that has a tag of its own must mean the same.
fn depend(object: &mut Object, tag: &str) -> Result<(), Malformed> {
    fill(object, "etag", tag);
    match object.get("etag") {
        Some(Value::String(own)) if own != tag => {
            Err(Malformed(format!("If-Match: \"{tag:.60}\", but the etag of the request itself is \"{own:.60}\"")))
        }
        _ => Ok(()),
    }
}

/// Says it in a field of which the request itself says nothing: neither null nor an empty text is anything.
fn fill(object: &mut Object, field: &str, value: &str) {
    if object.get(field).is_none_or(|own| own.is_null() || own.as_str() == Some("")) {
        object.insert(field.to_owned(), value.into());
    }
}

/// A change in part is of the fields that its body has, unless update_mask says which (AIP-134).
fn mask(object: &mut Object, binding: &Binding, input: &MessageDescriptor) {
    if binding.verb != http::Method::PATCH || object.contains_key("update_mask") {
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
        let value = object.entry(parent.name()).or_insert_with(|| Value::Object(Object::new()));
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

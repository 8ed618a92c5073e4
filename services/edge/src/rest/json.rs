//! A message as JSON (the mapping of proto3), written from its wire form by descriptor. What is rare in an answer is left
//! to prost-reflect, and a test compares the two over the whole contract.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use bytes::Bytes;
use prost::{DecodeError, Message as _};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions};
use prost_types::{Struct, Timestamp, value::Kind as Json};

/// The messages that are written field by field, by their full names.
static SHAPES: LazyLock<HashMap<String, Shape>> = LazyLock::new(|| {
    let own = contract::DESCRIPTOR_POOL.all_messages().filter(|message| message.package_name().starts_with("spectra."));
    own.map(|message| (message.full_name().to_owned(), Shape::new(&message))).collect()
});

/// Messages that also say what was found out when they were read, such as that a certificate has been revoked since:
/// their etag stays the same while that changes.
const FOUND_OUT: [&str; 1] = ["spectra.runs.v1.Run"];

/// A message as it came, and what it is of.
#[derive(Clone)]
pub struct Wire {
    shape: &'static Shape,
    bytes: Bytes,
}

/// What there is to know of a message, looked up once.
struct Shape {
    /// By number.
    fields: Vec<Field>,
    /// Whether its etag stands for all that it says.
    etag_is_whole: bool,
}

struct Field {
    descriptor: FieldDescriptor,
    number: u32,
    /// `"name":`
    label: String,
    kind: Kind,
    /// Of its message, where it is one that is written here; looked up when it is first wanted.
    shape: OnceLock<Option<&'static Shape>>,
    list: bool,
    map: bool,
    presence: bool,
}

/// A value as the wire has it.
#[derive(Clone, Copy)]
enum Value<'w> {
    Number(u64),
    Bytes(&'w [u8]),
}

type Result<T> = std::result::Result<T, Fault>;

/// What keeps a message from being written: it is not of the contract, or a time is beyond the year 9999.
#[derive(Debug)]
pub struct Fault;

impl From<DecodeError> for Fault {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

impl From<serde_json::Error> for Fault {
    fn from(_: serde_json::Error) -> Self {
        Self
    }
}

impl Wire {
    /// A message of the contract.
    pub fn new(of: &MessageDescriptor, bytes: Bytes) -> Self {
        let shape = SHAPES.get(of.full_name()).expect("methods answer with messages of the contract");
        Self { shape, bytes }
    }

    /// Names as in the contract; all fields, also those that say nothing, so that a script reads them without asking
    /// whether they are there.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        self.shape.write(&self.bytes, out)
    }

    /// The one message in a field.
    pub fn message(&self, name: &str) -> Option<Self> {
        let field = self.shape.named(name).filter(|field| !field.list && !field.map)?;
        let within = self.last(field)?;
        field.shape().map(|shape| Self { shape, bytes: self.bytes.slice_ref(within) })
    }

    /// Writes a field alone.
    pub fn write_field(&self, name: &str, out: &mut Vec<u8>) -> Result<()> {
        let field = self.shape.named(name).ok_or(Fault)?;
        field.write(&values(&self.bytes)?, out)
    }

    /// Whether it says the same for as long as its etag is the same.
    pub fn etag_is_whole(&self) -> bool {
        self.shape.etag_is_whole
    }

    /// The text in a field; empty where there is none.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }

    /// The bytes in a field; empty where there are none. `None` for a field that the message cannot have.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        Some(self.last(self.shape.named(name)?).unwrap_or_default())
    }

    fn last(&self, field: &Field) -> Option<&[u8]> {
        let values = values(&self.bytes).ok()?;
        values.iter().rev().find_map(|(number, value)| match value {
            Value::Bytes(bytes) if *number == field.number => Some(*bytes),
            _ => None,
        })
    }
}

impl Shape {
    fn new(message: &MessageDescriptor) -> Self {
        Self {
            fields: message.fields().map(Field::new).collect(),
            etag_is_whole: !FOUND_OUT.contains(&message.full_name()),
        }
    }

    fn named(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.descriptor.name() == name)
    }

    fn write(&self, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let values = values(message)?;
        out.push(b'{');
        let mut first = true;
        for field in &self.fields {
            if field.presence && !values.iter().any(|(number, _)| *number == field.number) {
                continue;
            }
            separate(&mut first, out);
            out.extend_from_slice(field.label.as_bytes());
            field.write(&values, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

impl Field {
    fn new(descriptor: FieldDescriptor) -> Self {
        Self {
            number: descriptor.number(),
            label: format!("\"{}\":", descriptor.name()),
            kind: descriptor.kind(),
            shape: OnceLock::new(),
            list: descriptor.is_list(),
            map: descriptor.is_map(),
            presence: descriptor.supports_presence(),
            descriptor,
        }
    }

    fn shape(&self) -> Option<&'static Shape> {
        *self.shape.get_or_init(|| self.kind.as_message().and_then(|message| SHAPES.get(message.full_name())))
    }

    /// The value of the field among those of its message.
    fn write(&self, values: &[(u32, Value<'_>)], out: &mut Vec<u8>) -> Result<()> {
        let mut own = values.iter().filter(|(number, _)| *number == self.number).map(|(_, value)| *value);
        let mut first = true;
        if self.map {
            out.push(b'{');
            let (key, value) = self.entry()?;
            for entry in own {
                let Value::Bytes(entry) = entry else { return Err(Fault) };
                let entry = self::values(entry)?;
                separate(&mut first, out);
                key.write(&entry, out)?;
                out.push(b':');
                value.write(&entry, out)?;
            }
            out.push(b'}');
        } else if self.list {
            out.push(b'[');
            for value in own {
                match (value, &self.kind) {
                    (Value::Bytes(_), Kind::String | Kind::Bytes | Kind::Message(_)) | (Value::Number(_), _) => {
                        separate(&mut first, out);
                        self.one(Some(value), out)?;
                    }
                    // Numbers come packed.
                    (Value::Bytes(mut packed), kind) => {
                        while !packed.is_empty() {
                            separate(&mut first, out);
                            self.one(Some(Value::Number(number(kind, &mut packed)?)), out)?;
                        }
                    }
                }
            }
            out.push(b']');
        } else {
            self.one(own.next_back(), out)?;
        }
        Ok(())
    }

    /// One value, or what the field is where it is not there.
    fn one(&self, value: Option<Value<'_>>, out: &mut Vec<u8>) -> Result<()> {
        let bytes = match value {
            Some(Value::Bytes(bytes)) => bytes,
            _ => &[],
        };
        let number = match value {
            Some(Value::Number(number)) => number,
            _ => 0,
        };
        match &self.kind {
            Kind::Bool => serde_json::to_writer(out, &(number != 0))?,
            // As an int32 that is negative stands on the wire, 64 bits wide.
            Kind::Int32 | Kind::Sfixed32 => serde_json::to_writer(out, &(number as u32 as i32))?,
            Kind::Uint32 | Kind::Fixed32 => serde_json::to_writer(out, &(number as u32))?,
            Kind::Sint32 => serde_json::to_writer(out, &(zigzag(number) as i32))?,
            // What a number of JSON may not hold is a text.
            Kind::Int64 | Kind::Sfixed64 => serde_json::to_writer(out, &(number as i64).to_string())?,
            Kind::Sint64 => serde_json::to_writer(out, &zigzag(number).to_string())?,
            Kind::Uint64 | Kind::Fixed64 => serde_json::to_writer(out, &number.to_string())?,
            Kind::Double => double(f64::from_bits(number), out)?,
            Kind::Float => match f32::from_bits(number as u32) {
                finite if finite.is_finite() => serde_json::to_writer(out, &finite)?,
                other => double(other.into(), out)?,
            },
            Kind::String => serde_json::to_writer(out, std::str::from_utf8(bytes).map_err(|_| Fault)?)?,
            Kind::Bytes => serde_json::to_writer(out, &Base64Display::new(bytes, &BASE64_STANDARD).to_string())?,
            Kind::Enum(of) => match of.get_value(number as u32 as i32) {
                Some(value) => serde_json::to_writer(out, value.name())?,
                None => serde_json::to_writer(out, &(number as u32 as i32))?,
            },
            Kind::Message(of) => match (self.shape(), of.full_name()) {
                (Some(shape), _) => shape.write(bytes, out)?,
                (None, "google.protobuf.Timestamp") => {
                    let time = Timestamp::decode(bytes)?;
                    // The first instant after the year 9999.
                    if !(-62_135_596_800..253_402_300_800).contains(&time.seconds) {
                        return Err(Fault);
                    }
                    serde_json::to_writer(out, &time.to_string())?;
                }
                (None, "google.protobuf.Struct") => object(&Struct::decode(bytes)?, out)?,
                (None, _) => {
                    let message = DynamicMessage::decode(of.clone(), bytes)?;
                    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
                    message.serialize_with_options(&mut serde_json::Serializer::new(out), &options)?;
                }
            },
        }
        Ok(())
    }

    /// Key and value of a map's entries.
    fn entry(&self) -> Result<(Self, Self)> {
        let entry = self.kind.as_message().ok_or(Fault)?;
        Ok((Self::new(entry.map_entry_key_field()), Self::new(entry.map_entry_value_field())))
    }
}

fn separate(first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::take(first) {
        out.push(b',');
    }
}

fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// JSON has no number for what is none.
fn double(number: f64, out: &mut Vec<u8>) -> Result<()> {
    match number {
        finite if finite.is_finite() => serde_json::to_writer(out, &finite)?,
        f64::INFINITY => out.extend_from_slice(b"\"Infinity\""),
        f64::NEG_INFINITY => out.extend_from_slice(b"\"-Infinity\""),
        _ => out.extend_from_slice(b"\"NaN\""),
    }
    Ok(())
}

fn object(of: &Struct, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    let mut first = true;
    for (name, value) in &of.fields {
        separate(&mut first, out);
        serde_json::to_writer(&mut *out, name)?;
        out.push(b':');
        any(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn any(value: &prost_types::Value, out: &mut Vec<u8>) -> Result<()> {
    match &value.kind {
        None | Some(Json::NullValue(_)) => out.extend_from_slice(b"null"),
        Some(Json::BoolValue(truth)) => serde_json::to_writer(out, truth)?,
        Some(Json::NumberValue(number)) if number.is_finite() => serde_json::to_writer(out, number)?,
        Some(Json::NumberValue(_)) => return Err(Fault),
        Some(Json::StringValue(text)) => serde_json::to_writer(out, text)?,
        Some(Json::StructValue(of)) => object(of, out)?,
        Some(Json::ListValue(list)) => {
            out.push(b'[');
            let mut first = true;
            for value in &list.values {
                separate(&mut first, out);
                any(value, out)?;
            }
            out.push(b']');
        }
    }
    Ok(())
}

/// The values of a message, by the numbers of their fields.
fn values(mut message: &[u8]) -> Result<Vec<(u32, Value<'_>)>> {
    let mut values = Vec::with_capacity(24);
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut message)?),
            1 => Value::Number(u64::from_le_bytes(taken(&mut message)?)),
            2 => {
                let length = usize::try_from(varint(&mut message)?).map_err(|_| Fault)?;
                let (value, rest) = message.split_at_checked(length).ok_or(Fault)?;
                message = rest;
                Value::Bytes(value)
            }
            5 => Value::Number(u32::from_le_bytes(taken(&mut message)?).into()),
            _ => return Err(Fault),
        };
        values.push((u32::try_from(key >> 3).map_err(|_| Fault)?, value));
    }
    Ok(values)
}

/// The next of packed numbers.
fn number(kind: &Kind, packed: &mut &[u8]) -> Result<u64> {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Ok(u64::from_le_bytes(taken(packed)?)),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Ok(u32::from_le_bytes(taken(packed)?).into()),
        _ => varint(packed),
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64> {
    Ok(prost::decode_length_delimiter(bytes)? as u64)
}

fn taken<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(Fault)?;
    *bytes = rest;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use prost_reflect::{MapKey, ReflectMessage as _, Value as Of};
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    const TEXTS: [&str; 5] = ["", "GaN on Si", "a \"quoted\"\nline\u{7}", "µm ± 1 °C", "\u{10ffff}/\\"];
    const JSON: [&str; 3] = [
        "{}",
        r#"{"b": [1, -2.5, 1e300, null, true, {"c": "d"}], "a": {"": {}}}"#,
        r#"{"vgs_start": 0.1, "name": "x\u0001y", "list": []}"#,
    ];

    fn message(of: &MessageDescriptor, dice: &mut StdRng) -> DynamicMessage {
        let mut message = DynamicMessage::new(of.clone());
        match of.full_name() {
            "google.protobuf.Struct" => {
                let json = JSON[dice.random_range(0..JSON.len())];
                let mut json = serde_json::Deserializer::from_str(json);
                return DynamicMessage::deserialize(of.clone(), &mut json).unwrap();
            }
            "google.protobuf.Timestamp" | "google.protobuf.Duration" => {
                message.set_field_by_name("seconds", Of::I64(dice.random_range(0..253_402_300_800)));
                let nanos = [0, 1, 1_000, 120_000_000, 999_999_999];
                message.set_field_by_name("nanos", Of::I32(nanos[dice.random_range(0..nanos.len())]));
                return message;
            }
            "google.protobuf.FieldMask" => {
                message.set_field_by_name("paths", Of::List(vec![Of::String("unit_cell.a".to_owned())]));
                return message;
            }
            _ => {}
        }
        for field in of.fields() {
            // What an Any holds would have to be of the contract too.
            let any = field.kind().as_message().is_some_and(|message| message.full_name() == "google.protobuf.Any");
            if any || dice.random_ratio(1, 4) {
                continue;
            }
            let value = if field.is_map() {
                let entry = field.kind().as_message().unwrap().clone();
                let value = one(&entry.map_entry_value_field().kind(), dice);
                Of::Map([(MapKey::String("a key".to_owned()), value)].into())
            } else if field.is_list() {
                Of::List((0..dice.random_range(0..4)).map(|_| one(&field.kind(), dice)).collect())
            } else {
                one(&field.kind(), dice)
            };
            message.set_field(&field, value);
        }
        message
    }

    fn one(kind: &Kind, dice: &mut StdRng) -> Of {
        let bits: u64 = if dice.random_bool(0.2) { 0 } else { dice.random() };
        let doubles = [0.0, -0.0, 1.5, -1e-300, 1e21, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
        let double = doubles[dice.random_range(0..doubles.len())];
        match kind {
            Kind::Bool => Of::Bool(bits & 1 == 1),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Of::I32(bits as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Of::I64(bits as i64),
            Kind::Uint32 | Kind::Fixed32 => Of::U32(bits as u32),
            Kind::Uint64 | Kind::Fixed64 => Of::U64(bits),
            Kind::Double => Of::F64(double),
            Kind::Float => Of::F32(double as f32),
            Kind::String => Of::String(TEXTS[dice.random_range(0..TEXTS.len())].to_owned()),
            Kind::Bytes => Of::Bytes(bits.to_be_bytes().to_vec().into()),
            Kind::Enum(of) => {
                let number = of.values().nth(bits as usize % of.values().len()).unwrap().number();
                Of::EnumNumber(if dice.random_ratio(1, 8) { 77 } else { number })
            }
            Kind::Message(of) => Of::Message(message(of, dice)),
        }
    }

    fn library(message: &DynamicMessage) -> serde_json::Value {
        let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
        let mut json = Vec::new();
        message.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options).unwrap();
        serde_json::from_slice(&json).unwrap()
    }

    #[test]
    fn every_message_of_the_contract_is_written_as_the_library_writes_it() {
        let mut dice = StdRng::seed_from_u64(7);
        let all = contract::DESCRIPTOR_POOL.all_messages();
        let own: Vec<_> = all.filter(|message| SHAPES.contains_key(message.full_name())).collect();
        assert!(own.len() > 100, "{}", own.len());
        for of in own.iter().filter(|of| !of.is_map_entry()) {
            for _ in 0..50 {
                let message = message(of, &mut dice);
                let wire = Wire::new(&message.descriptor(), message.encode_to_vec().into());
                let mut json = Vec::new();
                wire.write(&mut json).unwrap();
                let written: serde_json::Value = serde_json::from_slice(&json).unwrap();
                assert_eq!(written, library(&message), "{message:?}");
                for (name, value) in written.as_object().unwrap() {
                    let mut json = Vec::new();
                    wire.write_field(name, &mut json).unwrap();
                    assert_eq!(serde_json::from_slice::<serde_json::Value>(&json).unwrap(), *value, "{name}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_message_is_not_written() {
        let sample = contract::DESCRIPTOR_POOL.get_message_by_name("spectra.samples.v1.Sample").unwrap();
        for bytes in [&[0x0a, 5, b'x'][..], &[0x0a, 1, 0xff], &[0xff], &[0x0b, 0x0c]] {
            let wire = Wire::new(&sample, Bytes::copy_from_slice(bytes));
            assert!(wire.write(&mut Vec::new()).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn numbers_are_read_packed_and_one_by_one() {
        let mut numbers = &[0x96, 0x01, 0x03][..];
        assert_eq!(number(&Kind::Int32, &mut numbers).unwrap(), 150);
        assert_eq!(number(&Kind::Int32, &mut numbers).unwrap(), 3);
        assert_eq!([zigzag(0), zigzag(1), zigzag(2), zigzag(u64::MAX)], [0, -1, 1, i64::MIN]);
    }
}

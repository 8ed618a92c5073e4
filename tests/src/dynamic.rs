//! Calls of any method, made from its descriptor.

use contract::{DESCRIPTOR_POOL, Method};
use http::uri::PathAndQuery;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};
use uuid::Uuid;

use crate::Client;

/// Calls a method with an encoded message; the encoded answer comes back, of a stream the first one (none is empty).
///
/// # Errors
/// What the server answered.
pub async fn call(client: Client, method: &Method, message: Vec<u8>) -> Result<Vec<u8>, Status> {
    let mut grpc = tonic::client::Grpc::new(client);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::try_from(method.path.clone()).expect("a path");
    if method.descriptor.is_server_streaming() {
        let response = grpc.server_streaming(tonic::Request::new(message), path, Raw).await?;
        return response.into_inner().message().await.map(Option::unwrap_or_default);
    }
    grpc.unary(tonic::Request::new(message), path, Raw).await.map(tonic::Response::into_inner)
}

/// Bytes as they are.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put_slice(buffer, &item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        use prost::bytes::Buf as _;
        let mut item = vec![0; buffer.remaining()];
        buffer.copy_to_slice(&mut item);
        Ok(Some(item))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

/// A source of numbers that a test can repeat.
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound` (xorshift).
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap_or_default()
    }
}

/// Texts that have broken things before.
const TEXTS: [&str; 14] = [
    "",
    "x",
    "W01",
    "1",
    "-0.5",
    "0.000001",
    "€ Ω µ 漢字",
    "'; DROP TABLE samples.sample; --",
    "%s%n",
    "\u{202e}abc",
    "status = AVAILABLE",
    "created_at desc",
    "name = \"a\" AND (",
    "../../etc/passwd",
];

/// A message of this type that looks valid: its rules are kept where `valid`, and broken now and then otherwise.
pub fn message(of: &MessageDescriptor, dice: &mut Dice, valid: bool, depth: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for field in of.fields() {
        let rules = rules_of(&field);
        let required = rules.as_ref().is_some_and(|rules| flag(rules, "required"));
        let wanted = required || uuid_wanted(&field, rules.as_ref());
        if field.name() == "request_id" || (!wanted && (depth == 0 || dice.below(3) == 0)) {
            continue;
        }
        if field.is_list() {
            let count = 1 + dice.below(2);
            let values = (0..count).map(|_| scalar(&field, dice, valid, depth)).collect();
            message.set_field(&field, Value::List(values));
        } else if field.is_map() {
            let Kind::Message(entry) = field.kind() else { continue };
            let value = entry.get_field(2).map(|field| scalar(&field, dice, valid, depth));
            let key = MapKey::String(TEXTS[dice.below(6)].to_owned());
            message.set_field(&field, Value::Map(value.into_iter().map(|value| (key.clone(), value)).collect()));
        } else {
            message.set_field(&field, scalar(&field, dice, valid, depth));
        }
    }
    message
}

fn uuid_wanted(field: &FieldDescriptor, rules: Option<&DynamicMessage>) -> bool {
    /// `IGNORE_IF_ZERO_VALUE`: it may be left out.
    const OPTIONAL: i32 = 1;
    let ignore = rules.and_then(|rules| rules.get_field_by_name("ignore").and_then(|value| value.as_enum_number()));
    is_id(field, rules) && ignore != Some(OPTIONAL)
}

/// Whether the rules want a UUID here.
#[must_use]
pub fn is_id(field: &FieldDescriptor, rules: Option<&DynamicMessage>) -> bool {
    if !matches!(field.kind(), Kind::String) {
        return false;
    }
    let string = rules.and_then(|rules| inner(rules, "string"));
    string.is_some_and(|string| flag(&string, "uuid"))
        || (field.name() == "id" && field.parent_message().name() != "Method")
}

/// Whether the server alone says what is in this field.
#[must_use]
pub fn is_output_only(field: &FieldDescriptor) -> bool {
    /// `google.api.FieldBehavior.OUTPUT_ONLY`.
    const OUTPUT_ONLY: i32 = 3;
    let Some(extension) = DESCRIPTOR_POOL.get_extension_by_name("google.api.field_behavior") else { return false };
    let options = field.options();
    let told = options.get_extension(&extension);
    told.as_list().is_some_and(|told| told.iter().any(|one| one.as_enum_number() == Some(OUTPUT_ONLY)))
}

/// The `buf.validate.field` rules of a field.
#[must_use]
pub fn rules_of(field: &FieldDescriptor) -> Option<DynamicMessage> {
    let extension = DESCRIPTOR_POOL.get_extension_by_name("buf.validate.field")?;
    let options = field.options();
    if !options.has_extension(&extension) {
        return None;
    }
    options.get_extension(&extension).as_message().cloned()
}

fn inner(message: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let field = message.descriptor().get_field_by_name(name)?;
    if !message.has_field(&field) {
        return None;
    }
    message.get_field(&field).as_message().cloned()
}

fn flag(message: &DynamicMessage, name: &str) -> bool {
    message.get_field_by_name(name).and_then(|value| value.as_bool()).unwrap_or(false)
}

fn scalar(field: &FieldDescriptor, dice: &mut Dice, valid: bool, depth: usize) -> Value {
    let rules = rules_of(field);
    match field.kind() {
        Kind::String if is_id(field, rules.as_ref()) && (valid || dice.below(8) > 0) => {
            Value::String(Uuid::now_v7().to_string())
        }
        Kind::String if valid && field.name().contains("quantity") => Value::String("dc_voltage".to_owned()),
        Kind::String if valid => Value::String(["1", "W01", "iv_sweep"][dice.below(3)].to_owned()),
        Kind::String => Value::String(TEXTS[dice.below(TEXTS.len())].to_owned()),
        Kind::Bool => Value::Bool(dice.below(2) == 0),
        Kind::Double => Value::F64([0.0, -1.5, 1e300, f64::NAN, f64::INFINITY][dice.below(if valid { 3 } else { 5 })]),
        Kind::Int32 => Value::I32([0, 1, 7, -1, i32::MAX][dice.below(if valid { 3 } else { 5 })]),
        Kind::Int64 => Value::I64([0, 1_700_000_000, -1, i64::MAX][dice.below(if valid { 2 } else { 4 })]),
        Kind::Enum(of) => {
            let values: Vec<i32> = of.values().map(|value| value.number()).collect();
            Value::EnumNumber(if valid || dice.below(5) > 0 { values[dice.below(values.len())] } else { 99 })
        }
        Kind::Bytes => Value::Bytes(vec![0, 255].into()),
        Kind::Message(of) => Value::Message(message(&of, dice, valid, depth.saturating_sub(1))),
        _ => Value::default_value_for_field(field),
    }
}

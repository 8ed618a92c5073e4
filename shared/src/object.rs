//! JSON objects as messages carry them, as the database keeps them, and as code looks into them.

use std::{collections::BTreeMap, fmt, io::Write as _};

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    serialize::{self, IsNull, Output, ToSql},
    sql_types::Jsonb,
};
use prost_types::{ListValue, NullValue, Struct, Value, value::Kind};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value as Json};

use crate::error::{Error, Result};

/// Levels of nesting that a client's JSON may have.
const DEPTH: usize = 32;

/// A JSON object that nobody looks into: from a message to the database and back without a form between.
#[derive(Debug, Clone, Default, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub struct Object(Struct);

impl Object {
    /// The JSON object that a client sent in this field.
    ///
    /// # Errors
    /// FIELD_INVALID for numbers that JSON does not have, NUL characters, and nesting without measure.
    pub fn new(field: &str, message: Struct) -> Result<Self> {
        check(field, &message, DEPTH)?;
        Ok(Self(message))
    }
}

impl From<Object> for Struct {
    fn from(object: Object) -> Self {
        object.0
    }
}

/// The JSON object that a client sent in this field, for code that looks into it.
///
/// # Errors
/// Those of [`Object::new`].
pub fn from_struct(field: &str, message: Struct) -> Result<Map<String, Json>> {
    check(field, &message, DEPTH)?;
    Ok(message.fields.into_iter().map(|(key, value)| (key, from_value(value))).collect())
}

fn from_value(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(value)) => Json::Bool(value),
        Some(Kind::NumberValue(number)) => {
            let number = whole(number).map(Number::from).or_else(|| Number::from_f64(number));
            number.map_or(Json::Null, Json::Number)
        }
        Some(Kind::StringValue(text)) => Json::String(text),
        Some(Kind::StructValue(Struct { fields })) => {
            Json::Object(fields.into_iter().map(|(key, value)| (key, from_value(value))).collect())
        }
        Some(Kind::ListValue(list)) => Json::Array(list.values.into_iter().map(from_value).collect()),
    }
}

/// A JSON object as the message that stands for it.
#[must_use]
pub fn to_struct(object: Map<String, Json>) -> Struct {
    Struct { fields: object.into_iter().map(|(key, value)| (key, to_value(value))).collect() }
}

fn to_value(json: Json) -> Value {
    Value {
        kind: Some(match json {
            Json::Null => Kind::NullValue(NullValue::NullValue.into()),
            Json::Bool(value) => Kind::BoolValue(value),
            Json::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
            Json::String(value) => Kind::StringValue(value),
            Json::Array(values) => Kind::ListValue(ListValue { values: values.into_iter().map(to_value).collect() }),
            Json::Object(object) => Kind::StructValue(to_struct(object)),
        }),
    }
}

fn check(field: &str, message: &Struct, depth: usize) -> Result<()> {
    let depth = depth.checked_sub(1).ok_or_else(|| Error::field(field, "is nested too deeply"))?;
    for (key, value) in &message.fields {
        if key.contains('\0') {
            return Err(Error::field(field, "has a NUL character in a key"));
        }
        check_value(value, depth, &|| format!("{field}.{key}"))?;
    }
    Ok(())
}

/// The path is made where there is something to say about it.
fn check_value(value: &Value, depth: usize, path: &dyn Fn() -> String) -> Result<()> {
    match &value.kind {
        Some(Kind::NumberValue(number)) if !number.is_finite() => Err(Error::field(path(), "must be a finite number")),
        Some(Kind::StringValue(text)) if text.contains('\0') => Err(Error::field(path(), "has a NUL character")),
        Some(Kind::StructValue(message)) => check(&path(), message, depth),
        Some(Kind::ListValue(list)) => {
            let field = path();
            let depth = depth.checked_sub(1).ok_or_else(|| Error::field(&field, "is nested too deeply"))?;
            list.values.iter().try_for_each(|value| check_value(value, depth, &|| field.clone()))
        }
        _ => Ok(()),
    }
}

/// A whole number stays one: `5`, not `5.0`.
fn whole(number: f64) -> Option<i64> {
    /// Up to here, a double holds every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

impl FromSql<Jsonb, Pg> for Object {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let json = value.as_bytes().strip_prefix(&[1]).ok_or("jsonb of an unknown version")?;
        Ok(serde_json::from_slice(json)?)
    }
}

impl ToSql<Jsonb, Pg> for Object {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        serde_json::to_writer(out, self)?;
        Ok(IsNull::No)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        members(&self.0, to)
    }
}

fn members<S: Serializer>(object: &Struct, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_map(object.fields.iter().map(|(key, value)| (key, Written(value))))
}

/// A value on its way into JSON.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.0.kind {
            None | Some(Kind::NullValue(_)) => to.serialize_unit(),
            Some(Kind::BoolValue(value)) => to.serialize_bool(*value),
            Some(Kind::NumberValue(number)) => match whole(*number) {
                Some(number) => to.serialize_i64(number),
                None => to.serialize_f64(*number),
            },
            Some(Kind::StringValue(text)) => to.serialize_str(text),
            Some(Kind::StructValue(object)) => members(object, to),
            Some(Kind::ListValue(list)) => to.collect_seq(list.values.iter().map(Written)),
        }
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        match from.deserialize_map(AnyKind)? {
            Kind::StructValue(object) => Ok(Self(object)),
            _ => Err(D::Error::custom("this is no JSON object")),
        }
    }
}

/// A value that comes out of JSON.
struct Read(Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let kind = from.deserialize_any(AnyKind)?;
        Ok(Self(Value { kind: Some(kind) }))
    }
}

struct AnyKind;

impl<'de> Visitor<'de> for AnyKind {
    type Value = Kind;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Kind, E> {
        Ok(Kind::NullValue(NullValue::NullValue.into()))
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Kind, E> {
        Ok(Kind::BoolValue(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "messages have doubles only")]
    fn visit_i64<E>(self, number: i64) -> std::result::Result<Kind, E> {
        Ok(Kind::NumberValue(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "messages have doubles only")]
    fn visit_u64<E>(self, number: u64) -> std::result::Result<Kind, E> {
        Ok(Kind::NumberValue(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> std::result::Result<Kind, E> {
        Ok(Kind::NumberValue(number))
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Kind, E> {
        Ok(Kind::StringValue(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> std::result::Result<Kind, A::Error> {
        let mut values = Vec::new();
        while let Some(Read(value)) = from.next_element()? {
            values.push(value);
        }
        Ok(Kind::ListValue(ListValue { values }))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> std::result::Result<Kind, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((key, Read(value))) = from.next_entry()? {
            fields.insert(key, value);
        }
        Ok(Kind::StructValue(Struct { fields }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: f64) -> Value {
        Value { kind: Some(Kind::NumberValue(number)) }
    }

    #[test]
    fn json_goes_round_and_a_whole_number_stays_one() {
        let text = r#"{"a":[1,2.5,null,{"b":"c\"\u00e4"}],"d":true,"e":-9007199254740991,"f":{}}"#;
        let object: Object = serde_json::from_str(text).unwrap();
        let map: Map<String, Json> = serde_json::from_str(text).unwrap();
        assert_eq!(
            serde_json::from_str::<Json>(&serde_json::to_string(&object).unwrap()).unwrap(),
            Json::Object(map.clone())
        );
        assert_eq!(to_struct(map.clone()), object.0);
        assert_eq!(from_struct("x", object.0.clone()).unwrap(), map);
        assert_eq!(Object::new("x", object.0.clone()).unwrap(), object);
    }

    #[test]
    fn what_json_does_not_have_is_refused_by_its_place() {
        let refusal = |fields: &[(&str, Value)]| {
            let fields = fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            Object::new("x", Struct { fields }).map(drop).map_err(|error| error.to_string())
        };
        let text = |text: &str| Value { kind: Some(Kind::StringValue(text.to_owned())) };
        let list = |values: &[Value]| Value { kind: Some(Kind::ListValue(ListValue { values: values.to_vec() })) };
        assert_eq!(refusal(&[("n", number(1.0))]), Ok(()));
        assert!(refusal(&[("n", number(f64::NAN))]).unwrap_err().contains("x.n: must be a finite number"));
        assert!(refusal(&[("l", list(&[number(f64::INFINITY)]))]).unwrap_err().contains("x.l: must be"));
        assert!(refusal(&[("t", text("\0"))]).unwrap_err().contains("x.t: has a NUL"));
        assert!(refusal(&[("\0", text(""))]).unwrap_err().contains("x: has a NUL character in a key"));
    }

    #[test]
    fn nesting_has_an_end() {
        let mut deep = Struct::default();
        for _ in 0..DEPTH - 1 {
            deep = Struct { fields: [("d".to_owned(), Value { kind: Some(Kind::StructValue(deep)) })].into() };
        }
        assert!(Object::new("x", deep.clone()).is_ok());
        let deeper = Struct { fields: [("d".to_owned(), Value { kind: Some(Kind::StructValue(deep)) })].into() };
        assert!(Object::new("x", deeper.clone()).is_err());
        assert!(from_struct("x", deeper).is_err());
        let lists = (0..DEPTH + 1)
            .fold(number(1.0), |value, _| Value { kind: Some(Kind::ListValue(ListValue { values: vec![value] })) });
        assert!(Object::new("x", Struct { fields: [("l".to_owned(), lists)].into() }).is_err());
    }
}

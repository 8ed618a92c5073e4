//! JSON as clients send it, read more strictly than the library does: an object has each key once, and there are no
//! more values than any method takes.

use std::{cell::Cell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, map::Entry};

/// Values of a body at most, arrays and objects among them: the longest chunk of measured data has half as many. What
/// came in two bytes takes a hundred once it is read.
pub const VALUES: usize = 200_000;

/// Why JSON is not taken.
pub enum Refused {
    /// It is none, and where it ceases to be.
    Syntax(String),
    /// An object has a key twice: which, and where.
    Repeated(String),
    /// It has more than [`VALUES`].
    TooMany,
}

/// Reads one value, and all of the text.
pub fn read(json: &[u8]) -> Result<Value, Refused> {
    let seen = Cell::new(0);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = Reader { seen: &seen }.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
        if seen.get() > VALUES {
            Refused::TooMany
        } else if error.is_data() {
            Refused::Repeated(error.to_string())
        } else {
            Refused::Syntax(error.to_string())
        }
    })
}

/// Reads a value and what is in it, and counts.
#[derive(Clone, Copy)]
struct Reader<'s> {
    seen: &'s Cell<usize>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.seen.set(self.seen.get() + 1);
        if self.seen.get() > VALUES {
            return Err(D::Error::custom("there are too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            match object.entry(key) {
                Entry::Vacant(place) => {
                    place.insert(fields.next_value_seed(self)?);
                }
                Entry::Occupied(place) => {
                    return Err(A::Error::custom(format!("{:.60}: is given twice", place.key())));
                }
            }
        }
        Ok(object.into())
    }
}

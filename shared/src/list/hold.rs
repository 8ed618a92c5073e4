//! A list's filter, asked of one message instead of a table: for watches.

use std::cmp::Ordering;

use chrono::DateTime;
use prost_reflect::{DynamicMessage, ReflectMessage as _, Value as Wire};
use uuid::Uuid;

use super::{
    Field, Spec, Value,
    filter::{Node, Test, parse},
    value::Kind,
};
use crate::Result;

/// A filter over the fields of one list.
#[derive(Debug, Clone)]
pub struct Filter {
    node: Option<Node>,
    /// For each column that a filter may name, the message's field and its kind.
    fields: Vec<(&'static str, &'static str, Kind)>,
}

impl<Row> Spec<Row> {
    /// A filter over the list's fields, which are the message's fields of the same names. Texts are ordered by their
    /// code points, whatever the database's collation.
    ///
    /// # Errors
    /// FILTER_INVALID where it cannot be understood.
    pub fn filter(&self, text: &str) -> Result<Filter> {
        let node = parse(text, self.fields)?;
        Ok(Filter { node, fields: self.fields.iter().map(Field::place).collect() })
    }
}

impl<Row> Field<Row> {
    const fn place(&self) -> (&'static str, &'static str, Kind) {
        (self.column, self.name, self.kind)
    }
}

impl Filter {
    /// Whether it holds for the message. What a message does not say fulfils no comparison, as NULL in a table.
    #[must_use]
    pub fn holds(&self, message: &DynamicMessage) -> bool {
        self.node.as_ref().is_none_or(|node| self.node_holds(node, message) == Some(true))
    }

    /// `None` for unknown, in the logic of SQL.
    fn node_holds(&self, node: &Node, message: &DynamicMessage) -> Option<bool> {
        match node {
            Node::All(nodes) => decide(nodes.iter().map(|node| self.node_holds(node, message)), false),
            Node::Any(nodes) => decide(nodes.iter().map(|node| self.node_holds(node, message)), true),
            // As in a list: to people, what is not at A includes what is nowhere.
            Node::Not(node) => Some(self.node_holds(node, message) != Some(true)),
            Node::Test(test) => self.test_holds(test, message),
        }
    }

    fn test_holds(&self, test: &Test, message: &DynamicMessage) -> Option<bool> {
        match test {
            Test::Compare { column, operator, value } => {
                let found = compare(&self.value(column, message)?, value)?;
                Some(match *operator {
                    "=" => found == Ordering::Equal,
                    "<" => found == Ordering::Less,
                    "<=" => found != Ordering::Greater,
                    ">" => found == Ordering::Greater,
                    _ => found != Ordering::Less,
                })
            }
            Test::Contains { column, part } => match self.value(column, message)? {
                Value::Text(text) => Some(text.to_lowercase().contains(&part.to_lowercase())),
                _ => None,
            },
            Test::Present { column, text } => {
                let found = self.value(column, message);
                Some(found.is_some_and(|value| !*text || value != Value::Text(String::new())))
            }
        }
    }

    fn value(&self, column: &str, message: &DynamicMessage) -> Option<Value> {
        let (_, name, kind) = self.fields.iter().find(|(known, ..)| *known == column)?;
        let field = message.descriptor().get_field_by_name(name)?;
        if field.supports_presence() && !message.has_field(&field) {
            return None;
        }
        match (&*message.get_field(&field), kind) {
            (Wire::String(text), Kind::Uuid) => Uuid::try_parse(text).ok().map(Value::Uuid),
            (Wire::String(text), _) => Some(Value::Text(text.clone())),
            (Wire::Bool(truth), _) => Some(Value::Boolean(*truth)),
            (Wire::I32(number), _) => Some(Value::Integer((*number).into())),
            (Wire::I64(number), _) => Some(Value::Integer(*number)),
            (Wire::EnumNumber(number), Kind::State(of)) => {
                let declared = contract::DESCRIPTOR_POOL.get_enum_by_name(of)?;
                let prefix = declared.default_value().name().trim_end_matches("UNSPECIFIED").to_owned();
                let name = declared.get_value(*number)?.name().trim_start_matches(&prefix).to_ascii_lowercase();
                Some(Value::Text(name))
            }
            (Wire::Message(instant), Kind::Instant) => {
                let instant: prost_types::Timestamp = instant.transcode_to().ok()?;
                DateTime::from_timestamp(instant.seconds, u32::try_from(instant.nanos).ok()?).map(Value::Instant)
            }
            _ => None,
        }
    }
}

/// AND, or OR where `by` is true: one part that is `by` decides; else unknown where one part is.
fn decide(parts: impl Iterator<Item = Option<bool>>, by: bool) -> Option<bool> {
    let mut all = Some(!by);
    for part in parts {
        match part {
            Some(part) if part == by => return Some(by),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

fn compare(found: &Value, wanted: &Value) -> Option<Ordering> {
    Some(match (found, wanted) {
        (Value::Text(found), Value::Text(wanted)) => found.cmp(wanted),
        (Value::Uuid(found), Value::Uuid(wanted)) => found.cmp(wanted),
        (Value::Instant(found), Value::Instant(wanted)) => found.cmp(wanted),
        (Value::Integer(found), Value::Integer(wanted)) => found.cmp(wanted),
        (Value::Boolean(found), Value::Boolean(wanted)) => found.cmp(wanted),
        _ => return None,
    })
}

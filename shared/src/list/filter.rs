//! Filters: the part of AIP-160 that a list of rows needs.
//!
//! ```text
//! expression = factor { ["AND"] factor }
//! factor     = term { "OR" term }            OR binds tighter than AND, as AIP-160 says
//! term       = ["NOT" | "-"] simple
//! simple     = comparison | "(" expression ")"
//! comparison = field ("=" | "!=" | "<" | "<=" | ">" | ">=" | ":") value
//! value      = quoted text | a word without spaces, quotes, parentheses and operators
//! ```
//!
//! `:` finds a part of a text in any case and is `=` for other fields; `field:*` asks for any value.

use super::{Field, Value, value::Kind};
use crate::{Error, Reason, Result};

/// Comparisons of one filter.
const MAX_TERMS: usize = 50;
/// Parentheses within parentheses; what keeps the stack small here and wherever the tree is walked.
const MAX_DEPTH: usize = 20;
/// In this order, because some begin as others do.
const OPERATORS: [&str; 7] = ["!=", "<=", ">=", "=", "<", ">", ":"];

/// A filter that has been understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Test),
}

/// A question about one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Compare { column: &'static str, operator: &'static str, value: Value },
    Contains { column: &'static str, part: String },
    Present { column: &'static str, text: bool },
}

/// Reads a filter over these fields; `None` where it is blank.
pub(super) fn parse<Row>(text: &str, fields: &[Field<Row>]) -> Result<Option<Node>> {
    let mut parser = Parser { text, at: 0, terms: 0, fields };
    parser.skip_space();
    if parser.rest().is_empty() {
        return Ok(None);
    }
    let node = parser.expression(0)?;
    if parser.rest().is_empty() { Ok(Some(node)) } else { Err(parser.fault("this `)` closes nothing")) }
}

struct Parser<'a, Row> {
    text: &'a str,
    /// Byte that comes next.
    at: usize,
    terms: usize,
    fields: &'a [Field<Row>],
}

impl<'a, Row> Parser<'a, Row> {
    /// Ends at the end of the text or before a `)`.
    fn expression(&mut self, depth: usize) -> Result<Node> {
        let mut nodes = vec![self.factor(depth)?];
        loop {
            self.skip_space();
            if !self.keyword("AND") && (self.rest().is_empty() || self.rest().starts_with(')')) {
                return Ok(one_or(nodes, Node::All));
            }
            nodes.push(self.factor(depth)?);
        }
    }

    fn factor(&mut self, depth: usize) -> Result<Node> {
        let mut nodes = vec![self.term(depth)?];
        loop {
            self.skip_space();
            if !self.keyword("OR") {
                return Ok(one_or(nodes, Node::Any));
            }
            nodes.push(self.term(depth)?);
        }
    }

    fn term(&mut self, depth: usize) -> Result<Node> {
        self.skip_space();
        if self.keyword("NOT") || self.eat("-") {
            self.skip_space();
            return Ok(Node::Not(Box::new(self.simple(depth)?)));
        }
        self.simple(depth)
    }

    fn simple(&mut self, depth: usize) -> Result<Node> {
        let opened = self.at;
        if !self.eat("(") {
            return self.comparison();
        }
        if depth == MAX_DEPTH {
            return Err(self.fault_at(opened, &format!("more than {MAX_DEPTH} parentheses within each other")));
        }
        let node = self.expression(depth + 1)?;
        if self.eat(")") { Ok(node) } else { Err(self.fault_at(opened, "this `(` is never closed")) }
    }

    fn comparison(&mut self) -> Result<Node> {
        let start = self.at;
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        if name.is_empty() || ["AND", "OR", "NOT"].contains(&name) {
            let found = if name.is_empty() { self.rest().chars().next().map(String::from) } else { Some(name.into()) };
            let found = found.map_or_else(|| "the end".to_owned(), |found| format!("`{found}`"));
            return Err(self.fault_at(start, &format!("a comparison is wanted here, not {found}")));
        }
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(self.fault_at(start, &format!("more than {MAX_TERMS} comparisons")));
        }
        self.skip_space();
        let Some(operator) = OPERATORS.into_iter().find(|operator| self.eat(operator)) else {
            let capitals = name.to_ascii_uppercase();
            return Err(if ["AND", "OR", "NOT"].contains(&capitals.as_str()) {
                self.fault_at(start, &format!("write {capitals} in capitals"))
            } else {
                self.fault_at(start, &format!("`{}` is not compared with anything", shorten(name)))
            });
        };
        let Some(field) = self.fields.iter().find(|field| field.name == name) else {
            let names = self.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
            let rule = format!("there is no field `{}`; there are {names}", shorten(name));
            return Err(self.fault_at(start, &rule));
        };
        self.skip_space();
        let at = self.at;
        let quoted = self.rest().starts_with(['"', '\'']);
        let value = if quoted { self.quoted()? } else { self.bare()?.to_owned() };
        self.test(field, operator, value, quoted, at)
    }

    /// The comparison of a field with a value that stands at `at`.
    fn test(&self, field: &Field<Row>, operator: &'static str, value: String, quoted: bool, at: usize) -> Result<Node> {
        let column = field.column;
        if value == "*" && !quoted {
            return if operator == ":" {
                Ok(Node::Test(Test::Present { column, text: field.kind == Kind::Text }))
            } else {
                Err(self.fault_at(at, "`*` stands for any value only after `:`; quote it to mean the character"))
            };
        }
        if operator.starts_with(['<', '>']) && !field.kind.is_ordered() {
            return Err(self.fault_at(at, &format!("`{}` has no order: compare it by = or !=", field.name)));
        }
        if operator == ":" && field.kind == Kind::Text {
            return Ok(Node::Test(Test::Contains { column, part: value }));
        }
        let value = field
            .kind
            .read(&value)?
            .map_err(|wanted| self.fault_at(at, &format!("`{}` is compared with {wanted}", field.name)))?;
        let compare = |operator| Node::Test(Test::Compare { column, operator, value });
        Ok(match operator {
            "!=" => Node::Not(Box::new(compare("="))),
            ":" => compare("="),
            _ => compare(operator),
        })
    }

    /// A word as a value: more than a name, for instants and numbers have other characters.
    fn bare(&mut self) -> Result<&'a str> {
        let start = self.at;
        let word = self.take_while(|c| !c.is_whitespace() && !c.is_control() && !"()\"',=<>!".contains(c));
        match word {
            "" => Err(self.fault("a value is wanted here")),
            "AND" | "OR" | "NOT" => {
                Err(self.fault_at(start, &format!("a value is wanted here; quote `{word}` if it is one")))
            }
            _ => Ok(word),
        }
    }

    fn quoted(&mut self) -> Result<String> {
        let opened = self.at;
        let mut value = String::new();
        let mut characters = self.rest().char_indices();
        let quote = characters.next().map(|(_, quote)| quote);
        while let Some((index, c)) = characters.next() {
            match c {
                _ if Some(c) == quote => {
                    self.at = opened + index + 1;
                    return Ok(value);
                }
                '\\' => match characters.next() {
                    Some((_, c @ ('\\' | '"' | '\''))) => value.push(c),
                    _ => return Err(self.fault_at(opened + index, "a backslash stands before a quote or another")),
                },
                c if c.is_control() => {
                    return Err(self.fault_at(opened + index, "control characters are not allowed"));
                }
                c => value.push(c),
            }
        }
        Err(self.fault_at(opened, "this quote is never closed"))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Eats a word of the grammar, which ends where a name would.
    fn keyword(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        let found =
            after.is_some_and(|after| after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || c == '('));
        found && self.eat(word)
    }

    fn fault(&self, what: &str) -> Error {
        self.fault_at(self.at, what)
    }

    fn fault_at(&self, at: usize, what: &str) -> Error {
        let character = self.text[..at].chars().count() + 1;
        Error::fields(Reason::FilterInvalid, [("filter".to_owned(), format!("at character {character}: {what}"))])
    }
}

fn one_or(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        last => {
            nodes.extend(last);
            many(nodes)
        }
    }
}

/// The beginning of what a client wrote, for a message.
fn shorten(name: &str) -> &str {
    name.get(..40).unwrap_or(name)
}

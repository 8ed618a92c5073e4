//! A page as SQL. Columns come from the list's declaration; what a client sent is only ever a bind.

use std::sync::Arc;

use diesel::{
    QueryResult,
    expression::{
        AppearsOnTable, Expression, SelectableExpression, ValidGrouping, expression_types::NotSelectable, is_aggregate,
    },
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};

use super::{
    Page, Value,
    filter::{Node, Test},
    token::Position,
};

/// Page sizes whose statements are kept prepared.
const COMMON_SIZES: [u32; 9] = [10, 20, 25, 50, 100, 200, 250, 500, 1000];

/// The rows of a page, for `.filter(..)`.
#[derive(Debug, Clone)]
pub struct Condition {
    filter: Option<Arc<Node>>,
    after: Option<After>,
    cached: bool,
}

#[derive(Debug, Clone)]
struct After {
    position: Position,
    column: &'static str,
    cast: &'static str,
    id_column: &'static str,
    descending: bool,
}

impl Condition {
    pub(super) fn new<Row>(page: &Page<Row>) -> Self {
        // A filter's form is the client's choice: kept prepared, each would stay in the server's memory for as long
        // as the connection lives. So only the few forms are that a client is likely to repeat.
        let cached = match page.filter.as_deref() {
            None => true,
            Some(Node::Test(Test::Compare { operator: "=", .. })) => page.default_order,
            Some(_) => false,
        };
        let after = page.after.clone().map(|position| After {
            position,
            column: page.order.column,
            cast: page.order.cast,
            id_column: page.id_column,
            descending: page.descending,
        });
        Self { filter: page.filter.clone(), after, cached }
    }
}

impl QueryFragment<Pg> for Condition {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.cached {
            out.unsafe_to_cache_prepared();
        }
        match (&self.filter, &self.after) {
            (None, None) => out.push_sql("TRUE"),
            (Some(filter), None) => push_node(filter, out)?,
            (None, Some(after)) => after.push(&mut out)?,
            (Some(filter), Some(after)) => {
                out.push_sql("(");
                push_node(filter, out.reborrow())?;
                out.push_sql(" AND ");
                after.push(&mut out)?;
                out.push_sql(")");
            }
        }
        Ok(())
    }
}

impl After {
    /// One row comparison, which one scan of an index on (.., column, id) answers.
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        out.push_sql(self.column);
        out.push_sql(", ");
        out.push_sql(self.id_column);
        out.push_sql(if self.descending { ") < (" } else { ") > (" });
        push_value(&self.position.key, out)?;
        out.push_sql(self.cast);
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.position.id)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Within parentheses, wherever it needs them.
fn push_node<'b>(node: &'b Node, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    let (nodes, between) = match node {
        Node::Test(test) => return push_test(test, &mut out),
        // A comparison with NULL is neither true nor false; to people, what is not at A includes what is nowhere.
        Node::Not(inner) => {
            out.push_sql("(");
            push_node(inner, out.reborrow())?;
            out.push_sql(" IS NOT TRUE)");
            return Ok(());
        }
        Node::All(nodes) => (nodes, " AND "),
        Node::Any(nodes) => (nodes, " OR "),
    };
    out.push_sql("(");
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            out.push_sql(between);
        }
        push_node(node, out.reborrow())?;
    }
    out.push_sql(")");
    Ok(())
}

fn push_test<'b>(test: &'b Test, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    out.push_sql("(");
    match test {
        Test::Compare { column, operator, value } => {
            out.push_sql(column);
            out.push_sql(" ");
            out.push_sql(operator);
            out.push_sql(" ");
            push_value(value, out)?;
        }
        Test::Contains { column, part } => {
            out.push_sql("strpos(lower(");
            out.push_sql(column);
            out.push_sql("), lower(");
            out.push_bind_param::<Text, _>(part)?;
            out.push_sql(")) > 0");
        }
        Test::Present { column, text } => {
            out.push_sql(column);
            out.push_sql(if *text { " <> ''" } else { " IS NOT NULL" });
        }
    }
    out.push_sql(")");
    Ok(())
}

fn push_value<'b>(value: &'b Value, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    match value {
        Value::Text(text) => out.push_bind_param::<Text, _>(text),
        Value::Uuid(id) => out.push_bind_param::<SqlUuid, _>(id),
        Value::Instant(instant) => out.push_bind_param::<Timestamptz, _>(instant),
        Value::Integer(number) => out.push_bind_param::<BigInt, _>(number),
        Value::Boolean(truth) => out.push_bind_param::<Bool, _>(truth),
    }
}

/// The order of a page and how many rows it has, for `.order_by(..)`.
#[derive(Debug, Clone)]
pub struct OrderAndLimit {
    column: &'static str,
    id_column: &'static str,
    descending: bool,
    size: u32,
    skip: i64,
}

impl OrderAndLimit {
    pub(super) fn new<Row>(page: &Page<Row>) -> Self {
        Self {
            column: page.order.column,
            id_column: page.id_column,
            descending: page.descending,
            size: page.size,
            skip: page.skip.into(),
        }
    }
}

impl QueryFragment<Pg> for OrderAndLimit {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let direction = if self.descending { " DESC" } else { "" };
        out.push_sql(self.column);
        out.push_sql(direction);
        out.push_sql(", ");
        out.push_sql(self.id_column);
        out.push_sql(direction);
        // A number in the text, not a bind: without it a generic plan supposes a tenth of the table, and sorts.
        out.push_sql(&format!(" LIMIT {}", self.size + 1));
        if !COMMON_SIZES.contains(&self.size) {
            out.unsafe_to_cache_prepared();
        }
        if self.skip > 0 {
            out.push_sql(" OFFSET ");
            out.push_bind_param::<BigInt, _>(&self.skip)?;
        }
        Ok(())
    }
}

impl Expression for Condition {
    type SqlType = Nullable<Bool>;
}

impl Expression for OrderAndLimit {
    type SqlType = NotSelectable;
}

// The same for both: the declaration of the list answers for its columns, and their text varies with the request.
macro_rules! part_of_any_query {
    ($($part:ty),*) => {$(
        impl<Source> AppearsOnTable<Source> for $part {}

        impl<Source> SelectableExpression<Source> for $part {}

        impl<Grouping> ValidGrouping<Grouping> for $part {
            type IsAggregate = is_aggregate::No;
        }

        impl QueryId for $part {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }
    )*};
}
part_of_any_query!(Condition, OrderAndLimit);

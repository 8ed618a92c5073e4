//! Lists: one page of a table by key, filtered, ordered, and continued by a sealed token.
//!
//! A list is declared once, as a [`Spec`]. For each request [`Spec::page`] gives the pieces of its query, and
//! [`Page::finish`] makes of the rows the page and the token of the next:
//!
//! ```text
//! static LIST: Spec<Row> = Spec::new(
//!     ("sample.id", |row| row.id),
//!     &[
//!         Field::instant("created_at", "sample.created_at").sortable(|row| row.created_at.into()),
//!         Field::text("name", "sample.name").sortable(|row| row.name.as_str().into()),
//!         Field::state("status", "sample.status", "spectra.samples.v1.SampleStatus"),
//!     ],
//! );
//!
//! let page = LIST.page(&sealer, organization, &request)?;
//! let query = sample::table
//!     .filter(sample::org_id.eq(organization))
//!     .filter(page.condition())
//!     .order_by(page.order_and_limit())
//!     .select(Row::as_select());
//! let rows = page.load(query, conn).await?;
//! let (rows, next_page_token) = page.finish(rows);
//! ```
//!
//! `skip` counts from the beginning, so it is ignored where a page_token says where to go on. Between two pages
//! page_size may change; everything else that the request asks for must stay.

mod filter;
mod hold;
mod sql;
mod token;
mod value;

use std::{pin::pin, sync::Arc};

use contract::List;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, methods::LoadQuery};
use futures::TryStreamExt as _;
use uuid::Uuid;

use crate::{Error, Reason, Result, db::fault};
use filter::Node;
use token::{Position, Seal};
use value::Kind;

pub use hold::Filter;
pub use sql::{Condition, OrderAndLimit};
pub(crate) use token::ResumeSeal;
pub use token::Sealer;
pub use value::Value;

/// Rows of a page where the client leaves it to the server.
pub const DEFAULT_PAGE_SIZE: u32 = 50;
/// Most rows of a page; who asks for more gets this many.
pub const MAX_PAGE_SIZE: u32 = 1000;

/// Reads from a row the value that it is ordered by.
type Key<Row> = fn(&Row) -> Value;
/// Reads a row's id.
type Id<Row> = fn(&Row) -> Uuid;

/// What one list can be filtered and ordered by, for rows of this type.
pub struct Spec<Row: 'static> {
    id: (&'static str, Id<Row>),
    fields: &'static [Field<Row>],
}

/// A field that a filter may name: what clients call it, and the SQL that gives it.
///
/// The SQL is a column, qualified where the query joins tables, or an expression over columns.
pub struct Field<Row> {
    name: &'static str,
    column: &'static str,
    kind: Kind,
    order: Option<Order<Row>>,
}

/// What rows are ordered by where somebody orders by a field, and which of its values a row has.
struct Order<Row> {
    column: &'static str,
    kind: Kind,
    /// What a value is cast to, to be compared with the column.
    cast: &'static str,
    key: Key<Row>,
}

impl<Row> Spec<Row> {
    /// A list with this id (its column, and how a row tells it) and these fields; the first is the default order.
    ///
    /// # Panics
    /// Where the first field is not sortable: while compiling, if the list is a `static`.
    #[must_use]
    pub const fn new(id: (&'static str, fn(&Row) -> Uuid), fields: &'static [Field<Row>]) -> Self {
        assert!(
            !fields.is_empty() && fields[0].order.is_some(),
            "the first field is the default order: make it sortable"
        );
        Self { id, fields }
    }

    /// The page that the request asks for, within the organization.
    ///
    /// # Errors
    /// FIELD_INVALID for a negative page_size or skip, FILTER_INVALID for a filter or order_by that cannot be
    /// understood, PAGE_TOKEN_INVALID for a token that was not given out for this very list.
    pub fn page<Request: List>(
        &'static self,
        sealer: &Sealer,
        organization: Uuid,
        request: &Request,
    ) -> Result<Page<Row>> {
        let size = page_size(request.page_size())?;
        let skip = u32::try_from(request.skip()).map_err(|_| Error::field("skip", "must not be negative"))?;
        let (field, order, descending) = self.order(request.order_by())?;
        let filter = filter::parse(request.filter(), self.fields)?;
        let seal = sealer.seal(organization, request, field.name, descending);
        let after = match request.page_token() {
            "" => None,
            token => {
                Some(seal.open(token).filter(|position| order.kind.holds(&position.key)).ok_or_else(token_invalid)?)
            }
        };
        Ok(Page {
            default_order: std::ptr::eq(field, &self.fields[0]),
            filter: filter.map(Arc::new),
            skip: if after.is_some() { 0 } else { skip },
            after,
            size,
            order,
            id_column: self.id.0,
            descending,
            seal,
            id: self.id.1,
        })
    }

    fn order(&'static self, order_by: &str) -> Result<(&'static Field<Row>, &'static Order<Row>, bool)> {
        let mut words = order_by.split_whitespace();
        let name = words.next().unwrap_or(self.fields[0].name);
        let descending = match (words.next(), words.next()) {
            (None, _) => Some(false),
            (Some("desc"), None) => Some(true),
            _ => None,
        };
        let field = self.fields.iter().find(|field| field.name == name);
        if let (Some(field), Some(descending)) = (field, descending)
            && let Some(order) = &field.order
        {
            return Ok((field, order, descending));
        }
        let sortable = self.fields.iter().filter(|field| field.order.is_some()).map(|field| field.name);
        let sortable = sortable.collect::<Vec<_>>().join(", ");
        let rule = format!("wants one of {sortable}, optionally followed by ` desc`");
        Err(Error::fields(Reason::FilterInvalid, [("order_by".to_owned(), rule)]))
    }
}

impl<Row> Field<Row> {
    /// Free text: `=` compares exactly, `:` finds a part in any case.
    #[must_use]
    pub const fn text(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: Kind::Text, order: None }
    }

    /// A UUID.
    #[must_use]
    pub const fn uuid(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: Kind::Uuid, order: None }
    }

    /// A `timestamptz`, written as RFC 3339.
    #[must_use]
    pub const fn instant(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: Kind::Instant, order: None }
    }

    /// An integer of any width.
    #[must_use]
    pub const fn integer(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: Kind::Integer, order: None }
    }

    /// A boolean, written `true` or `false`.
    #[must_use]
    pub const fn boolean(name: &'static str, column: &'static str) -> Self {
        Self { name, column, kind: Kind::Boolean, order: None }
    }

    /// An enum of the contract by its full name, such as `spectra.samples.v1.SampleStatus`; in SQL the value's name
    /// in lower case without the enum's prefix. Filters may write it with or without the prefix and in any case.
    #[must_use]
    pub const fn state(name: &'static str, column: &'static str, of: &'static str) -> Self {
        Self { name, column, kind: Kind::State(of), order: None }
    }

    /// Allows to order by it; `key` reads from a row what the column holds.
    ///
    /// The column must not be NULL in any row, for a row without a key is lost between two pages: declare text that
    /// may be missing as `coalesce(sample.location, '')`. Keys of text stay below 500 bytes, so that a page_token
    /// stays below the contract's limit.
    #[must_use]
    pub const fn sortable(mut self, key: fn(&Row) -> Value) -> Self {
        self.order = Some(Order { column: self.column, kind: self.kind, cast: "", key });
        self
    }

    /// Allows to order by it and means the log that the row is of: its transaction, an `xid8`, which `key` reads as an
    /// integer. Of the rows below the oldest transaction that is open, none comes late in this order; by their instants
    /// or a sequence, one may.
    #[must_use]
    pub const fn sortable_by_transaction(mut self, column: &'static str, key: fn(&Row) -> Value) -> Self {
        self.order = Some(Order { column, kind: Kind::Integer, cast: "::text::xid8", key });
        self
    }
}

/// One page: the pieces of its query, and then its end.
pub struct Page<Row: 'static> {
    filter: Option<Arc<Node>>,
    after: Option<Position>,
    skip: u32,
    size: u32,
    order: &'static Order<Row>,
    id_column: &'static str,
    descending: bool,
    default_order: bool,
    seal: Seal,
    id: Id<Row>,
}

impl<Row> Page<Row> {
    /// What `.filter(..)` takes: the client's filter, and the rows after the page before.
    #[must_use]
    pub fn condition(&self) -> Condition {
        Condition::new(self)
    }

    /// What `.order_by(..)` takes: the order together with LIMIT and OFFSET, so the query has no `.limit(..)`.
    ///
    /// One row more than the page holds is asked for, to know whether there is a next page.
    #[must_use]
    pub fn order_and_limit(&self) -> OrderAndLimit {
        OrderAndLimit::new(self)
    }

    /// All that the query gives, each row made what the list is of as soon as it is there.
    ///
    /// # Errors
    /// Those of the database, and of a row that cannot be made.
    pub async fn load<'q, Q, Stored>(&self, query: Q, conn: &mut AsyncPgConnection) -> Result<Vec<Row>>
    where
        Q: LoadQuery<'q, AsyncPgConnection, Stored> + 'q,
        Stored: TryInto<Row, Error: Into<Error>> + Send,
    {
        let mut stored = pin!(query.load_stream(conn).await.map_err(fault)?);
        // Room at once for a page of the usual size.
        let mut rows = Vec::with_capacity(self.size.min(DEFAULT_PAGE_SIZE) as usize + 1);
        while let Some(row) = stored.try_next().await.map_err(fault)? {
            rows.push(row.try_into().map_err(Into::into)?);
        }
        Ok(rows)
    }

    /// As [`Page::finish`], of no more rows than weigh so much together; one is on the page however much it weighs.
    #[must_use]
    pub fn finish_within(mut self, most: usize, weight: fn(&Row) -> usize, rows: Vec<Row>) -> (Vec<Row>, String) {
        let sums = rows.iter().scan(0_usize, |sum, row| {
            *sum = sum.saturating_add(weight(row));
            Some(*sum)
        });
        let fit = sums.take_while(|sum| *sum <= most).count().max(1);
        self.size = self.size.min(u32::try_from(fit).unwrap_or(u32::MAX));
        self.finish(rows)
    }

    /// The rows of the page, from all that the query gave, and the next_page_token: empty at the end.
    #[must_use]
    pub fn finish(self, mut rows: Vec<Row>) -> (Vec<Row>, String) {
        let more = rows.len() > self.size as usize;
        rows.truncate(self.size as usize);
        let token = match rows.last() {
            Some(last) if more => self.seal.close(&Position { key: (self.order.key)(last), id: (self.id)(last) }),
            _ => String::new(),
        };
        (rows, token)
    }
}

fn page_size(wanted: i32) -> Result<u32> {
    match u32::try_from(wanted) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => Err(Error::field("page_size", "must not be negative")),
    }
}

fn token_invalid() -> Error {
    let rule = "is not a token of this list: start again without one, and keep filter and order_by from page to page";
    Error::fields(Reason::PageTokenInvalid, [("page_token".to_owned(), rule.to_owned())])
}

#[cfg(test)]
mod tests;

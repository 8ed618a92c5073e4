//! Statements that stay prepared although the query builder does not know that they may.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, RwLock},
};

use diesel::{
    QueryResult,
    backend::Backend,
    pg::Pg,
    query_builder::{AstPass, Query, QueryBuilder as _, QueryFragment, QueryId},
};

use super::statements::{End, Form};

type Builder = <Pg as Backend>::QueryBuilder;

/// A statement with one text, or few: kept prepared on each connection, by its text.
///
/// The builder takes every UPDATE and upsert for one of many texts, and would have the server parse and plan it anew
/// each time, in a round trip of its own.
pub struct Prepared<Q>(pub Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

/// The end of a mutation, prepared like [`Prepared`]. Its text is built once for each form: quoting the names of a table's
/// columns takes longer than sending them.
pub(super) struct PreparedEnd<'a>(pub(super) Form, pub(super) End<'a>);

static TEXTS: LazyLock<RwLock<HashMap<Form, Arc<str>>>> = LazyLock::new(RwLock::default);

impl QueryFragment<Pg> for PreparedEnd<'_> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.1.walk_ast(out)
    }

    fn to_sql(&self, out: &mut Builder, backend: &Pg) -> QueryResult<()> {
        let Self(form, end) = self;
        let known = TEXTS.read().expect("no holder of this lock panics").get(form).cloned();
        let text = match known {
            Some(text) => text,
            None => {
                let mut text = Builder::default();
                end.to_sql(&mut text, backend)?;
                let text = Arc::from(text.finish());
                Arc::clone(TEXTS.write().expect("no holder of this lock panics").entry(*form).or_insert(text))
            }
        };
        out.push_sql(&text);
        Ok(())
    }

    fn is_safe_to_cache_prepared(&self, _: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

impl QueryId for PreparedEnd<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

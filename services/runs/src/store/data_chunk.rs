//! `runs.data_chunk`: what runs measured, never changed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _,
    sql_query,
    sql_types::{Array, BigInt, Binary, Integer, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use spectra_runtime::{
    Error, Result,
    db::{Last, Prepared, constraint, fault},
};
use uuid::Uuid;

use super::schema::data_chunk as chunk;
use crate::data::{Chunk, Head, Stream};

#[derive(diesel::Insertable)]
#[diesel(table_name = chunk, check_for_backend(diesel::pg::Pg), treat_none_as_default_value = false)]
struct New {
    org_id: Uuid,
    run_id: Uuid,
    stream: String,
    seq: i32,
    names: Vec<String>,
    units: Vec<String>,
    points: i32,
    content: Vec<u8>,
    sha256: Vec<u8>,
}

#[derive(diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = chunk, check_for_backend(diesel::pg::Pg))]
struct Row {
    stream: String,
    seq: i32,
    names: Vec<String>,
    units: Vec<String>,
    points: i32,
    content: Vec<u8>,
    sha256: Vec<u8>,
    recorded_at: DateTime<Utc>,
}

/// The last chunk of a stream, which knows all of it.
#[derive(diesel::Queryable, diesel::Selectable, diesel::QueryableByName)]
#[diesel(table_name = chunk, check_for_backend(diesel::pg::Pg))]
struct Tail {
    #[diesel(sql_type = SqlUuid)]
    run_id: Uuid,
    #[diesel(sql_type = Text)]
    stream: String,
    #[diesel(sql_type = Integer)]
    seq: i32,
    #[diesel(sql_type = Array<Text>)]
    names: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    units: Vec<String>,
    #[diesel(sql_type = BigInt)]
    stream_points: i64,
    #[diesel(sql_type = Binary)]
    stream_sha256: Vec<u8>,
}

impl From<Tail> for Stream {
    fn from(tail: Tail) -> Self {
        Self {
            name: tail.stream,
            heads: heads(tail.names, tail.units),
            chunks: tail.seq + 1,
            points: tail.stream_points,
            sha256: tail.stream_sha256,
        }
    }
}

fn heads(names: Vec<String>, units: Vec<String>) -> Vec<Head> {
    names.into_iter().zip(units).map(|(name, unit)| Head { name, unit }).collect()
}

/// Writes a chunk behind the last one of its stream. What the database would refuse was checked under the run's lock.
pub fn chunk_insert(org_id: Uuid, run_id: Uuid, new: Chunk) -> Result<Last> {
    let (names, units) = new.heads.into_iter().map(|head| (head.name, head.unit)).unzip();
    let row = New {
        org_id,
        run_id,
        stream: new.stream,
        seq: new.seq,
        names,
        units,
        points: i32::try_from(new.points).map_err(Error::internal)?,
        content: new.content,
        sha256: new.sha256,
    };
    Ok(Last::new(diesel::insert_into(chunk::table).values(row), |error| match constraint(&error) {
        Some("data_chunk_streams") => Error::field("stream", "is one too many: a run has 32 streams at most"),
        _ => fault(error),
    }))
}

/// The hash of the chunk at this place, if there is one.
pub async fn chunk_sha256(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    run_id: Uuid,
    stream: &str,
    seq: i32,
) -> Result<Option<Vec<u8>>> {
    chunk::table
        .filter(chunk::org_id.eq(org_id).and(chunk::run_id.eq(run_id)))
        .filter(chunk::stream.eq(stream).and(chunk::seq.eq(seq)))
        .select(chunk::sha256)
        .first(conn)
        .await
        .optional()
        .map_err(fault)
}

/// So many chunks of a stream from a place on, each with the time at which it was stored.
pub async fn chunk_page(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    run_id: Uuid,
    stream: &str,
    from_seq: i32,
    count: i64,
) -> Result<Vec<(Chunk, DateTime<Utc>)>> {
    let rows: Vec<Row> = chunk::table
        .filter(chunk::org_id.eq(org_id).and(chunk::run_id.eq(run_id)))
        .filter(chunk::stream.eq(stream).and(chunk::seq.ge(from_seq)))
        .order_by(chunk::seq)
        .limit(count)
        .select(Row::as_select())
        .load(conn)
        .await
        .map_err(fault)?;
    rows.into_iter()
        .map(|row| {
            let chunk = Chunk {
                stream: row.stream,
                seq: row.seq,
                heads: heads(row.names, row.units),
                points: usize::try_from(row.points).map_err(Error::internal)?,
                content: row.content,
                sha256: row.sha256,
            };
            Ok((chunk, row.recorded_at))
        })
        .collect()
}

/// A stream of a run, if it has begun.
pub async fn stream_find(
    conn: &mut AsyncPgConnection,
    org_id: Uuid,
    run_id: Uuid,
    stream: &str,
) -> Result<Option<Stream>> {
    let tail: Option<Tail> = chunk::table
        .filter(chunk::org_id.eq(org_id).and(chunk::run_id.eq(run_id)).and(chunk::stream.eq(stream)))
        .order_by(chunk::seq.desc())
        .select(Tail::as_select())
        .first(conn)
        .await
        .optional()
        .map_err(fault)?;
    Ok(tail.map(Stream::from))
}

/// Streams by run, in the order of their names: two looks into an index a stream, however many chunks it has.
pub async fn streams(
    mut conn: &AsyncPgConnection,
    org_id: Uuid,
    run_ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, Vec<Stream>>> {
    if run_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sql_query(
        "SELECT tail.* FROM runs.data_chunk first CROSS JOIN LATERAL ( \
         SELECT run_id, stream, seq, names, units, stream_points, stream_sha256 FROM runs.data_chunk \
         WHERE org_id = first.org_id AND run_id = first.run_id AND stream = first.stream ORDER BY seq DESC LIMIT 1) tail \
         WHERE first.org_id = $1 AND first.run_id = ANY($2) AND first.seq = 0 ORDER BY tail.run_id, tail.stream",
    );
    let query = query.bind::<SqlUuid, _>(org_id).bind::<Array<SqlUuid>, _>(run_ids);
    let tails: Vec<Tail> = Prepared(query).load(&mut conn).await.map_err(fault)?;
    let mut found = HashMap::<_, Vec<_>>::new();
    for tail in tails {
        found.entry(tail.run_id).or_default().push(Stream::from(tail));
    }
    Ok(found)
}

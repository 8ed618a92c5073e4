//! Measured data: streams of chunks, each chunk some columns of one length.

use aws_lc_rs::digest::{SHA256, digest};
use spectra_runtime::{Error, Reason, Result, error::Kind};
use uuid::Uuid;

use crate::run::{self, State};

/// The name of the noun in errors.
pub const RESOURCE: &str = "data_stream";
/// The stream of whoever names none.
pub const MAIN: &str = "main";
/// Values that a chunk has at most, in all of its columns: a message of less than a megabyte.
const VALUES: usize = 100_000;
/// Bytes of a double.
const DOUBLE: usize = 8;

/// A quantity that a stream measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub name: String,
    /// UCUM.
    pub unit: String,
}

/// Points that are stored together.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    pub stream: String,
    pub seq: i32,
    pub heads: Vec<Head>,
    /// Values of each column.
    pub points: usize,
    /// The values as doubles with the low byte first, column by column: on the wire and in the table, the same bytes.
    pub content: Vec<u8>,
    pub sha256: Vec<u8>,
}

/// A stream of a run, as far as it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    pub name: String,
    pub heads: Vec<Head>,
    pub chunks: i32,
    pub points: i64,
    /// Over the hashes of all chunks, in their order.
    pub sha256: Vec<u8>,
}

impl Chunk {
    /// Points to be stored: columns with their values.
    ///
    /// # Errors
    /// FIELD_INVALID.
    pub fn new(stream: &str, seq: i32, columns: &[(Head, &[f64])]) -> Result<Self> {
        let points = columns.first().map_or(0, |(_, values)| values.len());
        for (index, (head, values)) in columns.iter().enumerate() {
            if values.is_empty() || values.len() != points {
                let rule = format!("has {} values where the first column has {points}; 1 at least", values.len());
                return Err(Error::field(format!("columns[{index}].values"), rule));
            }
            if columns[..index].iter().any(|(other, _)| other.name == head.name) {
                return Err(Error::field(format!("columns[{index}].name"), "names a column a second time"));
            }
        }
        if points * columns.len() > VALUES {
            let rule = format!("have {} values; a chunk has at most {VALUES}", points * columns.len());
            return Err(Error::field("columns", rule));
        }
        let content: Vec<u8> =
            columns.iter().flat_map(|(_, values)| *values).flat_map(|value| value.to_le_bytes()).collect();
        let heads: Vec<_> = columns.iter().map(|(head, _)| head.clone()).collect();
        let sha256 = sha256(&heads, &content);
        Ok(Self { stream: named(stream).to_owned(), seq, heads, points, content, sha256 })
    }

    /// The values of the column at this index.
    pub fn values(&self, column: usize) -> impl Iterator<Item = f64> {
        let length = self.points * DOUBLE;
        let of = self.content.get(column * length..(column + 1) * length).unwrap_or_default();
        of.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes))
    }

    /// Refuses another content for a place that is taken.
    ///
    /// # Errors
    /// RESOURCE_EXISTS.
    pub fn check_same(&self, sha256: &[u8]) -> Result<()> {
        if self.sha256 == sha256 {
            return Ok(());
        }
        let message = format!("chunk {} of stream {} is stored already, with other content", self.seq, self.stream);
        Err(Error::new(Kind::AlreadyExists, Reason::ResourceExists, message)
            .about(RESOURCE, &self.stream)
            .with("field", "seq")
            .with("value", self.seq))
    }

    /// Refuses a chunk that does not go on where its stream ends.
    ///
    /// # Errors
    /// STATE_CONFLICT with the `expected_seq`, FIELD_INVALID.
    pub fn check_follows(&self, stream: Option<&Stream>) -> Result<()> {
        let expected = stream.map_or(0, |stream| stream.chunks);
        if self.seq != expected {
            let message = format!("stream {} goes on with chunk {expected}, not {}", self.stream, self.seq);
            return Err(Error::precondition(Reason::StateConflict, message)
                .about(RESOURCE, &self.stream)
                .with("from", expected - 1)
                .with("to", self.seq)
                .with("allowed", expected)
                .with("expected_seq", expected));
        }
        match stream.filter(|stream| stream.heads != self.heads) {
            None => Ok(()),
            Some(Stream { heads, .. }) => {
                let heads: Vec<_> = heads.iter().map(Head::label).collect();
                Err(Error::field("columns", format!("must be those of the stream: {}", heads.join(", "))))
            }
        }
    }
}

impl Stream {
    /// Where the columns with these names are; all of them, where none is named.
    ///
    /// # Errors
    /// FIELD_INVALID.
    pub fn pick(&self, names: &[String]) -> Result<Vec<usize>> {
        if names.is_empty() {
            return Ok((0..self.heads.len()).collect());
        }
        let at = |name: &String| self.heads.iter().position(|head| head.name == *name);
        let pick = |(index, name)| {
            let unknown = || Error::field(format!("columns[{index}]"), format!("stream {} has no {name}", self.name));
            at(name).ok_or_else(unknown)
        };
        names.iter().enumerate().map(pick).collect()
    }
}

impl Head {
    /// As a person writes it: `v_gs (V)`.
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.unit)
    }
}

/// The stream that is meant.
pub fn named(stream: &str) -> &str {
    if stream.is_empty() { MAIN } else { stream }
}

/// Refuses data for a run that does not measure.
///
/// # Errors
/// STATE_CONFLICT.
pub fn check_measures(run_id: Uuid, state: State) -> Result<()> {
    if state.is_active() {
        return Ok(());
    }
    let state = state.as_str();
    let message = format!("the run is {state}; data are stored while it is running or paused");
    Err(Error::precondition(Reason::StateConflict, message)
        .about(run::RESOURCE, run_id)
        .with("from", state)
        .with("to", "running")
        .with("allowed", ""))
}

/// Two texts end with a zero byte, which they cannot contain; and where a name would begin, a zero byte ends the heads.
fn sha256(heads: &[Head], content: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(content.len() + 64 * heads.len());
    for Head { name, unit } in heads {
        for text in [name, unit] {
            all.extend_from_slice(text.as_bytes());
            all.push(0);
        }
    }
    all.push(0);
    all.extend_from_slice(content);
    digest(&SHA256, &all).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(name: &str, unit: &str) -> Head {
        Head { name: name.to_owned(), unit: unit.to_owned() }
    }

    fn chunk(seq: i32) -> Chunk {
        Chunk::new("", seq, &[(head("v", "V"), &[0.5, -0.0]), (head("i", "A"), &[1e-300, f64::MAX])]).unwrap()
    }

    fn stream(chunks: i32) -> Stream {
        let heads = chunk(0).heads;
        Stream { name: MAIN.to_owned(), heads, chunks, points: 2 * i64::from(chunks), sha256: Vec::new() }
    }

    #[test]
    fn values_come_back_to_the_bit() {
        let chunk = chunk(0);
        assert_eq!((chunk.stream.as_str(), chunk.points, chunk.content.len()), (MAIN, 2, 32));
        let bits = |column| chunk.values(column).map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(0), [0.5_f64, -0.0].map(f64::to_bits));
        assert_eq!(bits(1), [1e-300, f64::MAX].map(f64::to_bits));
        assert!(bits(2).is_empty(), "no such column");
    }

    #[test]
    fn another_name_unit_value_or_order_is_another_content() {
        let of = |columns: &[(Head, &[f64])]| Chunk::new("", 0, columns).unwrap().sha256;
        let first = of(&[(head("a", "V"), &[1.0]), (head("b", "V"), &[2.0])]);
        assert_eq!(first, of(&[(head("a", "V"), &[1.0]), (head("b", "V"), &[2.0])]));
        for other in [
            of(&[(head("a", "V"), &[1.0]), (head("b", "V"), &[3.0])]),
            of(&[(head("b", "V"), &[2.0]), (head("a", "V"), &[1.0])]),
            of(&[(head("a", "V"), &[1.0]), (head("b", "A"), &[2.0])]),
            of(&[(head("a", "V"), &[1.0, 2.0])]),
            of(&[(head("aV", "b"), &[1.0]), (head("V", "V"), &[2.0])]),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_chunk_goes_on_where_its_stream_ends_with_the_same_columns() {
        assert!(chunk(0).check_follows(None).is_ok() && chunk(3).check_follows(Some(&stream(3))).is_ok());
        for (seq, stream, expected) in [(1, None, "0"), (4, Some(stream(3)), "3"), (0, Some(stream(3)), "3")] {
            let refusal = chunk(seq).check_follows(stream.as_ref()).unwrap_err();
            assert_eq!(refusal.reason(), Reason::StateConflict);
            assert_eq!(refusal.metadata("expected_seq"), Some(expected));
        }
        let mut other = stream(3);
        other.heads[1].unit = "mA".to_owned();
        let refusal = chunk(3).check_follows(Some(&other)).unwrap_err();
        assert_eq!(refusal.reason(), Reason::FieldInvalid);
        assert!(refusal.to_string().contains("v (V), i (mA)"), "{refusal}");
    }

    #[test]
    fn columns_are_picked_by_name_in_the_order_asked_for() {
        let pick = |names: &[&str]| stream(1).pick(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(pick(&[]).unwrap(), [0, 1]);
        assert_eq!(pick(&["i", "v"]).unwrap(), [1, 0]);
        assert!(pick(&["v", "t"]).unwrap_err().to_string().contains("columns[1]"));
    }

    #[test]
    fn data_are_stored_while_the_run_measures() {
        for state in State::ALL {
            assert_eq!(check_measures(Uuid::nil(), state).is_ok(), matches!(state, State::Running | State::Paused));
        }
    }
}

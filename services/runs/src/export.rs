//! A run as a file of comma-separated values (RFC 4180), under a head of lines that begin with `#`.

use csv::{Terminator, WriterBuilder};
use spectra_runtime::{Error, Result};

use crate::data::{self, Chunk};

/// The media type of such a file.
pub const MEDIA_TYPE: &str = "text/csv; charset=utf-8";
/// Characters of a sample's name that a file is named by.
const NAME_CHARACTERS: usize = 64;

/// A name for the file, of characters that every file system takes.
pub fn file_name(method: &str, sample: &str, run_id: impl std::fmt::Display, stream: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    let sample: String = sample.chars().take(NAME_CHARACTERS).map(plain).collect();
    let stream = if stream == data::MAIN { String::new() } else { format!("-{stream}") };
    format!("{method}-{sample}-{run_id}{stream}.csv")
}

/// The lines above the data, as (what, text), and the names of the columns with their units.
pub fn head(lines: &[(String, String)], columns: &[data::Head]) -> Result<Vec<u8>> {
    let mut head = String::new();
    for (what, text) in lines {
        // A line that somebody's text breaks would be read as data.
        let text = text.replace(char::is_control, " ");
        head.push_str(&format!("# {what}: {text}\r\n"));
    }
    let mut head = head.into_bytes();
    if !columns.is_empty() {
        head.extend(records(std::iter::once(columns.iter().map(data::Head::label).collect::<Vec<_>>()))?);
    }
    Ok(head)
}

/// The points of a chunk, each number with the fewest digits that read back as the same double.
pub fn rows(chunk: &Chunk) -> Result<Vec<u8>> {
    let columns: Vec<Vec<f64>> = (0..chunk.heads.len()).map(|at| chunk.values(at).collect()).collect();
    records((0..chunk.points).map(|point| columns.iter().map(|values| values[point]).collect::<Vec<_>>()))
}

fn records(rows: impl Iterator<Item = impl serde::Serialize>) -> Result<Vec<u8>> {
    let mut writer = WriterBuilder::new().has_headers(false).terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Head;

    #[test]
    fn a_file_reads_back_as_what_was_measured_whatever_people_wrote() {
        let v = Head { name: "v_gs".to_owned(), unit: "V".to_owned() };
        let i = Head { name: "i_d".to_owned(), unit: "A,\"rms\"".to_owned() };
        let columns: [(Head, &[f64]); 2] = [(v, &[0.1 + 0.2, -5.0]), (i, &[1.5e-12, f64::MIN_POSITIVE])];
        let chunk = Chunk::new("", 0, &columns).unwrap();
        let lines = [("comment".to_owned(), "first\nsecond, \"third\"".to_owned())];
        let mut file = head(&lines, &chunk.heads).unwrap();
        file.extend(rows(&chunk).unwrap());

        let text = String::from_utf8(file).unwrap();
        assert!(text.starts_with("# comment: first second, \"third\"\r\nv_gs (V),"), "{text}");
        let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap(), vec!["v_gs (V)", "i_d (A,\"rms\")"]);
        let read: Vec<(f64, f64)> = reader.deserialize().map(Result::unwrap).collect();
        assert_eq!(read, [(0.1 + 0.2, 1.5e-12), (-5.0, f64::MIN_POSITIVE)]);
    }

    #[test]
    fn a_file_is_named_by_what_it_holds() {
        assert_eq!(file_name("iv_sweep", "2N7000-A", 7, "main"), "iv_sweep-2N7000-A-7.csv");
        assert_eq!(file_name("cv_sweep", "../Ω 1", 7, "retrace"), "cv_sweep-..___1-7-retrace.csv");
    }
}

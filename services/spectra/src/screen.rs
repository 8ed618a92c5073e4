//! What a command says to the person who ran it.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

/// Prints a line. Whoever has closed the other end of a pipe has read enough, and what the command does goes on.
pub fn tell(line: impl Display) {
    drop(writeln!(io::stdout(), "{line}"));
}

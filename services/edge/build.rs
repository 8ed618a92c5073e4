//! The web app's files are part of the program: it is built anew when they change.

use std::{fs, io};

const FILES: &str = "../../web/dist";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    // A folder that is not there would count as changed each time.
    fs::create_dir_all(FILES)?;
    println!("cargo:rerun-if-changed={FILES}");
    Ok(())
}

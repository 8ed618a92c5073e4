//! The `spectra` program as a library: what its commands do, and what the tests start a laboratory with.

pub mod admin;
pub mod doctor;
pub mod healthcheck;
pub mod keys;
pub mod lab;
pub mod migrate;
pub mod organization;
pub mod physics;
pub mod postgres;
pub mod screen;
pub mod seed;
pub mod serve;
pub mod settings;
pub mod up;

/// One sentence that tells a person what is wrong and what to do.
#[derive(Debug)]
pub struct Trouble(pub String);

impl Trouble {
    /// From anything that says it well.
    pub fn new(text: impl std::fmt::Display) -> Self {
        Self(text.to_string())
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

/// What the commands return.
pub type Result<T> = std::result::Result<T, Trouble>;

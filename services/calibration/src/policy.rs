//! How an organization handles certificates.

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "policy";

/// How an organization handles certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Days before expiry from which an instrument shows as due soon.
    pub due_soon_days: i32,
    /// Whether a certificate waits for review before it counts.
    pub certificate_review: bool,
    /// 0 where the organization has never changed it.
    pub revision: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { due_soon_days: 30, certificate_review: false, revision: 0 }
    }
}

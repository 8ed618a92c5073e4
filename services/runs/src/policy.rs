//! What an organization asks of recipes.

/// The name of the noun in errors and events.
pub const RESOURCE: &str = "policy";

/// What an organization asks of recipes. Nothing, where it has never said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether a routine run needs an approved recipe.
    pub require_approved_recipe: bool,
    /// Whether who approves a version must be neither its author nor its submitter.
    pub four_eyes: bool,
    /// 0 where the organization has never changed it.
    pub revision: i64,
}

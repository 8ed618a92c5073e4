//! The one table of who may do what.

use contract::auth::v1::Role as Wire;

/// What a person is in the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything, people and policies among it.
    Admin,
    /// Principal investigator.
    Pi,
    /// Creates runs, edits samples and instruments.
    Engineer,
    /// Executes runs, moves samples.
    Technician,
    /// Reads.
    Viewer,
}

use Role::{Admin, Engineer, Pi, Technician, Viewer};

const ALL: &[Role] = &[Admin, Pi, Engineer, Technician, Viewer];
const HANDS: &[Role] = &[Admin, Pi, Engineer, Technician];
const MAKERS: &[Role] = &[Admin, Pi, Engineer];
const LEADS: &[Role] = &[Admin, Pi];
const ADMINS: &[Role] = &[Admin];

/// Each permission that a method may ask for, sorted, and the roles that hold it.
const PERMISSIONS: &[(&str, &[Role])] = &[
    ("audit.read", LEADS),
    ("calibrations.read", ALL),
    ("calibrations.review", LEADS),
    ("calibrations.write", MAKERS),
    ("instruments.read", ALL),
    ("instruments.return", LEADS),
    ("instruments.take_out", HANDS),
    ("instruments.write", MAKERS),
    ("organization.write", ADMINS),
    ("policies.write", ADMINS),
    ("projects.read", ALL),
    ("projects.write", LEADS),
    ("recipes.approve", LEADS),
    ("recipes.read", ALL),
    ("recipes.write", MAKERS),
    ("runs.create", MAKERS),
    ("runs.create_non_routine", LEADS),
    ("runs.operate", HANDS),
    ("runs.read", ALL),
    ("samples.move", HANDS),
    ("samples.read", ALL),
    ("samples.release", LEADS),
    ("samples.write", MAKERS),
    ("users.read", ALL),
    ("users.write", ADMINS),
];

/// Every permission there is, sorted.
pub fn permissions() -> impl Iterator<Item = &'static str> {
    PERMISSIONS.iter().map(|(permission, _)| *permission)
}

impl Role {
    /// Every role, the most powerful first.
    pub const ALL: &[Self] = ALL;

    /// Whether the role holds the permission; an unknown one is held by nobody.
    #[must_use]
    pub fn may(self, permission: &str) -> bool {
        PERMISSIONS
            .binary_search_by_key(&permission, |(name, _)| name)
            .is_ok_and(|at| PERMISSIONS[at].1.contains(&self))
    }

    /// What the role holds, sorted.
    pub fn permissions(self) -> impl Iterator<Item = &'static str> {
        PERMISSIONS.iter().filter(move |(_, roles)| roles.contains(&self)).map(|(name, _)| *name)
    }

    /// As it is written in tokens and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Admin => "admin",
            Pi => "pi",
            Engineer => "engineer",
            Technician => "technician",
            Viewer => "viewer",
        }
    }

    /// As it is written in tokens and tables.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ALL.iter().copied().find(|role| role.as_str() == text)
    }

    /// As the contract has it.
    #[must_use]
    pub const fn to_wire(self) -> Wire {
        match self {
            Admin => Wire::Admin,
            Pi => Wire::Pi,
            Engineer => Wire::Engineer,
            Technician => Wire::Technician,
            Viewer => Wire::Viewer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_permission_is_in_the_table_and_the_table_is_sorted() {
        assert!(PERMISSIONS.is_sorted_by_key(|(name, _)| *name));
        let mut declared: Vec<_> = contract::methods()
            .filter_map(|method| match &method.access {
                contract::Access::Permission(permission) => Some(permission.as_str()),
                _ => None,
            })
            .collect();
        declared.sort_unstable();
        declared.dedup();
        assert_eq!(declared, permissions().collect::<Vec<_>>());
    }

    #[test]
    fn a_viewer_only_reads_and_an_unknown_permission_is_nobodys() {
        assert!(Viewer.permissions().all(|permission| permission.ends_with(".read")));
        assert!(!Admin.may("samples.destroy"));
        assert!(Technician.may("runs.operate") && !Technician.may("runs.create"));
    }
}

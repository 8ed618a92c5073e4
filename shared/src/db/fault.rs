//! What a failed statement means to the caller, where the query itself has nothing better to say.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

use crate::error::{Error, Kind, Reason};

/// A failure that no rule of the domain explains: the database is away, time ran out, or it is our fault.
///
/// Queries first say what NotFound and each constraint mean to them; the rest comes here.
pub fn fault(error: Diesel) -> Error {
    match &error {
        Diesel::DatabaseError(DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection, _)
        | Diesel::BrokenTransactionManager => unreachable().caused_by(error),
        Diesel::DatabaseError(_, info) if info.message().contains("statement timeout") => {
            Error::new(Kind::Deadline, Reason::DeadlineExceeded, "time ran out").caused_by(error)
        }
        // Of two that wait for each other, the database ends one, with nothing done.
        Diesel::DatabaseError(_, info) if info.message().contains("deadlock detected") => {
            Error::unavailable(Reason::Overloaded, "another change was in the way; try again in a moment")
                .caused_by(error)
        }
        Diesel::DatabaseError(_, info) if is_shutdown(info.message()) => unreachable().caused_by(error),
        _ => Error::internal(error),
    }
}

/// The database cannot be reached.
pub(super) fn unreachable() -> Error {
    Error::unavailable(Reason::DatabaseUnavailable, "the database cannot be reached; try again in a moment")
}

fn is_shutdown(message: &str) -> bool {
    message.contains("terminating connection")
        || message.contains("the database system is")
        || message.contains("too many clients")
        || message.contains("remaining connection slots")
}

/// The name of the constraint that a statement broke.
#[must_use]
pub fn constraint(error: &Diesel) -> Option<&str> {
    match error {
        Diesel::DatabaseError(
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ForeignKeyViolation,
            info,
        ) => info.constraint_name(),
        _ => None,
    }
}

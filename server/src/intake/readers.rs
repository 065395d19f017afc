//! Roles that decide about entries, and roles that may read what is in custody.

use crate::{auth::actor::Staff, kernel::failure::Failure};
use protocol::{area::Area, problem::ProblemCode, role::Role};

/// Roles that decide about entries in the review queue.
pub(super) const REVIEWERS: &[Role] = &[Role::ShiftLeader, Role::Supervisor];

/// Roles that may read parcels and the completeness of streams.
pub(super) const INSPECTORS: &[Role] = &[Role::ShiftLeader, Role::Supervisor, Role::Admin];

/// Checks that a reviewer reaches what lies in `area`; `None`: there is no such thing.
///
/// # Errors
/// `request.not_found`, `auth.scope`.
pub(super) fn reach(staff: &Staff, area: Option<Area>) -> Result<(), Failure> {
    let area = area.ok_or_else(|| Failure::of(ProblemCode::NotFound))?;
    let is_reached = staff.areas(REVIEWERS).iter().any(|reach| reach.covers(area));
    is_reached
        .then_some(())
        .ok_or_else(|| Failure::of(ProblemCode::OutOfScope))
}

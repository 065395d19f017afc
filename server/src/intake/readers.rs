//! Roles that decide about entries, and roles that may read what is in custody.

use protocol::role::Role;

/// Roles that decide about entries in the review queue.
pub(super) const REVIEWERS: &[Role] = &[Role::ShiftLeader, Role::Supervisor];

/// Roles that may read parcels and the completeness of streams.
pub(super) const INSPECTORS: &[Role] = &[Role::ShiftLeader, Role::Supervisor, Role::Admin];

//! Which roles decide about entries and inspect custody.

use protocol::role::Role;

/// Roles that decide about entries in the review queue.
pub(super) const REVIEWERS: &[Role] = &[Role::ShiftLeader, Role::Supervisor];

/// Roles that may read parcels and the completeness of streams.
pub(super) const INSPECTORS: &[Role] = &[Role::ShiftLeader, Role::Supervisor, Role::Admin];

//! Which roles decide about entries and inspect custody.

use protocol::role::Role;

/// Who decides about what is late or crossing, and who inspects.
pub(super) const REVIEWERS: &[Role] = &[Role::ShiftLeader, Role::Supervisor];

/// Who may ask how complete a stream is.
pub(super) const INSPECTORS: &[Role] = &[Role::ShiftLeader, Role::Supervisor, Role::Admin];

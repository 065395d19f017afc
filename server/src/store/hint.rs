//! Hints: what another replica or task may look at after a commit.

/// "Look there": sent after COMMIT to everybody who listens, on every replica. Only a hint: it may come twice,
/// late or never, and nobody may depend on it for more than speed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hint {
    /// The mailbox of this name has something new.
    Mailbox(String),
    /// The job table has something due.
    Jobs,
    /// A grid took force.
    Grids,
    /// Hints of other replicas may have been missed (the connection was away): look everywhere.
    All,
}

//! Hints: after a commit they tell other tasks and replicas where to look.

/// Sent after COMMIT to those who listen for it on all replicas. A hint may arrive twice, late or never, so only latency may
/// depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hint {
    /// The mailbox of this name has new rows.
    Mailbox(String),
    /// The stream of this id has ended: it was revoked.
    Ended(String),
    /// A background job is due.
    Jobs,
    /// A grid took force.
    Grids,
    /// Hints of other replicas may be lost (the connection was down): look everywhere.
    All,
}

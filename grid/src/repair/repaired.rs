//! The counts of what was put right.

/// What was put right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Repaired {
    /// Vertices that were moved onto a vertex of another area.
    pub snapped: usize,
    /// Vertices that were added to a border, because a vertex of another area lies on it.
    pub inserted: usize,
    /// The largest move of a vertex or of a border, in metres.
    pub largest_move_m: f64,
}

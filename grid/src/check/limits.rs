//! The measures that the checker applies.

/// What the checker asks of measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckLimits {
    /// Least area of a cell in square metres.
    pub cell_m2: f64,
    /// Least width of a cell in metres.
    pub width_m: f64,
    /// Greatest area of an urban community in square metres.
    pub urban_community_m2: f64,
    /// Findings of one kind that are listed; the others are only counted.
    pub listed: usize,
}

impl Default for CheckLimits {
    fn default() -> Self {
        Self {
            cell_m2: 100.0,
            width_m: 2.0,
            urban_community_m2: 900_000.0,
            listed: 200,
        }
    }
}

//! The limits that the check applies.

/// Limits of areas and widths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckLimits {
    /// Minimum area of a cell in square metres.
    pub cell_m2: f64,
    /// Minimum width of a cell in metres.
    pub width_m: f64,
    /// Maximum area of an urban community in square metres.
    pub urban_community_m2: f64,
    /// Maximum number of listed findings per kind; further ones are only counted.
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

//! The limits that the check applies.

/// Limits of areas and widths. The extents are tested before anything is allocated for them, so that a file in metres of
/// some projected system, read as degrees, costs nothing.
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
    /// Vertices and borders of different areas that are closer than this many metres are taken for the same; 0 for none.
    pub snap_m: f64,
    /// Parts of a grid that touch nowhere and are closer than this many metres have a gap between them. Only for files
    /// without an outline.
    pub gap_m: f64,
    /// Maximum extent of the file from west to east and from south to north, in degrees.
    pub extent_degrees: f64,
    /// Maximum area of a cell in square metres.
    pub largest_cell_m2: f64,
    /// Maximum number of vertices of a cell.
    pub cell_vertices: usize,
}

impl CheckLimits {
    /// The default limits without any tolerance, as for a grid that this program cut.
    pub fn exact() -> Self {
        Self {
            snap_m: 0.0,
            ..Self::default()
        }
    }
}

impl Default for CheckLimits {
    fn default() -> Self {
        Self {
            cell_m2: 100.0,
            width_m: 2.0,
            urban_community_m2: 900_000.0,
            listed: 200,
            // The coordinates of a file have about 1 cm; two programs that rounded differ by 2 or 3 cm.
            snap_m: 0.05,
            gap_m: 30.0,
            // 若羌县, the largest county, has 7.0 by 5.4 degrees.
            extent_degrees: 8.0,
            largest_cell_m2: 100_000_000.0,
            cell_vertices: 10_000,
        }
    }
}

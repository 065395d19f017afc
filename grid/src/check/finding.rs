//! A finding of the check: one fault of a grid file, with its kind and position.

use protocol::geo::PointE7;
use serde::Serialize;

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// Not a polygon: another geometry, or several parts.
    NotAPolygon,
    /// A polygon with a hole.
    Hole,
    /// A coordinate that is not a number or not on the globe.
    Coordinate,
    /// A ring whose last position does not repeat the first.
    RingOpen,
    /// A ring of fewer than three vertices.
    RingShort,
    /// A ring that runs clockwise or has no area.
    RingTurned,
    /// A vertex that occurs twice in a ring.
    VertexTwice,
    /// A ring that crosses or touches itself.
    SelfIntersection,
    /// Not 6, 8, 10 or 12 digits, or a number of digits that does not match its level.
    CodeMalformed,
    /// A code that occurs twice.
    CodeTwice,
    /// A serial 00.
    CodeZero,
    /// A code whose parent is not in the file although its level is.
    ParentMissing,
    /// The union of the children differs from their parent: a wrong parent, or a moved border.
    ParentShape,
    /// An area that two cells claim.
    Overlap,
    /// An area that no cell claims.
    Gap,
    /// A border whose two sides have different vertices, although they claim the same area.
    UnmatchedBorder,
    /// A cell too small, or too thin at some position.
    Sliver,
    /// An urban community above the maximum area.
    UrbanTooLarge,
    /// The file contains no cell.
    NoCells,
}

impl FindingKind {
    /// The stable dotted code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAPolygon => "grid.not_a_polygon",
            Self::Hole => "grid.hole",
            Self::Coordinate => "grid.coordinate",
            Self::RingOpen => "grid.ring_open",
            Self::RingShort => "grid.ring_short",
            Self::RingTurned => "grid.ring_turned",
            Self::VertexTwice => "grid.vertex_twice",
            Self::SelfIntersection => "grid.self_intersection",
            Self::CodeMalformed => "grid.code_malformed",
            Self::CodeTwice => "grid.code_twice",
            Self::CodeZero => "grid.code_zero",
            Self::ParentMissing => "grid.parent_missing",
            Self::ParentShape => "grid.parent_shape",
            Self::Overlap => "grid.overlap",
            Self::Gap => "grid.gap",
            Self::UnmatchedBorder => "grid.unmatched_border",
            Self::Sliver => "grid.sliver",
            Self::UrbanTooLarge => "grid.urban_too_large",
            Self::NoCells => "grid.no_cells",
        }
    }
}

impl Serialize for FindingKind {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

/// One fault, with its position and the areas concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The kind; serialised as its stable code.
    pub kind: FindingKind,
    /// Codes of the areas concerned (or `feature N` where there is no code).
    pub codes: Vec<String>,
    /// Position of the fault, if it has one (WGS-84).
    pub place: Option<PointE7>,
    /// Details for people.
    pub detail: String,
}

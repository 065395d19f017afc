//! What the checker reports: one fault of a grid file, with its kind and place.

use protocol::geo::PointE7;
use serde::Serialize;

/// What kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// No polygon: another geometry, or several parts.
    NotAPolygon,
    /// A polygon with a hole.
    Hole,
    /// A coordinate that is no number or not on the globe.
    Coordinate,
    /// A ring whose last position does not repeat the first.
    RingOpen,
    /// A ring of fewer than three vertices.
    RingShort,
    /// A ring that runs clockwise or encloses nothing.
    RingTurned,
    /// A vertex that occurs twice in a ring.
    VertexTwice,
    /// A ring that crosses or touches itself.
    SelfIntersection,
    /// Not 6, 8, 10 or 12 digits, or not those of its level.
    CodeMalformed,
    /// A code that occurs twice.
    CodeTwice,
    /// A serial 00.
    CodeZero,
    /// A code whose parent is not in the file although its level is.
    ParentMissing,
    /// The children do not make up their parent: a wrong parent, or a border moved.
    ParentShape,
    /// Ground that two cells claim.
    Overlap,
    /// Ground that no cell claims.
    Gap,
    /// A border whose two sides have different vertices, though they claim the same ground.
    UnmatchedBorder,
    /// A cell too small or too thin anywhere.
    Sliver,
    /// An urban community above its largest area.
    UrbanTooLarge,
    /// Not one cell in the file.
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

/// One fault, with where it is and whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Kind; its stable code is what is serialised.
    pub kind: FindingKind,
    /// Codes of the areas concerned (or `feature N` where there is no code).
    pub codes: Vec<String>,
    /// Where to look, when the fault has a place.
    pub place: Option<PointE7>,
    /// The particulars for people.
    pub detail: String,
}

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
    /// A ring without area.
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
    /// The file extends over more than a county does.
    Extent,
    /// A cell above the maximum area.
    CellTooLarge,
    /// More vertices or crossings than can be checked.
    TooComplex,
    /// An area of cells outside the outline.
    Outside,
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
            Self::Extent => "grid.extent",
            Self::CellTooLarge => "grid.cell_too_large",
            Self::TooComplex => "grid.too_complex",
            Self::Outside => "grid.outside",
            Self::NoCells => "grid.no_cells",
        }
    }

    /// The fault in Chinese, for the console.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::NotAPolygon => "不是单个多边形",
            Self::Hole => "多边形有洞",
            Self::Coordinate => "坐标不是经纬度",
            Self::RingOpen => "边界没有闭合",
            Self::RingShort => "边界不足三个顶点",
            Self::RingTurned => "边界没有面积",
            Self::VertexTwice => "同一顶点经过两次",
            Self::SelfIntersection => "边界自相交",
            Self::CodeMalformed => "编码格式不对",
            Self::CodeTwice => "编码重复",
            Self::CodeZero => "编码含 00",
            Self::ParentMissing => "缺上级区域",
            Self::ParentShape => "与上级区域边界不符",
            Self::Overlap => "重叠",
            Self::Gap => "缝隙",
            Self::UnmatchedBorder => "两侧边界顶点不一致",
            Self::Sliver => "过小或过窄",
            Self::UrbanTooLarge => "社区过大",
            Self::Extent => "范围超出一个县区",
            Self::CellTooLarge => "单元网格过大",
            Self::TooComplex => "数据过于复杂，无法检查",
            Self::Outside => "超出边界",
            Self::NoCells => "没有单元网格",
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

//! The checker: the gate every grid has to pass before it is packed, real data as well as what we cut ourselves.
//!
//! It reads plain GeoJSON and knows nothing of the cutter. Whatever decides is integer arithmetic; floats only
//! measure areas and widths. A file may hold all four levels or only cells. With a county outline in the file the cells
//! have to cover it exactly; without one, gaps are the holes enclosed by cells.
//!
//! What it proves when it finds nothing: every ring is simple, no two cells share any ground, every border inside has
//! two owners with the same vertices, the cells cover the outline, children make up their parents, codes are unique
//! and nest.

mod codes;
mod cover;
mod rings;

use protocol::geo::PointE7;
use serde::Serialize;

use crate::geojson::{GeoJsonError, LooseFile, read};
use crate::level::Level;

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

/// What the checker asks of measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Least area of a cell in square metres.
    pub cell_m2: f64,
    /// Least width of a cell in metres.
    pub width_m: f64,
    /// Greatest area of an urban community in square metres.
    pub urban_community_m2: f64,
    /// Findings of one kind that are listed; the others are only counted.
    pub listed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cell_m2: 100.0,
            width_m: 2.0,
            urban_community_m2: 900_000.0,
            listed: 200,
        }
    }
}

/// The checker's answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// What is wrong, in the order of kinds. Empty means valid.
    pub findings: Vec<Finding>,
    /// Findings beyond [`Limits::listed`], counted but not listed.
    pub unlisted: usize,
    /// Cells in the file.
    pub cells: usize,
    /// Vertices of all cells.
    pub vertices: usize,
    /// Coordinates rounded to 1e-7 degree.
    pub rounded: usize,
    /// Positions whose third value was left out.
    pub third_values: usize,
    /// Narrowest place of any cell, metres; `None` without cells.
    pub narrowest_m: Option<f64>,
}

impl Report {
    /// Nothing was found.
    pub fn is_valid(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Checks the text of a GeoJSON file. The only error is a text that is no FeatureCollection.
pub fn check(text: &str, limits: &Limits) -> Result<Report, GeoJsonError> {
    Ok(check_file(read(text)?, limits))
}

/// Checks a file that was read already.
pub fn check_file(mut file: LooseFile, limits: &Limits) -> Report {
    let mut findings = std::mem::take(&mut file.findings);
    let cells: Vec<_> = file
        .areas
        .iter()
        .filter(|a| a.area.level == Level::Cell)
        .collect();
    if cells.is_empty() {
        findings.push(Finding {
            kind: FindingKind::NoCells,
            codes: vec![],
            place: None,
            detail: "no cell in the file".into(),
        });
    }
    let vertices = cells.iter().map(|c| c.area.ring.len()).sum();
    let cell_count = cells.len();
    codes::check(&file.areas, &mut findings);
    let narrowest_m = rings::check(&file.areas, limits, &mut findings);
    cover::check(&file.areas, &mut findings);

    findings.sort_by(|a, b| (a.kind, &a.codes, a.place).cmp(&(b.kind, &b.codes, b.place)));
    let mut listed: Vec<Finding> = Vec::new();
    let mut unlisted = 0;
    let mut of_kind = 0;
    for finding in findings {
        of_kind = if listed.last().is_some_and(|l| l.kind == finding.kind) {
            of_kind + 1
        } else {
            1
        };
        if of_kind <= limits.listed {
            listed.push(finding);
        } else {
            unlisted += 1;
        }
    }
    Report {
        findings: listed,
        unlisted,
        cells: cell_count,
        vertices,
        rounded: file.rounded,
        third_values: file.third_values,
        narrowest_m,
    }
}

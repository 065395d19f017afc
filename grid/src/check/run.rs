//! Runs all checks over one file and sorts the findings.

use serde::Serialize;

use super::finding::{Finding, FindingKind};
use super::limits::CheckLimits;
use super::{bounds, codes, cover, rings};
use crate::geojson::{GeoJsonError, GridFeature, read};
use crate::level::Level;
use crate::loose::{LooseArea, LooseFile};
use crate::pack::Pack;
use crate::repair::repair;

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CheckReport {
    /// Faults, in the order of kinds. Empty means valid.
    pub findings: Vec<Finding>,
    /// Findings beyond [`CheckLimits::listed`], counted but not listed.
    pub unlisted: usize,
    /// Cells in the file.
    pub cells: usize,
    /// Vertices of all cells.
    pub vertices: usize,
    /// Coordinates rounded to 1e-7 degree.
    pub rounded: usize,
    /// Positions whose third value (height) was ignored.
    pub third_values: usize,
    /// Smallest width of any cell in metres; `None` without cells.
    pub narrowest_m: Option<f64>,
    /// Clockwise rings that were turned.
    pub turned: usize,
    /// Vertices left out because they equal the one before.
    pub doubled: usize,
    /// Vertices moved onto a vertex of another area within [`CheckLimits::snap_m`].
    pub snapped: usize,
    /// Vertices added to a border because a vertex of another area lies on it.
    pub inserted: usize,
    /// The largest move of a vertex or a border by that, in metres.
    pub largest_move_m: f64,
}

impl CheckReport {
    /// Returns true if there are no findings.
    pub fn is_valid(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Checks the text of a GeoJSON file, whose coordinates are taken for WGS-84. Returns an error only if the text is not a
/// FeatureCollection.
pub fn check(text: &str, limits: &CheckLimits) -> Result<CheckReport, GeoJsonError> {
    Ok(check_file(&mut read(text)?, limits))
}

/// Checks a file in WGS-84 that was already parsed. What is put right, is put right in the file.
pub fn check_file(file: &mut LooseFile, limits: &CheckLimits) -> CheckReport {
    let out_of_bounds = bounds::check(&file.areas, limits);
    if !out_of_bounds.is_empty() {
        file.findings.extend(out_of_bounds);
        return report(file, limits, None);
    }
    let repaired = repair(file, limits.snap_m);
    let mut findings = std::mem::take(&mut file.findings);
    codes::check(&file.areas, &mut findings);
    let narrowest_m = rings::check(&file.areas, limits, &mut findings);
    cover::check(&file.areas, limits, &mut findings);
    file.findings = findings;
    CheckReport {
        snapped: repaired.snapped,
        inserted: repaired.inserted,
        largest_move_m: repaired.largest_move_m,
        ..report(file, limits, narrowest_m)
    }
}

/// Checks the extents of a pack, which was checked when it was made, by whatever program. The report has only these
/// findings.
pub fn check_pack(pack: Pack<'_>, limits: &CheckLimits) -> CheckReport {
    let area = |cell: crate::pack::Cell<'_>| LooseArea {
        area: GridFeature {
            level: Level::Cell,
            code: cell.code.to_string(),
            stat: String::new(),
            name: String::new(),
            is_urban: false,
            ring: cell.ring().map(Into::into).collect(),
        },
        others: Vec::new(),
        hole: None,
    };
    let areas: Vec<LooseArea> = pack.cells().map(area).collect();
    let mut file = LooseFile {
        findings: bounds::check(&areas, limits),
        areas,
        ..LooseFile::default()
    };
    report(&mut file, limits, None)
}

/// Takes the findings of the file, in the order of kinds.
fn report(file: &mut LooseFile, limits: &CheckLimits, narrowest_m: Option<f64>) -> CheckReport {
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
    CheckReport {
        findings: listed,
        unlisted,
        cells: cell_count,
        vertices,
        rounded: file.rounded,
        third_values: file.third_values,
        narrowest_m,
        turned: file.turned,
        doubled: file.doubled,
        ..CheckReport::default()
    }
}

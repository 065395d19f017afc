//! A district that is cut once for all tests, and a small mesh.

use std::sync::OnceLock;

use grid::check::{CheckLimits, CheckReport, FindingKind, check};
use grid::cut::{CutDistrict, CutOptions, Region};
use grid::geojson::{self, GridFeature};
use grid::geom::Pt;
use grid::import::ImportOptions;
use grid::level::Level;
use grid::source::SourceDatum;
use grid::synthetic::mesh;
use protocol::codes::GridVersion;
use protocol::geo::Datum;

pub fn district() -> &'static CutDistrict {
    static CUT: OnceLock<CutDistrict> = OnceLock::new();
    CUT.get_or_init(|| {
        let (districts, divisions) = (
            include_str!("../../data/changchun_districts.geojson"),
            include_str!("../../data/changchun_divisions.json"),
        );
        let options = CutOptions {
            county: "220104".parse().unwrap(),
            grid_version: GridVersion("220104.1".into()),
            outline_source: "test".into(),
            seed: 1,
            numbering: None,
            seat: None,
        };
        Region::read(districts, divisions, Datum::Gcj02)
            .unwrap()
            .cut(&options)
            .unwrap()
    })
}

/// The cells of one community: a small file without an outline.
pub fn community() -> Vec<GridFeature> {
    let code = &district()
        .areas
        .iter()
        .find(|a| a.level == Level::Community && a.is_urban)
        .unwrap()
        .code;
    let own = district()
        .areas
        .iter()
        .filter(|a| a.level == Level::Cell && a.code.starts_with(code.as_str()));
    own.cloned().collect()
}

pub fn checked(areas: &[GridFeature]) -> CheckReport {
    check(
        &geojson::write(&district().metadata, areas).unwrap(),
        &CheckLimits::exact(),
    )
    .unwrap()
}

/// What an operator states about a file that states nothing itself.
pub fn given(version: &str) -> ImportOptions {
    ImportOptions {
        grid_version: Some(GridVersion(version.into())),
        source_datum: Some(SourceDatum::Wgs84),
        ..ImportOptions::default()
    }
}

pub fn kinds(report: &CheckReport) -> Vec<FindingKind> {
    let mut kinds: Vec<_> = report.findings.iter().map(|f| f.kind).collect();
    kinds.dedup();
    kinds
}

/// Position of a cell of the whole district that does not touch the outline.
pub fn inner_cell(areas: &[GridFeature]) -> usize {
    let outline: std::collections::HashSet<Pt> = areas[0].ring.iter().copied().collect();
    areas
        .iter()
        .position(|a| a.level == Level::Cell && !a.ring.iter().any(|p| outline.contains(p)))
        .unwrap()
}

pub fn spoilt(spoil: impl FnOnce(&mut Vec<GridFeature>, usize)) -> CheckReport {
    let mut areas = district().areas.clone();
    let cell = inner_cell(&areas);
    spoil(&mut areas, cell);
    checked(&areas)
}

/// A small mesh as a file with cells only.
pub fn mesh_areas(seed: u64) -> Vec<GridFeature> {
    let area = |(code, ring): (protocol::codes::CellCode, Vec<Pt>)| GridFeature {
        level: Level::Cell,
        code: code.to_string(),
        stat: String::new(),
        name: String::new(),
        is_urban: true,
        ring,
    };
    mesh(5, seed).into_iter().map(area).collect()
}

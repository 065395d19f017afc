//! Files of other programs: numbers, geometry and text that this program would not write.

use grid::check::{CheckLimits, FindingKind, check};
use grid::geojson;
use grid::import::{ImportError, ImportOptions, pack_file};
use grid::pack::PackBuf;
use proptest::prelude::*;
use protocol::geo::PointE7;

use crate::common::{district, given, mesh_areas};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_text_makes_the_check_panic(
        seed in 0u64..50, changes in proptest::collection::vec((any::<prop::sample::Index>(), "[-0-9.,eE\\[\\]{}\":a ]{0,3}"), 1..5),
    ) {
        let mut text = geojson::write(&district().metadata, &mesh_areas(seed)).unwrap();
        for (at, with) in changes {
            let at = (0..=at.index(text.len())).rev().find(|k| text.is_char_boundary(*k)).unwrap();
            let end = (at + with.len()).min(text.len());
            if text.is_char_boundary(end) {
                text.replace_range(at..end, &with);
            }
        }
        if let Ok(report) = check(&text, &CheckLimits::default()) {
            // Every file that passes the check can be packed, unless the name of its datum was hit: the check takes all
            // coordinates for WGS-84.
            let packed = pack_file(text.as_bytes(), &given("x.1"));
            if !matches!(packed, Err(ImportError::Datum(_))) {
                prop_assert_eq!(report.is_valid(), packed.is_ok(), "{:?}", packed.err());
            }
        }
    }
}

fn file(coordinates: &str, kind: &str) -> String {
    format!(
        r#"{{"type":"FeatureCollection","features":[{{"type":"Feature","properties":{{"code":220104010101}},
        "geometry":{{"type":"{kind}","coordinates":{coordinates}}}}}]}}"#
    )
}

#[test]
fn foreign_numbers_are_rounded_once_and_counted() {
    let text = file(
        "[[[1.2530000000001e2, 43.9, 211.5], [125.3010000,43.9 ],\n[125.30100004, 43.901], [125.3,4.3901E+1],[1.2530000000001e2, 43.9, 211.5]]]",
        "Polygon",
    );
    let report = check(&text, &CheckLimits::default()).unwrap();
    assert!(report.is_valid(), "{:?}", report.findings);
    assert_eq!((report.rounded, report.third_values, report.vertices), (3, 2, 4));
    let pack = pack_file(text.as_bytes(), &given("x.1")).unwrap();
    let cell = PackBuf::open(pack.bytes).unwrap();
    assert_eq!(
        cell.view().cells().next().unwrap().ring().nth(2),
        Some(PointE7 {
            lat: 439_010_000,
            lon: 1_253_010_000
        })
    );
    assert_eq!(cell.meta().borders, "as given");
    let err = pack_file(
        text.as_bytes(),
        &ImportOptions {
            grid_version: None,
            ..given("")
        },
    )
    .unwrap_err();
    assert_eq!(err.code(), "grid.import.no_version");
}

#[test]
fn malformed_geometry_is_a_finding_and_never_a_panic() {
    let kind = |coordinates: &str, geometry: &str| {
        check(&file(coordinates, geometry), &CheckLimits::default())
            .unwrap()
            .findings[0]
            .kind
    };
    let ring = "[[125.3,43.9],[125.301,43.9],[125.301,43.901],[125.3,43.9]]";
    let inner = "[[125.3005,43.9001],[125.3006,43.9001],[125.3006,43.9002],[125.3005,43.9001]]";
    assert_eq!(kind("[125.3,43.9]", "Point"), FindingKind::NotAPolygon);
    assert_eq!(
        kind(&format!("[[{ring}],[{inner}]]"), "MultiPolygon"),
        FindingKind::NotAPolygon
    );
    assert_eq!(kind(&format!("[{ring},{inner}]"), "Polygon"), FindingKind::Hole);
    assert_eq!(
        kind("[[[125.3,43.9],[125.301,43.9],[125.301,43.901]]]", "Polygon"),
        FindingKind::RingOpen
    );
    assert_eq!(
        kind("[[[125.3,43.9],[125.301,43.9],[125.3,43.9]]]", "Polygon"),
        FindingKind::RingShort
    );
    for bad in [
        "[[[125.3,91],[1,1],[1,2],[125.3,91]]]",
        "[[[1,\"x\"]]]",
        "[[[1]]]",
        "[[[]]]",
        "[[1,2]]",
        "{}",
        "null",
        "7",
    ] {
        let found = kind(bad, "Polygon");
        assert!(
            matches!(found, FindingKind::Coordinate | FindingKind::NotAPolygon),
            "{bad} {found:?}"
        );
    }
    assert!(check("{\"type\":\"Feature\"}", &CheckLimits::default()).is_err());
    assert!(check("", &CheckLimits::default()).is_err());
}

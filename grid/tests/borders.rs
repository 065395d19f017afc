//! Borders and rectangles of a pack, compared with the outlines of a real district and with brute force.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(feature = "tools")]

use std::collections::BTreeSet;

use grid::borders::{BorderKind, BorderLine, MOST_POINTS, borders};
use grid::cut::{CutDistrict, CutOptions, Region};
use grid::geom::{Bounds, Pt, edges, holds};
use grid::level::Level;
use grid::pack::{PackBuf, PackInput, PackMeta, write};
use grid::synthetic::{SeededRandom, mesh};
use protocol::codes::{CellCode, GridVersion};
use protocol::geo::{Datum, PointE7};

type Segments = BTreeSet<(Pt, Pt)>;

fn packed(cells: Vec<(CellCode, Vec<Pt>)>) -> PackBuf<Vec<u8>> {
    let meta = PackMeta {
        grid_version: GridVersion("220104.1".into()),
        datum: Datum::Wgs84,
        source_datum: Datum::Wgs84,
        source_datum_verified: false,
        county: None,
        source_sha256: String::new(),
        borders: "cut".into(),
    };
    let units = vec![];
    PackBuf::open(write(PackInput { meta, cells, units }).unwrap()).unwrap()
}

fn district() -> CutDistrict {
    let region = Region::read(
        include_str!("../data/changchun_districts.geojson"),
        include_str!("../data/changchun_divisions.json"),
        Datum::Gcj02,
    );
    let options = CutOptions {
        county: "220104".parse().unwrap(),
        grid_version: GridVersion("220104.1".into()),
        outline_source: "unnamed".into(),
        seed: 1,
        numbering: None,
        seat: None,
    };
    region.unwrap().cut(&options).unwrap()
}

fn cells_of(cut: &CutDistrict) -> Vec<(CellCode, Vec<Pt>)> {
    let cells = cut.areas.iter().filter(|area| area.level == Level::Cell);
    cells
        .map(|area| (area.code.parse().unwrap(), area.ring.clone()))
        .collect()
}

fn outlines(cut: &CutDistrict, level: Level) -> Segments {
    let areas = cut.areas.iter().filter(|area| area.level == level);
    areas
        .flat_map(|area| {
            edges(&area.ring)
                .map(|(a, b)| (a.min(b), a.max(b)))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn segments(lines: &[BorderLine], kinds: &[BorderKind]) -> Segments {
    let mut all = Segments::new();
    for line in lines.iter().filter(|line| kinds.contains(&line.kind)) {
        for pair in line.points.windows(2) {
            let (a, b) = (Pt::from(pair[0]), Pt::from(pair[1]));
            assert!(all.insert((a.min(b), a.max(b))), "twice: {a:?} {b:?}");
        }
    }
    all
}

fn ring(corners: &[(i32, i32)]) -> Vec<Pt> {
    corners
        .iter()
        .map(|&(x, y)| Pt::new(x * 1_000, y * 1_000))
        .collect()
}

#[test]
fn the_borders_of_a_real_district_are_the_outlines_it_was_cut_along() {
    let cut = district();
    let buf = packed(cells_of(&cut));
    let lines = borders(buf.view());
    use BorderKind::{Community, Outer, Street};
    assert_eq!(segments(&lines, &[Outer]), outlines(&cut, Level::County));
    assert_eq!(segments(&lines, &[Street, Outer]), outlines(&cut, Level::Street));
    assert_eq!(
        segments(&lines, &[Community, Street, Outer]),
        outlines(&cut, Level::Community)
    );
    assert!(lines.windows(2).all(|pair| pair[0].kind <= pair[1].kind));
    for line in &lines {
        assert!((2..=MOST_POINTS).contains(&line.points.len()));
        assert_eq!(
            Bounds::of(line.points.iter().map(|p| Pt::from(*p))),
            Some(line.bounds)
        );
    }
    // Joined: a line has many sides, not one each.
    let sides = segments(&lines, &[Community, Street, Outer]).len();
    assert!(lines.len() * 8 < sides, "{} lines of {sides} sides", lines.len());
}

#[test]
fn a_vertex_that_only_one_side_of_a_border_has_divides_the_other_side() {
    // Two cells in the south with a vertex between them, one long cell in the north: the T-junction is at (10, 10).
    let south = [
        ring(&[(0, 0), (10, 0), (10, 10), (0, 10)]),
        ring(&[(10, 0), (20, 0), (20, 10), (10, 10)]),
    ];
    let north = ring(&[(0, 10), (20, 10), (20, 20), (0, 20)]);
    let all = |codes: [&str; 3]| {
        let [west, east] = south.clone();
        let cells = codes
            .iter()
            .map(|code| code.parse().unwrap())
            .zip([west, east, north.clone()]);
        borders(packed(cells.collect()).view())
    };
    let of = |lines: &[BorderLine], kind| segments(lines, &[kind]);
    let shared: Segments = [((0, 10), (10, 10)), ((10, 10), (20, 10))]
        .map(|((a, b), (c, d))| (Pt::new(a * 1_000, b * 1_000), Pt::new(c * 1_000, d * 1_000)))
        .into();
    // One community: only the outer border is left.
    let one = all(["220104010101", "220104010102", "220104010103"]);
    assert_eq!(of(&one, BorderKind::Community), Segments::new());
    assert_eq!(of(&one, BorderKind::Outer).len(), 7);
    // The north is another community, then another street.
    let two = all(["220104010101", "220104010102", "220104010201"]);
    assert_eq!(of(&two, BorderKind::Community), shared);
    assert_eq!(of(&two, BorderKind::Outer).len(), 7);
    let streets = all(["220104010101", "220104010102", "220104020101"]);
    assert_eq!(of(&streets, BorderKind::Street), shared);
    assert_eq!(of(&streets, BorderKind::Community), Segments::new());
}

#[test]
fn a_closed_border_is_one_line_that_ends_where_it_begins() {
    let cells = vec![(
        "220104010101".parse().unwrap(),
        ring(&[(0, 0), (10, 0), (10, 10), (0, 10)]),
    )];
    let lines = borders(packed(cells).view());
    let [only] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(only.points.len(), 5);
    assert_eq!(only.points.first(), only.points.last());
}

#[test]
fn the_cells_of_a_rectangle_are_those_that_have_a_point_in_it() {
    let cells = mesh(60, 5);
    let buf = packed(cells.clone());
    let pack = buf.view();
    let all = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())).unwrap();
    let mut chance = SeededRandom::new(3);
    for round in 0..120 {
        // Small ones are answered by the index, large ones by the table.
        let reach = [1, 4_000, 60_000, 1_200_000][round % 4];
        let (x, y) = (
            chance.within(all.min.x - 9_000, all.max.x),
            chance.within(all.min.y - 9_000, all.max.y),
        );
        let area = Bounds {
            min: Pt::new(x, y),
            max: Pt::new(x + chance.within(0, reach), y + chance.within(0, reach)),
        };
        let want: Vec<CellCode> = cells
            .iter()
            .filter(|(_, ring)| edges(ring).any(|(a, b)| area.is_touched_by(a, b)) || holds(ring, area.min))
            .map(|c| c.0)
            .collect();
        let found = |limit| {
            pack.cells_in(&area, limit)
                .map(|cells| cells.iter().map(|c| c.code).collect::<Vec<_>>())
        };
        assert_eq!(found(usize::MAX).as_ref(), Some(&want), "{area:?}");
        assert_eq!(found(want.len()).as_ref(), Some(&want));
        if let Some(fewer) = want.len().checked_sub(1) {
            assert_eq!(found(fewer), None);
        }
    }
    let far = PointE7 { lat: 0, lon: 0 };
    let nowhere = Bounds {
        min: far.into(),
        max: far.into(),
    };
    assert!(pack.cells_in(&nowhere, 1).unwrap().is_empty());
}

#[test]
#[ignore = "prints times; run with --release --ignored --nocapture"]
#[allow(clippy::disallowed_methods)]
fn times_for_a_city_of_100_000_cells() {
    let cells = mesh(321, 11);
    let middle = cells[cells.len() / 2 + 160].1[0];
    let buf = packed(cells);
    let pack = buf.view();
    let metres = |m: i32| Bounds {
        min: Pt::new(middle.x - m * 62, middle.y - m * 45),
        max: Pt::new(middle.x + m * 62, middle.y + m * 45),
    };
    for side in [330, 700, 3_000, 100_000] {
        let start = std::time::Instant::now();
        let mut found = None;
        for _ in 0..100 {
            found = pack.cells_in(&metres(side), usize::MAX);
        }
        println!(
            "{} cells within {side} m: {:?}",
            found.unwrap().len(),
            start.elapsed() / 100
        );
    }
    let start = std::time::Instant::now();
    let lines = borders(pack);
    println!(
        "{} border lines of {} cells: {:?}",
        lines.len(),
        pack.len(),
        start.elapsed()
    );
}

//! Compares the lookup with brute force: equal results everywhere, and one owner on every border.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(feature = "tools")]

mod pack_support;

use grid::geom::{Bounds, Pt, edges};
use grid::pack::{Pack, PackBuf};
use grid::synthetic::{SeededRandom, mesh};
use pack_support::{STYLES, brute, packed_as};
use proptest::prelude::*;
use protocol::codes::CellCode;
use protocol::geo::PointE7;

/// Packs of every style.
struct Packs([PackBuf<Vec<u8>>; 3]);

fn packed(cells: &[(CellCode, Vec<Pt>)]) -> Packs {
    Packs(STYLES.map(|style| packed_as(cells, style)))
}

impl Packs {
    fn view(&self) -> [Pack<'_>; 3] {
        self.0.each_ref().map(PackBuf::view)
    }
}

fn assert_same(packs: &[Pack<'_>], cells: &[(CellCode, Vec<Pt>)], p: Pt) -> Option<CellCode> {
    let want = brute(cells, p).into_iter().min();
    for (pack, style) in packs.iter().zip(STYLES) {
        assert_eq!(pack.cell_at(p.into()), want, "{p:?} {style:?}");
    }
    want
}

#[test]
fn lookup_equals_brute_force_on_vertices_borders_and_anywhere() {
    let cells = mesh(14, 7);
    let buf = packed(&cells);
    let pack = buf.view();
    let all = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())).unwrap();
    let mut chance = SeededRandom::new(1);
    for _ in 0..20_000 {
        let p = Pt::new(
            chance.within(all.min.x - 5_000, all.max.x + 5_000),
            chance.within(all.min.y - 5_000, all.max.y + 5_000),
        );
        assert_same(&pack, &cells, p);
    }
    for (_, ring) in &cells {
        for (a, b) in edges(ring) {
            for (dx, dy) in (-1..=1).flat_map(|x| (-1..=1).map(move |y| (x, y))) {
                assert_same(&pack, &cells, Pt::new(a.x + dx, a.y + dy));
            }
            let t = i64::from(chance.within(0, 1000));
            let on = |s: i32, e: i32| s + i32::try_from(i64::from(e - s) * t / 1000).unwrap();
            for dy in -1..=1 {
                assert_same(&pack, &cells, Pt::new(on(a.x, b.x), on(a.y, b.y) + dy));
            }
        }
    }
}

#[test]
fn every_point_on_a_shared_border_has_exactly_one_owner() {
    let cells = mesh(9, 3);
    let buf = packed(&cells);
    let mut shared = std::collections::BTreeMap::new();
    for (_, ring) in &cells {
        for (a, b) in edges(ring) {
            *shared.entry((a.min(b), a.max(b))).or_insert(0) += 1;
        }
    }
    let rim: std::collections::BTreeSet<Pt> = shared
        .iter()
        .filter(|(_, n)| **n == 1)
        .flat_map(|((a, b), _)| [*a, *b])
        .collect();
    let mut seen = 0;
    for ((a, b), _) in shared.iter().filter(|(_, n)| **n == 2) {
        // Integer points exactly on the border: its endpoints, and those between that divide it evenly.
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let n = gcd(dx.unsigned_abs(), dy.unsigned_abs()).max(1) as i32;
        for k in 0..=n {
            let p = Pt::new(a.x + dx / n * k, a.y + dy / n * k);
            if !rim.contains(&p) {
                assert_eq!(brute(&cells, p).len(), 1, "{p:?}");
                assert_same(&buf.view(), &cells, p);
                seen += 1;
            }
        }
    }
    assert!(seen > 1_000);
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[test]
fn where_cells_overlap_the_lowest_code_wins() {
    let square = |x: i32, y: i32, w: i32| {
        vec![
            Pt::new(x, y),
            Pt::new(x + w, y),
            Pt::new(x + w, y + w),
            Pt::new(x, y + w),
        ]
    };
    let code = |n: u32| format!("2201040101{n:02}").parse::<CellCode>().unwrap();
    let cells: Vec<_> = (1..=20u32)
        .map(|n| {
            (
                code(n),
                square(
                    1_000 * (n as i32 % 7),
                    700 * (n as i32 % 5),
                    40_000 + 9_000 * (n as i32 % 3),
                ),
            )
        })
        .collect();
    let buf = packed(&cells);
    let mut chance = SeededRandom::new(5);
    for _ in 0..20_000 {
        assert_same(
            &buf.view(),
            &cells,
            Pt::new(chance.within(-2_000, 70_000), chance.within(-2_000, 70_000)),
        );
    }
}

#[test]
fn long_edges_and_huge_cells_are_exact_too() {
    let ring = |v: &[(i32, i32)]| v.iter().map(|&(x, y)| Pt::new(x, y)).collect::<Vec<_>>();
    let cells = vec![
        (
            "220104010101".parse().unwrap(),
            ring(&[
                (0, 0),
                (9_000_001, 13),
                (8_999_999, 6_000_000),
                (2_999_999, 1_999_999),
            ]),
        ),
        (
            "220104010102".parse().unwrap(),
            ring(&[
                (0, 0),
                (2_999_999, 1_999_999),
                (8_999_999, 6_000_000),
                (-77, 6_000_001),
            ]),
        ),
    ];
    let buf = packed(&cells);
    let mut chance = SeededRandom::new(9);
    for _ in 0..20_000 {
        let p = Pt::new(chance.within(-1_000, 9_001_000), chance.within(-1_000, 6_001_000));
        assert_same(&buf.view(), &cells, p);
        let x = chance.within(0, 8_999_999);
        let y = i32::try_from(i64::from(x) * 1_999_999 / 2_999_999).unwrap();
        for dy in -1..=1 {
            assert_same(&buf.view(), &cells, Pt::new(x, y + dy));
        }
    }
}

#[test]
fn the_shares_of_a_circle_match_the_covered_areas() {
    let ring = |x: i32| {
        vec![
            Pt::new(x, 0),
            Pt::new(x + 50_000, 0),
            Pt::new(x + 50_000, 50_000),
            Pt::new(x, 50_000),
        ]
    };
    let (west, east): (CellCode, CellCode) =
        ("220104010101".parse().unwrap(), "220104010102".parse().unwrap());
    let cells = [(west, ring(0)), (east, ring(50_000))];
    for style in STYLES {
        shares_match(&packed_as(&cells, style), west, east);
    }
}

fn shares_match(buf: &PackBuf<Vec<u8>>, west: CellCode, east: CellCode) {
    // On the common border: half and half, and the cell that contains the centre first.
    let half = buf.view().candidates(
        PointE7 {
            lat: 25_000,
            lon: 50_000,
        },
        100.0,
    );
    assert_eq!(half.outside, 0.0);
    assert_eq!(
        half.cells.iter().map(|c| (c.cell, c.share)).collect::<Vec<_>>(),
        [(east, 0.5), (west, 0.5)]
    );
    // On the corner of the outer rim: a quarter.
    let corner = buf.view().candidates(PointE7 { lat: 0, lon: 0 }, 100.0);
    assert_eq!((corner.cells.len(), corner.cells[0].cell), (1, west));
    assert!((corner.cells[0].share - 0.25).abs() < 0.01 && (corner.outside - 0.75).abs() < 0.01);
    // Half a radius from a straight border, 19.55 % of the circle are beyond it.
    let off = buf.view().candidates(
        PointE7 {
            lat: 25_000,
            lon: 50_000 + 4_492,
        },
        100.0,
    );
    assert_eq!(off.cells[0].cell, east);
    assert!((off.cells[1].share - 0.1955).abs() < 0.01, "{off:?}");
}

#[test]
fn points_at_the_limits_of_the_globe_are_outside() {
    let buf = packed(&mesh(3, 1));
    for v in [i32::MIN, -1, 0, 1, i32::MAX] {
        for w in [i32::MIN, 0, i32::MAX] {
            for pack in buf.view() {
                assert_eq!(pack.cell_at(PointE7 { lat: v, lon: w }), None);
            }
        }
    }
}

#[test]
fn a_batch_gives_the_answers_of_single_lookups_in_their_order() {
    // Large enough that the batch reads ahead, and a small one that does not need to.
    for side in [5, 80] {
        let cells = mesh(side, 7);
        let all = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())).unwrap();
        let mut chance = SeededRandom::new(4);
        let mut points: Vec<PointE7> = (0..10_001)
            .map(|_| PointE7 {
                lon: chance.within(all.min.x - 20_000, all.max.x + 20_000),
                lat: chance.within(all.min.y - 20_000, all.max.y + 20_000),
            })
            .collect();
        points.push(PointE7 {
            lat: i32::MIN,
            lon: i32::MAX,
        });
        for pack in packed(&cells).view() {
            for some in [&points[..0], &points[..1], &points[..64], &points[..]] {
                let single: Vec<_> = some.iter().map(|&p| pack.cell_at(p)).collect();
                assert_eq!(pack.cells_at(some), single);
                let single: Vec<_> = some.iter().map(|&p| pack.find(p)).collect();
                assert_eq!(pack.find_all(some), single);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// Arbitrary rings: self-crossing, overlapping, of any size, with edges through many buckets.
    #[test]
    fn lookup_equals_brute_force_on_wild_rings(
        rings in proptest::collection::vec((any::<u64>(), 3usize..14, 4u32..21), 1..12),
    ) {
        let cells: Vec<(CellCode, Vec<Pt>)> = (1..)
            .zip(rings)
            .map(|(n, (seed, vertices, scale))| {
                let mut chance = SeededRandom::new(seed);
                let o = Pt::new(chance.within(-300_000, 300_000), chance.within(-300_000, 300_000));
                let r = 1 << scale;
                let ring = (0..vertices).map(|_| Pt::new(o.x + chance.within(-r, r), o.y + chance.within(-r, r)));
                (format!("2201040101{n:02}").parse().unwrap(), ring.collect())
            })
            .collect();
        let buf = packed(&cells);
        let pack = buf.view();
        let all = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())).unwrap();
        let mut chance = SeededRandom::new(8);
        for _ in 0..300 {
            assert_same(&pack, &cells, Pt::new(chance.within(all.min.x, all.max.x), chance.within(all.min.y, all.max.y)));
        }
        for (a, b) in cells.iter().flat_map(|c| edges(&c.1)) {
            for k in 0..=8 {
                let on = |s: i32, e: i32| s + i32::try_from(i64::from(e - s) * k / 8).unwrap();
                for (dx, dy) in [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)] {
                    assert_same(&pack, &cells, Pt::new(on(a.x, b.x) + dx, on(a.y, b.y) + dy));
                }
            }
        }
    }
}

//! Compares the lookup with brute force: equal results everywhere, and one owner on every border.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(feature = "tools")]

use grid::geom::{Bounds, Pt, edges, holds};
use grid::pack::{
    FORMAT_VERSION, Pack, PackBuf, PackInput, PackMeta, PackStyle, PackUnit, UnitLevel, rewrite, write, write_as,
};
use grid::synthetic::{SeededRandom, mesh};
use proptest::prelude::*;
use protocol::codes::{CellCode, GridVersion};
use protocol::geo::{Datum, PointE7};

fn meta() -> PackMeta {
    PackMeta {
        grid_version: GridVersion("999999.1".into()),
        datum: Datum::Wgs84,
        source_datum: Datum::Gcj02,
        source_datum_verified: false,
        county: Some("999999".parse().unwrap()),
        source_sha256: String::new(),
        borders: "cut".into(),
    }
}

const STYLES: [PackStyle; 3] = [PackStyle::First, PackStyle::Server, PackStyle::Handset];

fn packed_as(cells: &[(CellCode, Vec<Pt>)], style: PackStyle) -> PackBuf<Vec<u8>> {
    let input = PackInput {
        meta: meta(),
        cells: cells.to_vec(),
        units: vec![],
    };
    PackBuf::open(write_as(input, style).unwrap()).unwrap()
}

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

/// Returns all cells that contain the point, by testing every edge of every cell; the lowest code first.
fn brute(cells: &[(CellCode, Vec<Pt>)], p: Pt) -> Vec<CellCode> {
    let near = |r: &[Pt]| Bounds::of(r.iter().copied()).unwrap().contains(p);
    cells
        .iter()
        .filter(|(_, r)| near(r) && holds(r, p))
        .map(|c| c.0)
        .collect()
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

fn small(style: PackStyle) -> Vec<u8> {
    packed_as(&mesh(4, 2), style).bytes().to_vec()
}

/// Recomputes the hash of corrupted bytes, so that the checks after the hash check are tested too.
fn reseal(bytes: &mut [u8]) {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(&bytes[48..]);
    bytes[16..48].copy_from_slice(&digest);
}

#[test]
fn any_changed_byte_is_rejected() {
    for good in STYLES.map(small) {
        for at in (0..good.len()).step_by(97) {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            assert!(Pack::open(&bad).is_err(), "byte {at}");
        }
        assert_eq!(
            Pack::open(&good[..good.len() - 1]).unwrap_err().code(),
            "grid.pack.length"
        );
        assert_eq!(Pack::open(b"").unwrap_err().code(), "grid.pack.not_a_pack");
        for unknown in [0, 3] {
            let mut other = good.clone();
            other[8] = unknown;
            assert_eq!(Pack::open(&other).unwrap_err().code(), "grid.pack.version");
        }
        // The other format's number over these bytes, with a good hash: refused by what follows.
        let mut other = good.clone();
        other[8] ^= 3;
        assert!(Pack::open(&other).is_err());
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let mut cells = mesh(6, 2);
    for style in STYLES {
        let first = packed_as(&cells, style);
        cells.reverse();
        assert_eq!(first.bytes(), packed_as(&cells, style).bytes());
    }
}

/// A pack as the first version of this program wrote it, of `mesh(6, 2)` and two names.
const OLD: &[u8] = include_bytes!("data/packs/format-1.pack");

fn named() -> PackInput {
    let unit = |level, code: &str, name: &str, stat: &str| PackUnit {
        level,
        code: code.into(),
        name: name.into(),
        stat: stat.into(),
        is_urban: true,
    };
    PackInput {
        meta: meta(),
        cells: mesh(6, 2),
        units: vec![
            unit(UnitLevel::Street, "99999901", "测试街道", "999999001"),
            unit(UnitLevel::Community, "9999990101", "测试社区", "999999001001"),
        ],
    }
}

#[test]
fn old_packs_stay_readable_and_can_still_be_written() {
    assert_eq!(FORMAT_VERSION, 2);
    let old = PackBuf::open(OLD).unwrap();
    assert!(write(named()).unwrap() == OLD, "format 1 is written as ever");
    assert!(rewrite(old.view(), PackStyle::First).unwrap() == OLD);
    let cells = mesh(6, 2);
    let all = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())).unwrap();
    let mut chance = SeededRandom::new(2);
    for style in [PackStyle::Server, PackStyle::Handset] {
        let new = rewrite(old.view(), style).unwrap();
        assert!(new == write_as(named(), style).unwrap(), "from the input or from the old pack");
        assert!(rewrite(Pack::open(&new).unwrap(), PackStyle::First).unwrap() == OLD, "and back");
        let new = PackBuf::open(new).unwrap();
        assert_eq!(new.meta(), old.meta());
        for _ in 0..20_000 {
            let p = Pt::new(
                chance.within(all.min.x - 5_000, all.max.x + 5_000),
                chance.within(all.min.y - 5_000, all.max.y + 5_000),
            );
            let want = brute(&cells, p).into_iter().min();
            assert_eq!((old.view().cell_at(p.into()), new.view().cell_at(p.into())), (want, want));
        }
    }
}

/// Everything but the lookup: the cells with what is said of them, rectangles, circles, and the nearest cells.
#[test]
fn packs_of_every_style_say_the_same() {
    let cells = mesh(14, 7);
    let packs = packed(&cells);
    let [first, others @ ..] = packs.view();
    let all = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())).unwrap();
    for other in others {
        assert_eq!((first.len(), other.len()), (cells.len(), cells.len()));
        for (a, b) in first.cells().zip(other.cells()) {
            assert_eq!((a.code, a.centroid(), a.area_m2()), (b.code, b.centroid(), b.area_m2()));
            assert!(a.ring().eq(b.ring()) && a.neighbours().eq(b.neighbours()), "{:?}", a.code);
            assert!(a.neighbours().count() > 0);
            assert_eq!(first.handle(a.code), other.handle(a.code));
        }
        let mut chance = SeededRandom::new(3);
        for k in 0..400 {
            let p = Pt::new(
                chance.within(all.min.x - 9_000, all.max.x + 9_000),
                chance.within(all.min.y - 9_000, all.max.y + 9_000),
            );
            for radius in [0.5, 7.0, 30.0, 80.0, 333.0, 3e6] {
                assert_eq!(first.candidates(p.into(), radius), other.candidates(p.into(), radius));
            }
            assert_eq!(first.nearest(p.into()), other.nearest(p.into()));
            assert_eq!(first.nearest_cells(p.into(), 4), other.nearest_cells(p.into(), 4));
            let area = Bounds {
                min: p,
                max: Pt::new(p.x + 900 * k, p.y + 400 * k),
            };
            let codes = |pack: &Pack<'_>| -> Vec<CellCode> {
                pack.cells_in(&area, usize::MAX).unwrap().iter().map(|c| c.code).collect()
            };
            assert_eq!(codes(&first), codes(&other));
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
        points.push(PointE7 { lat: i32::MIN, lon: i32::MAX });
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

#[test]
fn a_server_pack_is_smaller_than_350_bytes_a_cell_and_a_handset_pack_than_200() {
    let cells = mesh(50, 11);
    for (style, most) in [(PackStyle::Server, 350), (PackStyle::Handset, 200)] {
        let bytes = packed_as(&cells, style).bytes().len() / cells.len();
        assert!(bytes <= most, "{style:?}: {bytes}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn hostile_bytes_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_header in any::<bool>(),
        style in prop::sample::select(STYLES.to_vec()),
    ) {
        let mut bytes = small(style);
        let reach = if in_header { 200 } else { bytes.len() };
        for (at, v) in &changes {
            let at = at.index(reach);
            bytes[at] = *v;
        }
        reseal(&mut bytes);
        if let Ok(pack) = Pack::open(&bytes) {
            let mut chance = SeededRandom::new(4);
            for _ in 0..200 {
                let p = PointE7 {
                    lon: chance.within(1_251_990_000, 1_252_060_000),
                    lat: chance.within(437_990_000, 438_040_000),
                };
                let _ = pack.cell_at(p);
            }
            let p = PointE7 { lon: 1_252_000_000, lat: 438_000_000 };
            let _ = (pack.candidates(p, 50.0), pack.nearest(p), pack.units().count());
            let _ = (pack.candidates(p, 5e5), pack.cells_at(&[p; 3]), pack.find_all(&[p; 70]));
            let area = Bounds { min: p.into(), max: Pt::new(p.lon + 9_000, p.lat + 90_000) };
            let _ = pack.cells_in(&area, 1_000);
            for cell in pack.cells() {
                let _ = (cell.ring().count(), cell.neighbours().count(), cell.centroid(), cell.community());
            }
        }
    }

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

    #[test]
    fn random_noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        for version in [1, 2] {
            let mut bytes = b"XGPACK\r\n\x01\x00\x09\x00".to_vec();
            bytes[8] = version;
            bytes.extend(&noise);
            prop_assert!(Pack::open(&bytes).is_err());
        }
    }
}

//! The file: old packs stay readable, every style says the same, and invalid bytes give an error and never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![cfg(feature = "tools")]

mod pack_support;

use grid::cut::{CutOptions, Region};
use grid::geojson;
use grid::geom::{Bounds, Pt};
use grid::import::{ImportOptions, pack_file};
use grid::pack::{
    FORMAT_VERSION, Pack, PackBuf, PackError, PackFile, PackFileError, PackInput, PackStyle, PackUnit,
    ReadAt, UnitLevel, rewrite, write, write_as,
};
use grid::synthetic::{SeededRandom, mesh};
use pack_support::{STYLES, brute, meta, packed_as};
use proptest::prelude::*;
use protocol::codes::{CellCode, GridVersion};
use protocol::geo::{Datum, PointE7};

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
        assert!(
            new == write_as(named(), style).unwrap(),
            "from the input or from the old pack"
        );
        assert!(
            rewrite(Pack::open(&new).unwrap(), PackStyle::First).unwrap() == OLD,
            "and back"
        );
        let new = PackBuf::open(new).unwrap();
        assert_eq!(new.meta(), old.meta());
        for _ in 0..20_000 {
            let p = Pt::new(
                chance.within(all.min.x - 5_000, all.max.x + 5_000),
                chance.within(all.min.y - 5_000, all.max.y + 5_000),
            );
            let want = brute(&cells, p).into_iter().min();
            assert_eq!(
                (old.view().cell_at(p.into()), new.view().cell_at(p.into())),
                (want, want)
            );
        }
    }
}

/// Everything but the lookup: the cells with what is said of them, rectangles, circles, and the nearest cells.
#[test]
fn packs_of_every_style_say_the_same() {
    let cells = mesh(14, 7);
    let packs = STYLES.map(|style| packed_as(&cells, style));
    let [first, others @ ..] = packs.each_ref().map(PackBuf::view);
    let all = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())).unwrap();
    for other in others {
        assert_eq!((first.len(), other.len()), (cells.len(), cells.len()));
        for (a, b) in first.cells().zip(other.cells()) {
            assert_eq!(
                (a.code, a.centroid(), a.area_m2()),
                (b.code, b.centroid(), b.area_m2())
            );
            assert!(
                a.ring().eq(b.ring()) && a.neighbours().eq(b.neighbours()),
                "{:?}",
                a.code
            );
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
                assert_eq!(
                    first.candidates(p.into(), radius),
                    other.candidates(p.into(), radius)
                );
            }
            assert_eq!(first.nearest(p.into()), other.nearest(p.into()));
            assert_eq!(first.nearest_cells(p.into(), 4), other.nearest_cells(p.into(), 4));
            let area = Bounds {
                min: p,
                max: Pt::new(p.x + 900 * k, p.y + 400 * k),
            };
            let codes = |pack: &Pack<'_>| -> Vec<CellCode> {
                pack.cells_in(&area, usize::MAX)
                    .unwrap()
                    .iter()
                    .map(|c| c.code)
                    .collect()
            };
            assert_eq!(codes(&first), codes(&other));
        }
    }
}

/// A district of Changchun with its real outline, as the server packs it for handsets.
fn district() -> Vec<u8> {
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
    let cut = region.unwrap().cut(&options).unwrap();
    let text = geojson::write(&cut.metadata, &cut.areas).unwrap();
    pack_file(text.as_bytes(), &ImportOptions::default())
        .unwrap()
        .bytes
}

#[test]
fn pack_2_a_real_district_answers_alike_on_every_border_in_two_fifths_of_the_bytes() {
    let first = PackBuf::open(district()).unwrap();
    let old = first.view();
    let rewritten =
        [PackStyle::Server, PackStyle::Handset].map(|s| PackBuf::open(rewrite(old, s).unwrap()).unwrap());
    let per_cell = |pack: &PackBuf<Vec<u8>>| pack.bytes().len() / old.len();
    let [server, handset] = rewritten.each_ref();
    println!(
        "220104: {} cells; bytes a cell: format 1 {}, server {}, handset {} ({} bytes instead of {})",
        old.len(),
        per_cell(&first),
        per_cell(server),
        per_cell(handset),
        handset.bytes().len(),
        first.bytes().len()
    );
    assert!(
        per_cell(handset) * 5 <= per_cell(&first) * 2,
        "{}",
        handset.view().sizes()
    );
    assert_eq!(
        (old.units().count(), server.meta(), handset.meta()),
        (handset.view().units().count(), first.meta(), first.meta())
    );
    let mut points: Vec<PointE7> = Vec::new();
    let mut chance = SeededRandom::new(8);
    for cell in old.cells() {
        let ring: Vec<Pt> = cell.ring().map(Pt::from).collect();
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            for (dx, dy) in [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)] {
                points.push(Pt::new(a.x + dx, a.y + dy).into());
            }
            let t = i64::from(chance.within(0, 1_000));
            let on = |s: i32, e: i32| s + i32::try_from(i64::from(e - s) * t / 1_000).unwrap();
            points.push(Pt::new(on(a.x, b.x), on(a.y, b.y)).into());
        }
    }
    let all = Bounds::of(points.iter().map(|p| Pt::from(*p))).unwrap();
    points.extend((0..200_000).map(|_| PointE7 {
        lon: chance.within(all.min.x - 9_000, all.max.x + 9_000),
        lat: chance.within(all.min.y - 9_000, all.max.y + 9_000),
    }));
    for pack in &rewritten {
        let bytes = pack.bytes();
        let pack = pack.view();
        let differ = |p: &&PointE7| old.cell_at(**p) != pack.cell_at(**p);
        assert_eq!(points.iter().filter(differ).count(), 0, "of {}", points.len());
        let parts = PackFile::open_verified(bytes, bytes.len() as u64).unwrap();
        let differ = |p: &&PointE7| old.cell_at(**p) != parts.cell_at(**p).unwrap();
        assert_eq!(points.iter().step_by(3).filter(differ).count(), 0);
        for (a, b) in old.cells().zip(pack.cells()) {
            assert!(a.ring().eq(b.ring()) && a.neighbours().eq(b.neighbours()));
            assert_eq!((a.street(), a.community()), (b.street(), b.community()));
        }
        // What a handset says beside the cell: the border band, the nearest cell, the way to it.
        for (k, &p) in points.iter().enumerate().step_by(997) {
            let radius = [3.0, 15.0, 40.0, 120.0][k % 4];
            assert_eq!(old.candidates(p, radius), pack.candidates(p, radius), "{p:?}");
            assert_eq!(old.nearest_cells(p, 3), pack.nearest_cells(p, 3));
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

/// Counts the bytes that are read.
struct Counted<'a>(&'a [u8], std::cell::Cell<usize>);

impl ReadAt for &Counted<'_> {
    fn read_exact_at(&self, into: &mut [u8], at: u64) -> std::io::Result<()> {
        self.1.set(self.1.get() + into.len());
        self.0.read_exact_at(into, at)
    }
}

#[test]
fn pack_2_a_verified_file_answers_from_its_header_and_a_few_places() {
    let cells = mesh(60, 5);
    let all = Bounds::of(cells.iter().flat_map(|c| c.1.iter().copied())).unwrap();
    for style in [PackStyle::Server, PackStyle::Handset] {
        let pack = packed_as(&cells, style);
        let (bytes, size) = (pack.bytes(), pack.bytes().len() as u64);
        let counted = Counted(bytes, std::cell::Cell::new(0));
        let file = PackFile::open_verified(&counted, size).unwrap();
        assert_eq!(file.meta().unwrap(), *pack.meta());
        let mut chance = SeededRandom::new(6);
        let mut point = || {
            let (x, y) = (all.min.x - 5_000, all.min.y - 5_000);
            PointE7::from(Pt::new(
                chance.within(x, all.max.x + 5_000),
                chance.within(y, all.max.y + 5_000),
            ))
        };
        file.cell_at(point()).unwrap();
        assert!(
            counted.1.get() < 11_000 && bytes.len() > 500_000,
            "{}",
            counted.1.get()
        );
        for _ in 0..20_000 {
            let p = point();
            assert_eq!(file.cell_at(p).unwrap(), pack.view().cell_at(p), "{p:?}");
        }
        // A real file, and what is missing of one.
        let path = std::env::temp_dir().join(format!("xunge-{}-{style:?}.pack", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let file = PackFile::open_verified(std::fs::File::open(&path).unwrap(), size).unwrap();
        let p = point();
        assert_eq!(file.cell_at(p).unwrap(), pack.view().cell_at(p));
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(PackFile::open_verified(std::fs::File::open(&path).unwrap(), size / 2).is_err());
        let torn = PackFile::open_verified(std::fs::File::open(&path).unwrap(), size).unwrap();
        let found: Vec<_> = (0..200).map(|_| point()).map(|p| (p, torn.cell_at(p))).collect();
        assert!(found.iter().all(|(p, found)| {
            found
                .as_ref()
                .map_or(true, |found| *found == pack.view().cell_at(*p))
        }));
        std::fs::remove_file(&path).unwrap();
    }
    let first = packed_as(&mesh(4, 2), PackStyle::First);
    let refused = PackFile::open_verified(first.bytes(), first.bytes().len() as u64);
    assert!(matches!(
        refused,
        Err(PackFileError::Pack(PackError::Version { found: 1 }))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn pack_2_hostile_bytes_read_in_parts_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_header in any::<bool>(),
        style in prop::sample::select(vec![PackStyle::Server, PackStyle::Handset]),
    ) {
        let mut bytes = small(style);
        let reach = if in_header { 200 } else { bytes.len() };
        for (at, v) in &changes {
            let at = at.index(reach);
            bytes[at] = *v;
        }
        if let Ok(pack) = PackFile::open_verified(&bytes[..], bytes.len() as u64) {
            let mut chance = SeededRandom::new(4);
            for _ in 0..100 {
                let _ = pack.cell_at(PointE7 {
                    lon: chance.within(1_251_990_000, 1_252_060_000),
                    lat: chance.within(437_990_000, 438_040_000),
                });
            }
        }
    }

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

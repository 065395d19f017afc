//! How long the gate takes: check, repair, comparison and packing of 5,000 and 100,000 cells. `cargo bench -p grid
//! --bench gate`. It prints times; only the sizes are asserted.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::time::Instant;

use grid::PackBuf;
use grid::check::{CheckLimits, FindingKind, check};
use grid::compare::Comparison;
use grid::import::{ImportOptions, pack_file};
use grid::source::SourceDatum;
use grid::synthetic::mesh;
use protocol::codes::GridVersion;

fn text(side: u16, seed: u64, shrink: i32) -> String {
    let mut out = String::from("{\"type\":\"FeatureCollection\",\"features\":[");
    for (k, (code, ring)) in mesh(side, seed).into_iter().enumerate() {
        let comma = if k > 0 { "," } else { "" };
        let centre = grid::geom::centroid(&ring).unwrap();
        let ring: Vec<String> = ring
            .iter()
            .chain(ring.first())
            .map(|p| {
                let towards = |v: i32, c: i32| v + (c - v).signum() * shrink;
                let (x, y) = (towards(p.x, centre.x), towards(p.y, centre.y));
                format!(
                    "[{},{}]",
                    grid::decimal::format_e7(x),
                    grid::decimal::format_e7(y)
                )
            })
            .collect();
        out.push_str(&format!(
            "{comma}{{\"type\":\"Feature\",\"properties\":{{\"code\":\"{code}\"}},\"geometry\":{{\"type\":\"Polygon\",\
             \"coordinates\":[[{}]]}}}}",
            ring.join(",")
        ));
    }
    out.push_str("]}");
    out
}

fn main() {
    for side in [72, 320] {
        let file = text(side, 7, 0);
        let options = ImportOptions {
            grid_version: Some(GridVersion("x.1".into())),
            source_datum: Some(SourceDatum::Wgs84),
            ..ImportOptions::default()
        };
        let start = Instant::now();
        let report = check(&file, &CheckLimits::default()).unwrap();
        let checked = start.elapsed();
        // The lakes of the mesh are gaps, and nothing else is wrong with it.
        assert!(report.findings.iter().all(|f| f.kind == FindingKind::Gap));
        let start = Instant::now();
        let shrunk = check(&text(side, 7, 100), &CheckLimits::default()).unwrap();
        let shrunk_time = start.elapsed();
        assert!(!shrunk.is_valid());
        println!(
            "{} cells, {} vertices, {} MB: check {checked:.2?}; every cell shrunk by 1 m: {shrunk_time:.2?}, {} findings",
            report.cells,
            report.vertices,
            file.len() / 1_000_000,
            shrunk.findings.len() + shrunk.unlisted,
        );
        // Without lakes it is packed; the comparison is with the same grid one version on.
        let Ok(packed) = pack_file(file.as_bytes(), &options) else {
            continue;
        };
        let pack = PackBuf::open(packed.bytes).unwrap();
        let start = Instant::now();
        let same = Comparison::of(pack.view(), pack.view());
        assert_eq!(same.lost, 0);
        println!("  compared in {:.2?}", start.elapsed());
    }
}

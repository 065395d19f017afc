//! A grid from its outline through the commands into a pack, and the results of queries on the pack.

use grid::command::{GridCommand, GridCommandError, parse_point, run};
use grid::geojson::{self, GridFeature};
use grid::geom::{LocalFrame, Pt, centroid, edges, holds, point_to_segment};
use grid::import::{ImportError, ImportOptions, pack_file};
use grid::level::Level;
use grid::pack::PackBuf;
use protocol::codes::GridVersion;
use protocol::geo::{Datum, PointE7};

use crate::common::{community, district, inner_cell};

#[test]
fn a_refused_grid_is_not_packed() {
    let mut cells = community();
    cells.push(cells[0].clone());
    let text = geojson::write(&district().metadata, &cells).unwrap();
    match pack_file(text.as_bytes(), &ImportOptions::default()) {
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
fn the_commands_turn_an_outline_into_a_pack_that_answers_lookups() {
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
            source_datum: None,
            snap_m: 0.0,
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
            source_datum: None,
            snap_m: 0.0,
            out: pack.clone(),
        },
        "",
    )
    .0
    .unwrap();

    let cells: Vec<&GridFeature> = district()
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
fn a_pack_returns_names_neighbours_circle_shares_and_the_nearest_cell() {
    let text = geojson::write(&district().metadata, &district().areas).unwrap();
    let buf = PackBuf::open(
        pack_file(text.as_bytes(), &ImportOptions::default())
            .unwrap()
            .bytes,
    )
    .unwrap();
    let pack = buf.view();
    assert_eq!(buf.meta().grid_version.0, "220104.1");
    assert_eq!(
        (buf.meta().borders.as_str(), buf.meta().source_datum),
        ("cut", Datum::Gcj02)
    );
    let cells: Vec<&GridFeature> = district()
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

    // A circle on a corner of the cell: the shares add up, the ranking is correct, and distant cells are absent.
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
    // 0.001 degree south of the southernmost vertex: 111 m to the cell there.
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
    let frame = LocalFrame::new(below.into());
    let far = |c: &GridFeature| {
        let to = |(a, b)| point_to_segment(frame.metres(below.into()), frame.metres(a), frame.metres(b));
        edges(&c.ring).map(to).fold(f64::INFINITY, f64::min)
    };
    let best = cells
        .iter()
        .min_by(|a, b| far(a).total_cmp(&far(b)).then(a.code.cmp(&b.code)))
        .unwrap();
    assert_eq!((code.as_str(), metres), (best.code.as_str(), far(best)));
    // The list is ordered as brute force orders it, however long it is; the cell of the point comes first with 0 m.
    let mut all: Vec<(f64, &str)> = cells.iter().map(|c| (far(c), c.code.as_str())).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    for limit in [0, 1, 3, cells.len() + 5] {
        let near = pack.nearest_cells(below, limit);
        let near: Vec<(f64, &str)> = near.iter().map(|(code, d)| (*d, code.as_str())).collect();
        assert_eq!(near, all[..limit.min(all.len())], "{limit}");
    }
    assert_eq!(pack.nearest_cells(cell.centroid(), 2)[0], (cell.code, 0.0));
}

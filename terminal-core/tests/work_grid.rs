//! The grid's file, as the worker's side uses it: look-ups, homes of older programs, the wipe.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use grid::{
    cut::{CutOptions, Region},
    geojson,
    import::{ImportOptions, pack_file},
    pack::{Pack, PackStyle, rewrite},
};
use protocol::{
    codes::GridVersion,
    geo::{Datum, PointE7},
    manifest::FileName,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use terminal_core::{
    grid::{HandsetGrid, PlaceAnswer},
    platform::Platform,
    store::{HandedOver, testing},
    terminal::Terminal,
};

mod work_support;
use work_support::{Hand, enrol, in_the_west_cell, open, two_cells};

fn grid_files(home: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(home)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    names
        .filter(|path| path.extension().is_some_and(|end| end == "pack"))
        .collect()
}

fn cell(terminal: &Terminal) -> Option<String> {
    let place = terminal.where_is(in_the_west_cell().point, None).unwrap();
    match place.answer {
        PlaceAnswer::In { cell, .. } => Some(cell.code.to_string()),
        PlaceAnswer::NoGrid => None,
        PlaceAnswer::Outside { .. } => panic!("a wrong answer"),
    }
}

#[test]
fn w11_an_altered_grid_file_gives_no_answer_rather_than_a_wrong_one() {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let hand = Hand::new();
    let terminal = open(dir.path(), &hand);
    let pack = two_cells();
    testing::file(terminal.store(), FileName::Grid, "220104.1", &pack).unwrap();
    assert_eq!(cell(&terminal).as_deref(), Some("220104010101"));
    let [path] = &grid_files(dir.path())[..] else {
        panic!("one file");
    };
    for at in (0..pack.len()).step_by(97) {
        let mut altered = pack.clone();
        altered[at] ^= 4;
        std::fs::write(path, &altered).unwrap();
        // The open grid was verified and is in memory.
        assert!(cell(&terminal).is_some());
        let restarted = open(dir.path(), &hand);
        assert_eq!(cell(&restarted), None, "byte {at}");
        let mut report = restarted.new_report().unwrap();
        report.text("垃圾").at(in_the_west_cell());
        report.submit().unwrap();
        testing::file(restarted.store(), FileName::Grid, "220104.1", &pack).unwrap();
        assert_eq!(cell(&restarted).as_deref(), Some("220104010101"));
        assert_eq!(cell(&open(dir.path(), &hand)).as_deref(), Some("220104010101"));
    }
}

#[test]
fn w11_a_home_of_the_first_release_is_opened_with_its_grid_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let age = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/age-1.tar.gz");
    let unpacked = Command::new("tar")
        .arg("-xzf")
        .arg(&age)
        .arg("-C")
        .arg(dir.path())
        .arg("handset")
        .status();
    assert!(unpacked.unwrap().success());
    let home = dir.path().join("handset");
    assert!(grid_files(&home).is_empty());
    for _ in 0..2 {
        let terminal = Terminal::open(&home, Platform::command_line(&home).unwrap()).unwrap();
        let files = terminal.store().files().unwrap();
        let grid = files.iter().find(|file| file.name == FileName::Grid).unwrap();
        let [path] = &grid_files(&home)[..] else {
            panic!("one file");
        };
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(protocol::photo::Sha256::of(&bytes), grid.sha256);
        let others: u64 = files.iter().map(|file| file.size).sum::<u64>() - grid.size;
        let used = terminal.storage().unwrap();
        assert_eq!((used.grid, used.reference), (grid.size, others));
        assert!(!terminal.streets().unwrap().is_empty());
        assert!(terminal.queue().unwrap().len() >= 7);
    }
}

#[test]
fn w11_the_wipe_deletes_the_grid_file() {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    testing::file(terminal.store(), FileName::Grid, "220104.1", &two_cells()).unwrap();
    assert_eq!(grid_files(dir.path()).len(), 1);
    assert!(terminal.forget_everything(&HandedOver::default()).unwrap());
    assert!(grid_files(dir.path()).is_empty());
}

/// A district of Changchun with its real outline, in the format that every handset reads.
fn district() -> Vec<u8> {
    let region = Region::read(
        include_str!("../../grid/data/changchun_districts.geojson"),
        include_str!("../../grid/data/changchun_divisions.json"),
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
fn pack_2_a_handset_says_the_same_of_a_real_district_from_either_pack() {
    let first = district();
    let pack = Pack::open(&first).unwrap();
    let second = rewrite(pack, PackStyle::Handset).unwrap();
    assert!(second.len() * 5 < first.len() * 2);
    let [old, new] = [first.clone(), second].map(|bytes| HandsetGrid::open(bytes).unwrap());
    assert_eq!(old.version(), new.version());
    assert_eq!(old.streets(), new.streets());
    for street in old.streets() {
        assert_eq!(old.communities(street.code), new.communities(street.code));
    }
    let (mut asked, mut inside) = (0, 0);
    for (k, cell) in pack.cells().enumerate() {
        assert_eq!(old.name(cell.code), new.name(cell.code));
        // On the border, a centimetre beside it, in the band of doubt, and with a poor fix.
        for (i, corner) in cell.ring().enumerate().filter(|(i, _)| (i + k) % 5 == 0) {
            let moved = |north: i32, east: i32| PointE7 {
                lat: corner.lat + north,
                lon: corner.lon + east,
            };
            for point in [corner, moved(1, -1), moved(-300, 200)] {
                let accuracy = [None, Some(500), Some(3_000), Some(20_000)][i % 4];
                let answers = [&old, &new].map(|grid| grid.locate(point, accuracy));
                assert_eq!(answers[0], answers[1], "{point:?} {accuracy:?}");
                asked += 1;
                inside += usize::from(matches!(answers[0].answer, PlaceAnswer::In { .. }));
            }
        }
        if k % 50 == 0 {
            let centre = cell.centroid();
            assert_eq!(old.cells_near(centre, 5), new.cells_near(centre, 5));
            let opposite = PointE7 {
                lat: centre.lat + 90_000,
                lon: centre.lon + 90_000,
            };
            assert_eq!(old.map_area(centre, opposite), new.map_area(centre, opposite));
        }
    }
    println!("{asked} places, {inside} of them inside, 0 differences");
    assert!(inside > 10_000);
}

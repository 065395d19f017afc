//! Tests: the thread that rewrites packs.

use super::*;
use grid::{
    pack::{PackInput, PackMeta, write},
    synthetic::mesh,
};
use protocol::geo::Datum;

fn stored(version: &str) -> Arc<Loaded> {
    let county: CountyCode = "999999".parse().unwrap();
    let meta = PackMeta {
        grid_version: GridVersion(version.into()),
        datum: Datum::Wgs84,
        source_datum: Datum::Wgs84,
        source_datum_verified: false,
        county: Some(county),
        source_sha256: String::new(),
        borders: "synthetic".into(),
    };
    let cells = mesh(12, 3);
    let units = vec![];
    let bytes = Bytes::from(write(PackInput { meta, cells, units }).unwrap());
    Arc::new(Loaded {
        county,
        sha256: Sha256::of(&bytes),
        pack: PackBuf::open(bytes).unwrap(),
        form: PackForm::Stored,
    })
}

fn load(grids: &Grids, packs: &[&Arc<Loaded>]) {
    *grids.packs.write().unwrap() = packs.iter().map(|pack| Arc::clone(pack)).collect();
}

fn formats(grids: &Grids) -> Vec<u16> {
    grids.in_memory().iter().map(|(_, format, _)| *format).collect()
}

#[test]
fn pack_2_stored_packs_answer_until_the_rewriter_is_through() {
    let grids = Grids::default();
    // As while the thread is busy.
    *grids.rewriter.is_running() = true;
    load(&grids, &[&stored("1"), &stored("2")]);
    grids.start_rewriter();
    assert_eq!(formats(&grids), [1, 1]);
    let cell = grids.all()[0].pack.view().cells().next().unwrap().code;
    let centre = grids.centre(cell).unwrap();
    assert_eq!(grids.locate(centre).unwrap().cell, cell);
    // The thread that runs takes what was loaded meanwhile.
    grids.rewrite_all();
    assert_eq!(formats(&grids), [2, 2]);
    assert!(!*grids.rewriter.is_running());
    assert_eq!(grids.locate(centre).unwrap().cell, cell);
}

#[test]
fn pack_2_one_version_is_rewritten_once_however_often_it_is_asked_for() {
    let grids = Grids::default();
    load(&grids, &[&stored("1")]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| grids.start_rewriter());
        }
    });
    grids.wait_for_rewriter();
    let once = grids.all();
    assert_eq!(formats(&grids), [2]);
    grids.start_rewriter();
    grids.wait_for_rewriter();
    assert!(Arc::ptr_eq(&once[0], &grids.all()[0]), "rewritten again");
}

#[test]
fn pack_2_a_pack_that_was_replaced_meanwhile_does_not_come_back() {
    let grids = Grids::default();
    let (old, new) = (stored("1"), stored("2"));
    *grids.rewriter.is_running() = true;
    load(&grids, &[&old]);
    let next = grids.next_to_rewrite().unwrap();
    load(&grids, &[&new]);
    grids.put(&next, next.rewritten().unwrap());
    assert_eq!(grids.all()[0].version().0, "2");
    grids.rewrite_all();
    assert_eq!(
        (grids.all()[0].version().0.as_str(), formats(&grids)),
        ("2", vec![2])
    );
}

//! A grid pack. The length and the hash in its head are corrected first, because otherwise every input would be
//! rejected there; then all queries of a handset run on the pack.
#![no_main]
use protocol::geo::PointE7;
use sha2::{Digest as _, Sha256};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = grid::PackBuf::open(bytes).is_ok();
    let mut bytes = bytes.to_vec();
    if bytes.len() >= 48 {
        let length = u32::try_from(bytes.len()).expect("libFuzzer's inputs are small");
        bytes[12..16].copy_from_slice(&length.to_le_bytes());
        let hash = Sha256::digest(&bytes[48..]);
        bytes[16..48].copy_from_slice(&hash);
    }
    let Ok(pack) = grid::PackBuf::open(&bytes) else {
        return;
    };
    let view = pack.view();
    for cell in view.cells().take(50) {
        let point = cell.centroid();
        let _ = (view.cell_at(point), view.nearest(point), cell.area_m2(), cell.ring().count());
        let _ = view.candidates(point, 30.0);
        let _ = cell.neighbours().count();
        let _ = (cell.community().is_some(), cell.street().is_some());
        let handle = view.handle(cell.code).expect("a cell has a handle");
        assert_eq!(view.code(handle), Some(cell.code));
    }
    for unit in view.units().take(50) {
        let _ = view.unit(unit.level, &unit.code);
    }
    for point in [PointE7 { lat: 438_800_000, lon: 1_253_200_000 }, PointE7 { lat: i32::MIN, lon: i32::MAX }] {
        let _ = (view.cell_at(point), view.nearest(point), view.candidates(point, 1e9));
    }
});

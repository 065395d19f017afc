//! A grid as GeoJSON: read, judged by the checker, packed. What the gate lets through is a pack that opens.
#![no_main]
libfuzzer_sys::fuzz_target!(|text: &str| {
    let version = protocol::codes::GridVersion("220104.1".into());
    let _ = grid::geojson::read(text).is_ok();
    if let Ok(pack) = grid::import::pack_geojson(text, Some(version), &grid::check::CheckLimits::default()) {
        grid::PackBuf::open(pack).expect("what the gate let through opens");
    }
});

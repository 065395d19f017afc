//! A grid as GeoJSON: parsed, checked, packed. A file that passes the check gives a pack that opens.
#![no_main]
libfuzzer_sys::fuzz_target!(|text: &str| {
    let version = protocol::codes::GridVersion("220104.1".into());
    let _ = grid::geojson::read(text).is_ok();
    if let Ok(pack) = grid::import::pack_geojson(text, Some(version), &grid::check::CheckLimits::default()) {
        grid::PackBuf::open(pack).expect("a pack of a checked file opens");
    }
});

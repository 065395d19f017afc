//! A grid as GeoJSON: parsed, checked, packed. A file that passes the check gives a pack that opens.
#![no_main]
libfuzzer_sys::fuzz_target!(|text: &str| {
    let version = protocol::codes::GridVersion("220104.1".into());
    let _ = grid::geojson::read(text).is_ok();
    let options = grid::import::ImportOptions {
        grid_version: Some(version),
        source_datum: Some(grid::source::SourceDatum::Wgs84),
        ..Default::default()
    };
    if let Ok(pack) = grid::import::pack_file(text.as_bytes(), &options) {
        grid::PackBuf::open(pack.bytes).expect("a pack of a checked file opens");
    }
});

//! A photo from a camera or a gallery: walked, decoded, scaled, stamped, encoded. The output is a valid photo. The
//! limits are small, because a large picture is slower without covering more code.
#![no_main]
use media::{PhotoLimits, PrepareOptions, Stamp, inspect, prepare};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let limits = PhotoLimits {
        max_pixels: 40_000,
        max_side: 400,
        ..PhotoLimits::default()
    };
    let options = PrepareOptions {
        longest_side: 64,
        thumbnail_side: 16,
        shorter_side: 0,
        ..PrepareOptions::default()
    };
    if inspect(bytes, &limits).is_err() {
        return;
    }
    if let Ok(prepared) = prepare(bytes, &limits, &Stamp { lines: Vec::new() }, &options) {
        let info = inspect(&prepared.jpeg, &PhotoLimits::default()).expect("the filed picture is a valid photo");
        assert_eq!((info.width, info.height), (prepared.width, prepared.height));
    }
});

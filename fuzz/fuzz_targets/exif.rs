//! The EXIF block of an otherwise valid JPEG: its orientation, time and position never make the photo unusable.
#![no_main]
const JPEG: &[u8] = include_bytes!("../seeds/photo/grey.jpg");

libfuzzer_sys::fuzz_target!(|exif: &[u8]| {
    let Ok(length) = u16::try_from(exif.len() + 8) else {
        return;
    };
    let (start, rest) = JPEG.split_at(2);
    let bytes = [start, &[0xff, 0xe1], &length.to_be_bytes(), b"Exif\0\0", exif, rest].concat();
    media::inspect(&bytes, &media::PhotoLimits::default()).expect("a malformed EXIF block does not make a photo invalid");
});

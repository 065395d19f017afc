//! The cursor that a handset gives back. What is one is written as it was read.
#![no_main]
#[allow(dead_code)]
#[path = "../../server/src/feed/cursor.rs"]
mod cursor;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(cursor) = text.parse::<cursor::Cursor>() {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
});

//! The cursor that a handset sends back. A parsed cursor is written with the same bytes.
#![no_main]
#[allow(dead_code)]
#[path = "../../server/src/feed/cursor.rs"]
mod cursor;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(cursor) = text.parse::<cursor::Cursor>() {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
});

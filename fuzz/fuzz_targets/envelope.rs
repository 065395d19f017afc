//! `POST /v1/field/push`: the body as the server parses it, including entries of kinds that no module handles.
#![no_main]
#[allow(dead_code)]
#[path = "../../server/src/entries/reading.rs"]
mod reading;

use protocol::{photo::MAX_PHOTOS_PER_ENTRY, push::Envelope};

fn element(bytes: &[u8]) {
    if let Ok(frame) = reading::frame(bytes) {
        let reading = reading::Reading::of(&frame, bytes);
        assert!(reading.photos.len() <= MAX_PHOTOS_PER_ENTRY && reading.kind.chars().count() <= 64);
    }
}

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(body) {
        for raw in &envelope.entries {
            element(raw.get().as_bytes());
        }
    }
    element(body);
});

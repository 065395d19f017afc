//! An entry's bytes. What can be read can be written again and says the same.
#![no_main]
use protocol::entry::Entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((entry, payload)) = Entry::read(bytes) else {
        return;
    };
    if let Some(payload) = &payload {
        let _ = payload.photos();
    }
    let again = entry.to_bytes().expect("what was read can be written");
    let (same, payload_again) = Entry::read(&again).expect("what was written can be read");
    assert_eq!((same.id, same.n, &same.kind), (entry.id, entry.n, &entry.kind));
    assert_eq!(payload_again.is_some(), payload.is_some());
    let _ = protocol::entry::receipt_number(entry.id);
});

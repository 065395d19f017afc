//! An entry's bytes. A parsed entry can be serialised and parses back to the same value.
#![no_main]
use protocol::entry::Entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((entry, payload)) = Entry::read(bytes) else {
        return;
    };
    if let Some(payload) = &payload {
        let _ = payload.photos();
    }
    let again = entry.to_bytes().expect("a parsed entry serialises");
    let (same, payload_again) = Entry::read(&again).expect("a serialised entry parses");
    assert_eq!((same.id, same.n, &same.kind), (entry.id, entry.n, &entry.kind));
    assert_eq!(payload_again.is_some(), payload.is_some());
    let _ = protocol::entry::receipt_number(entry.id);
});

//! The invitation's text, scanned or typed by hand. A parsed invitation can be written as text and parsed again.
#![no_main]
use protocol::field::Invitation;

libfuzzer_sys::fuzz_target!(|text: &str| {
    // Also adds the prefix and the base64 encoding, which random input does not produce.
    let coded = Invitation::from_text(text).ok();
    let plain = serde_json::from_str::<Invitation>(text).ok();
    for invitation in coded.into_iter().chain(plain) {
        let shown = invitation.to_text().expect("an invitation can be written as text");
        assert_eq!(Invitation::from_text(&shown), Ok(invitation));
    }
});

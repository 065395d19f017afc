//! The invitation's string, scanned or typed by hand. What can be read can be shown and read again.
#![no_main]
use protocol::field::Invitation;

libfuzzer_sys::fuzz_target!(|text: &str| {
    // Also behind the prefix and the base64, which chance does not find.
    let coded = Invitation::from_text(text).ok();
    let plain = serde_json::from_str::<Invitation>(text).ok();
    for invitation in coded.into_iter().chain(plain) {
        let shown = invitation.to_text().expect("an invitation can be shown");
        assert_eq!(Invitation::from_text(&shown), Ok(invitation));
    }
});

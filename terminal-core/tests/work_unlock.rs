//! The administrator's code for the app's lock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod work_support;

use protocol::unlock::UnlockChallenge;
use work_support::{Hand, enrol, open};

#[test]
fn only_the_answer_to_the_shown_challenge_is_the_unlock_code() {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    let shown = terminal.unlock_challenge().unwrap();
    let certificate = terminal.store().account().unwrap().certificate;
    let code = shown
        .parse::<UnlockChallenge>()
        .unwrap()
        .answer(&certificate.signature);
    assert!(terminal.is_unlock_code(&shown, &code).unwrap());
    assert!(terminal.is_unlock_code(&shown, &format!(" {code}\n")).unwrap());
    let other = if shown == "000001" { "000002" } else { "000001" };
    for (challenge, code) in [
        (other, code.as_str()),
        (shown.as_str(), ""),
        (shown.as_str(), "12"),
        ("", code.as_str()),
    ] {
        assert!(
            !terminal.is_unlock_code(challenge, code).unwrap(),
            "{challenge} {code}"
        );
    }
}

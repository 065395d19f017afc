//! The server's certificate changes and the handsets follow without manual work: old and new pins overlap,
//! and the pins are renewed over a connection that is already trusted.

use crate::stage::{StoryStage, file, row};
use e2e::{city::City, handset::Handset};
use rcgen::{CertificateParams, KeyPair};
use std::path::{Path, PathBuf};
use terminal_core::work::ItemState;

on_both_engines!(
    certificate_rotation_loses_nothing_on_a_handset_that_was_offline,
    own_keys_rotate_without_a_visit_to_the_handsets,
);

/// A key file with a certificate for it.
struct CertificateKey {
    key: PathBuf,
    certificate: PathBuf,
}

/// The key in `key` or a new one, with a self-signed certificate.
fn key(stage: &StoryStage, name: &str, key: Option<&Path>) -> CertificateKey {
    let path = stage.path(&format!("{name}.key"));
    let pair = match key {
        Some(key) => KeyPair::from_pem(&std::fs::read_to_string(key).unwrap()).unwrap(),
        None => KeyPair::generate().unwrap(),
    };
    std::fs::write(&path, pair.serialize_pem()).unwrap();
    let certificate = stage.path(&format!("{name}.pem"));
    let made = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&pair)
        .unwrap();
    std::fs::write(&certificate, made.pem()).unwrap();
    CertificateKey {
        key: path,
        certificate,
    }
}

/// Restarts the server with another certificate, and announces the one after it.
fn rotate(city: &mut City, now: &CertificateKey, next: &CertificateKey) {
    assert!(city.server.stop().unwrap());
    city.server.set_certificate(&[
        ("--cert", &now.certificate),
        ("--key", &now.key),
        ("--next-key", &next.key),
    ]);
    city.server.start().unwrap();
}

fn arrives(handset: &mut Handset, city: &City, text: &str) {
    let id = file(city, handset, text, &[]);
    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(row(handset, id).state, ItemState::Received);
}

fn certificate_rotation_loses_nothing_on_a_handset_that_was_offline(stage: &StoryStage) {
    let mut city = stage.city();
    let mut awake = stage.patroller(&city, "151", None);
    let mut asleep = stage.patroller(&city, "152", None);
    let exported = stage.path("own");
    let said = city
        .server
        .keys(&["export-tls"], &[&exported.display().to_string()]);
    assert!(said.unwrap().contains("next-key.pem"));
    let second = key(stage, "b", Some(&exported.join("next-key.pem")));
    let (third, fourth) = (key(stage, "c", None), key(stage, "d", None));

    // Both handsets know this successor from their enrolment; only one is online to learn the one after it.
    rotate(&mut city, &second, &third);
    // Pins are renewed with a token, so an overlap must last longer than a token.
    awake.kill();
    arrives(&mut awake, &city, "第二张证书");
    rotate(&mut city, &third, &fourth);
    // In the process that started with the older pins, and in a new one.
    arrives(&mut awake, &city, "第三张证书");
    awake.kill();
    arrives(&mut awake, &city, "第三张证书，重启后");

    // The other handset knows neither certificate: it keeps everything, reports the reason, and reports no
    // success.
    let id = file(&city, &mut asleep, "睡过了轮换", &[]);
    let report = asleep.sync().unwrap();
    assert_eq!((report.is_success(), report.entries_waiting), (false, 1));
    assert_eq!(report.problem.unwrap().code, "network.pin");
    assert!(report.next_try.is_some());
    asleep.kill();

    // The overlap is repeated: the handset syncs, learns the pins, and follows from then on.
    rotate(&mut city, &second, &third);
    let report = asleep.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(row(&mut asleep, id).state, ItemState::Received);
    rotate(&mut city, &third, &fourth);
    arrives(&mut asleep, &city, "跟上了");
    arrives(&mut awake, &city, "一直在线");
}

/// The operator's whole procedure for the keys that the server made itself.
fn rotate_own(city: &mut City, public: &str) {
    assert!(city.server.stop().unwrap());
    for words in [
        &["rotate", "signing"][..],
        &["rotate", "challenge"],
        &["rotate", "parcel"],
    ] {
        city.server.keys(words, &[]).unwrap();
    }
    city.server
        .keys(&["rotate", "tls"], &["--public", public])
        .unwrap();
    city.server.start().unwrap();
}

fn own_keys_rotate_without_a_visit_to_the_handsets(stage: &StoryStage) {
    let mut city = stage.city();
    let url = city.server.url().to_owned();
    let mut awake = stage.patroller(&city, "151", None);
    let mut asleep = stage.patroller(&city, "152", None);
    let id = file(&city, &mut asleep, "轮换期间离线", &[]);

    // Every handset has known the next keys since its first token.
    rotate_own(&mut city, &url);
    // The keys after the next are learnt with a token, and a new process asks for one.
    awake.kill();
    arrives(&mut awake, &city, "换过一次");
    rotate_own(&mut city, &url);
    // The manifest is signed by the third key; a refused one would be the problem of this sync.
    arrives(&mut awake, &city, "换过两次");
    awake.kill();
    arrives(&mut awake, &city, "换过两次，重启后");

    // One that missed both keeps everything and says why.
    let report = asleep.sync().unwrap();
    assert_eq!((report.is_success(), report.entries_waiting), (false, 1));
    assert_eq!(report.problem.unwrap().code, "network.pin");
    assert!(matches!(row(&mut asleep, id).state, ItemState::Later(_)));
}

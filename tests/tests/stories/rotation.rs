//! The server's certificate changes, and the handsets follow without anybody visiting them: old and new pins overlap,
//! and what a handset knows is renewed over a connection that it already trusts.

use crate::stage::{Stage, file, row};
use e2e::{city::City, handset::Handset};
use rcgen::{CertificateParams, KeyPair};
use std::path::{Path, PathBuf};
use terminal_core::work::ItemState;

on_both_engines!(a_certificate_is_rotated_and_a_handset_that_slept_through_it_loses_nothing,);

/// A key as its operator keeps it, with a certificate over it.
struct Key {
    key: PathBuf,
    certificate: PathBuf,
}

/// The key in `key`, or a new one, with a certificate of its own.
fn key(stage: &Stage, name: &str, key: Option<&Path>) -> Key {
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
    Key {
        key: path,
        certificate,
    }
}

/// Starts the server again with another certificate, and announces the one after it.
fn rotate(city: &mut City, now: &Key, next: &Key) {
    assert!(city.server.stop().unwrap());
    city.server.certify(&[
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

fn a_certificate_is_rotated_and_a_handset_that_slept_through_it_loses_nothing(stage: &Stage) {
    let mut city = stage.city();
    let mut awake = stage.patroller(&city, "151", None);
    let mut asleep = stage.patroller(&city, "152", None);
    let second = key(stage, "b", Some(&city.server.data().join("tls/next-key.pem")));
    let (third, fourth) = (key(stage, "c", None), key(stage, "d", None));

    // The successor that both were told of at their enrolment; only one hears of the one after it.
    rotate(&mut city, &second, &third);
    // Pins come with a token: an overlap lasts longer than one.
    awake.die();
    arrives(&mut awake, &city, "第二张证书");
    rotate(&mut city, &third, &fourth);
    // In the very process that began with the older pins, and in a new one.
    arrives(&mut awake, &city, "第三张证书");
    awake.die();
    arrives(&mut awake, &city, "第三张证书，重启后");

    // The other knows neither: it keeps everything, says why, and calls nothing a success.
    let id = file(&city, &mut asleep, "睡过了轮换", &[]);
    let report = asleep.sync().unwrap();
    assert_eq!((report.is_success(), report.entries_waiting), (false, 1));
    assert_eq!(report.problem.unwrap().code, "network.pin");
    assert!(report.next_try.is_some());
    asleep.die();

    // The overlap is given once more: it comes through, learns, and follows from then on.
    rotate(&mut city, &second, &third);
    let report = asleep.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(row(&mut asleep, id).state, ItemState::Received);
    rotate(&mut city, &third, &fourth);
    arrives(&mut asleep, &city, "跟上了");
    arrives(&mut awake, &city, "一直在线");
}

//! A phone whose clocks, keys, network and battery are code of an app: keys in hardware (ES256, DER), and services
//! that fail.

use crate::stage::{StoryStage, counts, invite};
use e2e::handset::fix;
use p256::{ecdsa::signature::Signer as _, pkcs8::EncodePublicKey as _};
use protocol::{field::Device, geo::PointE7, ids::StreamId, sign::Algorithm, time::Millis};
use serde_json::json;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};
use terminal_core::{
    lifecycle::Handset,
    photos::PhotoSource,
    platform::{
        ClockRaw, Connectivity, FailedService, KeyPlace, PhoneClock, PhoneKeys, PhonePlatform,
        PhoneSurroundings, Power, WatchedSurroundings,
    },
    sync::SyncTrigger,
    terminal::Terminal,
    transport::CancelToken,
};

on_both_engines!(
    w18_keys_in_the_phones_hardware_enrol_sign_and_sync,
    w08_failing_services_of_the_phone_lose_nothing_and_cost_no_data,
);

/// A phone; each service fails while its switch says so.
#[derive(Default)]
struct FakePhone {
    keys_fail: AtomicBool,
    surroundings_fail: AtomicBool,
    clock_fails: AtomicBool,
    clock_readings: AtomicU32,
}

fn failing<T>(fails: &AtomicBool, value: T) -> Result<T, FailedService> {
    if fails.load(Ordering::Relaxed) {
        Err(FailedService("java.lang.IllegalStateException".into()))
    } else {
        Ok(value)
    }
}

impl FakePhone {
    /// One key for each home and stream, as a keystore keeps them by alias.
    fn key(home: &Path, stream: StreamId) -> p256::ecdsa::SigningKey {
        let alias = format!("{}/{stream}", home.display());
        p256::ecdsa::SigningKey::from_slice(&protocol::photo::Sha256::of(alias.as_bytes()).0).unwrap()
    }
}

impl PhoneClock for FakePhone {
    fn read(&self) -> Result<ClockRaw, FailedService> {
        self.clock_readings.fetch_add(1, Ordering::Relaxed);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = i64::try_from(now.unwrap().as_millis()).unwrap();
        let reading = ClockRaw {
            wall: Millis(now),
            boot: "boot-of-the-phone".into(),
            monotonic_ms: now,
        };
        failing(&self.clock_fails, reading)
    }
}

impl PhoneSurroundings for FakePhone {
    fn connectivity(&self) -> Result<Connectivity, FailedService> {
        failing(&self.surroundings_fail, Connectivity::default())
    }
    fn power(&self) -> Result<Power, FailedService> {
        failing(&self.surroundings_fail, Power::default())
    }
    fn is_attended(&self) -> Result<bool, FailedService> {
        failing(&self.surroundings_fail, true)
    }
}

impl PhoneKeys for FakePhone {
    fn database_key(&self, home: &Path) -> Result<Vec<u8>, FailedService> {
        let key = protocol::photo::Sha256::of(home.as_os_str().as_encoded_bytes());
        failing(&self.keys_fail, key.0.to_vec())
    }
    fn photo_key(&self, home: &Path) -> Result<Vec<u8>, FailedService> {
        self.database_key(home)
    }
    fn algorithm(&self) -> Result<Algorithm, FailedService> {
        failing(&self.keys_fail, Algorithm::Es256)
    }
    fn public_key(&self, home: &Path, stream: StreamId) -> Result<Vec<u8>, FailedService> {
        let key = Self::key(home, stream);
        let spki = key.verifying_key().to_public_key_der().unwrap();
        failing(&self.keys_fail, spki.into_vec())
    }
    fn sign(&self, home: &Path, stream: StreamId, message: &[u8]) -> Result<Vec<u8>, FailedService> {
        let signature: p256::ecdsa::Signature = Self::key(home, stream).sign(message);
        failing(&self.keys_fail, signature.to_der().as_bytes().to_vec())
    }
    fn forget(&self, _: &Path) -> Result<(), FailedService> {
        failing(&self.keys_fail, ())
    }
}

fn handset(stage: &StoryStage, phone: &Arc<FakePhone>) -> Handset {
    let (clock, keys): (Arc<dyn PhoneClock>, Arc<dyn PhoneKeys>) = (phone.clone(), phone.clone());
    let platform = PhonePlatform::new(clock, KeyPlace::Keystore(keys)).unwrap();
    Handset::at(&stage.path("phone"), Arc::new(platform))
}

fn device() -> Device {
    Device {
        model: "e2e".into(),
        os: "android".into(),
        app: "0".into(),
    }
}

fn sync(terminal: &Terminal, phone: &Arc<FakePhone>) -> terminal_core::sync::SyncReport {
    let around = WatchedSurroundings(phone.clone());
    terminal
        .sync_now(
            &around,
            SyncTrigger::Automatic,
            &CancelToken::default(),
            &mut |_| {},
        )
        .unwrap()
}

fn w18_keys_in_the_phones_hardware_enrol_sign_and_sync(stage: &StoryStage) {
    let city = stage.city();
    let (first, second) = (invite(&city, "171"), invite(&city, "172"));
    let phone = Arc::new(FakePhone::default());
    let handset = handset(stage, &phone);
    let cancel = CancelToken::default();
    let one = handset.enrol(&first.invitation, device(), &cancel).unwrap();
    one.check_in(None, "甲").unwrap();
    assert!(sync(&one, &phone).is_success());
    drop(one);
    let other = handset
        .enrol_another(&second.invitation, device(), &cancel)
        .unwrap();
    other.check_in(None, "乙").unwrap();
    drop(other);
    // After the process died, the same keys open both homes.
    for number in [1, 2] {
        assert!(sync(&handset.open(number).unwrap(), &phone).is_success());
    }
    assert_eq!(counts(&city)["entries"], json!({"applied": 2}));
}

fn w08_failing_services_of_the_phone_lose_nothing_and_cost_no_data(stage: &StoryStage) {
    let city = stage.city();
    let invited = invite(&city, "173");
    let phone = Arc::new(FakePhone::default());
    let handset = handset(stage, &phone);
    let terminal = handset
        .enrol(&invited.invitation, device(), &CancelToken::default())
        .unwrap();
    assert!(sync(&terminal, &phone).is_success());

    // Network and battery unknown, clock failing: the report is filed and sent, its photo waits for a free network.
    phone.surroundings_fail.store(true, Ordering::Relaxed);
    let before = terminal.clock_reading().unwrap();
    phone.clock_fails.store(true, Ordering::Relaxed);
    let mut draft = terminal.new_report().unwrap();
    let here = PointE7 {
        lat: 438_600_000,
        lon: 1_253_100_000,
    };
    draft.text("井盖破损").at(fix(here, 5));
    draft.add_photo(PhotoSource::Path(&stage.small_photo(1))).unwrap();
    let submitted = draft.submit().unwrap();
    let readings = phone.clock_readings.load(Ordering::Relaxed);
    let during = terminal.clock_reading().unwrap();
    assert!(phone.clock_readings.load(Ordering::Relaxed) > readings);
    assert_eq!(during.boot, before.boot);
    assert!(during.monotonic_ms >= before.monotonic_ms);
    sync(&terminal, &phone);
    assert_eq!(counts(&city)["entries"], json!({"applied": 1}));
    assert_eq!(terminal.store().photos_waiting().unwrap(), 1);

    // Without keys nothing is sent and nothing is lost.
    phone.surroundings_fail.store(false, Ordering::Relaxed);
    phone.clock_fails.store(false, Ordering::Relaxed);
    phone.keys_fail.store(true, Ordering::Relaxed);
    terminal.check_in(None, "").unwrap();
    let around = WatchedSurroundings(phone.clone());
    let failed = terminal.sync_now(&around, SyncTrigger::Person, &CancelToken::default(), &mut |_| {});
    assert!(failed.is_err() || !failed.unwrap().is_success());
    drop(terminal);
    assert_eq!(
        handset.open_current().map(drop).unwrap_err().code().as_str(),
        "vault.failed"
    );

    phone.keys_fail.store(false, Ordering::Relaxed);
    let terminal = handset.open_current().unwrap();
    assert_eq!(terminal.item(submitted.item).unwrap().photos.len(), 1);
    assert!(sync(&terminal, &phone).is_success());
    assert_eq!(terminal.store().photos_waiting().unwrap(), 0);
    assert_eq!(counts(&city)["entries"], json!({"applied": 2}));
}

//! Several users of one phone: list, enrolment, switch, salvage, and what belongs to the phone. The platform is
//! injected and keeps its keys in memory, as a phone's keystore does.
//!
//! Over 500 lines: all tests share one phone with two users.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use protocol::{
    field::{Contact, Device, Invitation},
    ids::StreamId,
    photo::Sha256,
    sign::{Signer, SoftwareKey},
    time::Millis,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use terminal_core::{
    Error, Result,
    lifecycle::{Handset, HomeCondition, InvitationPreview, SalvageOutcome, UsersWork},
    platform::{
        Connectivity, DATABASE, KEY_FILE, Keystore, NOTE, Platform, PlatformOf, SystemDisk, SystemRandom,
    },
    store::{HandedOver, HandsetStore, NetworkSettings, PlanMonth, testing},
    sync::{DeviceConditions, SyncTrigger},
    terminal::Terminal,
    transport::{CancelToken, Request, Response, Transport, TransportError},
};

#[path = "engine/mod.rs"]
mod engine;
mod work_support;
use engine::{EngineFault, EngineNetwork, TestClock, server::Server};
use work_support::{Hand, MORNING};

/// A phone whose keystore is in memory.
struct Phone {
    clock: Hand,
    keys: Mutex<BTreeMap<PathBuf, Arc<MemoryKeys>>>,
    /// Homes whose keys are locked.
    locked: Mutex<BTreeSet<PathBuf>>,
}

struct MemoryKeys(u8);

impl Keystore for MemoryKeys {
    fn database_key(&self) -> Result<[u8; 32]> {
        Ok([self.0; 32])
    }
    fn photo_key(&self) -> Result<[u8; 32]> {
        Ok([self.0 ^ 0x80; 32])
    }
    fn signer(&self, stream: StreamId) -> Result<Arc<dyn Signer>> {
        let seed = [&[self.0][..], stream.0.as_bytes()].concat();
        Ok(Arc::new(SoftwareKey::from_secret(&Sha256::of(&seed).0)))
    }
}

impl PlatformOf for Phone {
    fn platform(&self, home: &Path) -> Result<Platform> {
        if self.locked.lock().unwrap().contains(home) {
            return Err(Error::Keystore("locked".into()));
        }
        let mut keys = self.keys.lock().unwrap();
        let next = u8::try_from(keys.len() + 1).unwrap();
        let keystore = Arc::clone(
            keys.entry(home.to_owned())
                .or_insert_with(|| Arc::new(MemoryKeys(next))),
        );
        Ok(Platform {
            clock: Arc::new(self.clock.clone()),
            random: Arc::new(SystemRandom),
            keystore,
            disk: Arc::new(SystemDisk),
            spare_font: None,
        })
    }
}

struct Shared {
    folder: tempfile::TempDir,
    phone: Arc<Phone>,
    handset: Handset,
}

impl Shared {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let phone = Arc::new(Phone {
            clock: Hand::new(),
            keys: Mutex::default(),
            locked: Mutex::default(),
        });
        let platforms: Arc<dyn PlatformOf> = Arc::<Phone>::clone(&phone);
        let handset = Handset::at(folder.path(), platforms);
        Self {
            folder,
            phone,
            handset,
        }
    }
    /// Two users, 王芳 and 李强, enrolled without a server; the first is current.
    fn with_two_users() -> Self {
        let shared = Self::new();
        shared.enrol(1, "王芳");
        shared.enrol(2, "李强");
        shared
    }
    fn store(&self, number: u32) -> HandsetStore {
        let home = self.handset.home(number);
        let keys = self.phone.platform(&home).unwrap().keystore;
        HandsetStore::open(&home, keys.database_key().unwrap()).unwrap()
    }
    fn enrol(&self, number: u32, name: &str) {
        let store = self.store(number);
        testing::enrol_as(&store, "220104".parse().unwrap(), number.into(), name).unwrap();
    }
    fn open(&self, number: u32) -> Terminal {
        self.handset.open(number).unwrap()
    }
    fn conditions(&self) -> Vec<(u32, HomeCondition)> {
        let users = self.handset.users().unwrap();
        users
            .into_iter()
            .map(|user| (user.number, user.condition))
            .collect()
    }
    /// Overwrites the beginning of a user's database.
    fn damage(&self, number: u32) {
        let database = self.handset.home(number).join(DATABASE);
        let mut bytes = fs::read(&database).unwrap();
        bytes[..4096].fill(0);
        fs::write(&database, bytes).unwrap();
    }
    /// Every file below the folder, by name.
    fn files(&self) -> Vec<String> {
        fn below(folder: &Path, names: &mut Vec<String>) {
            for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    below(&entry, names);
                } else {
                    names.push(entry.file_name().unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let mut names = Vec::new();
        below(self.folder.path(), &mut names);
        names
    }
}

fn invitation(code: &str) -> String {
    let invitation = Invitation {
        v: 1,
        server: "http://127.0.0.1:1".into(),
        code: code.into(),
        pins: vec![],
        parcel_key: String::new(),
        contact: Some(Contact {
            name: String::new(),
            phone: format!("0431-{code}"),
        }),
    };
    invitation.to_text().unwrap()
}

fn device() -> Device {
    Device {
        model: "test".into(),
        os: "test".into(),
        app: "test".into(),
    }
}

fn network() -> EngineNetwork {
    EngineNetwork {
        server: Mutex::new(Server::new()),
        faults: Mutex::default(),
        log: Mutex::default(),
        largest_body: Mutex::default(),
        firewall: Mutex::default(),
        clock: Arc::new(TestClock::new()),
    }
}

const METERED: DeviceConditions = DeviceConditions {
    network: Connectivity {
        online: true,
        metered: true,
        roaming: false,
    },
    power: terminal_core::platform::Power {
        low: false,
        charging: false,
    },
};

#[test]
fn w09_a_second_user_is_enrolled_with_the_injected_platform() {
    let shared = Shared::new();
    let handset = &shared.handset;
    let go = CancelToken::default();
    let first = handset
        .enrol_over(&network(), &invitation("A"), device(), &go)
        .unwrap();
    first.check_in(None, "").unwrap();
    let second = handset
        .enrol_another_over(&network(), &invitation("B"), device(), &go)
        .unwrap();
    assert_eq!(second.store().home(), handset.home(2));
    assert_ne!(first.account().stream, second.account().stream);

    let users = handset.users().unwrap();
    let rows: Vec<_> = users
        .iter()
        .map(|user| {
            (
                user.number,
                user.name.as_deref(),
                user.is_current,
                user.waiting.unwrap().entries,
            )
        })
        .collect();
    assert_eq!(rows, [(1, Some("王芳"), false, 1), (2, Some("王芳"), true, 0)]);
    assert_eq!(
        handset.open_current().unwrap().account().stream,
        second.account().stream
    );
    let phone = || handset.contact().unwrap().map(|contact| contact.phone);
    assert_eq!(phone(), Some("0431-B".into()), "of the current user");
    handset.switch(1).unwrap();
    assert_eq!(phone(), Some("0431-A".into()));
    assert_eq!(
        handset.open_current().unwrap().account().stream,
        first.account().stream
    );
    assert_eq!(handset.switch(3).unwrap_err().code(), "user.unknown");
    assert_eq!(handset.current_home().unwrap(), handset.home(1));
    assert!(
        !shared.files().iter().any(|name| name.contains(KEY_FILE)),
        "the command line's key file was created: {:?}",
        shared.files()
    );
}

#[test]
fn w09_the_list_counts_what_waits_of_each_user() {
    let shared = Shared::with_two_users();
    let second = shared.open(2);
    second.check_in(None, "").unwrap();
    second.new_report().unwrap().save().unwrap();
    let waiting: Vec<_> = shared
        .handset
        .users()
        .unwrap()
        .iter()
        .map(|user| user.waiting)
        .collect();
    let nothing = UsersWork::default();
    let some = UsersWork {
        entries: 1,
        photos: 0,
        drafts: 1,
    };
    assert_eq!(waiting, [Some(nothing), Some(some)]);
}

#[test]
fn w09_a_damaged_home_is_a_condition_in_the_list_and_hides_nobody() {
    let shared = Shared::with_two_users();
    drop(shared.open(1));
    shared.damage(1);
    // Found by the list, and remembered.
    for _ in 0..2 {
        assert_eq!(
            shared.conditions(),
            [(1, HomeCondition::MovedAside), (2, HomeCondition::Enrolled)]
        );
    }
    let users = shared.handset.users().unwrap();
    assert!(users[0].is_salvage_due && !users[1].is_salvage_due);
    assert_eq!((users[0].name.clone(), users[0].waiting), (None, None));
    let mut others = shared.handset.others(&shared.handset.home(3));
    let names: Vec<_> = others
        .terminals()
        .iter()
        .map(|t| t.account().holder_name.clone())
        .collect();
    assert_eq!(names, ["李强"]);
    // Its server does not answer: everything stays, and the reason is given.
    let salvaged = shared.handset.salvage(1, None).unwrap();
    assert!(salvaged.waits());
    assert!(
        matches!(&salvaged.databases[..], [(_, SalvageOutcome::Waits(_))]),
        "{salvaged:?}"
    );
    assert_eq!(shared.handset.salvage_others(&shared.handset.home(2)).len(), 1);
    assert!(shared.handset.salvage_others(&shared.handset.home(1)).is_empty());
    // Another user does not get the home of the damaged database.
    let go = CancelToken::default();
    let third = shared
        .handset
        .enrol_another_over(&network(), &invitation("C"), device(), &go)
        .unwrap();
    assert_eq!(third.store().home(), shared.handset.home(3));
}

#[test]
fn w09_a_handed_over_home_is_a_condition_and_no_work_is_looked_for_in_it() {
    let shared = Shared::with_two_users();
    let done = HandedOver {
        code: "stream.revoked".into(),
        entries: 3,
        at: Millis(MORNING),
        ..HandedOver::default()
    };
    let home = shared.handset.home(2);
    for file in fs::read_dir(&home).unwrap() {
        let path = file.unwrap().path();
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    }
    fs::write(home.join(NOTE), serde_json::to_vec(&done).unwrap()).unwrap();
    assert_eq!(
        shared.conditions(),
        [(1, HomeCondition::Enrolled), (2, HomeCondition::HandedOver(done))]
    );
    assert_eq!(shared.handset.homes().unwrap(), [shared.handset.home(1)]);
    assert_eq!(
        shared.handset.open(2).err().unwrap().code(),
        "terminal.handed_over"
    );
    assert!(
        shared
            .handset
            .others(&shared.handset.home(1))
            .terminals()
            .is_empty()
    );
    assert_eq!(shared.handset.switch(2).unwrap_err().code(), "user.unknown");
}

#[test]
fn w09_locked_keys_and_a_newer_database_are_conditions() {
    let shared = Shared::with_two_users();
    shared.enrol(3, "赵敏");
    shared.phone.locked.lock().unwrap().insert(shared.handset.home(1));
    let connection = rusqlite::Connection::open(shared.handset.home(3).join(DATABASE)).unwrap();
    let key = shared.phone.keys.lock().unwrap()[&shared.handset.home(3)].0;
    let key = hex::encode([key; 32]);
    connection
        .execute_batch(&format!("PRAGMA key = \"x'{key}'\"; PRAGMA user_version = 999;"))
        .unwrap();
    drop(connection);
    assert_eq!(
        shared.conditions(),
        [
            (1, HomeCondition::KeysUnreadable),
            (2, HomeCondition::Enrolled),
            (3, HomeCondition::Newer)
        ]
    );
    shared.phone.locked.lock().unwrap().clear();
    assert_eq!(
        shared.conditions()[0],
        (1, HomeCondition::Enrolled),
        "nothing was moved or lost"
    );
}

#[test]
fn w20_the_preview_tells_the_server_and_touches_nothing() {
    let preview = InvitationPreview::of(&invitation("A")).unwrap();
    assert_eq!(
        (preview.server.as_str(), preview.code.as_str(), preview.is_pinned),
        ("http://127.0.0.1:1", "A", false)
    );
    assert_eq!(
        InvitationPreview::of("xunge1:?").unwrap_err().code(),
        "enrol.string"
    );
    let open = Invitation {
        v: 1,
        server: "http://example.org:1".into(),
        code: "A".into(),
        pins: vec![],
        parcel_key: String::new(),
        contact: None,
    };
    let refused = InvitationPreview::of(&open.to_text().unwrap()).unwrap_err();
    assert_eq!(refused.code(), "network.address");
}

#[test]
fn w20_an_enrolment_cancelled_before_it_begins_creates_nothing() {
    let shared = Shared::new();
    let cancelled = CancelToken::default();
    cancelled.cancel();
    let network = network();
    let handset = &shared.handset;
    for error in [
        handset
            .enrol_over(&network, &invitation("A"), device(), &cancelled)
            .err(),
        handset
            .enrol_another_over(&network, &invitation("A"), device(), &cancelled)
            .err(),
    ] {
        assert_eq!(error.unwrap().code(), "call.cancelled");
    }
    assert_eq!(shared.files(), Vec::<String>::new());
    assert!(shared.phone.keys.lock().unwrap().is_empty(), "keys were created");
    assert!(network.log.lock().unwrap().is_empty(), "the server was asked");
}

/// The server gets the request; the call is cancelled before its answer arrives.
struct CancelledOnTheWay<'a>(&'a EngineNetwork, CancelToken);

impl Transport for CancelledOnTheWay<'_> {
    fn exchange(&self, request: &Request) -> std::result::Result<Response, TransportError> {
        self.0.exchange(request)?;
        self.1.cancel();
        Err(TransportError::Cancelled)
    }
}

#[test]
fn w20_an_enrolment_cancelled_during_its_request_is_repeated_identically() {
    let shared = Shared::new();
    shared.enrol(1, "王芳");
    let (handset, network) = (&shared.handset, network());
    let cancel = CancelToken::default();
    let line = CancelledOnTheWay(&network, cancel.clone());
    let error = handset
        .enrol_another_over(&line, &invitation("B"), device(), &cancel)
        .err();
    assert_eq!(error.unwrap().code(), "call.cancelled");
    assert_eq!(
        shared.conditions(),
        [(1, HomeCondition::Enrolled), (2, HomeCondition::EnrolmentPending)]
    );
    assert_eq!(
        handset.current_home().unwrap(),
        handset.home(1),
        "the current user stays"
    );
    // A lost answer in between changes nothing.
    let go = CancelToken::default();
    network.faults.lock().unwrap().push_back(EngineFault::LoseAnswer);
    assert!(
        handset
            .enrol_another_over(&network, &invitation("B"), device(), &go)
            .is_err()
    );
    let second = handset
        .enrol_another_over(&network, &invitation("B"), device(), &go)
        .unwrap();
    assert_eq!(second.store().home(), handset.home(2));
    let log = network.log.lock().unwrap();
    assert_eq!(log.len(), 3);
    assert!(log.iter().all(|(request, _)| *request == log[0].0), "{log:?}");
    assert_eq!(handset.users().unwrap().len(), 2);
}

#[test]
fn w09_network_settings_are_those_of_the_phone() {
    let shared = Shared::with_two_users();
    let (first, second) = (shared.open(1), shared.open(2));
    let set = NetworkSettings {
        wifi_only_all: true,
        budget_mb: Some(7),
        poll_minutes: 30,
        ..NetworkSettings::default()
    };
    second.store().set_network_settings(&set).unwrap();
    assert_eq!(first.store().network_settings().unwrap(), set);
    let set = NetworkSettings { sync: false, ..set };
    first.store().set_network_settings(&set).unwrap();
    assert_eq!(second.store().network_settings().unwrap(), set);
    // Who comes later finds them.
    shared.enrol(3, "赵敏");
    assert_eq!(shared.open(3).store().network_settings().unwrap(), set);
}

#[test]
fn w09_settings_of_earlier_versions_are_merged_to_the_strictest() {
    let shared = Shared::with_two_users();
    let one = NetworkSettings {
        wifi_only_photos: false,
        budget_mb: Some(500),
        poll_minutes: 60,
        ..NetworkSettings::default()
    };
    let other = NetworkSettings {
        wifi_only_files: false,
        wifi_only_all: true,
        budget_mb: Some(100),
        ..NetworkSettings::default()
    };
    testing::users_own_settings(&shared.store(1), &one).unwrap();
    testing::users_own_settings(&shared.store(2), &other).unwrap();
    let strictest = NetworkSettings {
        sync: true,
        wifi_only_photos: true,
        wifi_only_files: true,
        wifi_only_all: true,
        roaming: false,
        budget_mb: Some(100),
        poll_minutes: 60,
    };
    // One user alone has the own settings, as before.
    let first = shared.open(1);
    assert_eq!(first.store().network_settings().unwrap(), one);
    let second = shared.open(2);
    for terminal in [&first, &second, &shared.open(1)] {
        assert_eq!(terminal.store().network_settings().unwrap(), strictest);
    }
    // After somebody has chosen, no old setting comes back.
    first.store().set_network_settings(&one).unwrap();
    assert_eq!(shared.open(2).store().network_settings().unwrap(), one);
    assert_eq!(shared.open(1).store().network_settings().unwrap(), one);
}

#[test]
fn w09_the_data_budget_counts_all_users() {
    let shared = Shared::with_two_users();
    let (first, second) = (shared.open(1), shared.open(2));
    let now = first.now().unwrap();
    let settings = NetworkSettings {
        wifi_only_photos: false,
        budget_mb: Some(1),
        ..NetworkSettings::default()
    };
    first.store().set_network_settings(&settings).unwrap();
    testing::count_bytes(first.store(), now, true, 600_000).unwrap();
    testing::count_bytes(second.store(), now, true, 300_000).unwrap();
    testing::count_bytes(second.store(), now, false, 50_000_000).unwrap();
    for terminal in [&first, &second] {
        assert_eq!(terminal.data_use().unwrap().metered, 900_000);
        let policy = terminal.policy(METERED, SyncTrigger::Automatic).unwrap();
        assert_eq!(policy.allowance, Some(100_000));
    }
    testing::count_bytes(second.store(), now, true, 200_000).unwrap();
    let held = first.policy(METERED, SyncTrigger::Automatic).unwrap().held;
    assert!(held.is_some(), "the budget is used up for the first user too");
    // A month later the budget is whole, and a lost home's bytes still count in their month.
    let month = PlanMonth::of(now);
    assert_eq!(
        first
            .store()
            .metered_bytes(&PlanMonth::of(now.plus(40 * 86_400_000)))
            .unwrap(),
        0
    );
    drop(second);
    fs::remove_dir_all(shared.handset.home(2)).unwrap();
    assert_eq!(first.store().metered_bytes(&month).unwrap(), 1_100_000);
}

#[test]
fn w09_bytes_from_before_the_second_user_count_as_soon_as_there_is_one() {
    let shared = Shared::new();
    shared.enrol(1, "王芳");
    let first = shared.open(1);
    testing::count_bytes(first.store(), first.now().unwrap(), true, 600_000).unwrap();
    let go = CancelToken::default();
    let second = shared
        .handset
        .enrol_another_over(&network(), &invitation("B"), device(), &go)
        .unwrap();
    // The server's clock is that of the engine's tests; the month is the first user's.
    let month = PlanMonth::of(first.now().unwrap());
    assert_eq!(second.store().metered_bytes(&month).unwrap(), 600_000);
}

#[test]
fn w09_a_handset_with_one_user_keeps_no_files_of_the_phone() {
    let shared = Shared::new();
    shared.enrol(1, "王芳");
    let terminal = shared.open(1);
    testing::count_bytes(terminal.store(), terminal.now().unwrap(), true, 600_000).unwrap();
    assert_eq!(terminal.data_use().unwrap().metered, 600_000);
    assert_eq!(
        terminal.store().network_settings().unwrap(),
        NetworkSettings::default()
    );
    let strange = ["data-use.json", "network-settings.json", "phone.lock"];
    assert!(!shared.files().iter().any(|name| strange.contains(&name.as_str())));
}

#[test]
fn w09_a_folder_that_only_looks_like_a_users_home_is_a_handset_of_its_own() {
    let shared = Shared::new();
    let folder = shared.folder.path().join("users/7");
    let platforms: Arc<dyn PlatformOf> = Arc::<Phone>::clone(&shared.phone);
    let alone = Handset::at(&folder, platforms);
    let key = shared
        .phone
        .platform(&folder)
        .unwrap()
        .keystore
        .database_key()
        .unwrap();
    testing::enrol(
        &HandsetStore::open(&folder, key).unwrap(),
        "220104".parse().unwrap(),
    )
    .unwrap();
    let terminal = alone.open(1).unwrap();
    terminal
        .store()
        .set_network_settings(&NetworkSettings::default())
        .unwrap();
    assert!(folder.join("network-settings.json").exists());
    assert!(!shared.folder.path().join("network-settings.json").exists());
}

//! A damaged database loses only the rows on its damaged pages, and the report names what was lost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use protocol::{
    evidence::{ClockReading, Evidence},
    ids::{EntryId, RecordId},
    parcel::SealedFor,
    payload::{Payload, Report},
    time::Millis,
};
use std::{collections::BTreeSet, path::Path, sync::Arc};
use terminal_core::{
    Error,
    lifecycle::{
        Handset, KeyFiles,
        salvage::{self, Salvage},
    },
    platform::{DATABASE, Platform, SystemDisk},
    store::{self, HandedOver, HandsetStore, NewEntry, testing},
    sync::ParcelBuilder,
    terminal::Terminal,
    words::Summary,
};
use uuid::Uuid;

const ENTRIES: u64 = 60;
const PAGE: usize = 4096;

fn file(store: &HandsetStore, n: u64) {
    say(
        store,
        n,
        format!("第{n}条 {}", "井盖缺失".repeat(usize::try_from(n).unwrap() * 5)),
    );
}
fn short(store: &HandsetStore, n: u64) {
    say(store, n, format!("第{n}条 {}", "井盖缺失".repeat(40)));
}
fn say(store: &HandsetStore, n: u64, text: String) {
    let id = Uuid::from_u128(1000 + u128::from(n));
    let report = Report {
        matter: None,
        text,
        place: None,
        cell: None,
        address: String::new(),
        cell_chosen: false,
        self_handled: false,
        photos: vec![],
    };
    let entry = NewEntry {
        id: EntryId(id),
        payload: Payload::Report(report),
        record: RecordId(id),
        after: None,
        supersedes: None,
        grid: None,
        evidence: Evidence {
            position: None,
            clock: ClockReading {
                wall: Millis(1),
                boot: "b".into(),
                monotonic_ms: 1,
                offset_ms: None,
            },
        },
        summary: Summary::default(),
        photo_files: vec![],
    };
    assert_eq!(store.submit(&entry).unwrap().n, n);
}

/// A home with a full outbox, closed, and its database's bytes.
fn home() -> (tempfile::TempDir, Platform, Vec<u8>) {
    let home = tempfile::tempdir().unwrap();
    let platform = Platform::command_line(home.path()).unwrap();
    let store = HandsetStore::open(home.path(), platform.keystore.database_key().unwrap()).unwrap();
    testing::enrol(&store, "220104".parse().unwrap()).unwrap();
    (1..=ENTRIES).for_each(|n| file(&store, n));
    drop(store);
    // Opening writes the card beside the database.
    drop(Terminal::open(home.path(), platform.clone()).unwrap());
    let bytes = std::fs::read(home.path().join(DATABASE)).unwrap();
    (home, platform, bytes)
}

/// Puts the home into the state in which this damaged database was found.
fn salvaged(home: &Path, platform: &Platform, damaged: &[u8]) -> Salvage {
    let aside = home.join(format!("{DATABASE}.aside-1"));
    std::fs::write(&aside, damaged).unwrap();
    salvage::read(home, platform, &aside).unwrap()
}

/// Every number is either saved or reported as lost.
fn accounted_for(saved: &Salvage) -> u64 {
    let lost: u64 = saved.report.lost.iter().map(|(a, b)| b - a + 1).sum();
    saved.report.entries + lost
}

#[test]
fn whichever_page_is_zeroed_all_other_rows_are_saved_and_the_rest_is_named() {
    let (home, platform, sound) = home();
    assert!(sound.len() / PAGE > 20, "{} pages", sound.len() / PAGE);
    let mut worst = ENTRIES;
    for page in 0..sound.len() / PAGE {
        let mut damaged = sound.clone();
        damaged[page * PAGE..(page + 1) * PAGE].fill(0);
        let saved = salvaged(home.path(), &platform, &damaged);
        assert_eq!(
            saved.account().unwrap().stream.0,
            Uuid::from_u128(1),
            "page {page}"
        );
        if saved.report.entries < ENTRIES {
            assert!(!saved.report.is_whole, "page {page}");
        }
        // The root page of the table costs all its rows; card and settings still tell their number.
        assert_eq!(accounted_for(&saved), ENTRIES, "page {page}: {:?}", saved.report);
        if saved.report.entries > 0 {
            worst = worst.min(saved.report.entries);
        }
    }
    assert!(worst > ENTRIES / 2, "a page costs few rows: {worst}");
}

#[test]
fn a_database_without_its_beginning_is_read_completely() {
    let (home, platform, sound) = home();
    for gone in [1, 16, 100, PAGE] {
        let mut damaged = sound.clone();
        damaged[..gone].fill(0);
        let saved = salvaged(home.path(), &platform, &damaged);
        assert_eq!(
            saved.report.entries, ENTRIES,
            "the first {gone} bytes: {:?}",
            saved.report
        );
    }
}

#[test]
fn a_truncated_database_gives_back_what_is_there() {
    let (home, platform, sound) = home();
    let pages = sound.len() / PAGE;
    let mut most = 0;
    for kept in [pages - 1, pages / 2, 3] {
        let saved = salvaged(home.path(), &platform, &sound[..kept * PAGE]);
        assert!(saved.account().is_ok());
        most = most.max(saved.report.entries);
    }
    assert!(most > ENTRIES / 2, "{most}");
    // An empty file is no error.
    let saved = salvaged(home.path(), &platform, &[]);
    assert_eq!(saved.report.entries, 0);
    assert!(saved.account().is_ok(), "the card still knows whose it was");
}

/// How the database of a home can be lost.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    Missing,
    Empty,
    /// Empty, while the log with the last commits is there.
    EmptyBesideItsLog,
}

#[test]
fn field_05_an_empty_or_missing_database_beside_its_card_is_damage_and_no_new_handset() {
    for loss in [Loss::Missing, Loss::Empty, Loss::EmptyBesideItsLog] {
        let home = tempfile::tempdir().unwrap();
        let platform = Platform::command_line(home.path()).unwrap();
        let (database, log) = (
            home.path().join(DATABASE),
            home.path().join(format!("{DATABASE}-wal")),
        );
        let key = platform.keystore.database_key().unwrap();
        // As long as it is open, everything since the first table is in the log.
        let store = HandsetStore::open(home.path(), key).unwrap();
        testing::enrol(&store, "220104".parse().unwrap()).unwrap();
        (1..=5).for_each(|n| short(&store, n));
        drop(Terminal::open(home.path(), platform.clone()).unwrap());
        let last_commits = std::fs::read(&log).unwrap();
        drop(store);
        let photos = home.path().join("photos");
        let photo = photos.join(format!("{}.photo", "ab".repeat(32)));
        std::fs::write(&photo, b"sealed").unwrap();
        match loss {
            Loss::Missing => std::fs::remove_file(&database).unwrap(),
            Loss::Empty | Loss::EmptyBesideItsLog => std::fs::write(&database, b"").unwrap(),
        }
        if loss == Loss::EmptyBesideItsLog {
            std::fs::write(&log, last_commits).unwrap();
        }
        let handset = Handset::at(home.path(), Arc::new(KeyFiles));
        assert_eq!(handset.homes().unwrap(), [home.path()], "{loss:?}");
        let error = handset.open(1).map(drop).unwrap_err();
        assert!(matches!(error, Error::Quarantined { .. }), "{loss:?}: {error:?}");
        // It waits: the next open says the same, and finds no second damage.
        assert!(matches!(
            handset.open(1).map(drop),
            Err(Error::Quarantined { .. })
        ));
        assert_eq!(
            handset.homes().unwrap(),
            [home.path()],
            "it waits for its salvage"
        );
        // A new enrolment deletes nothing that waits.
        testing::enrol(
            &HandsetStore::open(home.path(), key).unwrap(),
            "220104".parse().unwrap(),
        )
        .unwrap();
        drop(handset.open(1).unwrap());
        assert!(photo.exists(), "{loss:?}");
        let aside = store::quarantined_databases(home.path(), &SystemDisk).unwrap();
        let [aside] = aside.as_slice() else {
            panic!("{loss:?}: {aside:?}")
        };
        let saved = salvage::read(home.path(), &platform, aside).unwrap();
        assert_eq!(saved.account().unwrap().stream.0, Uuid::from_u128(1), "{loss:?}");
        assert_eq!(saved.report.photos, 1, "{loss:?}: {:?}", saved.report);
        let in_the_log = match loss {
            Loss::EmptyBesideItsLog => 5,
            Loss::Missing | Loss::Empty => 0,
        };
        assert_eq!(saved.report.entries, in_the_log, "{loss:?}: {:?}", saved.report);
    }
}

#[test]
fn the_last_commits_are_read_out_of_the_log() {
    let (home, platform, _) = home();
    let store = HandsetStore::open(home.path(), platform.keystore.database_key().unwrap()).unwrap();
    file(&store, ENTRIES + 1);
    let (database, log) = (
        home.path().join(DATABASE),
        home.path().join(format!("{DATABASE}-wal")),
    );
    let aside = home.path().join(format!("{DATABASE}.aside-1"));
    std::fs::copy(&database, &aside).unwrap();
    std::fs::copy(&log, home.path().join(format!("{DATABASE}.aside-1-wal"))).unwrap();
    drop(store);
    let saved = salvage::read(home.path(), &platform, &aside).unwrap();
    assert_eq!(saved.report.entries, ENTRIES + 1);
    assert!(saved.report.is_whole);
}

#[test]
fn damage_leads_to_quarantine_at_the_next_start() {
    let (home, platform, sound) = home();
    let path = home.path().join(DATABASE);
    let mut damaged = sound;
    // All but the first page.
    damaged[PAGE..].fill(0);
    std::fs::write(&path, &damaged).unwrap();
    let met = Terminal::open(home.path(), platform.clone()).err().unwrap();
    let next = Terminal::open(home.path(), platform.clone()).err().unwrap();
    let codes = [met.code(), next.code()];
    assert!(codes.iter().any(|code| *code == "store.moved_aside"), "{codes:?}");
    assert_eq!(
        store::quarantined_databases(home.path(), platform.disk.as_ref())
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_handed_over_database_keeps_its_name_when_the_next_is_damaged() {
    let (home, platform, sound) = home();
    let saved = home.path().join(format!("{DATABASE}.saved-1"));
    std::fs::write(&saved, b"an earlier one").unwrap();
    // A salvaged database does not prevent a wipe.
    let terminal = Terminal::open(home.path(), platform.clone()).unwrap();
    assert!(!terminal.store().has_quarantined_databases().unwrap());
    drop(terminal);
    std::fs::write(home.path().join(DATABASE), vec![0; sound.len()]).unwrap();
    while let Err(error) = Terminal::open(home.path(), platform.clone()) {
        assert!(error.code().starts_with("store."), "{error}");
        if error.code() == "store.moved_aside" {
            break;
        }
    }
    let waiting = store::quarantined_databases(home.path(), platform.disk.as_ref()).unwrap();
    assert_eq!(waiting, [home.path().join(format!("{DATABASE}.aside-2"))]);
    assert_eq!(std::fs::read(saved).unwrap(), b"an earlier one");
}

#[test]
fn of_two_concurrent_salvages_one_is_refused_and_a_lost_copy_is_an_error() {
    let (home, platform, sound) = home();
    let first = salvaged(home.path(), &platform, &sound);
    let aside = home.path().join(format!("{DATABASE}.aside-1"));
    let refused = || salvage::read(home.path(), &platform, &aside).err().unwrap();
    assert_eq!(refused().code(), "salvage.running");
    assert_eq!(first.report.entries, ENTRIES);
    drop(first);
    std::fs::remove_file(&aside).unwrap();
    assert_eq!(refused().code(), "salvage.done");
}

#[test]
fn entries_far_from_the_first_number_survive_the_loss_of_the_first_page_of_them() {
    let (home, platform, _) = home();
    let store = HandsetStore::open(home.path(), platform.keystore.database_key().unwrap()).unwrap();
    // As after months of use: the remaining rows have high numbers, because earlier ones were pruned.
    (ENTRIES + 1..=1_200).for_each(|n| short(&store, n));
    while !testing::receive_all(&store, Millis(1), true).unwrap().is_empty() {}
    (1_201..=1_200 + ENTRIES).for_each(|n| short(&store, n));
    store.prune(Millis(2), &|_, _| false).unwrap();
    drop(store);
    drop(Terminal::open(home.path(), platform.clone()).unwrap());
    let sound = std::fs::read(home.path().join(DATABASE)).unwrap();
    assert_eq!(salvaged(home.path(), &platform, &sound).report.entries, ENTRIES);
    let mut nothing = Vec::new();
    for page in 0..sound.len() / PAGE {
        let mut damaged = sound.clone();
        damaged[page * PAGE..(page + 1) * PAGE].fill(0);
        let saved = salvaged(home.path(), &platform, &damaged);
        match saved.report.entries {
            0 => nothing.push(page),
            some => assert!(some > ENTRIES / 2, "page {page}: {:?}", saved.report),
        }
    }
    // The page above the rows costs all of them; the first leaf costs its own rows only.
    assert_eq!(nothing.len(), 1, "{nothing:?}");
}

#[test]
fn an_old_process_does_not_wipe_a_later_enrolment() {
    let (home, platform, _) = home();
    let left_open = Terminal::open(home.path(), platform).unwrap();
    // Another process has enrolled this home again meanwhile, as its card says.
    let card = home.path().join("stream.json");
    let ours = std::fs::read_to_string(&card).unwrap();
    let stream = left_open.account().stream.to_string();
    let theirs = ours.replacen(&stream, &Uuid::from_u128(77).to_string(), 1);
    assert_ne!(ours, theirs);
    std::fs::write(&card, theirs).unwrap();
    let done = HandedOver::default();
    assert!(!left_open.forget_everything(&done).unwrap());
    assert!(home.path().join(DATABASE).exists());
    std::fs::write(&card, ours).unwrap();
    assert!(left_open.forget_everything(&done).unwrap());
    assert!(!home.path().join(DATABASE).exists());
}

#[test]
fn parcels_are_closed_when_full_and_say_what_is_left() {
    let (home, platform, _) = home();
    let store = HandsetStore::open(home.path(), platform.keystore.database_key().unwrap()).unwrap();
    let pending = store.pending().unwrap();
    let clock = platform.clock.read().reading(None);
    let pack = ParcelBuilder::next(&pending, &BTreeSet::new(), clock.clone(), SealedFor::Export).unwrap();
    assert_eq!((pack.entries().len() as u64, pack.contents().left), (ENTRIES, 0));
    let mut many = pending;
    for entry in &mut many.entries {
        entry.bytes = [b"\"".to_vec(), vec![b'x'; 200_000], b"\"".to_vec()].concat();
    }
    let pack = ParcelBuilder::next(&many, &BTreeSet::new(), clock, SealedFor::Export).unwrap();
    assert!(pack.contents().left > 0);
    assert_eq!(pack.entries().len() as u64 + pack.contents().left, ENTRIES);
}

#[test]
fn use_a10_every_command_calls_damage_damage_until_it_is_cured() {
    for damage in [
        "all but the first page",
        "the first page",
        "every page",
        "one page that is read last",
    ] {
        let (home, platform, sound) = home();
        let path = home.path().join(DATABASE);
        let mut damaged = sound.clone();
        match damage {
            "all but the first page" => damaged[PAGE..].fill(0),
            "the first page" => damaged[..PAGE].fill(0),
            "every page" => damaged.fill(0),
            _ => {
                let last = damaged.len() - PAGE;
                damaged[last..].fill(0);
            }
        }
        std::fs::write(&path, &damaged).unwrap();
        let handset = Handset::at(home.path(), Arc::new(KeyFiles));
        let mut told = 0;
        for _ in 0..5 {
            let done = handset.open(1).and_then(|terminal| {
                terminal.queue()?;
                terminal.status()?;
                terminal.store().is_sound()
            });
            let Err(error) = done else { continue };
            told += 1;
            assert_eq!(error.code(), "store.moved_aside", "{damage}: {error}");
            let words = error.reason();
            assert!(
                words.zh.contains("抢救") && words.en.contains("salvage"),
                "{words:?}"
            );
        }
        assert!(told >= 4, "{damage}: {told}");
        // Without the list of the users, too.
        let users = handset.users().unwrap();
        assert!(users[0].is_salvage_due, "{damage}");

        // The next enrolment is a handset that works, and the database still waits.
        testing::enrol(
            &HandsetStore::open(home.path(), platform.keystore.database_key().unwrap()).unwrap(),
            "220104".parse().unwrap(),
        )
        .unwrap();
        assert!(handset.open(1).unwrap().queue().unwrap().is_empty(), "{damage}");

        // A home that was salvaged and not enrolled again is none any more.
        std::fs::remove_file(&path).unwrap();
        let aside = home.path().join(format!("{DATABASE}.aside-1"));
        std::fs::rename(&aside, home.path().join(format!("{DATABASE}.saved-1"))).unwrap();
        let error = handset.open(1).map(drop).unwrap_err();
        assert_eq!(error.code(), "enrol.none", "{damage}");
    }
}

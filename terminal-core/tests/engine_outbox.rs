//! The outbox without a network.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::{EngineFault, World};
use protocol::{
    entry::Entry,
    open::Open,
    payload::{EntryKind, Payload},
    photo::Sha256,
    time::Millis,
};
use std::fs;
use terminal_core::{
    Error,
    platform::{DATABASE, Keystore as _},
    store::{Cancelled, Custody, HandsetStore, SavedDraft},
};

#[test]
fn a_submitted_report_survives_a_restart_with_identical_bytes() {
    let mut world = World::new(1);
    let draft = world.draft("垃圾", vec![world.photo(100)]);
    let item = world.store().submit(&draft).unwrap();
    let (entry, bytes) = world.store().entry(item.id).unwrap();
    assert_eq!((entry.n, Sha256::of(&bytes)), (1, item.sha256));
    let (_, payload) = Entry::read(&bytes).unwrap();
    assert_eq!(payload, Some(draft.payload));
    world.restart();
    assert_eq!(world.store().items().unwrap(), vec![item.clone()]);
    world.sync();
    assert_eq!(world.store().entry(item.id).unwrap().1, bytes);
}

#[test]
fn story_06_however_often_the_button_is_tapped_there_is_one_item() {
    let world = World::new(2);
    let draft = world.draft("垃圾", vec![world.photo(100)]);
    world
        .store()
        .save_draft(&SavedDraft {
            id: draft.id,
            kind: "report".into(),
            json: "{}".into(),
            updated: Millis(1),
        })
        .unwrap();
    let store = world.store();
    let items: Vec<_> = std::thread::scope(|scope| {
        let taps: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| store.submit(&draft).unwrap()))
            .collect();
        taps.into_iter().map(|tap| tap.join().unwrap()).collect()
    });
    assert!(items.iter().all(|item| item == &items[0]));
    assert_eq!(store.items().unwrap().len(), 1);
    assert!(
        store.drafts().unwrap().is_empty(),
        "the draft is gone in the same moment"
    );
    world.sync();
    assert_eq!(world.server().entries.len(), 1);
}

#[test]
fn numbers_have_no_gaps_and_no_duplicates() {
    let mut world = World::new(3);
    for k in 0..5 {
        world.report(&format!("{k}"), &[]);
        // A failed submit takes no number.
        let mut bad = world.draft("bad", vec![world.photo(1)]);
        bad.photo_files.clear();
        assert_eq!(world.store().submit(&bad).unwrap_err().code(), "photo.count");
        world.restart();
    }
    world.sync();
    assert!(
        world
            .store()
            .prune(Millis(i64::MAX), &|_, _| false)
            .unwrap()
            .is_empty()
    );
    assert!(world.store().items().unwrap().is_empty());
    assert_eq!(world.report("after pruning", &[]).n, 6);
}

#[test]
fn an_entry_that_is_too_large_is_refused_with_its_code_and_the_draft_stays() {
    let world = World::new(4);
    let draft = world.draft(&"长".repeat(200_000), vec![]);
    assert_eq!(
        world.store().submit(&draft).unwrap_err().code(),
        "entry.too_large"
    );
    assert!(world.store().items().unwrap().is_empty());
}

#[test]
fn cancelling_an_unoffered_item_makes_a_void_and_frees_its_photos() {
    let world = World::new(5);
    let item = world.report("垃圾", &[100, 200]);
    let next = world.report("井盖", &[]);
    let withdrawal = world.new_id();
    let Cancelled::Voided { item: void, files } = world
        .store()
        .cancel(item.id, withdrawal, "写错了", &world.evidence())
        .unwrap()
    else {
        panic!("it was never offered");
    };
    assert_eq!(files.len(), 2);
    assert_eq!(
        (void.id, void.n, void.kind),
        (item.id, 1, Open::Known(EntryKind::Void))
    );
    assert_eq!(void.cancelled, Some(Open::Known(EntryKind::Report)));
    let again = world
        .store()
        .cancel(item.id, withdrawal, "", &world.evidence())
        .unwrap();
    assert!(matches!(again, Cancelled::Voided { .. }));
    assert!(world.sync().is_success());
    assert_eq!(world.server().entries.len(), 2, "the stream has no gap");
    assert!(world.is_received(&next));
    let bytes = world.server().entries[&1].bytes.clone();
    assert_eq!(Entry::read(&bytes).unwrap().1, Some(Payload::Void));
}

#[test]
fn an_offered_item_is_withdrawn_not_voided() {
    let world = World::new(6);
    let item = world.report("垃圾", &[100]);
    // The push is lost on its way: nobody can know that it did not arrive.
    world.fault([EngineFault::Pass, EngineFault::Pass, EngineFault::LoseRequest]);
    world.sync();
    assert_eq!(world.item(&item).custody, Custody::Waiting);
    let withdrawal = world.new_id();
    let cancel = || {
        world
            .store()
            .cancel(item.id, withdrawal, "写错了", &world.evidence())
            .unwrap()
    };
    let Cancelled::Withdrawn(entry) = cancel() else {
        panic!("it may have left");
    };
    assert_eq!(
        (entry.id, entry.record, entry.after),
        (withdrawal, item.record, Some(item.id))
    );
    assert_eq!(cancel(), Cancelled::Withdrawn(entry.clone()), "twice is once");
    let refused = world
        .store()
        .cancel(entry.id, world.new_id(), "", &world.evidence());
    assert_eq!(refused.unwrap_err().code(), "item.not_cancellable");
    world.settle();
    assert_eq!(world.server().entries.len(), 2);
    world.assert_agreement();
}

#[test]
fn received_items_stay_until_pruned_and_items_with_unsent_photos_stay() {
    let world = World::new(7);
    let done = world.report("done", &[100]);
    world.sync();
    let photo_missing = world.report("photo missing", &[200]);
    world
        .photos
        .0
        .lock()
        .unwrap()
        .remove(&photo_missing.photos[0].file);
    world.sync();
    let waiting = world.report("waiting", &[300]);
    let now = world.clock.true_time();
    assert!(
        world
            .store()
            .prune(now.plus(-30 * 86_400_000), &|_, _| false)
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.store().items().unwrap().len(), 3);
    let files = world.store().prune(now.plus(1), &|_, _| false).unwrap();
    assert_eq!(files, vec![done.photos[0].file.clone()]);
    let left: Vec<_> = world.store().items().unwrap().into_iter().map(|i| i.id).collect();
    assert_eq!(
        left,
        vec![photo_missing.id, waiting.id],
        "never sooner than its last photo"
    );
}

#[test]
fn a_database_with_another_key_or_damage_is_quarantined() {
    let mut world = World::new(8);
    world.report("垃圾", &[]);
    world.store = None;
    let home = world.home();
    let right = world.keystore.database_key().unwrap();
    let original = fs::read(home.join(DATABASE)).unwrap();
    assert!(
        !original.windows(6).any(|w| w == "SQLite".as_bytes()),
        "it is encrypted"
    );
    let Err(Error::Quarantined { moved_to, .. }) = HandsetStore::open(&home, [1; 32]) else {
        panic!("a wrong key must not open");
    };
    assert_eq!(fs::read(&moved_to).unwrap(), original, "not a byte is lost");
    assert!(matches!(
        HandsetStore::open(&home, right).unwrap().account(),
        Err(Error::NotEnrolled)
    ));
    // The old file, put back, opens with its key.
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(home.join(format!("{DATABASE}{suffix}")));
    }
    fs::rename(&moved_to, home.join(DATABASE)).unwrap();
    world.restart();
    assert_eq!(world.store().items().unwrap().len(), 1);
    world.store = None;
    fs::write(home.join(DATABASE), b"rubbish".repeat(1000)).unwrap();
    let error = HandsetStore::open(&home, right).err().unwrap();
    assert_eq!(error.code(), "store.moved_aside");
    assert!(error.to_string().contains("aside-"), "{error}");
}

#[test]
fn nothing_is_submitted_without_an_account() {
    let world = World::bare(9);
    let draft = world.draft("垃圾", vec![]);
    assert!(matches!(world.store().submit(&draft), Err(Error::NotEnrolled)));
}

#[test]
fn a_store_restored_from_an_older_copy_gives_no_number_twice() {
    let mut world = World::new(10);
    world.report("one", &[]);
    world.sync();
    world.store = None;
    let copy = fs::read(world.home().join(DATABASE)).unwrap();
    world.restart();
    world.report("two", &[]);
    world.sync();
    world.store = None;
    fs::write(world.home().join(DATABASE), copy).unwrap();
    world.restart();
    assert_eq!(world.store().items().unwrap().len(), 1);
    world.sync();
    let three = world.report("three", &[]);
    assert_eq!(three.n, 3);
    world.sync();
    assert!(world.is_received(&three));
    assert_eq!(world.server().entries.len(), 3);
}

#[test]
fn a_kill_during_quarantine_loses_no_log() {
    let mut world = World::new(11);
    let item = world.report("only in the log", &[]);
    // Killed: neither checkpoint nor clean close.
    let log = format!("{DATABASE}-wal");
    let (main, wal) = (
        fs::read(world.home().join(DATABASE)).unwrap(),
        fs::read(world.home().join(&log)).unwrap(),
    );
    world.store = None;
    fs::write(world.home().join(DATABASE), main).unwrap();
    // The process was killed after it moved the log.
    fs::write(world.home().join(format!("{DATABASE}.aside-1-wal")), wal).unwrap();
    world.restart();
    assert_eq!(world.store().items().unwrap(), vec![item]);
}

#[test]
fn a_kill_after_quarantine_does_not_block_the_handset() {
    let mut world = World::new(12);
    world.report("kept aside", &[]);
    world.store = None;
    let home = world.home();
    // The process was killed after it moved the file; the mark still exists.
    fs::rename(home.join(DATABASE), home.join(format!("{DATABASE}.aside-1"))).unwrap();
    let mark = home.join(format!("{DATABASE}.damaged"));
    fs::write(&mark, b"").unwrap();
    for _ in 0..2 {
        let store = HandsetStore::open(&home, [1; 32]).unwrap();
        assert!(matches!(store.account(), Err(Error::NotEnrolled)));
        assert!(store.has_quarantined_databases().unwrap());
        assert!(!mark.exists());
    }
}

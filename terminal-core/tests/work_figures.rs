//! When the next sync is due, what was seen, and what the disk holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use protocol::{
    duty::{Purpose, TaskRow},
    feed::{Mailbox, kind},
    ids::{PersonId, PostId, TaskId},
    manifest::FileName,
    photo::Sha256,
    time::Millis,
};
use terminal_core::{
    photos::PhotoSource, platform::Clock, store::testing, terminal::Terminal, transport::CancelToken,
    work::ComparePhoto,
};
use uuid::Uuid;

mod work_support;
use work_support::{Hand, MORNING, enrol, open, picture, row};

fn home() -> (tempfile::TempDir, Hand, Terminal) {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let hand = Hand::new();
    let terminal = open(dir.path(), &hand);
    (dir, hand, terminal)
}

#[test]
fn w04_the_next_sync_is_due_at_once_for_what_waits_and_at_the_next_poll_for_nothing() {
    let (dir, hand, terminal) = home();
    let now = hand.read().wall;
    assert_eq!(terminal.next_due().unwrap(), Some(now), "never in contact");
    testing::contact(terminal.store(), now).unwrap();
    assert_eq!(terminal.next_due().unwrap(), Some(now.plus(24 * 3_600_000)));
    let filed = terminal.new_report().unwrap().text("一").submit().unwrap();
    assert_eq!(terminal.next_due().unwrap(), Some(now));
    testing::wait(terminal.store(), filed.item, now.plus(60_000)).unwrap();
    // Also after the process died.
    assert_eq!(
        open(dir.path(), &hand).next_due().unwrap(),
        Some(now.plus(60_000))
    );
    hand.advance(-86_400_000);
    let earlier = hand.read().wall;
    assert_eq!(
        terminal.next_due().unwrap(),
        Some(earlier),
        "the clock was set back"
    );
    let mut settings = terminal.store().network_settings().unwrap();
    settings.sync = false;
    terminal.store().set_network_settings(&settings).unwrap();
    assert_eq!(terminal.next_due().unwrap(), None);
}

#[test]
fn w15_scheduled_syncs_are_a_day_apart_off_duty_and_ten_minutes_at_most_on_duty() {
    let (_dir, hand, terminal) = home();
    let now = hand.read().wall;
    testing::contact(terminal.store(), now).unwrap();
    assert_eq!(terminal.next_due().unwrap(), Some(now.plus(24 * 3_600_000)));
    let check_in = terminal.check_in(None, "").unwrap();
    assert_eq!(terminal.next_due().unwrap(), Some(now), "the check-in waits");
    testing::wait(terminal.store(), check_in.id, now.plus(3_600_000)).unwrap();
    assert_eq!(terminal.next_due().unwrap(), Some(now.plus(5 * 60_000)));
    let mut settings = terminal.store().network_settings().unwrap();
    settings.poll_minutes = 60;
    terminal.store().set_network_settings(&settings).unwrap();
    assert_eq!(terminal.next_due().unwrap(), Some(now.plus(10 * 60_000)));
}

#[test]
fn a_task_is_new_until_it_was_seen_and_forgotten_with_its_end() {
    let (_dir, _, terminal) = home();
    let task = TaskRow {
        task: TaskId(Uuid::from_u128(1)),
        purpose: Purpose::Check.into(),
        wording: "请核查".into(),
        cell: "220104010102".parse().unwrap(),
        place: None,
        address: None,
        due: Millis(MORNING),
        compare: Some(Sha256::of(b"before")),
        case: None,
        post: PostId(Uuid::from_u128(3)),
        holder: PersonId(Uuid::from_u128(4)),
        holder_name: None,
        issued: Millis(MORNING),
    };
    let pull = |body: Option<&TaskRow>| {
        let mut row = row(Mailbox::Post, 1, kind::TASK, task.task, &task);
        row.body = body.map(|task| serde_json::to_value(task).unwrap());
        testing::pull(terminal.store(), vec![row]).unwrap();
    };
    // A mark for a task that is not here does nothing.
    terminal.mark_seen(&[task.task]).unwrap();
    pull(Some(&task));
    let here = terminal.task(task.task).unwrap();
    assert!(!here.seen);
    assert_eq!(
        here.compare().unwrap(),
        ComparePhoto::Waiting {
            next_try: None,
            problem: None
        }
    );
    terminal.mark_seen(&[task.task]).unwrap();
    terminal.mark_seen(&[task.task]).unwrap();
    assert!(terminal.task(task.task).unwrap().seen);
    pull(None);
    pull(Some(&task));
    assert!(
        !terminal.task(task.task).unwrap().seen,
        "issued again after it was gone"
    );
}

#[test]
fn the_storage_figures_tell_waiting_photos_from_kept_ones() {
    let (_dir, _, terminal) = home();
    let before = terminal.storage().unwrap();
    assert!(before.database > 0);
    let mut draft = terminal.new_report().unwrap();
    draft.add_photo(PhotoSource::Bytes(&picture(1))).unwrap();
    let size = draft.photos().first().unwrap().size;
    draft.submit().unwrap();
    let waiting = terminal.storage().unwrap();
    assert_eq!((waiting.photos_waiting, waiting.photos_kept), (size, 0));
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    let kept = terminal.storage().unwrap();
    assert_eq!((kept.photos_waiting, kept.photos_kept), (0, size));
    testing::file(terminal.store(), FileName::Catalogue, "1", &[b' '; 5000]).unwrap();
    assert_eq!(terminal.storage().unwrap().reference, 5000);
}

/// A photo of 900 kB, so that few of them fill a parcel.
fn large_photo(seed: u8) -> media::PreparedPhoto {
    let jpeg = vec![seed; 900_000];
    let sha256 = Sha256::of(&jpeg).0;
    media::PreparedPhoto {
        jpeg,
        sha256,
        width: 1600,
        height: 1200,
        thumbnail: vec![seed; 100],
        original_sha256: sha256,
        taken_at: None,
        gps: None,
    }
}

#[test]
fn w11_an_export_tells_its_progress_and_a_cancelled_one_leaves_no_file() {
    let (dir, _, terminal) = home();
    for seed in 0..5 {
        let mut draft = terminal.new_report().unwrap();
        draft.add_ready_photo(&large_photo(seed)).unwrap();
        draft.submit().unwrap();
    }
    let file = dir.path().join("export.parcels");
    let cancel = CancelToken::default();
    let mut told = Vec::new();
    let cancelled = terminal.export_with(&file, &cancel, &mut |progress| {
        told.push((progress.sealed.parcels, progress.left));
        cancel.cancel();
    });
    assert_eq!(cancelled.unwrap_err().code(), "call.cancelled");
    assert!(matches!(told.as_slice(), [(1, left)] if *left > 0), "{told:?}");
    let left: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("export"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    let mut last = None;
    let exported = terminal
        .export_with(&file, &CancelToken::default(), &mut |progress| {
            last = Some(progress.clone())
        })
        .unwrap();
    assert_eq!((exported.entries, exported.photos), (5, 5));
    let last = last.unwrap();
    assert_eq!((last.left, last.sealed), (0, exported));
}

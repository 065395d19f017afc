//! Screens: what an observer is told, and reading while a commit waits for the disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use protocol::{
    duty::{Purpose, TaskRow},
    feed::{Mailbox, kind},
    ids::{PersonId, PostId, TaskId},
    time::Millis,
};
use std::{collections::BTreeSet, sync::mpsc};
use terminal_core::{
    Error,
    live::HandsetChanges,
    store::{HandsetChange, testing},
    terminal::Terminal,
};
use uuid::Uuid;

mod work_support;
use work_support::{Hand, MORNING, enrol, open, row};

fn home() -> (tempfile::TempDir, Terminal) {
    let dir = tempfile::tempdir().unwrap();
    enrol(dir.path());
    let terminal = open(dir.path(), &Hand::new());
    (dir, terminal)
}

fn what(changes: &HandsetChanges) -> Vec<HandsetChange> {
    changes.what.iter().copied().collect()
}

fn task(n: u128) -> TaskRow {
    TaskRow {
        task: TaskId(Uuid::from_u128(n)),
        purpose: Purpose::Verify.into(),
        wording: "请核实举报".into(),
        cell: "220104010102".parse().unwrap(),
        place: None,
        address: None,
        due: Millis(MORNING),
        compare: None,
        case: None,
        post: PostId(Uuid::from_u128(3)),
        holder: PersonId(Uuid::from_u128(4)),
        holder_name: None,
        issued: Millis(MORNING),
    }
}

#[test]
fn w04_a_feed_tells_what_a_commit_changed_and_nothing_else() {
    let (_dir, terminal) = home();
    let feed = terminal.changes().unwrap();
    assert_eq!(feed.take(), HandsetChanges::default());
    let mut draft = terminal.new_report().unwrap();
    draft.text("井盖破损").save().unwrap();
    assert_eq!(what(&feed.take()), [HandsetChange::Drafts]);
    draft.submit().unwrap();
    assert_eq!(what(&feed.take()), [HandsetChange::Queue, HandsetChange::Drafts]);
    terminal.check_in(None, "").unwrap();
    assert_eq!(
        what(&feed.take()),
        [HandsetChange::Queue, HandsetChange::Presence]
    );
    testing::receive_all(terminal.store(), Millis(MORNING), true).unwrap();
    assert!(feed.take().what.contains(&HandsetChange::Queue));
    terminal.store().set_setting("language", "en").unwrap();
    assert_eq!(what(&feed.take()), [HandsetChange::Settings]);
    assert_eq!(feed.take(), HandsetChanges::default());
}

#[test]
fn w04_tasks_that_arrived_and_went_are_named_once() {
    let (_dir, terminal) = home();
    let [first, second] = [task(1), task(2)];
    let rows = |rows: &[&TaskRow]| {
        let rows = rows.iter().zip(1..);
        rows.map(|(task, n)| row(Mailbox::Post, n, kind::TASK, task.task, task))
            .collect()
    };
    testing::pull(terminal.store(), rows(&[&first])).unwrap();
    let feed = terminal.changes().unwrap();
    testing::pull(terminal.store(), rows(&[&first, &second])).unwrap();
    let mut gone = row(Mailbox::Post, 3, kind::TASK, first.task, &first);
    gone.body = None;
    testing::pull(terminal.store(), vec![gone]).unwrap();
    let told = feed.take();
    assert_eq!(
        (told.tasks_arrived, told.tasks_gone),
        (vec![second.task], vec![first.task])
    );
    testing::pull(terminal.store(), rows(&[&second])).unwrap();
    let told = feed.take();
    assert_eq!(
        what(&told),
        [HandsetChange::Tasks],
        "the row may say something new"
    );
    assert_eq!((told.tasks_arrived, told.tasks_gone), (vec![], vec![]));
}

/// However a commit and the subscription meet: what the snapshot lacks is told.
#[test]
fn w04_a_snapshot_after_subscribing_misses_no_commit() {
    let (_dir, terminal) = home();
    for round in 0..200 {
        let writer = terminal.clone();
        let (started, is_running) = mpsc::channel();
        let writing = std::thread::spawn(move || {
            started.send(()).unwrap();
            writer.store().set_setting("round", &round.to_string()).unwrap();
        });
        is_running.recv().unwrap();
        let feed = terminal.changes().unwrap();
        let seen = terminal.store().setting("round").unwrap();
        writing.join().unwrap();
        if seen != Some(round.to_string()) {
            assert!(
                feed.take().what.contains(&HandsetChange::Settings),
                "round {round}"
            );
        }
    }
}

#[test]
fn w04_a_slow_or_panicking_observer_harms_nobody() {
    let (_dir, terminal) = home();
    let (go, may_go) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let slow = terminal
        .observe(move |changes| {
            tell.send(changes.what).unwrap();
            let _ = may_go.recv();
            panic!("an observer's own fault");
        })
        .unwrap();
    // Dropped before the subscription if an assertion fails: else that would wait for the observer for ever.
    let go = go;
    terminal.new_report().unwrap().text("一").save().unwrap();
    assert_eq!(told.recv().unwrap(), BTreeSet::from([HandsetChange::Drafts]));
    // The observer is busy; these commits do not wait for it.
    terminal.check_in(None, "").unwrap();
    terminal.store().set_setting("language", "en").unwrap();
    go.send(()).unwrap();
    let coalesced = BTreeSet::from([
        HandsetChange::Queue,
        HandsetChange::Presence,
        HandsetChange::Settings,
    ]);
    assert_eq!(told.recv().unwrap(), coalesced, "told together after the panic");
    drop(go);
    drop(slow);
    terminal.store().set_setting("language", "zh").unwrap();
    assert!(told.recv().is_err(), "not called after the subscription ended");
}

#[test]
fn w04_an_observer_that_ends_its_own_subscription_does_not_hang() {
    let (_dir, terminal) = home();
    let (give, take) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let subscription = terminal
        .observe(move |_| {
            let own: terminal_core::live::Subscription = take.recv().unwrap();
            drop(own);
            tell.send(()).unwrap();
        })
        .unwrap();
    terminal.store().set_setting("language", "en").unwrap();
    give.send(subscription).unwrap();
    told.recv().unwrap();
}

/// The store's writer is busy, as while a sync's COMMIT waits for the disk.
#[test]
fn a_screen_reads_while_a_write_is_in_progress() {
    let (_dir, terminal) = home();
    terminal.new_report().unwrap().text("一").save().unwrap();
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let writer = terminal.clone();
    let writing = std::thread::spawn(move || {
        testing::write_slowly(writer.store(), "language", "en", || {
            begun.send(()).unwrap();
            may_go.recv().unwrap();
        })
        .unwrap();
    });
    has_begun.recv().unwrap();
    assert_eq!(terminal.queue().unwrap().len(), 1);
    assert_eq!(
        terminal.store().setting("language").unwrap(),
        None,
        "not committed yet"
    );
    go.send(()).unwrap();
    writing.join().unwrap();
    assert_eq!(
        terminal.store().setting("language").unwrap().as_deref(),
        Some("en")
    );
}

#[test]
fn w05_a_closed_handset_refuses_calls_and_ends_feeds() {
    let (_dir, terminal) = home();
    let feed = terminal.changes().unwrap();
    let mut draft = terminal.new_report().unwrap();
    draft.text("一").save().unwrap();
    feed.take();
    let waiting = std::thread::spawn(move || feed.wait());
    terminal.close();
    assert_eq!(waiting.join().unwrap(), None);
    let closed = |error: Error| assert_eq!(error.code(), "terminal.closed");
    closed(terminal.queue().unwrap_err());
    closed(terminal.check_in(None, "").unwrap_err());
    closed(draft.submit().unwrap_err());
    closed(terminal.changes().err().unwrap());
    terminal.close();
}

//! A wall clock that is wrong by hours or years: every time that is shown is that of the corrected clock.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::{EngineFault, T0, World};
use protocol::time::Millis;
use std::sync::Arc;
use terminal_core::{
    platform::Platform,
    sync::{Policy, SyncReport},
    terminal::Terminal,
    transport::CancelToken,
    words::Lang,
};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

struct Lying(World);

impl Lying {
    /// An enrolled handset whose wall clock differs by this much from the true time, after a restart of the phone: it
    /// does not know the time yet.
    fn by(lie_ms: i64) -> Self {
        let mut world = World::new(13);
        world.store = None;
        world.clock.set_lie(lie_ms);
        world.clock.reboot();
        Self(world)
    }
    fn open(&self) -> Terminal {
        let mut platform = Platform::command_line(&self.0.home()).unwrap();
        platform.clock = Arc::clone(&self.0.clock) as _;
        Terminal::open(&self.0.home(), platform).unwrap()
    }
    fn sync(&self, terminal: &Terminal) -> SyncReport {
        let go = CancelToken::default();
        terminal
            .sync_over(&self.0.network, Policy::MANUAL, &go, &mut |_| {})
            .unwrap()
    }
}

/// Within the time that an exchange takes.
fn assert_is(shown: Millis, wanted: Millis, what: &str) {
    assert!(
        shown.since(wanted).abs() < 5_000,
        "{what}: {shown:?}, not {wanted:?}"
    );
}

#[test]
fn use_a13_lists_show_times_by_the_corrected_clock() {
    for lie in [-2 * 365 * DAY, 3 * DAY, -HOUR, 0] {
        let handset = Lying::by(lie);
        let terminal = handset.open();
        let filed = |text: &str| {
            let at = handset.0.clock.true_time();
            let mut draft = terminal.new_report().unwrap();
            draft.text(text);
            let id = draft.submit().unwrap().item;
            handset.0.clock.advance(10 * 60_000);
            (id, at)
        };
        let before = filed("还不知道时间");
        assert!(handset.sync(&terminal).is_success());
        let after = filed("已校准");
        let mut draft = terminal.new_report().unwrap();
        draft.text("草稿").save().unwrap();
        let saved = handset.0.clock.true_time();
        for _ in 0..2 {
            let made = |id| terminal.queue_row(id).unwrap().made;
            assert_is(made(before.0), before.1, "filed before the first contact");
            assert_is(made(after.0), after.1, "filed after it");
            assert_is(made(draft.id()), saved, "the draft");
            for row in terminal.history(None, 9).unwrap() {
                assert!(
                    [before.1, after.1]
                        .iter()
                        .any(|at| row.made.since(*at).abs() < 5_000),
                    "{row:?}"
                );
            }
            assert!(handset.sync(&terminal).is_success());
        }
        let (status, now) = (terminal.status().unwrap(), handset.0.clock.true_time());
        assert_is(status.last_sync.unwrap(), now, "the last sync");
        // The server states its time when a session begins; the second sync has used the same one.
        let contact = status.last_contact.unwrap();
        assert!((0..15 * 60_000).contains(&now.since(contact)), "{contact:?}");
    }
}

#[test]
fn use_a13_times_from_before_a_restart_of_the_phone_are_corrected_as_well() {
    let handset = Lying::by(-2 * 365 * DAY);
    let terminal = handset.open();
    let at = handset.0.clock.true_time();
    let mut draft = terminal.new_report().unwrap();
    let id = draft.text("重启之前").submit().unwrap().item;
    drop((draft, terminal));
    handset.0.clock.advance(HOUR);
    handset.0.clock.reboot();
    let terminal = handset.open();
    handset.sync(&terminal);
    assert_is(
        terminal.queue_row(id).unwrap().made,
        at,
        "filed before the restart",
    );
}

#[test]
fn use_a13_the_next_try_is_said_by_the_corrected_clock() {
    let handset = Lying::by(-3 * HOUR);
    let terminal = handset.open();
    handset.sync(&terminal);
    let mut draft = terminal.new_report().unwrap();
    let id = draft.text("等").submit().unwrap().item;
    handset.0.fault([
        EngineFault::LoseRequest,
        EngineFault::LoseRequest,
        EngineFault::LoseRequest,
    ]);
    let mut report = handset.sync(&terminal);
    // As far away as a server may ask.
    let wall = terminal.clock_reading().unwrap().wall;
    report.next_try = Some(wall.plus(HOUR));
    let said = report.lines(Lang::Zh, wall).join("\n");
    let wanted = terminal_core::words::moment(handset.0.clock.true_time().plus(HOUR), Millis(T0));
    assert!(said.ends_with(&wanted), "{said}, not {wanted}");
    if let Some(next) = terminal.queue_row(id).unwrap().next_try {
        assert!(next >= handset.0.clock.true_time(), "{next:?}");
    }
}

#[test]
fn field_e_a_clock_of_another_century_shows_the_time_of_the_centre() {
    // 2262, the last year of 64 bits of nanoseconds.
    let handset = Lying::by(236 * 365 * DAY);
    let terminal = handset.open();
    let at = handset.0.clock.true_time();
    let mut draft = terminal.new_report().unwrap();
    let id = draft.text("手机说是 2262 年").submit().unwrap().item;
    assert!(handset.sync(&terminal).is_success());
    assert_is(terminal.queue_row(id).unwrap().made, at, "the queue");
    assert_is(
        terminal.status().unwrap().clock.estimate(),
        handset.0.clock.true_time(),
        "the status",
    );
}

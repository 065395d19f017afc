//! How long a task that was pushed to a sleeping handset on duty takes until an observer is told, on a simulated clock
//! over the real store. The handset wakes up for its own timers and for what the network brings, and for nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test: clippy recognises only a plain `cfg(test)`"
)]

use super::*;
use crate::{
    live::observe::ChangeFeed,
    platform::{bundle::Platform, clock::Clock},
    store::{database::HandsetStore, testing},
    terminal::Terminal,
};
use protocol::{
    duty::{Purpose, TaskRow},
    feed::{FeedRow, Mailbox, kind},
    ids::{PersonId, PostId, TaskId},
    time::Millis,
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use uuid::Uuid;

const MINUTE: i64 = 60_000;

/// The worker's setting: as rare as it gets, so that only the rule for the time on duty makes polls frequent.
const POLL_MINUTES: u32 = 600;

/// 2026-11-22 08:15:03 in Asia/Shanghai.
const MORNING: i64 = 1_795_306_503_000;

/// How long a hint is on its way, and how long a sync takes, in milliseconds.
const TRANSIT: i64 = 1_000;
const SYNC: i64 = 3_000;

/// Draws waits just below ten minutes where the bound allows it: the stream is opened shortly before a poll.
struct Late;

impl Random for Late {
    fn fill(&self, bytes: &mut [u8]) -> Result<()> {
        let drawn = 590_000_u32.to_le_bytes();
        for (byte, drawn) in bytes.iter_mut().zip(drawn.iter().cycle()) {
            *byte = *drawn;
        }
        Ok(())
    }
}

/// What the network does to the hint stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LongStreams {
    Pass,
    /// They are cut this long after they were opened.
    Cut(i64),
    /// Nothing passes from this long after they were opened on, and nobody is told. Heartbeats come before that.
    Dead(i64),
    /// They are refused.
    Refused,
}

#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn read(&self) -> ClockRaw {
        let now = self.0.load(Ordering::SeqCst);
        ClockRaw {
            wall: Millis(MORNING + now),
            boot: "b".into(),
            monotonic_ms: now,
        }
    }
}

/// A handset on duty, and the server's tasks.
struct Shift {
    hand: Hand,
    terminal: Terminal,
    feed: ChangeFeed,
    network: LongStreams,
    /// When each task is pushed.
    pushed: Vec<i64>,
    /// How long each took until the observer was told.
    took: Vec<Option<i64>>,
    end: i64,
    opened: Option<i64>,
    heartbeat: i64,
    /// The stream has told everything before this time.
    hinted: i64,
    woken: usize,
}

fn row_of(n: usize) -> FeedRow {
    let task = TaskRow {
        task: TaskId(Uuid::from_u128(n as u128 + 1)),
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
    };
    FeedRow {
        mailbox: Mailbox::Post.into(),
        n: n as u64 + 1,
        kind: kind::TASK.into(),
        entity: task.task.to_string(),
        body: Some(serde_json::to_value(task).unwrap()),
    }
}

impl Shift {
    /// Six hours on duty, with a task every eleven minutes and some seconds.
    fn run(network: LongStreams) -> Vec<i64> {
        let dir = tempfile::tempdir().unwrap();
        let hand = Hand(Arc::default());
        let platform = || Platform {
            clock: Arc::new(hand.clone()),
            ..Platform::command_line(dir.path()).unwrap()
        };
        let key = platform().keystore.database_key().unwrap();
        testing::enrol(
            &HandsetStore::open(dir.path(), key).unwrap(),
            "220104".parse().unwrap(),
        )
        .unwrap();
        let terminal = Terminal::open(dir.path(), platform()).unwrap();
        terminal.check_in(None, "").unwrap();
        let end = 6 * 60 * MINUTE;
        let times = (0..).map(|k| 20 * MINUTE + k * (11 * MINUTE + 17_977));
        let pushed: Vec<i64> = times.take_while(|at| *at < end - 30 * MINUTE).collect();
        let mut shift = Self {
            took: pushed.iter().map(|_| None).collect(),
            feed: terminal.changes().unwrap(),
            hand,
            terminal,
            network,
            pushed,
            end,
            opened: None,
            heartbeat: 0,
            hinted: 0,
            woken: 0,
        };
        watch(&mut shift, &Late).unwrap();
        println!("{network:?}: {} wake-ups in a shift", shift.woken);
        let took: Vec<i64> = shift
            .took
            .iter()
            .map(|took| took.expect("every task is announced"))
            .collect();
        assert!(took.len() > 25, "{took:?}");
        took
    }
    fn now(&self) -> i64 {
        self.hand.0.load(Ordering::SeqCst)
    }
    fn set(&self, now: i64) {
        self.hand.0.store(now.max(self.now()), Ordering::SeqCst);
    }
}

impl Connection for Shift {
    fn clock(&self) -> ClockRaw {
        self.hand.read()
    }
    fn contact(&self) -> Result<ContactPlan> {
        let on_duty = self.terminal.presence()?.on_duty;
        Ok(ContactPlan::of(on_duty, false, POLL_MINUTES))
    }
    fn may_sync(&mut self) -> Result<bool> {
        Ok(true)
    }
    fn sync_blocked(&mut self) -> Result<()> {
        Ok(())
    }
    fn filed(&self) -> Result<u64> {
        self.terminal.store().next_number()
    }
    fn sync(&mut self, _: bool) -> Result<SyncReport> {
        let here = self.pushed.iter().filter(|at| **at <= self.now()).count();
        self.set(self.now() + SYNC);
        testing::pull(self.terminal.store(), (0..here).map(row_of).collect())?;
        // The observer is told by the commit, and by nothing else.
        for task in self.feed.take().tasks_arrived {
            let k = usize::try_from(task.0.as_u128()).unwrap() - 1;
            let took = self.now() - self.pushed[k];
            let before = self.took[k].replace(took);
            assert_eq!(before, None, "told once");
        }
        Ok(SyncReport::default())
    }
    fn open(&mut self, heartbeat_s: u32) -> Result<std::result::Result<u32, SyncFailure>> {
        if self.network == LongStreams::Refused {
            return Ok(Err(network(&TransportError::Unreachable("played".into()))));
        }
        self.set(self.now() + 100);
        self.opened = Some(self.now());
        self.heartbeat = i64::from(heartbeat_s) * 1000;
        // The first hint is sent at once.
        self.hinted = self.now() - 1;
        Ok(Ok(heartbeat_s))
    }
    fn listen(&mut self, wait: Duration) -> HintEvent {
        self.woken += 1;
        let until = self.now() + i64::try_from(wait.as_millis()).unwrap();
        let mut next = (until, HintEvent::Quiet);
        if let Some(opened) = self.opened {
            let ends = match self.network {
                LongStreams::Cut(after) | LongStreams::Dead(after) => opened + after,
                LongStreams::Pass | LongStreams::Refused => i64::MAX,
            };
            let hints = self.pushed.iter().copied().chain([opened]);
            let hint = hints.filter(|at| *at > self.hinted).min().unwrap_or(i64::MAX);
            let arrives = hint.saturating_add(TRANSIT).max(self.now());
            let alive = opened + ((self.now() - opened) / self.heartbeat + 1) * self.heartbeat;
            if arrives <= next.0.min(alive).min(ends) {
                next = (arrives, HintEvent::Hint);
                self.hinted = arrives - TRANSIT;
            } else if alive <= next.0.min(ends) {
                next = (alive, HintEvent::Alive);
            } else if matches!(self.network, LongStreams::Cut(_)) && ends <= next.0 {
                next = (ends, HintEvent::Closed(TransportError::Cut("played".into())));
                self.opened = None;
            }
        }
        self.set(next.0);
        if self.now() >= self.end {
            return HintEvent::Closed(TransportError::Cancelled);
        }
        next.1
    }
    fn close(&mut self) -> Result<()> {
        self.opened = None;
        Ok(())
    }
}

fn longest(network: LongStreams) -> i64 {
    let took = Shift::run(network);
    let longest = took.iter().copied().max().unwrap();
    let line = if matches!(network, LongStreams::Pass) {
        "with the line"
    } else {
        "without the line"
    };
    println!(
        "{line} ({network:?}): {} s until a task is announced",
        longest / 1000
    );
    longest
}

#[test]
fn w15_a_task_is_announced_within_60_s_with_the_line() {
    let longest = longest(LongStreams::Pass);
    assert!(longest <= MINUTE, "{longest}");
}

#[test]
fn w15_a_task_is_announced_within_10_minutes_without_the_line() {
    let networks = [
        LongStreams::Refused,
        LongStreams::Cut(20_000),
        LongStreams::Cut(7 * MINUTE),
        LongStreams::Dead(0),
        LongStreams::Dead(300_000),
    ];
    for network in networks {
        let longest = longest(network);
        assert!(longest <= 10 * MINUTE + 2 * SYNC, "{network:?}: {longest}");
    }
}

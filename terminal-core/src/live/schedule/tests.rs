//! Simulated days of watching, with a simulated connection and clock.

use super::*;
use crate::{live::schedule::Connection, platform::random::SystemRandom, sync::failure::SyncFailure};
use protocol::time::Millis;

const MINUTE: i64 = 60_000;

const POLL: i64 = 5 * MINUTE;

/// An event of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlayedEvent {
    Hint,
    StreamUp,
    StreamDown,
    /// The connection is dead without an error.
    StreamDead,
    Filed,
    NoNetwork,
    Network,
}

struct Simulation {
    now: i64,
    end: i64,
    events: Vec<(i64, PlayedEvent)>,
    may_sync: bool,
    stream_works: bool,
    is_open: bool,
    is_dead: bool,
    filed: u64,
    next_try: Option<i64>,
    syncs: Vec<i64>,
    after_outage: Vec<i64>,
    opened: Vec<i64>,
    blocked: Vec<i64>,
}

impl Simulation {
    fn new(hours: i64, events: &[(i64, PlayedEvent)]) -> Self {
        Self {
            now: 0,
            end: hours * 60 * MINUTE,
            events: events.to_vec(),
            may_sync: true,
            stream_works: true,
            is_open: false,
            is_dead: false,
            filed: 0,
            next_try: None,
            syncs: vec![],
            after_outage: vec![],
            opened: vec![],
            blocked: vec![],
        }
    }
    fn run(mut self) -> Self {
        watch(&mut self, &SystemRandom).unwrap();
        self
    }
}

impl Connection for Simulation {
    fn clock(&self) -> ClockRaw {
        ClockRaw {
            // A wall clock that jumps back three hours every hour; it must not matter.
            wall: Millis(self.now - self.now / (60 * MINUTE) * 180 * MINUTE),
            boot: "b".into(),
            monotonic_ms: self.now,
        }
    }
    fn poll_ms(&self) -> Result<i64> {
        Ok(POLL)
    }
    fn may_sync(&self) -> Result<bool> {
        Ok(self.may_sync)
    }
    fn sync_blocked(&mut self) -> Result<()> {
        self.blocked.push(self.now);
        Ok(())
    }
    fn filed(&self) -> Result<u64> {
        Ok(self.filed)
    }
    fn sync(&mut self, after_outage: bool) -> Result<SyncReport> {
        assert!(self.may_sync, "a sync although syncing is not allowed");
        self.syncs.push(self.now);
        if after_outage {
            self.after_outage.push(self.now);
        }
        self.now += 300;
        let wall = self.clock().wall;
        Ok(SyncReport {
            next_try: self.next_try.take().map(|wait| wall.plus(wait)),
            ..SyncReport::default()
        })
    }
    fn open(&mut self) -> Result<std::result::Result<(), SyncFailure>> {
        assert!(self.may_sync, "a hint stream although syncing is not allowed");
        self.opened.push(self.now);
        self.now += 100;
        self.is_open = self.stream_works;
        self.is_dead = false;
        Ok(if self.stream_works {
            Ok(())
        } else {
            Err(network(&TransportError::Unreachable("played".into())))
        })
    }
    fn listen(&mut self, wait: Duration) -> HintEvent {
        let wait = i64::try_from(wait.as_millis()).unwrap();
        assert!((SHORTEST_WAIT_MS..=LONGEST_WAIT_MS).contains(&wait), "{wait}");
        let sign = (self.now / 30_000 + 1) * 30_000;
        let mut until = self.now + wait;
        if self.is_open && !self.is_dead {
            until = until.min(sign);
        }
        if let Some((at, event)) = self.events.first().copied().filter(|(at, _)| *at <= until) {
            self.events.remove(0);
            self.now = self.now.max(at);
            match event {
                PlayedEvent::Hint if self.is_open => return HintEvent::Hint,
                PlayedEvent::Hint => {}
                PlayedEvent::StreamUp => self.stream_works = true,
                PlayedEvent::StreamDown => {
                    self.stream_works = false;
                    if self.is_open {
                        return HintEvent::Closed(TransportError::Cut("played".into()));
                    }
                }
                PlayedEvent::StreamDead => self.is_dead = true,
                PlayedEvent::Filed => self.filed += 1,
                PlayedEvent::NoNetwork => self.may_sync = false,
                PlayedEvent::Network => self.may_sync = true,
            }
            return HintEvent::Quiet;
        }
        self.now = until;
        if self.now >= self.end {
            return HintEvent::Closed(TransportError::Cancelled);
        }
        match self.is_open && !self.is_dead && self.now == sign {
            true => HintEvent::Alive,
            false => HintEvent::Quiet,
        }
    }
    fn close(&mut self) -> Result<()> {
        self.is_open = false;
        Ok(())
    }
}

#[test]
fn there_are_no_polls_while_the_hint_stream_is_open() {
    let play = Simulation::new(10, &[]).run();
    assert_eq!((play.syncs.len(), play.opened.len()), (1, 1), "{:?}", play.syncs);
}

#[test]
fn a_hint_syncs_at_once_and_a_new_item_within_seconds() {
    let play = Simulation::new(
        2,
        &[
            (40 * MINUTE, PlayedEvent::Hint),
            (60 * MINUTE, PlayedEvent::Filed),
        ],
    )
    .run();
    assert_eq!(play.syncs.len(), 3);
    assert_eq!(play.syncs[1], 40 * MINUTE);
    assert!((0..=LONGEST_WAIT_MS + SHORTEST_WAIT_MS).contains(&(play.syncs[2] - 60 * MINUTE)));
}

#[test]
fn without_a_hint_stream_there_is_one_poll_per_interval() {
    let mut play = Simulation::new(10, &[]);
    play.stream_works = false;
    let play = play.run();
    let gaps: Vec<i64> = play.syncs.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= POLL), "{gaps:?}");
    assert!(
        gaps.iter().all(|gap| *gap <= POLL + LONGEST_WAIT_MS + 1000),
        "{gaps:?}"
    );
    assert!(play.syncs.len() > 100);
    // The stream is tried again with growing waits, far less often than every two seconds.
    assert!(play.opened.len() < 150, "{}", play.opened.len());
}

#[test]
fn a_stream_that_ends_or_falls_silent_is_reopened_and_polled_meanwhile() {
    let (down, up, dead) = (60 * MINUTE, 90 * MINUTE, 150 * MINUTE);
    let play = Simulation::new(
        4,
        &[
            (down, PlayedEvent::StreamDown),
            (up, PlayedEvent::StreamUp),
            (dead, PlayedEvent::StreamDead),
        ],
    )
    .run();
    let polls = |from: i64, to: i64| play.syncs.iter().filter(|at| (from..to).contains(at)).count();
    assert_eq!(polls(1, down), 0);
    assert!((6..=7).contains(&polls(down, up)), "{:?}", play.syncs);
    // It is open again after at most the longest wait; then there are no polls.
    assert_eq!(polls(up + 20 * MINUTE, dead), 0, "{:?}", play.syncs);
    // The missing keep-alive is noticed; a poll is overdue, so there is one, and the stream is reopened.
    let reopened = play.opened.iter().find(|at| **at > dead).unwrap();
    assert!(
        (SILENCE_MS - 30_000..=SILENCE_MS + LONGEST_WAIT_MS + 3000).contains(&(reopened - dead)),
        "{reopened}"
    );
    assert_eq!(polls(dead, 240 * MINUTE), 1, "{:?}", play.syncs);
}

#[test]
fn story_16_syncs_when_the_network_returns_and_never_without_one() {
    let (gone, back) = (10 * MINUTE, 400 * MINUTE);
    let play = Simulation::new(
        8,
        &[
            (gone, PlayedEvent::NoNetwork),
            (20 * MINUTE, PlayedEvent::Filed),
            (back, PlayedEvent::Network),
        ],
    )
    .run();
    assert!(
        play.syncs.iter().all(|at| *at < gone || *at >= back),
        "{:?}",
        play.syncs
    );
    let first = play.syncs.iter().find(|at| **at >= back).unwrap();
    assert!(first - back <= LONGEST_WAIT_MS + SHORTEST_WAIT_MS);
    assert_eq!(play.after_outage, [*first], "the handset's own waits end");
    assert_eq!(play.blocked.len(), 1, "the reason is reported once");
    assert!(
        (0..=LONGEST_WAIT_MS).contains(&(play.blocked[0] - gone)),
        "{:?}",
        play.blocked
    );
    assert!(play.is_open || play.opened.last().unwrap() >= first);
}

#[test]
fn story_16_a_retry_is_made_at_its_time_while_the_stream_is_open() {
    let mut play = Simulation::new(1, &[]);
    play.next_try = Some(7 * MINUTE);
    let play = play.run();
    assert_eq!(play.syncs.len(), 2);
    assert!(
        (0..=1000).contains(&(play.syncs[1] - 7 * MINUTE)),
        "{:?}",
        play.syncs
    );
}

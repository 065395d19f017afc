//! Days of watching without waiting: the outside is played, and so is its clock.

use super::*;
use crate::{live::schedule::Connection, platform::random::SystemRandom, sync::failure::SyncFailure};
use protocol::time::Millis;

const MINUTE: i64 = 60_000;

const POLL: i64 = 5 * MINUTE;

/// What happens at a time of the play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlayedEvent {
    Hint,
    LineUp,
    LineDown,
    /// The connection is gone and nobody says so.
    LineDead,
    Filed,
    NoNetwork,
    Network,
}

struct Play {
    now: i64,
    end: i64,
    events: Vec<(i64, PlayedEvent)>,
    speaks: bool,
    line_works: bool,
    is_open: bool,
    is_dead: bool,
    filed: u64,
    next_try: Option<i64>,
    syncs: Vec<i64>,
    anew: Vec<i64>,
    opened: Vec<i64>,
    silent: Vec<i64>,
}

impl Play {
    fn new(hours: i64, events: &[(i64, PlayedEvent)]) -> Self {
        Self {
            now: 0,
            end: hours * 60 * MINUTE,
            events: events.to_vec(),
            speaks: true,
            line_works: true,
            is_open: false,
            is_dead: false,
            filed: 0,
            next_try: None,
            syncs: vec![],
            anew: vec![],
            opened: vec![],
            silent: vec![],
        }
    }
    fn run(mut self) -> Self {
        watch(&mut self, &SystemRandom).unwrap();
        self
    }
}

impl Connection for Play {
    fn clock(&self) -> ClockRaw {
        ClockRaw {
            // A wall clock that jumps back three hours every hour: nobody may mind.
            wall: Millis(self.now - self.now / (60 * MINUTE) * 180 * MINUTE),
            boot: "b".into(),
            monotonic_ms: self.now,
        }
    }
    fn poll_ms(&self) -> Result<i64> {
        Ok(POLL)
    }
    fn may_speak(&self) -> Result<bool> {
        Ok(self.speaks)
    }
    fn fell_silent(&mut self) -> Result<()> {
        self.silent.push(self.now);
        Ok(())
    }
    fn filed(&self) -> Result<u64> {
        Ok(self.filed)
    }
    fn sync(&mut self, anew: bool) -> Result<SyncReport> {
        assert!(self.speaks, "a sync while it may not speak");
        self.syncs.push(self.now);
        if anew {
            self.anew.push(self.now);
        }
        self.now += 300;
        let wall = self.clock().wall;
        Ok(SyncReport {
            next_try: self.next_try.take().map(|wait| wall.plus(wait)),
            ..SyncReport::default()
        })
    }
    fn open(&mut self) -> Result<std::result::Result<(), SyncFailure>> {
        assert!(self.speaks, "a line while it may not speak");
        self.opened.push(self.now);
        self.now += 100;
        self.is_open = self.line_works;
        self.is_dead = false;
        Ok(if self.line_works {
            Ok(())
        } else {
            Err(network(&TransportError::Unreachable("played".into())))
        })
    }
    fn listen(&mut self, wait: Duration) -> HintEvent {
        let wait = i64::try_from(wait.as_millis()).unwrap();
        assert!((LEAST_MS..=LOOK_MS).contains(&wait), "{wait}");
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
                PlayedEvent::LineUp => self.line_works = true,
                PlayedEvent::LineDown => {
                    self.line_works = false;
                    if self.is_open {
                        return HintEvent::Closed(TransportError::Cut("played".into()));
                    }
                }
                PlayedEvent::LineDead => self.is_dead = true,
                PlayedEvent::Filed => self.filed += 1,
                PlayedEvent::NoNetwork => self.speaks = false,
                PlayedEvent::Network => self.speaks = true,
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
fn while_the_line_is_open_there_is_not_one_poll() {
    let play = Play::new(10, &[]).run();
    assert_eq!((play.syncs.len(), play.opened.len()), (1, 1), "{:?}", play.syncs);
}

#[test]
fn a_hint_is_followed_at_once_and_what_was_filed_goes_soon() {
    let play = Play::new(
        2,
        &[
            (40 * MINUTE, PlayedEvent::Hint),
            (60 * MINUTE, PlayedEvent::Filed),
        ],
    )
    .run();
    assert_eq!(play.syncs.len(), 3);
    assert_eq!(play.syncs[1], 40 * MINUTE);
    assert!((0..=LOOK_MS + LEAST_MS).contains(&(play.syncs[2] - 60 * MINUTE)));
}

#[test]
fn without_a_line_there_is_one_poll_in_each_interval_and_never_more() {
    let mut play = Play::new(10, &[]);
    play.line_works = false;
    let play = play.run();
    let gaps: Vec<i64> = play.syncs.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= POLL), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= POLL + LOOK_MS + 1000), "{gaps:?}");
    assert!(play.syncs.len() > 100);
    // The line is tried again with growing waits, far less often than ever two seconds.
    assert!(play.opened.len() < 150, "{}", play.opened.len());
}

#[test]
fn a_line_that_ends_or_falls_silent_is_opened_again_and_the_poll_takes_its_place() {
    let (down, up, dead) = (60 * MINUTE, 90 * MINUTE, 150 * MINUTE);
    let play = Play::new(
        4,
        &[
            (down, PlayedEvent::LineDown),
            (up, PlayedEvent::LineUp),
            (dead, PlayedEvent::LineDead),
        ],
    )
    .run();
    let polls = |from: i64, to: i64| play.syncs.iter().filter(|at| (from..to).contains(at)).count();
    assert_eq!(polls(1, down), 0);
    assert!((6..=7).contains(&polls(down, up)), "{:?}", play.syncs);
    // Up again within the longest wait, and then no polls.
    assert_eq!(polls(up + 20 * MINUTE, dead), 0, "{:?}", play.syncs);
    // Silence is noticed; the last poll is long ago, so there is one, and the line is back.
    let reopened = play.opened.iter().find(|at| **at > dead).unwrap();
    assert!(
        (SILENCE_MS - 30_000..=SILENCE_MS + LOOK_MS + 3000).contains(&(reopened - dead)),
        "{reopened}"
    );
    assert_eq!(polls(dead, 240 * MINUTE), 1, "{:?}", play.syncs);
}

#[test]
fn story_16_when_the_network_is_back_it_goes_on_at_once_and_nothing_is_tried_without_one() {
    let (gone, back) = (10 * MINUTE, 400 * MINUTE);
    let play = Play::new(
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
    assert!(first - back <= LOOK_MS + LEAST_MS);
    assert_eq!(play.anew, [*first], "waits of our own making end");
    assert_eq!(play.silent.len(), 1, "why it is silent is told once");
    assert!(
        (0..=LOOK_MS).contains(&(play.silent[0] - gone)),
        "{:?}",
        play.silent
    );
    assert!(play.is_open || play.opened.last().unwrap() >= first);
}

#[test]
fn story_16_a_retry_is_made_at_its_time_also_while_the_line_is_open() {
    let mut play = Play::new(1, &[]);
    play.next_try = Some(7 * MINUTE);
    let play = play.run();
    assert_eq!(play.syncs.len(), 2);
    assert!(
        (0..=1000).contains(&(play.syncs[1] - 7 * MINUTE)),
        "{:?}",
        play.syncs
    );
}

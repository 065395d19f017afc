//! Simulated days of watching, with a simulated connection and clock.
//!
//! Over 500 lines: all tests share one simulated connection.

use super::*;
use crate::{
    live::schedule::Connection,
    platform::{clock::Clock, random::SystemRandom, surroundings::NetworkCost},
    store::{data_use::PlanMonth, database::HandsetStore},
    sync::{failure::SyncFailure, meter::Meter},
    transport::request::Traffic,
};
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
    /// Filed by another process.
    Filed,
    /// Filed by this process.
    FiledHere,
    /// A person asks for a sync.
    Asked,
    /// The platform reports a change of the network.
    Reported,
    NoNetwork,
    Network,
}

/// A clock that stands.
struct Epoch;

impl Clock for Epoch {
    fn read(&self) -> ClockRaw {
        ClockRaw {
            wall: Millis(0),
            boot: "b".into(),
            monotonic_ms: 0,
        }
    }
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
    contact: ContactPlan,
    /// Heartbeats that the server keeps, in seconds; `None` for a server that knows no other than 30.
    heartbeats: bool,
    heartbeat: i64,
    /// What was sent and received, for the meter.
    traffic: Vec<Traffic>,
    /// The network ends connections that are idle for this long.
    idle_limit: Option<i64>,
    /// Time of the last exchange; an idle connection is kept for a minute.
    exchanged: Option<i64>,
    /// Time of the last heartbeat.
    heard: Option<i64>,
    /// How long a token is valid.
    token: Option<i64>,
    /// Time until which the token is valid. The server ends the stream with it.
    token_until: i64,
    /// Times at which a wait ended.
    wakes: Vec<i64>,
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
            contact: ContactPlan {
                line: true,
                poll_ms: POLL,
            },
            heartbeats: true,
            heartbeat: 30_000,
            traffic: vec![],
            idle_limit: None,
            exchanged: None,
            heard: None,
            token: None,
            token_until: i64::MAX,
            wakes: vec![],
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
    fn contact(&self) -> Result<ContactPlan> {
        Ok(self.contact)
    }
    fn may_sync(&mut self) -> Result<bool> {
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
        let has_token = !self.syncs[..self.syncs.len() - 1].is_empty() && self.now < self.token_until;
        if let Some(life) = self.token.filter(|_| !has_token) {
            self.exchange(350, 350);
            self.exchange(650, 600);
            self.token_until = self.now + life;
        }
        self.exchange(350, 350);
        self.exchange(330, 1_200);
        self.now += 300;
        let wall = self.clock().wall;
        Ok(SyncReport {
            next_try: self.next_try.take().map(|wait| wall.plus(wait)),
            ..SyncReport::default()
        })
    }
    fn open(&mut self, heartbeat_s: u32) -> Result<std::result::Result<u32, SyncFailure>> {
        assert!(self.may_sync, "a hint stream although syncing is not allowed");
        self.opened.push(self.now);
        self.now += 100;
        if self.stream_works {
            self.exchange(400, 300);
            // The stream begins with a hint.
            self.traffic.push(Traffic::exchange(0, 23));
        }
        self.is_open = self.stream_works;
        self.is_dead = false;
        let kept = if self.heartbeats { heartbeat_s } else { 30 };
        self.heartbeat = i64::from(kept) * 1000;
        Ok(if self.stream_works {
            Ok(kept)
        } else {
            Err(network(&TransportError::Unreachable("played".into())))
        })
    }
    fn listen(&mut self, wait: Duration) -> HintEvent {
        let event = self.wait(wait);
        self.wakes.push(self.now);
        event
    }
    fn close(&mut self) -> Result<()> {
        self.is_open = false;
        Ok(())
    }
}

/// How long a token is valid: the server's default.
const TOKEN: i64 = 60 * MINUTE;

impl Simulation {
    /// One exchange; over a new connection if there is none.
    fn exchange(&mut self, sent: u64, received: u64) {
        let is_connected = self.is_open || self.exchanged.is_some_and(|at| self.now - at < MINUTE);
        self.traffic
            .push(Traffic::exchange(sent, received).connected(u64::from(!is_connected)));
        self.exchanged = Some(self.now);
    }
    /// All bytes as the meter stores them for the operator's bill.
    fn metered(&self) -> u64 {
        let (dir, month) = (tempfile::tempdir().unwrap(), PlanMonth::of(Millis(0)));
        let store = HandsetStore::open(dir.path(), [7; 32]).unwrap();
        let mut meter = Meter::new(&store, &Epoch);
        for traffic in &self.traffic {
            meter
                .count("/v1/field/events", *traffic, NetworkCost::Metered)
                .unwrap();
        }
        meter.write().unwrap();
        store.metered_bytes(&month).unwrap()
    }
    fn wait(&mut self, wait: Duration) -> HintEvent {
        let wait = i64::try_from(wait.as_millis()).unwrap();
        assert!((SHORTEST_WAIT_MS..=LOOK_MS).contains(&wait), "{wait}");
        let open_since = self.opened.last().copied().unwrap_or(0);
        let sign = open_since + ((self.now - open_since) / self.heartbeat + 1) * self.heartbeat;
        let began = self.now;
        let mut until = began + wait;
        if self.is_open && !self.is_dead {
            until = until.min(sign).min(self.token_until);
        }
        while let Some((at, event)) = self.events.first().copied().filter(|(at, _)| *at <= until) {
            self.events.remove(0);
            self.now = self.now.max(at);
            let nudged = |person, network| HintEvent::Nudged(Nudged { network, person });
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
                PlayedEvent::StreamDead => {
                    self.is_dead = true;
                    until = self.now.max(began + wait);
                }
                PlayedEvent::Filed => self.filed += 1,
                PlayedEvent::FiledHere => {
                    self.filed += 1;
                    return nudged(false, false);
                }
                PlayedEvent::Asked => return nudged(true, false),
                PlayedEvent::Reported => return nudged(false, true),
                PlayedEvent::NoNetwork => self.may_sync = false,
                PlayedEvent::Network => self.may_sync = true,
            }
        }
        let idle_since = self.exchanged.max(self.heard).unwrap_or(0);
        if let Some(limit) = self
            .idle_limit
            .filter(|limit| self.is_open && until >= idle_since + limit)
        {
            self.now = idle_since + limit;
            self.is_open = false;
            return HintEvent::Closed(TransportError::Cut("idle for too long".into()));
        }
        self.now = until;
        if self.is_open && self.now >= self.token_until {
            self.is_open = false;
            // The server ends the stream, the connection stays.
            self.exchanged = Some(self.now);
            return HintEvent::Closed(TransportError::Cut("the token has expired".into()));
        }
        if self.now >= self.end {
            return HintEvent::Closed(TransportError::Cancelled);
        }
        match self.is_open && !self.is_dead && self.now == sign {
            true => {
                self.heard = Some(self.now);
                self.traffic.push(Traffic::exchange(0, 3));
                HintEvent::Alive
            }
            false => HintEvent::Quiet,
        }
    }
}

#[test]
fn there_are_no_polls_while_the_hint_stream_is_open() {
    let play = Simulation::new(10, &[]).run();
    assert_eq!((play.syncs.len(), play.opened.len()), (1, 1), "{:?}", play.syncs);
}

#[test]
fn a_hint_and_an_own_item_sync_at_once_and_an_item_of_another_process_at_the_next_look() {
    let (hint, own, other) = (40 * MINUTE, 61 * MINUTE, 83 * MINUTE);
    let play = Simulation::new(
        2,
        &[
            (hint, PlayedEvent::Hint),
            (own, PlayedEvent::FiledHere),
            (other, PlayedEvent::Filed),
        ],
    )
    .run();
    assert_eq!(play.syncs.len(), 4, "{:?}", play.syncs);
    assert_eq!(play.syncs[1..3], [hint, own]);
    assert!(
        (0..=LOOK_MS).contains(&(play.syncs[3] - other)),
        "{:?}",
        play.syncs
    );
}

#[test]
fn w01_a_nudge_ends_the_wait_at_once() {
    let (gone, back, asked, down, up) = (
        10 * MINUTE,
        61 * MINUTE + 7,
        100 * MINUTE + 3,
        120 * MINUTE,
        170 * MINUTE + 11,
    );
    let play = Simulation::new(
        4,
        &[
            (gone, PlayedEvent::NoNetwork),
            (back, PlayedEvent::Network),
            (back, PlayedEvent::Reported),
            (asked, PlayedEvent::Asked),
            (down, PlayedEvent::StreamDown),
            (up, PlayedEvent::StreamUp),
            (up, PlayedEvent::Reported),
        ],
    )
    .run();
    assert!(play.syncs.contains(&back), "{:?}", play.syncs);
    assert!(play.syncs.contains(&asked), "{:?}", play.syncs);
    assert!(play.syncs.contains(&up), "{:?}", play.syncs);
    assert_eq!(
        play.after_outage,
        [back, asked, up],
        "the handset's own waits end"
    );
    // The stream is reopened at once too: the sync takes 300 ms.
    assert!(play.opened.contains(&(up + 300)), "{:?}", play.opened);
}

#[test]
fn without_a_hint_stream_there_is_one_poll_per_interval() {
    let mut play = Simulation::new(10, &[]);
    play.stream_works = false;
    let play = play.run();
    let gaps: Vec<i64> = play.syncs.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| *gap >= POLL), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= POLL + LOOK_MS + 1000), "{gaps:?}");
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
        (30_000 + GRACE_MS - 30_000..=i64::from(HEARTBEAT_S) * 1000 + GRACE_MS + 3000)
            .contains(&(reopened - dead)),
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
    assert!(first - back <= LOOK_MS + SHORTEST_WAIT_MS);
    assert_eq!(play.after_outage, [*first], "the handset's own waits end");
    assert_eq!(play.blocked.len(), 1, "the reason is reported once");
    assert!(
        (0..=LOOK_MS).contains(&(play.blocked[0] - gone)),
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

/// Number of wake-ups in the hour that begins at `from`.
fn wake_ups(play: &Simulation, from: i64) -> usize {
    let hour = from..from + 60 * MINUTE;
    play.wakes.iter().filter(|at| hour.contains(at)).count()
}

#[test]
fn w01_an_offline_hour_costs_30_wake_ups() {
    for gone in [0, 10 * MINUTE] {
        let play = Simulation::new(3, &[(gone, PlayedEvent::NoNetwork)]).run();
        let woken = wake_ups(&play, 60 * MINUTE);
        println!("offline: {woken} wake-ups in an hour");
        assert!((1..=30).contains(&woken), "{woken} wake-ups");
    }
}

#[test]
fn w01_an_idle_online_hour_costs_130_wake_ups() {
    // A server that knows no other heartbeat than 30 seconds, and one that keeps the asked one.
    for (heartbeats, most) in [(false, 130), (true, 45)] {
        let mut play = Simulation::new(3, &[]);
        play.heartbeats = heartbeats;
        let play = play.run();
        let woken = wake_ups(&play, 60 * MINUTE);
        println!("idle, asked heartbeat {heartbeats}: {woken} wake-ups in an hour");
        assert!((1..=most).contains(&woken), "{woken} wake-ups");
    }
}

#[test]
fn w15_a_shift_with_an_open_line_costs_at_most_200_kb() {
    // A server that keeps the asked heartbeat, and one that knows only 30 seconds.
    for (heartbeats, most) in [(true, 120_000), (false, 200_000)] {
        let mut play = Simulation::new(6, &[]);
        play.token = Some(TOKEN);
        play.contact = ContactPlan::of(true, false, 5);
        play.heartbeats = heartbeats;
        let play = play.run();
        // Opened again with each token, and there are no polls meanwhile.
        assert!((6..=7).contains(&play.opened.len()), "{:?}", play.opened);
        let used = play.metered();
        println!("on duty, asked heartbeat {heartbeats}: {used} bytes in six hours");
        assert!((20_000..=most).contains(&used), "{used} bytes");
    }
}

#[test]
fn w15_a_day_off_duty_costs_at_most_20_kb() {
    let mut play = Simulation::new(24, &[]);
    play.token = Some(TOKEN);
    play.contact = ContactPlan::of(false, false, 5);
    let play = play.run();
    assert_eq!(play.opened, [0; 0], "the line is closed");
    let used = play.metered();
    println!("off duty: {used} bytes in a day");
    assert!((5_000..=20_000).contains(&used), "{used} bytes");
}

#[test]
fn w15_where_the_line_cannot_be_held_a_shift_is_polled_every_10_minutes() {
    for setting in [5, 600] {
        let mut play = Simulation::new(6, &[]);
        play.token = Some(TOKEN);
        play.contact = ContactPlan::of(true, false, setting);
        play.stream_works = false;
        let play = play.run();
        let longest = play.syncs.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        assert!(longest <= 10 * MINUTE + 1000, "{longest}");
        assert!(play.syncs.len() >= 36, "{:?}", play.syncs);
    }
}

#[test]
fn w15_a_network_that_ends_idle_lines_gets_a_shorter_heartbeat() {
    let mut play = Simulation::new(2, &[]);
    play.token = Some(TOKEN);
    play.contact = ContactPlan::of(true, false, 5);
    play.idle_limit = Some(61_000);
    let play = play.run();
    // 240 and 120 seconds do not pass, 60 do.
    assert_eq!(play.heartbeat, 60_000);
    assert!(play.opened.len() <= 6, "{:?}", play.opened);
}

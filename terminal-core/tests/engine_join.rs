//! A person who asks for a sync while one runs joins it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::World;
use std::thread;
use terminal_core::{
    Error,
    platform::{Connectivity, Platform, Power, Surroundings},
    sync::{SyncProgress, SyncReport, SyncTrigger},
    terminal::Terminal,
    transport::{CancelToken, Request, Response, Transport, TransportError},
};

/// Wi-Fi; the first answer waits until a second caller has joined the run.
struct Gate<'a>(&'a Terminal);

impl Surroundings for Gate<'_> {
    fn connectivity(&self) -> Connectivity {
        while self.0.sync_callers() < 2 {
            thread::yield_now();
        }
        Connectivity::default()
    }
    fn power(&self) -> Power {
        Power::default()
    }
}

struct Wifi;

impl Surroundings for Wifi {
    fn connectivity(&self) -> Connectivity {
        Connectivity::default()
    }
    fn power(&self) -> Power {
        Power::default()
    }
}

/// A connection that nobody may use.
struct Unused;

impl Transport for Unused {
    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        panic!("the second caller sent {request:?} itself");
    }
}

fn terminal(world: &World) -> Terminal {
    let mut platform = Platform::command_line(world.folder.path()).unwrap();
    platform.clock = world.clock.clone();
    platform.random = world.random.clone();
    Terminal::open(world.folder.path(), platform).unwrap()
}

/// Runs an automatic sync that a person joins; returns the reports of both and the person's progress.
fn joined(
    world: &World,
    terminal: &Terminal,
    ask: SyncTrigger,
) -> (SyncReport, SyncReport, Vec<SyncProgress>) {
    let mut told = Vec::new();
    let (automatic, person) = thread::scope(|scope| {
        let gate = Gate(terminal);
        let automatic = scope.spawn(move || {
            let never = CancelToken::default();
            terminal.sync_now_over(&world.network, &gate, SyncTrigger::Automatic, &never, &mut |_| {})
        });
        while terminal.sync_callers() < 1 {
            thread::yield_now();
        }
        let person = terminal.sync_now_over(
            &Unused,
            &Gate(terminal),
            ask,
            &CancelToken::default(),
            &mut |progress| told.push(progress),
        );
        (automatic.join().unwrap(), person)
    });
    (automatic.unwrap(), person.unwrap(), told)
}

#[test]
fn w14_a_person_joins_the_running_sync_and_gets_its_report_and_progress() {
    let world = World::new(1);
    let terminal = terminal(&world);
    let item = world.report("垃圾", &[]);
    let (automatic, person, told) = joined(&world, &terminal, SyncTrigger::Person);
    assert_eq!(automatic, person);
    assert_eq!(person.entries_received, 1);
    assert!(
        told.contains(&SyncProgress::Received { items: vec![item.id] }),
        "{told:?}"
    );
    assert_eq!(terminal.sync_callers(), 0, "the run is over");
}

#[test]
fn w14_the_ask_is_raised_to_the_stronger_one() {
    let world = World::new(2);
    let terminal = terminal(&world);
    // The handset waits by its own choice.
    world.fault([engine::EngineFault::LoseRequest]);
    let item = world.report("垃圾", &[]);
    assert!(world.sync().next_try.is_some());
    let (_, person, _) = joined(&world, &terminal, SyncTrigger::Person);
    assert_eq!((person.entries_received, person.next_try), (1, None));
    assert!(world.is_received(&item));
}

#[test]
fn w14_a_caller_syncs_itself_if_the_run_that_it_joined_is_cancelled() {
    let world = World::new(3);
    let terminal = terminal(&world);
    world.report("垃圾", &[]);
    let stop = CancelToken::default();
    stop.cancel();
    let late = terminal.sync_now_over(&Unused, &Wifi, SyncTrigger::Person, &stop, &mut |_| {});
    assert!(
        matches!(late, Err(Error::Cancelled)),
        "cancelled before it began: {late:?}"
    );

    let stop = CancelToken::default();
    let report = thread::scope(|scope| {
        let gate = Gate(&terminal);
        let (running, network, its_stop) = (&terminal, &world.network, stop.clone());
        let automatic = scope.spawn(move || {
            let ask = SyncTrigger::Automatic;
            running.sync_now_over(network, &gate, ask, &its_stop, &mut |_| {})
        });
        // The run waits at the gate until the person has joined, and then finds that it is cancelled.
        while terminal.sync_callers() < 1 {
            thread::yield_now();
        }
        stop.cancel();
        let never = CancelToken::default();
        let report = terminal.sync_now_over(&world.network, &Wifi, SyncTrigger::Person, &never, &mut |_| {});
        assert!(matches!(automatic.join().unwrap(), Err(Error::Cancelled)));
        report
    });
    assert_eq!(report.unwrap().entries_received, 1);
}

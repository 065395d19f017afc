//! Random schedules of faults, kills, restores, clock changes and the worker's actions. When everything works
//! again, every item must be received exactly once. `PROPTEST_CASES` sets the number of schedules; a failing
//! one is printed in shrunk form.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod engine;

use engine::{EngineFault, World, html, server::problem};
use proptest::prelude::*;
use protocol::{open::Open, payload::EntryKind, problem::ProblemCode};
use terminal_core::{
    store::{Cancelled, Custody, Item},
    sync::Policy,
    transport::Response,
};

#[derive(Debug, Clone)]
enum Deed {
    Report(Vec<usize>),
    Cancel(usize),
    /// Steps of a sync with these faults; then the machine is killed, its last outcome applied or not.
    Sync {
        steps: usize,
        faults: Vec<u8>,
        manual: bool,
        apply_last: bool,
        metered: bool,
    },
    Restart,
    Advance(i64),
    Lie(i64),
    Reboot,
    Backup,
    Restore,
    MaxBatch(usize),
    LoseUploads,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => prop::collection::vec(1usize..150_000, 0..3).prop_map(Deed::Report),
        1 => (0usize..8).prop_map(Deed::Cancel),
        6 => (0usize..25, prop::collection::vec(any::<u8>(), 0..12), any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(steps, faults, manual, apply_last, metered)| Deed::Sync { steps, faults, manual, apply_last, metered }),
        2 => Just(Deed::Restart),
        2 => (1i64..3_600_000).prop_map(Deed::Advance),
        1 => (-100_000_000_000i64..100_000_000_000).prop_map(Deed::Lie),
        1 => Just(Deed::Reboot),
        1 => Just(Deed::Backup),
        1 => Just(Deed::Restore),
        1 => (1usize..5).prop_map(Deed::MaxBatch),
        1 => Just(Deed::LoseUploads),
    ]
}

fn fault(dice: u8) -> EngineFault {
    let mut busy = problem(ProblemCode::Busy);
    busy.headers.push(("retry-after".into(), "30".into()));
    match dice % 20 {
        0 => EngineFault::LoseRequest,
        1 | 2 => EngineFault::LoseAnswer,
        3 => EngineFault::Twice,
        4 => EngineFault::Instead(html(200)),
        5 => EngineFault::Instead(html(520)),
        6 => EngineFault::Instead(busy),
        7 => EngineFault::Instead(problem(ProblemCode::TokenExpired)),
        8 => EngineFault::Instead(problem(ProblemCode::Internal)),
        9 => EngineFault::Instead(html(404)),
        10 => EngineFault::HandsetChange(|r: &mut Response| r.body.truncate(r.body.len() / 2)),
        11 => EngineFault::HandsetChange(|r: &mut Response| {
            // A digit of the first receipt is changed.
            let receipts = r.body.windows(10).position(|w| w == b"\"receipts\"");
            let digit = receipts.and_then(|at| r.body[at..].iter_mut().find(|b| b.is_ascii_digit()));
            if let Some(byte) = digit {
                *byte = if *byte == b'9' { b'0' } else { *byte + 1 };
            }
        }),
        _ => EngineFault::Pass,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_schedule_every_item_is_received_exactly_once(seed: u64, deeds in prop::collection::vec(deed(), 1..25)) {
        let mut world = World::new(seed);
        let mut items = vec![];
        for deed in deeds {
            match deed {
                Deed::Report(sizes) => items.push(world.report("report", &sizes)),
                Deed::Cancel(k) => {
                    let report = items.iter().filter(|i: &&Item| i.kind == Open::Known(EntryKind::Report)).nth(k);
                    if let Some(item) = report {
                        let withdrawal = world.new_id();
                        let done = world.store().cancel(item.id, withdrawal, "", &world.evidence()).unwrap();
                        if let Cancelled::Withdrawn(item) = done
                            && !items.iter().any(|i| i.id == item.id) {
                            items.push(*item);
                        }
                    }
                }
                Deed::Sync { steps, faults, manual, apply_last, metered } => {
                    world.network.faults.lock().unwrap().clear();
                    world.fault(faults.into_iter().map(fault));
                    let policy = Policy { photos: !metered, files: !metered, manual, ..Policy::MANUAL };
                    let mut machine = world.machine(policy);
                    for k in 0..=steps {
                        if !world.step(&mut machine, apply_last || k < steps) {
                            break;
                        }
                    }
                    world.network.faults.lock().unwrap().clear();
                }
                Deed::Restart => world.restart(),
                Deed::Advance(ms) => world.clock.advance(ms),
                Deed::Lie(ms) => world.clock.set_lie(ms),
                Deed::Reboot => world.clock.reboot(),
                Deed::Backup => world.server().backup(),
                Deed::Restore => world.server().restore(),
                Deed::MaxBatch(n) => world.server().max_batch = n,
                Deed::LoseUploads => world.server().uploads.clear(),
            }
            // At every moment, nothing has vanished from the handset.
            let here = world.store().items().unwrap();
            prop_assert!(items.iter().all(|item| here.iter().any(|h| h.id == item.id)));
        }
        world.restart();
        // The next token shows what the server lost in a restore.
        world.settle();
        let report = world.settle();
        prop_assert!(report.is_success(), "{report:?} {:?}", world.store().items().unwrap());
        world.assert_agreement();
        let server = world.server();
        for item in world.store().items().unwrap() {
            prop_assert!(matches!(item.custody, Custody::Received(_)));
            prop_assert!(item.is_complete());
            prop_assert_eq!(server.filed.get(&item.id), Some(&1));
        }
        let numbers: Vec<u64> = server.entries.keys().copied().collect();
        prop_assert_eq!(numbers, (1..=items.len() as u64).collect::<Vec<_>>());
    }
}

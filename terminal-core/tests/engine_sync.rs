//! The sync against a server model in memory. Story numbers are those of the failure stories.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_imports
)]

#[path = "engine_sync/restored.rs"]
mod restored;
#[path = "engine_sync/server_state.rs"]
mod server_state;

mod engine;

use engine::{EngineFault, World, html, server::problem};
use protocol::{
    entry::{Disposition, DispositionState, Reason},
    feed::{DispositionRow, FeedRow, Mailbox, kind},
    ids::RecordId,
    open::Open,
    problem::{ErrorCode, ProblemCode},
    push::PushAnswer,
    time::Millis,
};
use terminal_core::{
    Error,
    platform::Clock as _,
    store::{Custody, HandsetStore, SyncStep},
    sync::Policy,
    transport::Response,
};

fn changed(response: &mut Response, change: impl FnOnce(&mut PushAnswer)) {
    if let Ok(mut answer) = serde_json::from_slice::<PushAnswer>(&response.body) {
        change(&mut answer);
        response.body = serde_json::to_vec(&answer).unwrap();
    }
}

const AUTO: Policy = Policy {
    manual: false,
    ..Policy::MANUAL
};

#[test]
fn reports_and_photos_reach_the_server_once_and_the_report_says_so() {
    let world = World::new(1);
    let first = world.report("垃圾", &[150_000, 30]);
    let second = world.report("井盖", &[]);
    let report = world.sync();
    assert!(report.is_success(), "{report:?}");
    assert_eq!((report.entries_received, report.photos_received), (2, 2));
    assert_eq!(
        (report.entries_waiting, report.photos_waiting, report.next_try),
        (0, 0, None)
    );
    assert!(world.item(&first).is_complete() && world.item(&second).is_complete());
    world.assert_agreement();
    assert_eq!(
        world.sync().entries_received,
        0,
        "a second run has nothing to send"
    );
}

#[test]
fn story_01_a_report_survives_a_lost_acknowledgement_and_is_filed_once() {
    let world = World::new(2);
    let item = world.report("垃圾", &[70_000]);
    for lost in 0..12 {
        world.fault(
            (0..lost)
                .map(|_| EngineFault::Pass)
                .chain([EngineFault::LoseAnswer]),
        );
        world.sync();
        world.network.faults.lock().unwrap().clear();
    }
    world.settle();
    assert!(world.item(&item).is_complete());
    world.assert_agreement();
}

#[test]
fn story_02_a_doubled_push_files_one() {
    let world = World::new(3);
    let item = world.report("垃圾", &[70_000]);
    world.fault(vec![EngineFault::Twice; 20]);
    world.settle();
    assert!(world.item(&item).is_complete());
    world.assert_agreement();
}

#[test]
fn story_03_a_conflict_is_parked_visibly_while_the_others_go_on() {
    let world = World::new(4);
    let items: Vec<_> = (0..5)
        .map(|k| world.report(&format!("report {k}"), &[]))
        .collect();
    // The server has other bytes under the third one's id, and another entry under the fourth's number.
    {
        let mut server = world.server();
        let held = |id, bytes: &[u8]| engine::server::ServerEntry {
            id,
            bytes: bytes.to_vec(),
            received: Millis(1),
        };
        server
            .entries
            .insert(items[2].n, held(items[2].id, b"other bytes"));
        server
            .entries
            .insert(items[3].n, held(world.new_id(), b"another entry"));
    }
    let report = world.sync();
    assert_eq!(
        (
            report.entries_received,
            report.entries_refused,
            report.entries_parked
        ),
        (4, 1, 1)
    );
    let code = |k: usize| match world.item(&items[k]).custody {
        Custody::Refused(reason) => reason.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(2), "entry.conflict");
    assert!(world.is_received(&items[3]) && world.is_received(&items[4]));
    assert_eq!(
        world.server().entries[&items[2].n].bytes,
        b"other bytes",
        "nothing was overwritten"
    );
    assert_eq!(
        world.sync().entries_refused,
        0,
        "parked items are not pushed again and again"
    );
}

#[test]
fn a_receipt_for_other_bytes_is_no_receipt() {
    let tampers: [fn(&mut Response); 5] = [
        |r| changed(r, |a| a.receipts.iter_mut().for_each(|r| r.sha256.0[0] ^= 1)),
        |r| changed(r, |a| a.receipts.iter_mut().for_each(|r| r.n += 1)),
        |r| {
            changed(r, |a| {
                a.receipts
                    .iter_mut()
                    .for_each(|r| r.id = protocol::ids::EntryId(uuid::Uuid::nil()))
            })
        },
        |r| changed(r, |a| a.body_sha256.0[0] ^= 1),
        |r| changed(r, |a| a.receipts.clear()),
    ];
    for tamper in tampers {
        let world = World::new(5);
        let item = world.report("垃圾", &[]);
        world.fault([
            EngineFault::Pass,
            EngineFault::Pass,
            EngineFault::HandsetChange(tamper),
        ]);
        world.sync();
        let now = world.item(&item);
        assert_eq!(now.custody, Custody::Waiting);
        assert!(
            now.retry.problem.is_some() && now.retry.attempts == 1,
            "{:?}",
            now.retry
        );
        world.settle();
        assert!(world.is_received(&item));
        world.assert_agreement();
    }
}

/// Turns an answer into the brief form for a push that was taken completely.
fn shortened(response: &mut Response) {
    changed(response, |answer| {
        answer.taken = answer.receipts.first().map(|receipt| receipt.received);
        answer.receipts.clear();
    });
}

#[test]
fn a_brief_answer_receipts_exactly_the_entries_of_its_body() {
    let world = World::new(31);
    let items: Vec<_> = (0..3)
        .map(|k| world.report(&format!("report {k}"), &[]))
        .collect();
    world.fault([
        EngineFault::Pass,
        EngineFault::Pass,
        EngineFault::HandsetChange(shortened),
    ]);
    let report = world.sync();
    assert_eq!((report.entries_received, report.entries_waiting), (3, 0));
    assert!(items.iter().all(|item| world.is_received(item)));
    world.assert_agreement();
}

#[test]
fn a_brief_answer_for_another_body_or_server_or_with_refusals_is_no_receipt() {
    let tampers: [fn(&mut Response); 3] = [
        |r| {
            shortened(r);
            changed(r, |a| a.body_sha256.0[0] ^= 1);
        },
        |r| {
            shortened(r);
            changed(r, |a| a.epoch.push('x'));
        },
        |r| {
            shortened(r);
            changed(r, |a| {
                a.refused.push(protocol::push::RefusedEntry {
                    index: 9,
                    id: None,
                    code: ProblemCode::EntryUnframed.into(),
                    detail: String::new(),
                });
            });
        },
    ];
    for tamper in tampers {
        let world = World::new(32);
        let item = world.report("垃圾", &[]);
        world.fault([
            EngineFault::Pass,
            EngineFault::Pass,
            EngineFault::HandsetChange(tamper),
        ]);
        world.sync();
        assert_eq!(world.item(&item).custody, Custody::Waiting);
        world.settle();
        assert!(world.is_received(&item));
        world.assert_agreement();
    }
}

/// Rule: law 1
#[test]
fn story_07_killed_between_any_two_steps_nothing_is_lost_or_filed_twice() {
    for apply_last in [true, false] {
        let mut killed_at = 0;
        loop {
            let mut world = World::new(7);
            world.server().rows = vec![row(1, "x", Some(1)), row(2, "y", Some(2))];
            world.server().page = 1;
            let a = world.report("a", &[70_000]);
            let b = world.report("b", &[100]);
            let mut machine = world.machine(Policy::MANUAL);
            let mut alive = true;
            for k in 0..=killed_at {
                alive = world.step(&mut machine, apply_last || k < killed_at);
                if !alive {
                    break;
                }
            }
            drop(machine);
            world.restart();
            for item in [&a, &b] {
                assert!(
                    world.store().item(item.id).unwrap().is_some(),
                    "killed at {killed_at}"
                );
            }
            world.assert_agreement();
            let report = world.settle();
            assert!(report.is_success(), "killed at {killed_at}: {report:?}");
            world.assert_agreement();
            assert_eq!(world.server().filed.len(), 2);
            assert_eq!(world.store().mailbox("x").unwrap().len(), 1);
            if !alive {
                assert!(killed_at > 12, "the run has {killed_at} steps");
                break;
            }
            killed_at += 1;
        }
    }
}

#[test]
fn story_13_and_16_no_network_then_network() {
    let mut world = World::new(8);
    let item = world.report("垃圾", &[1000]);
    let offline = Policy {
        online: false,
        ..Policy::MANUAL
    };
    let report = world.sync_as(offline);
    assert_eq!(
        report.problem.as_ref().map(|r| r.code.as_str()),
        Some("network.offline")
    );
    assert!(!report.is_success());
    world.fault(vec![EngineFault::LoseRequest; 3]);
    for _ in 0..3 {
        let report = world.sync();
        assert!(!report.is_success());
        let next = report.next_try.expect("the next try is named");
        assert!(next > world.clock.read().wall);
    }
    world.restart();
    // A manual sync skips the handset's own backoff.
    assert!(world.sync().is_success());
    assert!(world.item(&item).is_complete());
}

#[test]
fn story_15_a_run_that_was_cut_is_never_called_a_success() {
    for cut in 0..14 {
        let world = World::new(9);
        world.report("垃圾", &[70_000]);
        world.fault(
            (0..cut)
                .map(|_| EngineFault::Pass)
                .chain([EngineFault::LoseAnswer]),
        );
        let report = world.sync();
        if world.network.faults.lock().unwrap().is_empty() && report.problem.is_some() {
            assert!(
                report.next_try.is_some() || report.is_success(),
                "cut at {cut}: {report:?}"
            );
        }
        if report.is_success() {
            world.assert_agreement();
            assert_eq!((report.entries_waiting, report.photos_waiting), (0, 0));
        }
    }
}

#[test]
fn story_21_one_item_that_breaks_the_server_does_not_stop_the_others() {
    for answer in [
        Response {
            status: 500,
            ..Response::default()
        },
        problem(ProblemCode::Internal),
        problem(ProblemCode::BadRequest),
        html(403),
        Response {
            status: 418,
            ..Response::default()
        },
    ] {
        let world = World::new(10);
        let items: Vec<_> = (0..9)
            .map(|k| world.report(&format!("report {k}"), &[]))
            .collect();
        world.server().poison.insert(items[4].id, answer.clone());
        for _ in 0..6 {
            world.sync_as(AUTO);
            world.clock.advance(30_000);
        }
        let others = items
            .iter()
            .filter(|i| i.id != items[4].id)
            .all(|i| world.is_received(i));
        assert!(others, "{answer:?}");
        let poison = world.item(&items[4]);
        assert_eq!(poison.custody, Custody::Waiting);
        assert!(poison.retry.problem.is_some(), "its reason is shown");
        world.server().poison.clear();
        world.settle();
        assert!(world.is_received(&items[4]), "and it goes when it can");
        world.assert_agreement();
    }
}

#[test]
fn story_23_login_pages_and_error_pages_are_transient_and_order_is_kept() {
    for page in [html(200), html(302), html(511), html(520), html(502)] {
        let world = World::new(11);
        let items: Vec<_> = (0..3)
            .map(|k| world.report(&format!("report {k}"), &[40_000]))
            .collect();
        world.fault([EngineFault::Instead(page.clone())]);
        for at in 1..10 {
            world.sync();
            for item in &items {
                assert!(
                    !matches!(world.item(item).custody, Custody::Refused(_)),
                    "{page:?}"
                );
            }
            world.network.faults.lock().unwrap().clear();
            world.fault(
                (0..at)
                    .map(|_| EngineFault::Pass)
                    .chain([EngineFault::Instead(page.clone())]),
            );
        }
        world.network.faults.lock().unwrap().clear();
        world.settle();
        world.assert_agreement();
        let order: Vec<_> = world
            .server()
            .entries
            .values()
            .map(|h| (h.received, h.id))
            .collect();
        assert!(order.is_sorted_by_key(|(received, _)| *received));
        assert_eq!(order.len(), 3);
    }
}

#[test]
fn story_29_a_batch_that_is_too_large_is_halved_until_it_fits() {
    let world = World::new(12);
    for k in 0..20 {
        world.report(&format!("report {k}"), &[]);
    }
    world.server().max_batch = 3;
    world.settle();
    assert_eq!(world.server().entries.len(), 20);
    let pushes = world.server().pushes.clone();
    assert!(pushes[..4].starts_with(&[20, 10, 5]), "{pushes:?}");
    // Even a limit of one entry is enough.
    let world = World::new(12);
    world.report("a", &[]);
    world.report("b", &[]);
    world.server().max_batch = 1;
    world.settle();
    assert_eq!(world.server().entries.len(), 2);
}

#[test]
fn story_30_a_busy_server_is_left_alone_for_as_long_as_it_asked_even_by_hand() {
    for code in [ProblemCode::Busy, ProblemCode::RateLimited] {
        let world = World::new(13);
        let item = world.report("垃圾", &[]);
        let mut busy = problem(code);
        busy.headers.push(("retry-after".into(), "90".into()));
        world.fault([EngineFault::Pass, EngineFault::Pass, EngineFault::Instead(busy)]);
        let asked = world.clock.read().wall;
        let report = world.sync();
        let next = report.next_try.unwrap();
        assert!(
            (90_000..=110_000).contains(&next.since(asked)),
            "{}",
            next.since(asked)
        );
        assert_eq!(report.problem.unwrap().code, code.as_str());
        let before = world.log().len();
        assert!(!world.sync().is_success());
        assert_eq!(world.log().len(), before, "not one request before the time");
        assert_eq!(world.item(&item).retry.problem.unwrap().code, code.as_str());
        world.clock.advance(110_000);
        assert!(world.sync_as(AUTO).is_success());
    }
}

#[test]
fn story_33_a_clock_set_back_delays_nothing_and_the_offset_stays_right() {
    let world = World::new(14);
    let item = world.report("垃圾", &[]);
    world.fault([EngineFault::LoseRequest]);
    let mut report = world.sync_as(AUTO);
    let mut tries = 0;
    while report.next_try.is_none() && tries < 3 {
        report = world.sync_as(AUTO);
        tries += 1;
    }
    assert!(report.next_try.is_some());
    // Three years back: the stored time of the next try is far in the future and must not count.
    world.clock.set_lie(-3 * 365 * 86_400_000);
    let report = world.sync_as(AUTO);
    assert!(report.is_success(), "{report:?}");
    assert!(world.is_received(&item));
    let offset = |world: &World| world.store().clock_reading(world.clock.read()).unwrap();
    let near = |got: Millis, want: Millis| got.since(want).abs() <= 100;
    assert!(near(offset(&world).estimate(), world.clock.true_time()));
    // The wall clock is changed while the handset runs: the estimate follows.
    world.clock.set_lie(86_400_000);
    assert!(near(offset(&world).estimate(), world.clock.true_time()));
    // After a reboot nothing is known until the next exchange.
    world.clock.reboot();
    assert!(!offset(&world).is_trusted());
    world.sync();
    assert!(offset(&world).is_trusted());
}

fn row(n: u64, kind: &str, body: Option<u32>) -> FeedRow {
    FeedRow {
        mailbox: Mailbox::Author.into(),
        n,
        kind: kind.into(),
        entity: "one".into(),
        body: body.map(|b| serde_json::json!({ "value": b })),
    }
}

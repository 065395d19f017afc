//! State that comes from the server: mailboxes, dispositions, restores, tokens, revocation, enrolment.

use super::*;
use protocol::{feed::PullAnswer, push::StreamMark};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn mailboxes_follow_changes_and_removals_and_the_cursor_is_never_ahead() {
    let world = World::new(15);
    world.server().rows = (1..=7)
        .map(|n| FeedRow {
            entity: format!("e{n}"),
            ..row(n, "future", Some(1))
        })
        .collect();
    world.server().page = 2;
    let mut machine = world.machine(Policy::MANUAL);
    while world.step(&mut machine, true) {
        let cursor = world.store().cursor().unwrap();
        let at: u64 = cursor.rsplit(':').next().unwrap().parse().unwrap_or(0);
        let rows = world.store().mailbox("future").unwrap();
        assert_eq!(
            rows.len() as u64,
            at,
            "rows of an unknown kind are kept, and as many as the cursor says"
        );
    }
    assert_eq!(world.store().mailbox("future").unwrap().len(), 7);
    world.server().rows = vec![FeedRow {
        entity: "e3".into(),
        ..row(8, "future", None)
    }];
    world.sync();
    let left: Vec<_> = world
        .store()
        .mailbox("future")
        .unwrap()
        .into_iter()
        .map(|r| r.entity)
        .collect();
    assert_eq!(left, ["e1", "e2", "e4", "e5", "e6", "e7"]);
}

#[test]
fn story_14_the_disposition_of_an_item_reaches_its_author() {
    let world = World::new(16);
    let item = world.report("垃圾", &[]);
    world.sync();
    let said = DispositionRow {
        entry: item.id,
        record: RecordId(item.id.0),
        disposition: Disposition::rejected(Reason::new(
            ErrorCode::parse("report.unclear"),
            "请补充照片",
            "add a photo",
        )),
        at: Millis(9),
    };
    world.server().rows = vec![FeedRow {
        mailbox: Mailbox::Author.into(),
        n: 1,
        kind: kind::DISPOSITION.into(),
        entity: item.id.to_string(),
        body: Some(serde_json::to_value(&said).unwrap()),
    }];
    world.sync();
    let (disposition, at) = world.item(&item).disposition.unwrap();
    assert_eq!(disposition.state, Open::Known(DispositionState::Rejected));
    assert_eq!(
        (disposition.reason.unwrap().zh.as_str(), at),
        ("请补充照片", Millis(9))
    );
    assert!(world.is_received(&item), "custody is one thing, its fate another");
}

#[test]
fn a_server_restored_from_a_backup_gets_everything_again() {
    for forget_stream in [false, true] {
        let world = World::new(17);
        let old = world.report("old", &[500]);
        world.server().rows = vec![row(1, "x", Some(1))];
        world.sync();
        if forget_stream {
            world.server().data = engine::server::Data::default();
        } else {
            world.server().backup();
        }
        let new = world.report("new", &[70_000]);
        world.server().rows.push(row(2, "y", Some(1)));
        world.sync();
        assert!(world.item(&new).is_complete());
        world.server().restore();
        world.server().rows = vec![row(1, "x", Some(5))];
        world.settle();
        world.sync();
        assert!(world.item(&old).is_complete() && world.item(&new).is_complete());
        assert_eq!(world.server().entries.len(), 2);
        assert_eq!(world.server().photos.len(), 2);
        assert!(
            world.store().mailbox("y").unwrap().is_empty(),
            "what the server forgot is not kept alive here"
        );
        assert_eq!(world.store().mailbox("x").unwrap()[0].body["value"], 5);
        world.assert_agreement();
    }
}

#[test]
fn an_expired_token_is_renewed_and_one_that_is_never_accepted_does_not_loop() {
    let world = World::new(18);
    let item = world.report("垃圾", &[70_000]);
    world.fault([
        EngineFault::Pass,
        EngineFault::Pass,
        EngineFault::Instead(problem(ProblemCode::TokenExpired)),
    ]);
    assert!(world.sync().is_success());
    assert!(world.item(&item).is_complete());
    world.report("again", &[]);
    world.fault((0..200).map(|k| match k % 3 {
        2 => EngineFault::Instead(problem(ProblemCode::TokenExpired)),
        _ => EngineFault::Pass,
    }));
    let before = world.log().len();
    let report = world.sync();
    assert!(world.log().len() - before < 15);
    assert_eq!(report.problem.unwrap().code, "auth.token");
    assert!(report.next_try.is_some());
}

/// Rule: law 2
#[test]
fn a_revoked_terminal_keeps_everything_and_says_why() {
    let world = World::new(19);
    let item = world.report("垃圾", &[100]);
    world.server().revoked = true;
    let report = world.sync();
    assert_eq!(report.problem.unwrap().code, "stream.revoked");
    assert_eq!((report.entries_waiting, report.photos_waiting), (1, 1));
    let now = world.item(&item);
    assert_eq!(now.custody, Custody::Waiting);
    // Law 2: each item and photo shows why it waits, and until when.
    for retry in [&now.retry, &now.photos[0].retry] {
        assert_eq!(retry.problem.as_ref().unwrap().code, "stream.revoked");
        assert!(retry.wait_until(world.clock.read().wall).is_some());
    }
    let step = world.store().step(SyncStep::Session).unwrap();
    assert_eq!(step.problem.unwrap().code, "stream.revoked");
    world.server().revoked = false;
    assert!(world.sync().is_success());
}

#[test]
fn a_second_concurrent_sync_is_refused() {
    let world = World::new(20);
    let guard = world.store().sync_guard().unwrap().unwrap();
    let other = HandsetStore::open(
        &world.home(),
        terminal_core::platform::Keystore::database_key(&world.keystore).unwrap(),
    )
    .unwrap();
    assert!(other.sync_guard().unwrap().is_none());
    drop(guard);
    assert!(other.sync_guard().unwrap().is_some());
}

#[test]
fn an_enrolment_whose_answer_was_lost_is_repeated_identically() {
    let mut world = World::bare(21);
    assert!(matches!(world.store().account(), Err(Error::NotEnrolled)));
    world.fault([
        EngineFault::LoseRequest,
        EngineFault::LoseAnswer,
        EngineFault::Instead(html(200)),
    ]);
    for code in ["network.cut", "network.cut", "answer.foreign"] {
        assert_eq!(world.enrol().unwrap_err().code(), code);
        world.restart();
    }
    let account = world.enrol().unwrap();
    assert_eq!(world.server().streams.len(), 1);
    assert_eq!(world.store().account().unwrap(), account);
    assert!(matches!(world.enrol(), Err(Error::AlreadyEnrolled { .. })));
    assert!(world.sync().is_success());
}

#[test]
fn a_certificate_that_another_key_signed_enrols_nothing() {
    let world = World::bare(22);
    world.fault([EngineFault::HandsetChange(|response| {
        let mut answer: protocol::field::EnrolAnswer = serde_json::from_slice(&response.body).unwrap();
        answer.certificate.certificate = answer.certificate.certificate.replace("220104", "220105");
        response.body = serde_json::to_vec(&answer).unwrap();
    })]);
    assert_eq!(world.enrol().unwrap_err().code(), "enrol.certificate");
    assert!(matches!(world.store().account(), Err(Error::NotEnrolled)));
}

// A server that is broken: its answers must not end the sync or keep it for ever.

fn altered(response: &mut Response, alter: impl FnOnce(&mut Value)) {
    let mut answer: Value = serde_json::from_slice(&response.body).unwrap();
    alter(&mut answer);
    response.body = serde_json::to_vec(&answer).unwrap();
}

#[test]
fn sec_low_number_beyond_i64_fails_its_step_and_not_the_sync() {
    let world = World::new(60);
    let item = world.report("垃圾", &[]);
    let pull: fn(&mut Response) = |response| {
        altered(response, |answer| {
            let row = json!({ "mailbox": "post", "n": u64::MAX, "kind": "x", "entity": "y", "body": {} });
            answer["rows"] = json!([row]);
        });
    };
    // challenge, token, push, pull
    world.fault([
        EngineFault::Pass,
        EngineFault::Pass,
        EngineFault::Pass,
        EngineFault::HandsetChange(pull),
    ]);
    let report = world.sync();
    assert!(!report.is_success());
    assert!(world.is_received(&item), "what came before the pull is done");
    let mark: fn(&mut Response) = |response| {
        altered(response, |answer| {
            answer["mark"] = json!(StreamMark {
                upto: u64::MAX,
                highest: u64::MAX,
                holes: vec![]
            });
        });
    };
    let world = World::new(61);
    let item = world.report("井盖", &[]);
    world.fault([EngineFault::Pass, EngineFault::HandsetChange(mark)]);
    assert!(!world.sync().is_success());
    world.settle();
    assert!(world.is_received(&item));
    world.assert_agreement();
}

static PAGES: AtomicU32 = AtomicU32::new(0);

#[test]
fn sec_low_pull_that_never_ends_waits_after_some_pages() {
    let world = World::new(62);
    let endless: fn(&mut Response) = |response| {
        if let Ok(mut answer) = serde_json::from_slice::<PullAnswer>(&response.body) {
            let pages = PAGES.fetch_add(1, Ordering::Relaxed);
            answer.cursor = format!("{}-{pages}", answer.cursor);
            answer.more = true;
            response.body = serde_json::to_vec(&answer).unwrap();
        }
    };
    world.fault([EngineFault::Pass, EngineFault::Pass]);
    world.fault((0..5000).map(|_| EngineFault::HandsetChange(endless)));
    let report = world.sync();
    assert!(!report.is_success());
    let pulls = world
        .log()
        .iter()
        .filter(|(request, _)| request.contains("pull?"))
        .count();
    assert!((2..200).contains(&pulls), "{pulls}");
    world.network.faults.lock().unwrap().clear();
    world.settle();
}

//! Nothing that a worker entered is lost or filed twice, despite repeated and concurrent sends and crashes.

use crate::{
    stage::{
        self, StoryStage, answer_to_no_task, cases, completeness, counts, entries, file, line, photos, row,
        xunge, xunge_json,
    },
    wire::WireClient,
};
use e2e::{bench::handset::copy_folder, handset::Handset, line::LineFault};
use protocol::{entry::Receipt, ids::EntryId, push::StreamMark, role::Role};
use serde_json::{Value, json};
use std::{collections::BTreeSet, process::Stdio, sync::Barrier, thread, time::Duration};
use terminal_core::{photos::PhotoSource, store::Custody, words::Lang, work::ItemState};

on_both_engines!(
    story_01_lost_acknowledgement_gives_one_case_and_the_same_receipt,
    story_02_five_concurrent_identical_pushes_make_one_case_with_its_photos,
    story_03_other_content_under_a_used_id_is_refused_and_overwrites_nothing,
    story_06_repeated_submits_make_one_case,
    story_07_kills_of_both_ends_during_a_batch_file_every_item_once,
    story_08_item_of_a_killed_server_is_reclaimed_and_shown_as_stuck,
    story_21_malformed_item_and_missing_file_do_not_block_other_items,
    law_2_an_entry_that_the_server_refused_shows_no_receipt_number,
);

fn receipts(answer: &Value) -> Vec<Receipt> {
    serde_json::from_value(answer["receipts"].clone()).unwrap()
}

fn story_01_lost_acknowledgement_gives_one_case_and_the_same_receipt(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "101", Some(&line));
    let id = file(&city, &mut handset, "井盖缺失", &[]);

    line.set(LineFault::LoseAnswer("POST /v1/field/push".into()));
    let report = handset.sync().unwrap();
    assert!(line.faults() >= 1, "every response must be lost");
    assert!(!report.is_success());
    assert_eq!((report.entries_received, report.entries_waiting), (0, 1));
    assert_eq!(report.problem.unwrap().code, "network.cut");
    assert!(row(&mut handset, id).waits_for_receipt());
    assert_eq!(
        row(&mut handset, id).receipt_number(),
        None,
        "no number may be shown before the receipt"
    );
    assert_eq!(cases(&city), 1, "the server must have committed");

    // The server's response when equal bytes are sent again.
    let (_, bytes) = handset.open().unwrap().store().entry(id).unwrap();
    let (status, answer) = WireClient::of(&city, &mut handset).push(&[&bytes]);
    let first = receipts(&answer).remove(0);
    assert_eq!(status, 200);

    line.set(LineFault::Good);
    assert!(handset.sync().unwrap().is_success());
    let item = handset.open().unwrap().store().item(id).unwrap().unwrap();
    assert_eq!(
        item.custody,
        Custody::Received(first.received),
        "must be the first receipt"
    );
    assert_eq!((cases(&city), entries(&city)), (1, 1));
    let case = &stage::desk(&city, "shouli", Role::Acceptor)
        .all("/v1/cases")
        .unwrap()[0];
    assert_eq!(
        case["number"].as_str(),
        row(&mut handset, id).receipt_number().as_deref()
    );
}

fn story_02_five_concurrent_identical_pushes_make_one_case_with_its_photos(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "102", None);
    let pictures = [stage.small_photo(1), stage.small_photo(2)];
    let id = file(&city, &mut handset, "乱堆物料", &pictures);
    let (_, bytes) = handset.open().unwrap().store().entry(id).unwrap();
    let named = handset.open().unwrap().store().item(id).unwrap().unwrap().photos;
    let contents: Vec<Vec<u8>> = named
        .iter()
        .map(|photo| handset.open().unwrap().photo_folder().read(photo.sha256).unwrap())
        .collect();

    let wire = WireClient::of(&city, &mut handset);
    let body = wire.envelope(&[&bytes]);
    let together = Barrier::new(5);
    let answers: Vec<(u16, Value)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..5)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    let answer = wire.push_body(body.clone());
                    // The photos concurrently too: each client sends all of them.
                    together.wait();
                    for (photo, content) in named.iter().zip(&contents) {
                        let (path, receipt) = wire.create(photo.sha256, content.len());
                        let receipt = receipt.or_else(|| wire.patch(&path, content).1);
                        assert_eq!(receipt.unwrap().sha256, photo.sha256);
                    }
                    answer
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let distinct: BTreeSet<String> = answers
        .iter()
        .map(|(status, answer)| {
            assert_eq!(*status, 200, "{answer}");
            answer["receipts"].to_string()
        })
        .collect();
    assert_eq!(
        distinct.len(),
        1,
        "all five must get the same receipt: {distinct:?}"
    );
    assert_eq!((cases(&city), entries(&city)), (1, 1));
    assert_eq!(photos(&city), (2, 2));

    // The handset gets the receipts without sending a photo again.
    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
    assert_eq!((cases(&city), photos(&city)), (1, (2, 2)));
}

fn story_03_other_content_under_a_used_id_is_refused_and_overwrites_nothing(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "103", None);
    let id = file(&city, &mut handset, "路灯不亮", &[]);
    assert!(handset.sync().unwrap().is_success());
    let (_, bytes) = handset.open().unwrap().store().entry(id).unwrap();
    let other = String::from_utf8(bytes.clone())
        .unwrap()
        .replace("路灯不亮", "路灯全亮");
    assert_ne!(other.as_bytes(), bytes);

    let wire = WireClient::of(&city, &mut handset);
    let (status, answer) = wire.push(&[other.as_bytes()]);
    assert_eq!(status, 200, "the batch must be answered, the element refused");
    assert_eq!(answer["receipts"], json!([]));
    assert_eq!(answer["refused"][0]["code"], "entry.conflict");
    assert_eq!(answer["refused"][0]["id"], json!(id));

    // The number of another entry must be refused too.
    let fresh = EntryId::from_parts(1_795_000_000_000, [9; 10]);
    let taken = other.replace(&id.to_string(), &fresh.to_string());
    let (_, answer) = wire.push(&[taken.as_bytes()]);
    assert_eq!(answer["refused"][0]["code"], "entry.number_taken");

    // An entry with this id in another person's stream is refused, and that person's own entry is accepted.
    let mut stranger = stage.patroller(&city, "104", None);
    let own = file(&city, &mut stranger, "另一条", &[]);
    let (_, own_bytes) = stranger.open().unwrap().store().entry(own).unwrap();
    let (_, answer) = WireClient::of(&city, &mut stranger).push(&[&bytes, &own_bytes]);
    assert_eq!(answer["refused"][0]["code"], "entry.conflict");
    assert_eq!(receipts(&answer)[0].id, own);

    assert_eq!((cases(&city), entries(&city)), (2, 2));
    let cases = stage::desk(&city, "shouli", Role::Acceptor)
        .all("/v1/cases")
        .unwrap();
    let texts: BTreeSet<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
    assert_eq!(texts, BTreeSet::from(["路灯不亮", "另一条"]));
    // The original bytes still get their receipt.
    let (_, answer) = wire.push(&[&bytes]);
    assert_eq!(receipts(&answer)[0].id, id);
}

fn story_06_repeated_submits_make_one_case(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "106", None);
    let photo = stage.small_photo(6);
    let id = {
        let mut draft = handset.open().unwrap().new_report().unwrap();
        draft.text("小广告").add_photo(PhotoSource::Path(&photo)).unwrap();
        draft.id()
    };
    // Five submits in one process, and five processes that submit once each.
    let home = handset.home().to_owned();
    let terminal = handset.open().unwrap().clone();
    let together = Barrier::new(10);
    let again = thread::scope(|scope| {
        let taps: Vec<_> = (0..10)
            .map(|k| {
                let (terminal, home, together) = (terminal.clone(), &home, &together);
                scope.spawn(move || {
                    let draft = terminal.report_draft(id).unwrap();
                    together.wait();
                    if k < 5 {
                        let mut draft = draft;
                        return draft.submit().unwrap().again;
                    }
                    let (code, said) = xunge_json(home, &["report", "--draft", &id.to_string()]);
                    assert_eq!(code, 0, "{said}");
                    said["again"].as_bool().unwrap()
                })
            })
            .collect();
        taps.into_iter()
            .map(|t| t.join().unwrap())
            .filter(|again| *again)
            .count()
    });
    assert_eq!(
        again, 9,
        "one submit must file it, the nine others must report it as filed"
    );
    let together = Barrier::new(3);
    thread::scope(|scope| {
        for _ in 0..3 {
            // Concurrent syncs: one runs, the others report that one is running.
            scope.spawn(|| {
                together.wait();
                let (code, said) = xunge_json(&home, &["sync"]);
                assert!(code == 0 || said["error"]["code"] == "sync.running", "{said}");
            });
        }
    });
    assert!(handset.sync().unwrap().is_success());
    assert_eq!((cases(&city), entries(&city), photos(&city)), (1, 1, (1, 1)));
    let mark: StreamMark = serde_json::from_value(completeness(&city, &mut handset)["mark"].clone()).unwrap();
    assert_eq!((mark.upto, mark.highest), (1, 1));
}

fn story_07_kills_of_both_ends_during_a_batch_file_every_item_once(stage: &StoryStage) {
    let mut city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "107", Some(&line));
    // More than one batch; some of the first entries have photos.
    let mut filed: Vec<EntryId> = Vec::new();
    for k in 0..120_u64 {
        let pictures = if k < 4 {
            vec![stage.small_photo(700 + k)]
        } else {
            vec![]
        };
        let text = format!("第{k}条 {:x}", e2e::random::ScenarioRandom::new(k).bits());
        filed.push(file(&city, &mut handset, &text, &pictures));
    }
    let home = handset.home().to_owned();
    handset.kill();
    let sync = || {
        xunge(&home, &["sync"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };

    // The handset dies after the first batch is committed and before a receipt is stored.
    let mut faults = line.faults();
    let mut wait_for_fault = || {
        faults += 1;
        assert!(line.wait_for_faults(faults), "the fault did not happen");
    };
    line.set(LineFault::HoldAnswer("POST /v1/field/push".into()));
    let mut dying = sync();
    wait_for_fault();
    dying.kill().unwrap();
    dying.wait().unwrap();
    assert_eq!(entries(&city), 100, "the batch must be committed");
    let waiting = Handset::existing(&home)
        .open()
        .unwrap()
        .status()
        .unwrap()
        .items_waiting;
    assert_eq!(waiting, 120, "no receipt may have reached the handset");

    // The server dies in the middle of a push; the handset's process stays alive.
    line.set(LineFault::Stall(12_000));
    let mut living = sync();
    wait_for_fault();
    city.server.kill().unwrap();
    line.set(LineFault::Good);
    assert_eq!(
        living.wait().unwrap().code(),
        Some(3),
        "the report must say that entries are unsent"
    );
    city.server.start().unwrap();

    // Both die during a photo upload.
    line.set(LineFault::HoldAnswer("PATCH /v1/field/photos/".into()));
    let mut dying = sync();
    wait_for_fault();
    city.server.kill().unwrap();
    dying.kill().unwrap();
    dying.wait().unwrap();
    city.server.start().unwrap();

    line.set(LineFault::Good);
    assert_eq!(sync().wait().unwrap().code(), Some(0));
    let mut handset = Handset::existing(&home);
    assert_eq!((cases(&city), entries(&city), photos(&city)), (120, 120, (4, 4)));
    let complete = completeness(&city, &mut handset);
    assert_eq!(complete["mark"], json!({"upto": 120, "highest": 120}));
    assert_eq!(complete["states"], json!([{"state": "applied", "entries": 120}]));
    let numbers: BTreeSet<String> = filed
        .iter()
        .map(|id| {
            row(&mut handset, *id)
                .receipt_number()
                .expect("every item must have a number")
        })
        .collect();
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    let known: BTreeSet<String> = acceptor
        .all("/v1/cases")
        .unwrap()
        .iter()
        .map(|case| case["number"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(numbers, known, "items and cases must correspond one to one");
}

fn story_08_item_of_a_killed_server_is_reclaimed_and_shown_as_stuck(stage: &StoryStage) {
    let mut city = stage.city();
    let leader = stage::desk(&city, "zhiban", Role::ShiftLeader);
    let stuck_items = || leader.all("/v1/review").unwrap();
    let mut handset = stage.patroller(&city, "118", None);
    // The report cannot become a case: the table of the cases is missing.
    assert!(city.server.stop().unwrap());
    stage.sql("ALTER TABLE case_file RENAME TO case_gone;");
    city.server.start().unwrap();
    let id = file(&city, &mut handset, "井盖移位", &[]);
    handset.sync().unwrap();
    let item = handset.open().unwrap().store().item(id).unwrap().unwrap();
    assert!(matches!(item.custody, Custody::Received(_)), "{:?}", item.custody);
    assert_eq!(stuck_items(), Vec::<Value>::new(), "one failure is no news");

    // The server dies with the item; the next process goes on with it, fails, and tells everybody.
    city.server.kill().unwrap();
    city.server.start().unwrap();
    assert!(within_two_minutes(|| !stuck_items().is_empty()));
    let stuck = stuck_items();
    assert_eq!((stuck.len(), &stuck[0]["entry"]), (1, &json!(id)));
    assert_eq!(stuck[0]["state"], "held");
    assert_eq!(stuck[0]["reason"]["code"], "server.apply_failed");
    handset.sync().unwrap();
    let ItemState::Held(Some(reason)) = row(&mut handset, id).state else {
        panic!("must be shown as held: {:?}", row(&mut handset, id).state)
    };
    assert_eq!(reason.code, "server.apply_failed");

    // The cause is mended; the item becomes its one case without anybody sending it again.
    assert!(city.server.stop().unwrap());
    stage.sql("ALTER TABLE case_gone RENAME TO case_file;");
    city.server.start().unwrap();
    assert!(within_two_minutes(|| cases(&city) == 1));
    assert_eq!(stuck_items(), Vec::<Value>::new());
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
    assert_eq!((cases(&city), entries(&city)), (1, 1));
}

/// A killed process keeps the lease of its jobs for 20 seconds, and a job runs every three.
fn within_two_minutes(is_done: impl Fn() -> bool) -> bool {
    (0..240).any(|_| {
        let done = is_done();
        if !done {
            thread::sleep(Duration::from_millis(500));
        }
        done
    })
}

fn story_21_malformed_item_and_missing_file_do_not_block_other_items(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "121", None);
    let first = file(&city, &mut handset, "第一条", &[stage.small_photo(1)]);
    let malformed = answer_to_no_task(&mut handset, first);
    let holed = file(
        &city,
        &mut handset,
        "照片丢失",
        &[stage.small_photo(2), stage.small_photo(3)],
    );
    let last = file(&city, &mut handset, "最后一条", &[stage.small_photo(4)]);
    let lost = &handset
        .open()
        .unwrap()
        .store()
        .item(holed)
        .unwrap()
        .unwrap()
        .photos[0];
    std::fs::remove_file(handset.home().join("photos").join(&lost.file)).unwrap();

    let report = handset.sync().unwrap();
    assert!(!report.is_success(), "one photo cannot be delivered");
    assert_eq!(
        (report.entries_received, report.photos_received),
        (4, 3),
        "{report:?}"
    );
    assert_eq!(report.problem.as_ref().unwrap().code, "photo.file_missing");
    for (id, state) in [(first, ItemState::Received), (last, ItemState::Received)] {
        assert_eq!(row(&mut handset, id).state, state);
    }
    let malformed = row(&mut handset, malformed);
    let ItemState::Returned(reason) = &malformed.state else {
        panic!("must be rejected: {:?}", malformed.state)
    };
    assert_eq!(reason.code, "task.unknown");
    let holed = row(&mut handset, holed);
    assert_eq!((holed.photos_sent, holed.photos_named), (1, 2));
    let photo = &handset
        .open()
        .unwrap()
        .store()
        .item(holed.id)
        .unwrap()
        .unwrap()
        .photos[0];
    assert_eq!(photo.retry.problem.as_ref().unwrap().code, "photo.file_missing");
    assert_eq!(
        cases(&city),
        3,
        "the malformed item must be in custody without a case"
    );
    assert_eq!(counts(&city)["entries"], json!({"applied": 3, "rejected": 1}));

    // An entry without a readable frame is refused alone, in the middle of a batch.
    let mut other = stage.patroller(&city, "122", None);
    let (a, b) = (
        file(&city, &mut other, "甲", &[]),
        file(&city, &mut other, "乙", &[]),
    );
    let bytes = |handset: &mut Handset, id| handset.open().unwrap().store().entry(id).unwrap().1;
    let (a, b) = (bytes(&mut other, a), bytes(&mut other, b));
    let (status, answer) = WireClient::of(&city, &mut other).push(&[&a, br#"{"n":"x"}"#, &b]);
    assert_eq!((status, receipts(&answer).len()), (200, 2));
    assert_eq!(answer["refused"][0]["index"], 1);
    assert_eq!(answer["refused"][0]["code"], "entry.unframed");
}

fn law_2_an_entry_that_the_server_refused_shows_no_receipt_number(stage: &StoryStage) {
    let city = stage.plain_city();
    let mut handset = stage.patroller(&city, "175", None);
    let mut draft = handset.open().unwrap().new_report().unwrap();
    draft.matter("E0102".parse().unwrap()).unwrap();
    draft.text("路口").at(stage::at(&city, "220104010101"));
    draft.save().unwrap();
    let id = draft.id();
    drop(draft);
    handset.kill();
    // A home that was copied, as by a backup of the phone: the same draft is finished twice.
    let copied = stage.path("copied");
    copy_folder(handset.home(), &copied).unwrap();
    let mut twin = Handset::existing(&copied);
    let finish = |handset: &mut Handset, text: &str| {
        let mut draft = handset.open().unwrap().report_draft(id).unwrap();
        draft.text(text).submit().unwrap().item
    };
    let (held, refused) = (finish(&mut handset, "井盖缺失"), finish(&mut twin, "路灯不亮"));
    assert!(handset.sync().unwrap().is_success());
    twin.sync().unwrap();
    let (held, refused) = (row(&mut handset, held), row(&mut twin, refused));
    assert!(held.receipt_number().is_some());
    assert!(matches!(refused.state, ItemState::Returned(_)), "{refused:?}");
    assert_eq!(refused.receipt_number(), None);
    let now = protocol::time::Millis(0);
    assert!(!refused.state_line(Lang::Zh, now).contains("受理号"));
    assert_eq!(entries(&city), 1);
}

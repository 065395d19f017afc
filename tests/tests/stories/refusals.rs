//! Refusals and invalid responses: the other entries continue, a refused one is shown with its reason, and
//! nothing is deleted on either end.

use crate::{
    disk::SmallDisk,
    intercepting_transport::{InterceptingTransport, page},
    stage::{ManualClock, StoryStage, at, cases, completeness, entries, file, invite, photos, row},
    wire::WireClient,
};
use e2e::handset::Handset;
use protocol::{ids::EntryId, photo::Sha256, push::Envelope};
use serde_json::{Value, json, value::RawValue};
use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};
use terminal_core::{transport::Response, work::ItemState};

on_both_engines!(
    story_10_repeated_batch_blocks_nothing,
    story_18_patroller_moved_to_another_post_loses_no_unsent_entry,
    story_22_response_with_an_error_deletes_nothing,
    story_24_forbidden_entry_is_shown_and_retried_and_blocks_no_other,
    story_25_handset_disk_full_during_a_sync_deletes_nothing_on_either_end,
    story_29_bodies_too_large_for_a_proxy_are_split_until_they_fit,
    tokens_that_expire_during_a_sync_are_renewed_and_nothing_is_sent_twice,
);

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

fn bytes(handset: &mut Handset, id: EntryId) -> Vec<u8> {
    handset.open().unwrap().store().entry(id).unwrap().1
}

/// Asserts that everything of these items is readable on the handset.
fn assert_whole(handset: &mut Handset, ids: &[EntryId]) {
    for id in ids {
        let item = handset.open().unwrap().store().item(*id).unwrap().unwrap();
        assert_eq!(Sha256::of(&bytes(handset, *id)), item.sha256);
        for photo in &item.photos {
            let there = handset.open().unwrap().photo_folder().read(photo.sha256).unwrap();
            assert_eq!(there.len() as u64, photo.size);
        }
    }
}

fn story_10_repeated_batch_blocks_nothing(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "110", None);
    let old: Vec<EntryId> = (0..3)
        .map(|k| file(&city, &mut handset, &format!("第{k}条"), &[]))
        .collect();
    let wire = WireClient::of(&city, &mut handset);
    let contents: Vec<Vec<u8>> = old.iter().map(|id| bytes(&mut handset, *id)).collect();
    let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let body = wire.envelope(&contents);
    let (_, first) = wire.push_body(body.clone());
    for _ in 0..3 {
        let (status, again) = wire.push_body(body.clone());
        assert_eq!((status, &again["receipts"]), (200, &first["receipts"]));
    }
    // A batch of old and new entries out of order, one of them twice.
    let new = file(&city, &mut handset, "新的一条", &[]);
    let fresh = bytes(&mut handset, new);
    let (status, mixed) = wire.push(&[contents[2], &fresh, contents[0], &fresh, contents[2]]);
    assert_eq!((status, mixed["receipts"].as_array().unwrap().len()), (200, 5));
    assert_eq!(mixed["mark"], json!({"upto": 4, "highest": 4}));

    // The handset itself got none of these responses: it sends everything, gets the same receipts, and
    // continues.
    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(report.entries_received, 4);
    let last = file(&city, &mut handset, "之后", &[]);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, last).state, ItemState::Received);
    assert_eq!((cases(&city), entries(&city)), (5, 5));
}

fn story_18_patroller_moved_to_another_post_loses_no_unsent_entry(stage: &StoryStage) {
    let city = stage.city();
    let invited = invite(&city, "118");
    let mut handset = stage.handset(&city, &invited, "118", None, None);
    handset
        .open()
        .unwrap()
        .check_in(Some(at(&city, "220104010101")), "")
        .unwrap();
    assert!(handset.sync().unwrap().is_success());
    // Offline: a report, and a draft that is submitted after the move.
    let unsent = file(&city, &mut handset, "调岗前上报", &[stage.small_photo(181)]);
    let mut draft = handset.open().unwrap().new_report().unwrap();
    draft.text("调岗前的草稿").save().unwrap();
    let draft = draft.id();

    // Relieved here and assigned to a post of another street.
    let holders = format!("/v1/posts/{}/holders", invited.post);
    city.admin
        .delete(&format!("{holders}/{}", invited.person))
        .unwrap();
    let body = json!({"org": city.district, "number": "218", "name": "清和社区岗", "areas": ["2201040201"]});
    let elsewhere = city.admin.post("/v1/posts", &body).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = json!({"person": invited.person});
    city.admin
        .post(&format!("/v1/posts/{elsewhere}/holders"), &body)
        .unwrap();

    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(row(&mut handset, unsent).state, ItemState::Received);
    assert_eq!((cases(&city), photos(&city)), (1, (1, 1)));
    let id = handset
        .open()
        .unwrap()
        .report_draft(draft)
        .unwrap()
        .submit()
        .unwrap()
        .item;
    assert!(handset.sync().unwrap().is_success());
    let after = row(&mut handset, id);
    assert!(
        matches!(after.state, ItemState::Received | ItemState::Review(_)),
        "{:?}",
        after.state
    );

    // The post's next holder, on another terminal, must not see these entries as needing action.
    let body = json!({"name": "新岗员", "org": city.district, "roles": [{"role": "patroller", "org": city.district}]});
    let person = city.admin.post("/v1/people", &body).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    city.admin.post(&holders, &json!({"person": person})).unwrap();
    let next = city.invite("118", &invited.post, &person).unwrap();
    let mut next = stage.handset(&city, &next, "118-next", None, None);
    assert!(next.open().unwrap().queue().unwrap().is_empty());
    let (theirs, old) = (file(&city, &mut next, "新人上报", &[]), row(&mut handset, unsent));
    assert!(next.sync().unwrap().is_success());
    assert_eq!(row(&mut next, theirs).state, ItemState::Received);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, unsent).receipt_number(), old.receipt_number());
    assert_eq!(entries(&city), 4, "expected a check-in and three reports");
    assert_eq!(
        completeness(&city, &mut handset)["mark"],
        json!({"upto": 3, "highest": 3})
    );
}

/// Converts the short form of a push response to receipts, one for each entry of the body.
fn tell_one_by_one(body: &[u8], answer: &mut Value) {
    let sent: Envelope = serde_json::from_slice(body).unwrap();
    let receipt = |entry: &RawValue| {
        let read: Value = serde_json::from_str(entry.get()).unwrap();
        json!({"id": read["id"], "n": read["n"], "sha256": Sha256::of(entry.get().as_bytes()),
            "received": answer["taken"]})
    };
    answer["receipts"] = sent.entries.iter().map(|entry| receipt(entry)).collect();
    answer["taken"] = Value::Null;
}

fn story_22_response_with_an_error_deletes_nothing(stage: &StoryStage) {
    let city = stage.city();
    let clock = ManualClock::now();
    let mut handset = stage.patroller_by(&city, "122", None, &clock);
    let ids: Vec<EntryId> = (0..3)
        .map(|k| {
            file(
                &city,
                &mut handset,
                &format!("第{k}条"),
                &[stage.small_photo(220 + k)],
            )
        })
        .collect();
    let account = handset.open().unwrap().account().clone();
    // The server stores the push each time, but the response is replaced by an invalid one.
    type ChangeResponse = fn(&mut Value);
    let spoiled: [(&str, ChangeResponse); 6] = [
        ("an error beside the receipts", |answer| {
            *answer = json!({"error": "internal", "receipts": answer["receipts"]});
        }),
        ("no receipts", |answer| answer["receipts"] = json!([])),
        ("an answer to another push", |answer| {
            answer["body_sha256"] = json!("00".repeat(32))
        }),
        ("receipts for other bytes", |answer| {
            for receipt in answer["receipts"].as_array_mut().unwrap() {
                receipt["sha256"] = json!("11".repeat(32));
            }
        }),
        ("receipts for other numbers", |answer| {
            for receipt in answer["receipts"].as_array_mut().unwrap() {
                receipt["n"] = json!(receipt["n"].as_u64().unwrap() + 40);
            }
        }),
        ("receipts of somebody else", |answer| {
            for receipt in answer["receipts"].as_array_mut().unwrap() {
                receipt["id"] = json!(uuid::Uuid::now_v7());
            }
        }),
    ];
    // The short form, with one time for all entries of a body.
    let short: [(&str, ChangeResponse); 2] = [
        ("the short form without its time", |answer| {
            answer["taken"] = Value::Null;
        }),
        ("the short form of another push", |answer| {
            answer["body_sha256"] = json!("00".repeat(32))
        }),
    ];
    let short = short.map(|(what, spoil)| (what, spoil, true));
    let spoiled = spoiled.map(|(what, spoil)| (what, spoil, false));
    for (what, spoil, short) in spoiled.into_iter().chain(short) {
        let spoiling = InterceptingTransport::of(&account, move |request, pass| {
            let mut answer = pass()?;
            if request.path == "/v1/field/push" {
                let mut said: Value = serde_json::from_slice(&answer.body).unwrap();
                assert!(
                    said["taken"].is_i64(),
                    "the server must have stored everything: {said}"
                );
                if !short {
                    tell_one_by_one(&request.body, &mut said);
                }
                spoil(&mut said);
                answer.body = serde_json::to_vec(&said).unwrap();
            }
            Ok(answer)
        });
        let report = handset.sync_over(&spoiling).unwrap();
        assert!(!report.is_success(), "{what}: {report:?}");
        assert_eq!(report.entries_received, 0, "{what}");
        assert!(report.problem.is_some(), "{what}");
        for id in &ids {
            assert!(row(&mut handset, *id).waits_for_receipt(), "{what}");
        }
        // Time passes, and finished entries are deleted: none of these is finished.
        clock.advance(40 * DAY);
        handset.open().unwrap().forget_old().unwrap();
        handset.kill();
        assert_whole(&mut handset, &ids);
    }
    // The same for photos: an error with a receipt for another photo, or a 200 without a receipt.
    let of_photos = InterceptingTransport::of(&account, |request, pass| {
        let mut answer = pass()?;
        if request.path.starts_with("/v1/field/photos") {
            answer
                .headers
                .retain(|(name, _)| name != protocol::field::PHOTO_RECEIPT_HEADER);
        }
        Ok(answer)
    });
    let report = handset.sync_over(&of_photos).unwrap();
    assert_eq!(
        (report.entries_received, report.photos_received),
        (3, 0),
        "{report:?}"
    );
    clock.advance(40 * DAY);
    handset.open().unwrap().forget_old().unwrap();
    assert_whole(&mut handset, &ids);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!((cases(&city), entries(&city), photos(&city)), (3, 3, (3, 3)));
}

fn story_24_forbidden_entry_is_shown_and_retried_and_blocks_no_other(stage: &StoryStage) {
    let city = stage.city();
    let clock = ManualClock::now();
    let mut handset = stage.patroller_by(&city, "124", None, &clock);
    let texts = ["第一条", "含有违禁词", "第三条", "第四条", "第五条"];
    let ids: Vec<EntryId> = (240_u64..)
        .zip(texts)
        .map(|(seed, text)| file(&city, &mut handset, text, &[stage.small_photo(seed)]))
        .collect();
    let forbidden = ids[1];
    let account = handset.open().unwrap().account().clone();
    let tried = AtomicU64::new(0);
    let wall = InterceptingTransport::of(&account, |request, pass| {
        let has_word = String::from_utf8_lossy(&request.body).contains("违禁词");
        if request.path == "/v1/field/push" && has_word {
            tried.fetch_add(1, Ordering::SeqCst);
            return page(403, "Forbidden by policy 77");
        }
        pass()
    });
    let report = handset.sync_over(&wall).unwrap();
    assert!(!report.is_success());
    assert_eq!(
        (report.entries_received, report.entries_waiting),
        (4, 1),
        "{report:?}"
    );
    assert_eq!(report.photos_received, 4, "{report:?}");
    for id in ids.iter().filter(|id| **id != forbidden) {
        assert_eq!(row(&mut handset, *id).state, ItemState::Received);
    }

    // For two weeks it is always shown and retried, and never silently dropped.
    for day in 0..14 {
        let shown = row(&mut handset, forbidden);
        assert!(
            shown.waits_for_receipt() && !shown.is_finished(),
            "day {day}: {shown:?}"
        );
        assert_eq!(shown.problem.as_ref().unwrap().code, "http.403", "day {day}");
        assert!(
            shown.problem.unwrap().zh.contains("仍保存在本机"),
            "the author must see the reason"
        );
        let until = shown.next_try.expect("must announce the next try");
        let now = handset.open().unwrap().now().unwrap();
        assert!(until.since(now) <= 25 * 60 * MINUTE, "must be within about a day");
        let status = handset.open().unwrap().status().unwrap();
        assert_eq!((status.items_waiting, status.photos_waiting), (1, 1));
        let before = tried.load(Ordering::SeqCst);
        clock.advance(DAY + 60 * MINUTE);
        let report = handset.sync_over(&wall).unwrap();
        assert!(!report.is_success(), "day {day}");
        assert!(
            tried.load(Ordering::SeqCst) > before,
            "day {day}: must be retried"
        );
        handset.kill();
    }
    assert_whole(&mut handset, &[forbidden]);

    // The block is removed and the entry is sent; nothing has to be entered again.
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, forbidden).state, ItemState::Received);
    assert_eq!((cases(&city), entries(&city), photos(&city)), (5, 5, (5, 5)));
}

fn story_25_handset_disk_full_during_a_sync_deletes_nothing_on_either_end(stage: &StoryStage) {
    let city = stage.city();
    let invited = invite(&city, "125");
    let disk = SmallDisk::mount(stage.path("handset-full"), 6 * 1024);
    let mut handset = stage.handset(&city, &invited, "full", None, None);
    let ids: Vec<EntryId> = (0..6)
        .map(|k| {
            file(
                &city,
                &mut handset,
                &format!("第{k}条 {}", "满".repeat(2000)),
                &[stage.small_photo(250 + k)],
            )
        })
        .collect();
    let account = handset.open().unwrap().account().clone();
    handset.kill();
    let held_before: Vec<Vec<u8>> = ids.iter().map(|id| bytes(&mut handset, *id)).collect();
    let mut failures = 0;
    // The disk becomes full during a sync: when the response to the n-th request is on its way.
    for nth in 1..=8_u64 {
        let (asked, filler) = (AtomicU64::new(0), Mutex::new(None));
        let filling = InterceptingTransport::of(&account, |_, pass| {
            let answer = pass();
            // Again with every later response: another app takes the space that the handset gives up.
            if asked.fetch_add(1, Ordering::SeqCst) + 1 >= nth {
                *filler.lock().unwrap() = Some(disk.fill(0));
            }
            answer
        });
        let outcome = handset.sync_over(&filling);
        if let Err(error) = &outcome {
            // A COMMIT on a full disk that cannot be verified has an unknown outcome, and is reported so.
            let told = ["store.full", "store.outcome_unknown"].contains(&error.code().as_str());
            assert!(told, "request {nth}: {error}");
            assert!(!error.reason().zh.is_empty());
            failures += 1;
        }
        // On the full disk, and after a restart on it: everything can be read, byte for byte.
        let filler = filler.into_inner().unwrap();
        for _ in 0..2 {
            for (id, before) in ids.iter().zip(&held_before) {
                assert_eq!(&bytes(&mut handset, *id), before, "request {nth}");
            }
            assert_whole(&mut handset, &ids);
            assert_eq!(handset.open().unwrap().queue().unwrap().len(), ids.len());
            handset.kill();
        }
        // What the server accepted, it holds completely.
        let (named, held) = photos(&city);
        assert!(
            entries(&city) <= 6 && held <= named && named <= 6,
            "{named} {held}"
        );
        if let Some(filler) = filler {
            std::fs::remove_file(filler).unwrap();
        }
    }
    assert!(
        failures >= 3,
        "the disk must become full during a sync: {failures}"
    );
    assert!(handset.sync().unwrap().is_success());
    for id in &ids {
        assert_eq!(row(&mut handset, *id).state, ItemState::Received);
    }
    assert_eq!((cases(&city), entries(&city), photos(&city)), (6, 6, (6, 6)));
    assert_eq!(
        completeness(&city, &mut handset)["mark"],
        json!({"upto": 6, "highest": 6})
    );
    drop(handset);
}

fn story_29_bodies_too_large_for_a_proxy_are_split_until_they_fit(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "129", None);
    let ids: Vec<EntryId> = (0..20)
        .map(|k| {
            let picture = (k < 2).then(|| stage.photo(290 + k, 640, 480));
            file(
                &city,
                &mut handset,
                &format!("第{k}条 {}", "长".repeat(600)),
                picture.as_slice(),
            )
        })
        .collect();
    let account = handset.open().unwrap().account().clone();
    // A proxy accepts at most 16 KiB per request and answers with its own page otherwise.
    let refused = AtomicU64::new(0);
    let narrow = InterceptingTransport::of(&account, |request, pass| {
        if request.body.len() > 16 * 1024 {
            refused.fetch_add(1, Ordering::SeqCst);
            return page(413, "Request Entity Too Large");
        }
        let answer: Response = pass()?;
        Ok(answer)
    });
    let report = handset.sync_over(&narrow).unwrap();
    assert!(refused.load(Ordering::SeqCst) > 0);
    assert!(report.is_success(), "{report:?}");
    assert_eq!((report.entries_received, report.photos_received), (20, 2));
    for id in ids {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
    assert_eq!((cases(&city), entries(&city), photos(&city)), (20, 20, (2, 2)));
}

fn tokens_that_expire_during_a_sync_are_renewed_and_nothing_is_sent_twice(stage: &StoryStage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "503", None);
    let ids: Vec<EntryId> = (0..4)
        .map(|k| {
            file(
                &city,
                &mut handset,
                &format!("第{k}条"),
                &[stage.photo(530 + k, 640, 480)],
            )
        })
        .collect();
    let account = handset.open().unwrap().account().clone();
    // Every third request has an invalid token, as if it had expired or the server had lost it.
    let (asked, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let short_lived = InterceptingTransport::of(&account, |request, pass| {
        let has_token = request.headers.iter().any(|(name, _)| *name == "authorization");
        if has_token && asked.fetch_add(1, Ordering::SeqCst) % 3 == 2 {
            stage.sql("DELETE FROM field_token");
        }
        let answer = pass()?;
        refused.fetch_add(u64::from(answer.status == 401), Ordering::SeqCst);
        Ok(answer)
    });
    let report = handset.sync_over(&short_lived).unwrap();
    assert!(
        refused.load(Ordering::SeqCst) >= 3,
        "at least three tokens must be refused"
    );
    assert!(report.is_success(), "{report:?}");
    for id in ids {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
    assert_eq!((cases(&city), entries(&city), photos(&city)), (4, 4, (4, 4)));
}

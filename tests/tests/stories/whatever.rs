//! Failures without a story number: the server is replaced by its backup, tokens expire in the middle of a
//! run, the handset's time zone changes.

use crate::{
    converged::assert_converged,
    meddle::InterceptingTransport,
    stage::{Stage, at, cases, completeness, entries, file, invite, line, photos, row, xunge, xunge_json},
};
use e2e::{handset::Handset, line::LineFault};
use protocol::ids::EntryId;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use terminal_core::work::{ItemState, Withdrawal};

on_both_engines!(
    restored_server_gets_lost_entries_again_and_holds_nothing_twice,
    tokens_that_expire_during_a_sync_are_renewed_and_nothing_is_sent_twice,
    story_33_handset_time_zone_does_not_change_the_civil_day,
);

fn restored_server_gets_lost_entries_again_and_holds_nothing_twice(stage: &Stage) {
    let mut city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "501", Some(&line));
    let later = invite(&city, "502");
    let before = file(&city, &mut handset, "备份之前", &[stage.small_photo(501)]);
    assert!(handset.sync().unwrap().is_success());
    let half = file(
        &city,
        &mut handset,
        "照片在备份之后",
        &[stage.small_photo(502), stage.small_photo(503)],
    );
    line.set(LineFault::LoseAnswer("POST /v1/field/photos".into()));
    assert!(!handset.sync().unwrap().is_success());
    assert!(city.server.stop().unwrap());
    stage.back_up();
    city.server.start().unwrap();

    // During ten minutes: photos arrive, reports, a withdrawal, a second handset.
    line.set(LineFault::Good);
    let after = file(&city, &mut handset, "备份之后", &[stage.small_photo(504)]);
    let mistaken = file(&city, &mut handset, "误报", &[]);
    assert!(handset.sync().unwrap().is_success());
    let Withdrawal::Requested(_) = handset.open().unwrap().withdraw(mistaken, "误报").unwrap() else {
        panic!("expected a withdrawal request, because the report was sent")
    };
    assert!(handset.sync().unwrap().is_success());
    let mut young = stage.handset(&city, &later, "502", None, None);
    let of_young = file(&city, &mut young, "新登记的终端", &[stage.small_photo(505)]);
    assert!(young.sync().unwrap().is_success());
    let counted = (cases(&city), entries(&city), photos(&city));
    assert_eq!(counted, (5, 6, (5, 5)));
    let states = |handset: &mut Handset, ids: &[EntryId]| -> Vec<(ItemState, Option<String>, usize)> {
        let rows = ids.iter().map(|id| row(handset, *id));
        rows.map(|row| (row.state.clone(), row.receipt_number(), row.photos_sent))
            .collect()
    };
    let (ids, of_young) = ([before, half, after, mistaken], [of_young]);
    let said = (states(&mut handset, &ids), states(&mut young, &of_young));

    assert!(city.server.stop().unwrap());
    stage.restore();
    city.server.renew_epoch().unwrap();
    city.server.start().unwrap();
    assert_eq!(
        (cases(&city), entries(&city), photos(&city)),
        (2, 2, (3, 1)),
        "ten minutes must be lost"
    );
    // Twice, so that a duplicate would have been created.
    for _ in 0..2 {
        for handset in [&mut handset, &mut young] {
            let report = handset.sync().unwrap();
            assert!(report.is_success(), "{report:?}");
            assert_eq!((report.entries_waiting, report.photos_waiting), (0, 0));
        }
        assert_eq!((cases(&city), entries(&city), photos(&city)), counted);
    }
    assert_eq!(
        said,
        (states(&mut handset, &ids), states(&mut young, &of_young)),
        "numbers and states must be equal"
    );
    assert_eq!(
        completeness(&city, &mut handset)["mark"],
        json!({"upto": 5, "highest": 5})
    );
    assert_eq!(
        completeness(&city, &mut young)["mark"],
        json!({"upto": 1, "highest": 1})
    );
    for handset in [&mut handset, &mut young] {
        assert_converged(&city, handset);
    }
}

fn tokens_that_expire_during_a_sync_are_renewed_and_nothing_is_sent_twice(stage: &Stage) {
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

fn story_33_handset_time_zone_does_not_change_the_civil_day(stage: &Stage) {
    let city = stage.city();
    let mut handset = stage.patroller(&city, "533", None);
    let home = handset.home().to_owned();
    handset
        .open()
        .unwrap()
        .check_in(Some(at(&city, "220104010101")), "")
        .unwrap();
    file(&city, &mut handset, "时区", &[]);
    assert!(handset.sync().unwrap().is_success());
    handset.kill();
    // From the far west to the far east, a zone with summer time, and one that does not exist.
    let zones = [
        "Asia/Shanghai",
        "Pacific/Pago_Pago",
        "Pacific/Kiritimati",
        "Europe/Berlin",
        "No/Where",
    ];
    let shown: Vec<(String, String)> = zones
        .iter()
        .map(|zone| {
            let queue = xunge(&home, &["queue", "--all"])
                .env("TZ", zone)
                .output()
                .unwrap();
            // The civil day is always that of Asia/Shanghai: a second check-in on the same day is refused.
            let again = xunge(&home, &["check-in", "--at", "43.85745,125.30062,8"])
                .env("TZ", zone)
                .output()
                .unwrap();
            assert!(!again.status.success(), "{zone}: must be the same day");
            (
                String::from_utf8(queue.stdout).unwrap(),
                String::from_utf8(again.stderr).unwrap(),
            )
        })
        .collect();
    assert!(
        shown[0].0.contains("时区") && shown[0].1.contains("已"),
        "{:?}",
        shown[0]
    );
    for (zone, words) in zones.iter().zip(&shown) {
        assert_eq!(words, &shown[0], "{zone}");
    }
    let (code, _) = xunge_json(&home, &["sync"]);
    assert_eq!((code, cases(&city), entries(&city)), (0, 1, 2));
}

//! Several users of one handset: the unsent entries of an inactive user are sent, and its damaged database is
//! delivered.

use crate::stage::{StoryStage, Unmetered, completeness, counts, entries, invite, xunge, xunge_json};
use e2e::handset::Handset;
use serde_json::json;
use std::sync::Arc;
use terminal_core::{
    lifecycle::{Handset as SharedHandset, KeyFiles},
    live::{HandsetEvent, WatchEvent},
    store::NetworkSettings,
    transport::CancelToken,
};

on_both_engines!(
    story_17_first_users_outbox_is_sent_under_its_own_name_after_a_switch,
    story_17_watch_of_one_user_sends_the_other_users_outbox,
    story_17_watch_of_one_user_delivers_the_other_users_damaged_database,
    story_17_damaged_database_of_an_inactive_user_is_delivered,
);

fn story_17_first_users_outbox_is_sent_under_its_own_name_after_a_switch(stage: &StoryStage) {
    let city = stage.city();
    let (first, second) = (invite(&city, "117"), invite(&city, "118"));
    let home = stage.path("shared");
    let enrol = |args: &[&str]| assert_eq!(xunge_json(&home, args).0, 0, "{args:?}");
    enrol(&["enroll", &first.invitation]);
    assert_eq!(xunge_json(&home, &["check-in", "--note", "甲"]).0, 0);
    // The second user takes over while the first one's entries are unsent: this must be possible and lose
    // nothing.
    assert_eq!(
        xunge_json(&home, &["enroll", &second.invitation]).1["error"]["code"],
        "enrol.already"
    );
    enrol(&["enroll", "--another", &second.invitation]);
    assert_eq!(xunge_json(&home, &["check-in", "--note", "乙"]).0, 0);
    let (_, users) = xunge_json(&home, &["users"]);
    let users = users["users"].as_array().unwrap().clone();
    assert_eq!(users.len(), 2);
    assert_eq!(
        users.iter().map(|u| u["waiting"].as_u64().unwrap()).sum::<u64>(),
        2
    );
    assert_eq!(
        (&users[0]["current"], &users[1]["current"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(entries(&city), 0);

    let (exit, synced) = xunge_json(&home, &["sync"]);
    assert_eq!(exit, 0, "{synced}");
    assert_eq!(synced["others"][0]["sync"]["report"]["entries_received"], 1);
    assert_eq!(counts(&city)["entries"], json!({"applied": 2}));
    for place in [home.clone(), home.join("users/2")] {
        let complete = completeness(&city, &mut Handset::existing(&place));
        assert_eq!(complete["states"], json!([{"state": "applied", "entries": 1}]));
    }
    let (a, b) = (
        completeness(&city, &mut Handset::existing(&home)),
        completeness(&city, &mut Handset::existing(&home.join("users/2"))),
    );
    assert_eq!(
        (&a["holder"], &b["holder"]),
        (&json!(first.person), &json!(second.person))
    );

    // Switch back to the first user.
    assert_eq!(xunge_json(&home, &["switch", "1"]).0, 0);
    assert_eq!(xunge_json(&home, &["status"]).1["holder"]["name"], "巡查员117");
    assert_eq!(
        xunge_json(&home, &["switch", "nobody"]).1["error"]["code"],
        "user.unknown"
    );
}

fn story_17_damaged_database_of_an_inactive_user_is_delivered(stage: &StoryStage) {
    let city = stage.city();
    let (first, second) = (invite(&city, "160"), invite(&city, "161"));
    let home = stage.path("shared");
    assert_eq!(xunge_json(&home, &["enroll", &first.invitation]).0, 0);
    assert_eq!(xunge_json(&home, &["check-in", "--note", "甲"]).0, 0);
    assert_eq!(
        xunge_json(&home, &["enroll", "--another", &second.invitation]).0,
        0
    );
    assert_eq!(xunge_json(&home, &["check-in", "--note", "乙"]).0, 0);
    let database = home.join("account.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[..16].fill(0);
    std::fs::write(&database, bytes).unwrap();

    let (_, synced) = xunge_json(&home, &["sync"]);
    let report = &synced["others"][0]["salvaged"][0];
    assert_eq!(
        (&report["entries"], &report["delivered"]),
        (&json!(1), &json!(true)),
        "{synced}"
    );
    assert_eq!(counts(&city)["entries"], json!({"applied": 2}));
    assert_eq!(
        xunge_json(&home, &["salvage"]).1["salvaged"],
        json!([]),
        "the report must be shown once"
    );
}

fn story_17_watch_of_one_user_sends_the_other_users_outbox(stage: &StoryStage) {
    let city = stage.city();
    let (first, second) = (invite(&city, "119"), invite(&city, "120"));
    let home = stage.path("shared");
    assert_eq!(xunge_json(&home, &["enroll", &first.invitation]).0, 0);
    assert_eq!(xunge_json(&home, &["check-in", "--note", "甲"]).0, 0);
    assert_eq!(
        xunge_json(&home, &["enroll", "--another", &second.invitation]).0,
        0
    );
    let mut former = Handset::existing(&home);
    // Only a new entry can trigger a sync within this story.
    let settings = NetworkSettings {
        poll_minutes: 600,
        ..NetworkSettings::default()
    };
    let mut watching = Handset::existing(&home.join("users/2"));
    let terminal = watching.open().unwrap().clone();
    terminal.store().set_network_settings(&settings).unwrap();
    let shared = SharedHandset::at(&home, Arc::new(KeyFiles));
    let cancel = CancelToken::default();
    let patience = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(180));
        patience.cancel();
    });
    let mut left = 0;
    let mut filed_again = false;
    shared
        .watch(&terminal, &Unmetered, &cancel, &mut |watched| {
            let HandsetEvent::Watched(WatchEvent::SyncedOther(name, report)) = watched else {
                return;
            };
            assert_eq!(name, "巡查员119");
            left += report.entries_received;
            if left == 1 && !filed_again {
                filed_again = true;
                former.open().unwrap().check_out(None, "甲").unwrap();
            }
            if left == 2 {
                cancel.cancel();
            }
        })
        .unwrap();
    assert_eq!(
        left, 2,
        "entries from before and entries filed while the other user watched"
    );
    let complete = completeness(&city, &mut former);
    assert_eq!(complete["states"], json!([{"state": "applied", "entries": 2}]));
}

fn story_17_watch_of_one_user_delivers_the_other_users_damaged_database(stage: &StoryStage) {
    let city = stage.city();
    let (first, second) = (invite(&city, "162"), invite(&city, "163"));
    let home = stage.path("shared");
    assert_eq!(xunge_json(&home, &["enroll", &first.invitation]).0, 0);
    assert_eq!(xunge_json(&home, &["check-in", "--note", "甲"]).0, 0);
    assert_eq!(
        xunge_json(&home, &["enroll", "--another", &second.invitation]).0,
        0
    );
    let database = home.join("account.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[..16].fill(0);
    std::fs::write(&database, bytes).unwrap();

    let watched = xunge(&home, &["watch", "--for", "5"]).output().unwrap();
    let said = String::from_utf8_lossy(&watched.stdout);
    assert!(watched.status.success(), "{watched:?}");
    assert_eq!(counts(&city)["entries"], json!({"applied": 1}), "{said}");
    assert!(said.contains("已全部交接给中心"), "{said}");
    assert_eq!(
        xunge_json(&home, &["salvage"]).1["salvaged"],
        json!([]),
        "the report must be shown once"
    );
}

//! Network settings and data policy: cancel cancels, offline mode sends nothing, photos wait for an unmetered
//! network or budget, a promised retry happens, and time before the first exchange.

use crate::stage::{
    ManualClock, StoryStage, at, cases, desk, entries, file, line, photos, real_now, row, xunge, xunge_json,
};
use e2e::line::LineFault;
use protocol::{role::Role, time::Millis};
use serde_json::{Value, json};
use std::{process::Stdio, thread};
use terminal_core::{
    Error,
    platform::{Clock as _, Connectivity, Power},
    store::NetworkSettings,
    sync::{DeviceConditions, Policy, SyncTrigger},
    transport::CancelToken,
    words::MEGABYTE,
    work::ItemState,
};

on_both_engines!(
    story_16_announced_retry_happens_after_offline_mode_restart_and_reboot,
    story_29_batch_refused_as_too_large_by_a_proxy_is_split_and_delivered,
    story_33_before_the_first_exchange_only_genuine_satellite_time_is_trusted,
    story_36_offline_mode_sends_nothing_for_any_caller,
    story_36_cancel_works_during_a_request_body_and_a_response,
    story_36_killed_sync_does_not_block_the_next,
    story_37_photos_are_sent_over_a_metered_network_only_on_request,
    monthly_data_budget_stops_photos_but_not_entries,
);

const MINUTE: i64 = 60_000;
const METERED: DeviceConditions = DeviceConditions {
    network: Connectivity {
        online: true,
        metered: true,
        roaming: false,
    },
    power: Power {
        low: false,
        charging: false,
    },
};

fn story_16_announced_retry_happens_after_offline_mode_restart_and_reboot(stage: &StoryStage) {
    let city = stage.city();
    let line = line(&city);
    let clock = ManualClock::now();
    let mut handset = stage.patroller_by(&city, "116", Some(&line), &clock);
    let id = file(&city, &mut handset, "飞行模式", &[stage.small_photo(16)]);

    // Offline mode: no request is made, and no retry time is promised.
    let connections = line.connections();
    let offline = Policy {
        online: false,
        ..Policy::MANUAL
    };
    let open = handset.open().unwrap();
    let report = open.sync(offline, &CancelToken::default(), &mut |_| {}).unwrap();
    assert!(!report.is_success());
    assert_eq!(report.problem.unwrap().code, "network.offline");
    assert_eq!(line.connections(), connections);

    // Offline mode ends, but there is no network: each failure announces its next try, which then happens at
    // that time.
    line.set(LineFault::Down);
    for boot in ["boot-2", "boot-3", "boot-4"] {
        let report = handset.sync_in_background().unwrap();
        assert!(!report.is_success(), "{report:?}");
        let next = report.next_try.expect("must announce the next try");
        let shown = row(&mut handset, id);
        assert!(
            shown.next_try >= Some(next),
            "an item's next try must not be before the sync's"
        );
        let connections = line.connections();
        assert!(!handset.sync_in_background().unwrap().is_success());
        assert_eq!(
            line.connections(),
            connections,
            "no connection before the announced time"
        );
        clock.advance(next.since(clock.read().wall));
        handset.kill();
        clock.reboot(boot);
        handset.sync_in_background().unwrap();
        assert!(
            line.connections() > connections,
            "a connection at the announced time"
        );
    }
    line.set(LineFault::Good);
    handset.kill();
    clock.advance(15 * MINUTE);
    let report = handset.sync_in_background().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(
        (row(&mut handset, id).state, cases(&city)),
        (ItemState::Received, 1)
    );
}

fn story_29_batch_refused_as_too_large_by_a_proxy_is_split_and_delivered(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "129", Some(&line));
    let filed: Vec<_> = (0..6)
        .map(|k| file(&city, &mut handset, &format!("第{k}条"), &[]))
        .collect();
    let page = "<html>413 Request Entity Too Large</html>";
    line.set(LineFault::Portal(
        format!(
            "HTTP/1.1 413 Payload Too Large\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
            page.len()
        )
        .into_bytes(),
    ));
    let (before, report) = (line.faults(), handset.sync().unwrap());
    assert!(!report.is_success());
    // Batches of six, three and one; then it waits instead of retrying forever.
    let met = line.faults() - before;
    assert!((3..=24).contains(&met), "{met}");
    assert_eq!(
        (report.entries_waiting, report.entries_parked),
        (6, 0),
        "{report:?}"
    );
    assert!(report.next_try.is_some());
    line.set(LineFault::Good);
    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(cases(&city), 6);
    for id in filed {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
}

fn story_33_before_the_first_exchange_only_genuine_satellite_time_is_trusted(stage: &StoryStage) {
    const YEAR: i64 = 365 * 86_400_000;
    let city = stage.city();
    let clock = ManualClock::now();
    let mut handset = stage.patroller_by(&city, "333", None, &clock);
    let acceptor = desk(&city, "shouli", Role::Acceptor);
    let here = at(&city, "220104010101");
    // In this boot the handset knows the time only from the position receiver.
    let mut made = Vec::new();
    for (boot, text, mock, provider) in [
        ("boot-2", "卫星", false, "gps"),
        ("boot-3", "模拟", true, "gps"),
        ("boot-4", "基站", false, "network"),
    ] {
        handset.kill();
        clock.reboot(boot);
        clock.set_wall(real_now().plus(-3 * YEAR));
        let mut fix = here.clone();
        (fix.mock, fix.provider) = (mock, provider.into());
        // A single fix, also a cached one that is used twice, sets no clock: a second one has to agree.
        fix.fix_time = real_now();
        for _ in 0..2 {
            handset.open().unwrap().saw_fix(&fix).unwrap();
            assert!(!handset.open().unwrap().clock_reading().unwrap().is_trusted());
        }
        clock.advance(600);
        fix.fix_time = fix.fix_time.plus(600);
        let mut draft = handset.open().unwrap().new_report().unwrap();
        draft.matter("E0102".parse().unwrap()).unwrap();
        draft.text(text).at(fix.clone());
        draft.submit().unwrap();
        let reading = handset.open().unwrap().clock_reading().unwrap();
        assert_eq!(reading.is_trusted(), !mock && provider == "gps", "{text}");
        made.push(fix.fix_time);
        // The clock is set while the handset runs: the time from the satellites stays in use.
        clock.set_wall(real_now().plus(YEAR));
        let reading = handset.open().unwrap().clock_reading().unwrap();
        let apart = reading.estimate().since(fix.fix_time).abs();
        assert_eq!(apart < MINUTE, reading.is_trusted(), "{text}: {apart}");
    }
    // Sent in another boot, so that no monotonic time difference is available.
    handset.kill();
    clock.reboot("boot-5");
    clock.set_wall(real_now());
    assert!(handset.sync().unwrap().is_success());
    let cases = acceptor.all("/v1/cases").unwrap();
    for (text, made) in ["卫星", "模拟", "基站"].into_iter().zip(made) {
        let case = cases.iter().find(|case| case["text"] == text).unwrap();
        let reported = Millis(case["reported"].as_i64().unwrap());
        // The others have the wall clock alone. It is from before the enrolment, so the arrival counts, and it is said.
        assert!(reported.since(made).abs() < MINUTE, "{text}: {}", reported.text());
        let flags = case["flags"].to_string();
        assert_eq!(
            flags.contains("clock_untrusted"),
            text != "卫星",
            "{text}: {flags}"
        );
    }
}

fn story_36_offline_mode_sends_nothing_for_any_caller(stage: &StoryStage) {
    let city = stage.city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "136", Some(&line));
    let id = file(&city, &mut handset, "关闭同步", &[stage.small_photo(36)]);
    let home = handset.home().to_owned();
    let (code, said) = xunge_json(&home, &["set", "sync", "off"]);
    assert_eq!((code, &said["settings"]["sync"]), (0, &json!("off")), "{said}");

    // The connection of the last sync is still open: nothing may be sent over it either.
    let (connections, sent) = (line.connections(), line.bytes_sent());
    for _ in 0..2 {
        for told in [
            handset.sync().unwrap_err(),
            handset.sync_in_background().unwrap_err(),
        ] {
            assert_eq!(told.code(), "sync.off");
        }
        handset.kill();
    }
    for args in [
        &["sync"][..],
        &["sync", "--photos-now"],
        &["sync", "--wait-for", "2"],
    ] {
        let (code, said) = xunge_json(&home, args);
        assert_eq!((code, &said["error"]["code"]), (1, &json!("sync.off")), "{said}");
    }
    // It says once why nothing is synced, and that nothing was.
    let watched = xunge(&home, &["watch", "--for", "1", "--json"]).output().unwrap();
    let said: Vec<Value> = serde_json::Deserializer::from_slice(&watched.stdout)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(watched.status.code(), Some(0), "{said:?}");
    assert_eq!(
        (&said[0]["event"], &said[0]["why"]["code"]),
        (&json!("silent"), &json!("sync.off"))
    );
    assert_eq!((said.len(), &said[1]["syncs"]), (2, &json!(0)), "{said:?}");
    let (_, said) = xunge_json(&home, &["status"]);
    assert_eq!(said["held_back"]["code"], "sync.off");
    assert_eq!(
        (line.connections(), line.bytes_sent()),
        (connections, sent),
        "must not send a byte"
    );
    assert_eq!(
        (cases(&city), row(&mut handset, id).waits_for_receipt()),
        (0, true)
    );

    xunge_json(&home, &["set", "sync", "on"]);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(cases(&city), 1);
}

fn story_36_cancel_works_during_a_request_body_and_a_response(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "236", Some(&line));
    let id = file(&city, &mut handset, "取消", &[stage.photo(236, 1200, 900)]);
    let held = |words: &str| LineFault::HoldAnswer(words.into());
    let weathers = [
        held("POST /v1/field/push"),
        // In the middle of the photo's first or second part.
        LineFault::Stall(60_000),
        held("PATCH /v1/field/photos"),
        held("GET /v1/field/pull"),
    ];
    for fault in weathers {
        line.set(fault.clone());
        let faults = line.faults();
        let cancel = CancelToken::default();
        let terminal = handset.open().unwrap().clone();
        let told = thread::scope(|scope| {
            let syncing = scope.spawn(|| terminal.sync(Policy::MANUAL, &cancel, &mut |_| {}));
            assert!(line.wait_for_faults(faults + 1), "{fault:?}");
            // The server never answers here: only the cancel ends the call.
            cancel.cancel();
            syncing.join().unwrap()
        });
        assert!(matches!(told, Err(Error::Cancelled)), "{fault:?}: {told:?}");
        let (connections, sent) = (line.connections(), line.bytes_sent());
        let again = terminal.sync(Policy::MANUAL, &cancel, &mut |_| {});
        assert!(
            matches!(again, Err(Error::Cancelled)),
            "a cancelled token must stay cancelled"
        );
        assert_eq!(
            (line.connections(), line.bytes_sent()),
            (connections, sent),
            "{fault:?}"
        );
    }
    line.set(LineFault::Good);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!((cases(&city), entries(&city), photos(&city)), (1, 1, (1, 1)));
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
}

fn story_36_killed_sync_does_not_block_the_next(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "336", Some(&line));
    file(&city, &mut handset, "杀掉", &[]);
    let home = handset.home().to_owned();
    line.set(LineFault::HoldAnswer("POST /v1/field/push".into()));
    let mut running = xunge(&home, &["sync"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(line.wait_for_faults(1));
    // While it runs, another sync reports this; after a kill, the next one starts.
    assert_eq!(handset.sync().unwrap_err().code(), "sync.running");
    running.kill().unwrap();
    running.wait().unwrap();
    line.set(LineFault::Good);
    let (code, said) = xunge_json(&home, &["sync"]);
    assert_eq!((code, &said["delivered"]), (0, &json!(true)), "{said}");
    assert_eq!(cases(&city), 1);
}

fn story_37_photos_are_sent_over_a_metered_network_only_on_request(stage: &StoryStage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "137", Some(&line));
    let id = file(&city, &mut handset, "流量", &[stage.photo(37, 900, 700)]);
    let home = handset.home().to_owned();
    handset.kill();
    xunge_json(&home, &["set", "network", "metered"]);
    let before = line.bytes_sent();
    let (code, said) = xunge_json(&home, &["sync"]);
    assert_eq!(
        (code, &said["report"]["photos_held_back"]),
        (3, &json!(true)),
        "{said}"
    );
    assert_eq!(said["report"]["held_back"]["code"], "policy.metered");
    let without = line.bytes_sent() - before;
    assert!(
        without < 10_000,
        "{without}: the report must be sent without its photo"
    );
    assert_eq!(
        said["report"]["bytes_sent"].as_u64().unwrap(),
        without,
        "must equal the bytes on the line"
    );
    assert_eq!(row(&mut handset, id).state, ItemState::PhotosPending);
    assert_eq!((cases(&city), photos(&city)), (1, (1, 0)));
    handset.kill();
    let text = String::from_utf8(xunge(&home, &["sync"]).output().unwrap().stdout).unwrap();
    assert!(text.contains("Wi-Fi") && text.contains("--photos-now"), "{text}");

    let before = line.bytes_sent();
    let (code, said) = xunge_json(&home, &["sync", "--photos-now"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(photos(&city), (1, 1));
    let with = line.bytes_sent() - before;
    // It is counted as it was on the line.
    assert_eq!(said["report"]["bytes_sent"].as_u64().unwrap(), with);
    let (_, said) = xunge_json(&home, &["traffic"]);
    let kinds = said["traffic"]["kinds"].as_array().unwrap();
    let photos = kinds.iter().find(|kind| kind["kind"] == "photos").unwrap();
    assert!(photos["metered"].as_u64().unwrap() * 10 > with * 9, "{said}");
}

/// Bytes over metered networks this month.
fn metered(said: &Value) -> u64 {
    said["traffic"]["metered"].as_u64().unwrap()
}

fn monthly_data_budget_stops_photos_but_not_entries(stage: &StoryStage) {
    let city = stage.city();
    let clock = ManualClock::now();
    let mut handset = stage.patroller_by(&city, "138", None, &clock);
    let settings = NetworkSettings {
        wifi_only_photos: false,
        budget_mb: Some(1),
        ..NetworkSettings::default()
    };
    handset
        .open()
        .unwrap()
        .store()
        .set_network_settings(&settings)
        .unwrap();
    let many: Vec<_> = (0..6).map(|k| stage.photo(3800 + k, 900, 700)).collect();
    file(&city, &mut handset, "很多照片", &many);
    let sync = |handset: &mut e2e::handset::Handset, ask| {
        let terminal = handset.open().unwrap();
        let policy = terminal.policy(METERED, ask).unwrap();
        terminal
            .sync(policy, &CancelToken::default(), &mut |_| {})
            .unwrap()
    };
    let used = |handset: &mut e2e::handset::Handset| handset.open().unwrap().data_use().unwrap();
    let report = sync(&mut handset, SyncTrigger::Automatic);
    assert_eq!(
        (report.entries_received, report.photos_held_back),
        (1, true),
        "{report:?}"
    );
    assert_eq!(report.held_back.as_ref().unwrap().code, "policy.budget");
    assert!(report.photos_received < 6);
    let spent = used(&mut handset).metered;
    assert!(
        (MEGABYTE / 2..=MEGABYTE).contains(&spent),
        "must use the budget and not exceed it: {spent}"
    );
    // The month counts at IP level, the report counts the payload.
    let payload = report.bytes_sent + report.bytes_received;
    assert!((payload..payload * 5 / 4).contains(&spent), "{spent} {payload}");

    // The process dies; the used bytes stay counted once, and the next entry is still sent.
    handset.kill();
    assert_eq!(used(&mut handset).metered, spent);
    let id = file(&city, &mut handset, "额度用完以后", &[]);
    let report = sync(&mut handset, SyncTrigger::Automatic);
    assert_eq!(
        (report.entries_received, report.photos_held_back),
        (1, true),
        "{report:?}"
    );
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
    let home = handset.home().to_owned();
    let (_, said) = xunge_json(&home, &["traffic"]);
    assert_eq!(metered(&said), used(&mut handset).metered, "{said}");

    // The next month has a new budget.
    clock.advance(31 * 86_400 * 1000);
    assert_eq!(used(&mut handset).metered, 0);
    let report = sync(&mut handset, SyncTrigger::Automatic);
    assert!(report.photos_received > 0, "{report:?}");
    // A person may send the rest now: it is sent and counted.
    let report = sync(&mut handset, SyncTrigger::Forced);
    assert!(report.is_success(), "{report:?}");
    assert_eq!(photos(&city), (6, 6));
    assert!(used(&mut handset).metered > MEGABYTE);
}

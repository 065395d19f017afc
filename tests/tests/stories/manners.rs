//! Network manners: cancel cancels, off sends nothing, photos and budget wait for better circumstances, a retry is
//! really made, hints instead of polls, and the time before the first exchange.

use crate::stage::{
    Hand, Stage, at, cases, desk, entries, file, line, photos, real_now, row, xunge, xunge_json,
};
use e2e::line::Weather;
use protocol::{role::Role, time::Millis};
use serde_json::{Value, json};
use std::{process::Stdio, sync::mpsc, thread};
use terminal_core::{
    Error,
    live::WatchEvent,
    platform::{Clock as _, Connectivity, Power, Surroundings},
    store::{MEGABYTE, NetworkSettings},
    sync::{DeviceConditions, Policy, SyncTrigger},
    transport::CancelToken,
    work::ItemState,
};

on_both_engines!(
    story_16_will_retry_really_retries_after_airplane_mode_a_restart_and_a_reboot,
    story_29_a_batch_that_a_proxy_calls_too_large_is_split_and_nothing_is_given_up,
    story_33_before_the_first_exchange_satellites_tell_the_time_and_made_up_ones_do_not,
    story_36_off_sends_nothing_whoever_asks,
    story_36_cancel_cancels_in_the_middle_of_a_body_and_of_an_answer,
    story_36_a_sync_that_was_killed_blocks_no_other,
    story_37_photos_do_not_leave_over_a_metered_network_unless_a_person_says_so,
    the_budget_of_the_month_ends_photos_and_never_entries,
    a_hint_brings_what_is_new_without_a_poll_and_the_line_comes_back,
    one_connection_and_one_token_serve_many_syncs,
);

const MINUTE: i64 = 60_000;
const METERED: DeviceConditions = DeviceConditions {
    network: Connectivity {
        online: true,
        metered: true,
    },
    power: Power {
        low: false,
        charging: false,
    },
};

/// A network without a price and a full battery.
struct Wifi;
impl Surroundings for Wifi {
    fn connectivity(&self) -> Connectivity {
        Connectivity::default()
    }
    fn power(&self) -> Power {
        Power::default()
    }
}

/// A story that fails does not leave its watch running.
struct EndWith(CancelToken);
impl Drop for EndWith {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn story_16_will_retry_really_retries_after_airplane_mode_a_restart_and_a_reboot(stage: &Stage) {
    let city = stage.city();
    let line = line(&city);
    let hand = Hand::now();
    let mut handset = stage.patroller_by(&city, "116", Some(&line), &hand);
    let id = file(&city, &mut handset, "飞行模式", &[stage.small_photo(16)]);

    // Airplane mode: no request, and the words do not promise a time.
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

    // Switched off again, but there is no signal yet: each failure names its next try, and at that time it is made.
    line.set(Weather::Down);
    for boot in ["boot-2", "boot-3", "boot-4"] {
        let report = handset.sync_by_itself().unwrap();
        assert!(!report.is_success(), "{report:?}");
        let next = report.next_try.expect("it says when it goes on");
        let shown = row(&mut handset, id);
        assert!(
            shown.next_try >= Some(next),
            "the item waits at least as long as everything"
        );
        let connections = line.connections();
        assert!(!handset.sync_by_itself().unwrap().is_success());
        assert_eq!(line.connections(), connections, "not before its time");
        hand.advance(next.since(hand.read().wall));
        handset.die();
        hand.reboot(boot);
        handset.sync_by_itself().unwrap();
        assert!(line.connections() > connections, "at its time it is really tried");
    }
    line.set(Weather::Good);
    handset.die();
    hand.advance(15 * MINUTE);
    let report = handset.sync_by_itself().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(
        (row(&mut handset, id).state, cases(&city)),
        (ItemState::Received, 1)
    );
}

fn story_29_a_batch_that_a_proxy_calls_too_large_is_split_and_nothing_is_given_up(stage: &Stage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "129", Some(&line));
    let filed: Vec<_> = (0..6)
        .map(|k| file(&city, &mut handset, &format!("第{k}条"), &[]))
        .collect();
    let page = "<html>413 Request Entity Too Large</html>";
    line.set(Weather::Portal(
        format!(
            "HTTP/1.1 413 Payload Too Large\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
            page.len()
        )
        .into_bytes(),
    ));
    let (before, report) = (line.faults(), handset.sync().unwrap());
    assert!(!report.is_success());
    // Six, three, one at a time; and then it waits instead of going on for ever.
    let met = line.faults() - before;
    assert!((3..=24).contains(&met), "{met}");
    assert_eq!(
        (report.entries_waiting, report.entries_parked),
        (6, 0),
        "{report:?}"
    );
    assert!(report.next_try.is_some());
    line.set(Weather::Good);
    let report = handset.sync().unwrap();
    assert!(report.is_success(), "{report:?}");
    assert_eq!(cases(&city), 6);
    for id in filed {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
}

fn story_33_before_the_first_exchange_satellites_tell_the_time_and_made_up_ones_do_not(stage: &Stage) {
    const YEAR: i64 = 365 * 86_400_000;
    let city = stage.city();
    let hand = Hand::now();
    let mut handset = stage.patroller_by(&city, "333", None, &hand);
    let acceptor = desk(&city, "shouli", Role::Acceptor);
    let here = at(&city, "220104010101");
    // Nothing is known of the time in this boot but what the receiver says.
    let mut made = Vec::new();
    for (boot, text, mock, provider) in [
        ("boot-2", "卫星", false, "gps"),
        ("boot-3", "模拟", true, "gps"),
        ("boot-4", "基站", false, "network"),
    ] {
        handset.die();
        hand.reboot(boot);
        hand.set_wall(real_now().plus(-3 * YEAR));
        let mut fix = here.clone();
        fix.fix_time = real_now();
        (fix.mock, fix.provider) = (mock, provider.into());
        let mut draft = handset.open().unwrap().new_report().unwrap();
        draft.matter("E0102".parse().unwrap()).unwrap();
        draft.text(text).at(fix.clone());
        draft.submit().unwrap();
        let reading = handset.open().unwrap().clock_reading().unwrap();
        assert_eq!(reading.is_trusted(), !mock && provider == "gps", "{text}");
        made.push(fix.fix_time);
        // Somebody sets the clock while the handset runs: what the satellites said holds.
        hand.set_wall(real_now().plus(YEAR));
        let reading = handset.open().unwrap().clock_reading().unwrap();
        let apart = reading.estimate().since(fix.fix_time).abs();
        assert_eq!(apart < MINUTE, reading.is_trusted(), "{text}: {apart}");
    }
    // Sent from yet another boot, so that no monotonic distance helps.
    handset.die();
    hand.reboot("boot-5");
    hand.set_wall(real_now());
    assert!(handset.sync().unwrap().is_success());
    let cases = acceptor.all("/v1/cases").unwrap();
    let reported = |text: &str| {
        let case = cases.iter().find(|case| case["text"] == text).unwrap();
        Millis(case["reported"].as_i64().unwrap())
    };
    assert!(
        reported("卫星").since(made[0]).abs() < MINUTE,
        "{}",
        reported("卫星").text()
    );
    for text in ["模拟", "基站"] {
        assert!(
            made[1].since(reported(text)) > 2 * YEAR,
            "the lying clock is all there is: {text}"
        );
    }
}

fn story_36_off_sends_nothing_whoever_asks(stage: &Stage) {
    let city = stage.city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "136", Some(&line));
    let id = file(&city, &mut handset, "关闭同步", &[stage.small_photo(36)]);
    let home = handset.home().to_owned();
    let (code, said) = xunge_json(&home, &["set", "sync", "off"]);
    assert_eq!((code, &said["settings"]["sync"]), (0, &json!("off")), "{said}");

    // Also the connection of the last sync is still open: nothing may go over it either.
    let (connections, sent) = (line.connections(), line.bytes_sent());
    for _ in 0..2 {
        for told in [handset.sync().unwrap_err(), handset.sync_by_itself().unwrap_err()] {
            assert_eq!(told.code(), "sync.off");
        }
        handset.die();
    }
    for args in [
        &["sync"][..],
        &["sync", "--photos-now"],
        &["sync", "--wait-for", "2"],
    ] {
        let (code, said) = xunge_json(&home, args);
        assert_eq!((code, &said["error"]["code"]), (1, &json!("sync.off")), "{said}");
    }
    // It says once why nothing happens, and that nothing did.
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
        "not one byte"
    );
    assert_eq!(
        (cases(&city), row(&mut handset, id).waits_for_receipt()),
        (0, true)
    );

    xunge_json(&home, &["set", "sync", "on"]);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(cases(&city), 1);
}

fn story_36_cancel_cancels_in_the_middle_of_a_body_and_of_an_answer(stage: &Stage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "236", Some(&line));
    let id = file(&city, &mut handset, "取消", &[stage.photo(236, 1200, 900)]);
    let held = |words: &str| Weather::HoldAnswer(words.into());
    let weathers = [
        held("POST /v1/field/push"),
        // In the middle of the photo's first or second part.
        Weather::Stall(60_000),
        held("PATCH /v1/field/photos"),
        held("GET /v1/field/pull"),
    ];
    for weather in weathers {
        line.set(weather.clone());
        let faults = line.faults();
        let cancel = CancelToken::default();
        let terminal = handset.open().unwrap().clone();
        let told = thread::scope(|scope| {
            let syncing = scope.spawn(|| terminal.sync(Policy::MANUAL, &cancel, &mut |_| {}));
            assert!(line.wait_for_faults(faults + 1), "{weather:?}");
            // Nobody answers, and nobody will: only the cancel ends it.
            cancel.cancel();
            syncing.join().unwrap()
        });
        assert!(matches!(told, Err(Error::Cancelled)), "{weather:?}: {told:?}");
        let (connections, sent) = (line.connections(), line.bytes_sent());
        let again = terminal.sync(Policy::MANUAL, &cancel, &mut |_| {});
        assert!(matches!(again, Err(Error::Cancelled)), "for good");
        assert_eq!(
            (line.connections(), line.bytes_sent()),
            (connections, sent),
            "{weather:?}"
        );
    }
    line.set(Weather::Good);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!((cases(&city), entries(&city), photos(&city)), (1, 1, (1, 1)));
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
}

fn story_36_a_sync_that_was_killed_blocks_no_other(stage: &Stage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "336", Some(&line));
    file(&city, &mut handset, "杀掉", &[]);
    let home = handset.home().to_owned();
    line.set(Weather::HoldAnswer("POST /v1/field/push".into()));
    let mut running = xunge(&home, &["sync"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(line.wait_for_faults(1));
    // While it runs another is told so; killed, it is gone without a trace.
    assert_eq!(handset.sync().unwrap_err().code(), "sync.running");
    running.kill().unwrap();
    running.wait().unwrap();
    line.set(Weather::Good);
    let (code, said) = xunge_json(&home, &["sync"]);
    assert_eq!((code, &said["delivered"]), (0, &json!(true)), "{said}");
    assert_eq!(cases(&city), 1);
}

fn story_37_photos_do_not_leave_over_a_metered_network_unless_a_person_says_so(stage: &Stage) {
    let city = stage.plain_city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "137", Some(&line));
    let id = file(&city, &mut handset, "流量", &[stage.photo(37, 900, 700)]);
    let home = handset.home().to_owned();
    handset.die();
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
    assert!(without < 10_000, "{without}: the report went, the photo did not");
    assert_eq!(
        said["report"]["bytes_sent"].as_u64().unwrap(),
        without,
        "as the line saw it"
    );
    assert_eq!(row(&mut handset, id).state, ItemState::PhotosPending);
    assert_eq!((cases(&city), photos(&city)), (1, (1, 0)));
    handset.die();
    let text = String::from_utf8(xunge(&home, &["sync"]).output().unwrap().stdout).unwrap();
    assert!(text.contains("Wi-Fi") && text.contains("--photos-now"), "{text}");

    let before = line.bytes_sent();
    let (code, said) = xunge_json(&home, &["sync", "--photos-now"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(photos(&city), (1, 1));
    let with = line.bytes_sent() - before;
    // Counted all the same, as it was on the line.
    assert_eq!(said["report"]["bytes_sent"].as_u64().unwrap(), with);
    let (_, said) = xunge_json(&home, &["traffic"]);
    let kinds = said["traffic"]["kinds"].as_array().unwrap();
    let photos = kinds.iter().find(|kind| kind["kind"] == "photos").unwrap();
    assert!(photos["metered"].as_u64().unwrap() * 10 > with * 9, "{said}");
}

/// What metered networks carried this month.
fn metered(said: &Value) -> u64 {
    said["traffic"]["metered"].as_u64().unwrap()
}

fn the_budget_of_the_month_ends_photos_and_never_entries(stage: &Stage) {
    let city = stage.city();
    let hand = Hand::now();
    let mut handset = stage.patroller_by(&city, "138", None, &hand);
    let manners = NetworkSettings {
        wifi_only_photos: false,
        budget_mb: Some(1),
        ..NetworkSettings::default()
    };
    handset
        .open()
        .unwrap()
        .store()
        .set_network_settings(&manners)
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
        "up to the budget and not beyond: {spent}"
    );
    assert_eq!(spent, report.bytes_sent + report.bytes_received);

    // The process dies; what was used is still used, once, and the next entry goes all the same.
    handset.die();
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

    // Another month, another budget.
    hand.advance(31 * 86_400 * 1000);
    assert_eq!(used(&mut handset).metered, 0);
    let report = sync(&mut handset, SyncTrigger::Automatic);
    assert!(report.photos_received > 0, "{report:?}");
    // And a person may want the rest now: it is sent, and counted.
    let report = sync(&mut handset, SyncTrigger::Forced);
    assert!(report.is_success(), "{report:?}");
    assert_eq!(photos(&city), (6, 6));
    assert!(used(&mut handset).metered > MEGABYTE);
}

fn a_hint_brings_what_is_new_without_a_poll_and_the_line_comes_back(stage: &Stage) {
    let mut city = stage.city();
    let mut handset = stage.patroller(&city, "139", None);
    let id = file(&city, &mut handset, "提示", &[]);
    // Nothing but a hint can bring anything within this story.
    let manners = NetworkSettings {
        poll_minutes: 600,
        ..NetworkSettings::default()
    };
    let terminal = handset.open().unwrap().clone();
    terminal.store().set_network_settings(&manners).unwrap();
    let cancel = CancelToken::default();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let _end = EndWith(cancel.clone());
        let watching = scope.spawn(|| {
            terminal.watch(&Wifi, &cancel, &mut |watched| {
                let _ = tell.send(watched);
            })
        });
        let until = |wanted: &dyn Fn(&WatchEvent) -> bool| {
            let patience = std::time::Duration::from_secs(120);
            while !wanted(&told.recv_timeout(patience).expect("it never came")) {}
        };
        until(&|watched| matches!(watched, WatchEvent::Synced(report) if report.entries_received == 1));
        until(&|watched| matches!(watched, WatchEvent::HintStream(true)));
        // The line begins with a hint.
        until(&|watched| matches!(watched, WatchEvent::Synced(_)));
        let acceptor = desk(&city, "shouli", Role::Acceptor);
        let case = acceptor.all("/v1/cases").unwrap()[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let version = acceptor.get(&format!("/v1/cases/{case}")).unwrap()["version"].clone();
        let body = json!({ "action": "prefile", "expected_version": version });
        acceptor
            .post(&format!("/v1/cases/{case}/actions"), &body)
            .unwrap();
        until(&|watched| matches!(watched, WatchEvent::Synced(report) if report.rows_pulled > 0));

        // The server goes away and comes back: so does the line, and with it whatever is new.
        assert!(city.server.stop().unwrap());
        until(&|watched| matches!(watched, WatchEvent::HintStream(false)));
        city.server.start().unwrap();
        until(&|watched| matches!(watched, WatchEvent::HintStream(true)));
        until(&|watched| matches!(watched, WatchEvent::Synced(report) if report.pulled));
        cancel.cancel();
        watching.join().unwrap().unwrap();
    });
    assert!(row(&mut handset, id).case.is_some());
    // What the line cost is in the books.
    let plan = handset.open().unwrap().data_use().unwrap();
    assert!(
        plan.used
            .iter()
            .any(|used| used.kind == "mailbox" && used.traffic.received > 0)
    );
}

fn one_connection_and_one_token_serve_many_syncs(stage: &Stage) {
    let city = stage.city();
    let line = line(&city);
    let mut handset = stage.patroller(&city, "140", Some(&line));
    let connections = line.connections();
    for k in 0..5 {
        file(&city, &mut handset, &format!("第{k}条"), &[]);
        assert!(handset.sync().unwrap().is_success());
    }
    assert_eq!(line.connections(), connections, "the one of the first sync");
    assert_eq!(cases(&city), 5);
}

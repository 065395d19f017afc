//! The time at which an entry was made, independent of errors of the handset's clock and of its time zone.

use crate::{
    stage::{self, ManualClock, StoryStage, at, cases, entries, file, real_now, row, xunge, xunge_json},
    wire::WireClient,
};
use e2e::{city::City, handset::Handset};
use protocol::{role::Role, time::Millis};
use serde_json::Value;
use terminal_core::{platform::Clock as _, work::ItemState};

on_both_engines!(
    story_33_wrong_clock_and_reboot_do_not_change_the_creation_time,
    story_33_check_ins_around_midnight_count_for_their_own_civil_day,
    story_33_handset_time_zone_does_not_change_the_civil_day,
);

const MINUTE: i64 = 60_000;
const YEAR: i64 = 365 * 86_400_000;
/// The server believes no time before a stream's enrolment.
const A_WEEK_IN_USE: &str = "UPDATE stream SET created = created - 604800000";

fn reported(city: &City, text: &str) -> Millis {
    let (acceptor, _) = city.office.first_sign_in("shouli", &password(city)).unwrap();
    let cases = acceptor.all("/v1/cases").unwrap();
    let case = cases.iter().find(|case| case["text"] == text).unwrap();
    Millis(case["reported"].as_i64().unwrap())
}

/// Creates an acceptor with one account for the whole story; returns the password.
fn password(city: &City) -> String {
    let people = city.admin.all("/v1/people").unwrap();
    let found = people
        .iter()
        .find(|p| p["account"] == "shouli")
        .map(|p| p["id"].as_str().unwrap().to_owned());
    match found {
        Some(id) => {
            let body = serde_json::json!({});
            let reset = city
                .admin
                .post(&format!("/v1/people/{id}/password-reset"), &body)
                .unwrap();
            reset["password"].as_str().unwrap().to_owned()
        }
        None => {
            city.staff("shouli", "受理员", Role::Acceptor, &city.district)
                .unwrap()
                .password
        }
    }
}

fn story_33_wrong_clock_and_reboot_do_not_change_the_creation_time(stage: &StoryStage) {
    let city = stage.city();
    let clock = ManualClock::now();
    clock.set_wall(real_now().plus(-3 * YEAR));
    let mut handset = stage.patroller_by(&city, "133", None, &clock);
    // After the first exchange the handset knows the server's time.
    let reading = handset.open().unwrap().clock_reading().unwrap();
    assert!(reading.is_trusted());
    assert!(reading.estimate().since(real_now()).abs() < MINUTE);

    // Within one boot, of which the server knows nothing yet: a report made forty minutes before it is sent, with the
    // wall clock changed in between. The handset has been in use for a week, or its past would not be believed.
    stage.sql(A_WEEK_IN_USE);
    handset.kill();
    clock.reboot("boot-offline");
    let start = real_now();
    file(&city, &mut handset, "同一次开机", &[]);
    clock.advance(40 * MINUTE);
    clock.set_wall(real_now().plus(3 * YEAR));
    // A new process has no token, and learns the time again with the next one.
    handset.kill();
    assert!(handset.sync().unwrap().is_success());
    // The story's clock is forty minutes ahead: a report made now arrives "forty minutes later".
    let made = reported(&city, "同一次开机");
    assert!(
        made.since(start.plus(-40 * MINUTE)).abs() < MINUTE,
        "{} {}",
        made.text(),
        start.text()
    );

    // Across a reboot: the offset known at creation counts, not the clock of either boot.
    let before = clock.read().wall;
    let id = file(&city, &mut handset, "重启之前", &[]);
    let expected = handset
        .open()
        .unwrap()
        .store()
        .entry(id)
        .unwrap()
        .0
        .evidence
        .clock
        .estimate();
    assert!(
        before.since(expected).abs() > 2 * YEAR,
        "the wall clock alone must be years off"
    );
    handset.kill();
    clock.reboot("boot-2");
    clock.set_wall(Millis(0));
    assert!(handset.sync().unwrap().is_success());
    let made = reported(&city, "重启之前");
    assert!(
        made.since(expected).abs() < MINUTE,
        "{} {}",
        made.text(),
        expected.text()
    );
    assert!(made <= real_now(), "must not be after its arrival");
    assert_eq!(cases(&city), 2);
    assert!(row(&mut handset, id).receipt_number().is_some());

    // A handset without contact to the server in this boot marks its time as uncertain, and nothing is
    // refused.
    handset.kill();
    clock.reboot("boot-3");
    clock.set_wall(real_now().plus(5 * YEAR));
    let id = file(&city, &mut handset, "不知几时", &[]);
    handset.kill();
    clock.reboot("boot-4");
    assert!(handset.sync().unwrap().is_success());
    assert!(reported(&city, "不知几时") <= real_now());
    assert!(row(&mut handset, id).receipt_number().is_some());
}

/// Start of duty of the only person of this post.
fn since(duty: &[Value], number: &str) -> Millis {
    let on: Vec<_> = duty.iter().filter(|person| person["number"] == number).collect();
    assert_eq!(on.len(), 1, "{duty:?}");
    Millis(on[0]["since"].as_i64().unwrap())
}

fn story_33_check_ins_around_midnight_count_for_their_own_civil_day(stage: &StoryStage) {
    // Long enough that a duty that starts at midnight is still active at any time of the day.
    let city = stage.city_with("presence_hours = 72");
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    let midnight = {
        // The last midnight that is at least ten minutes ago.
        let today = real_now().plus(-10 * MINUTE).civil().date();
        Millis::from_civil(today.at(0, 0, 0, 0))
    };
    // The handset's clock is wrong by years, and it has learned the time from the server. The story then goes
    // back to the last midnight in Asia/Shanghai and forward to now, within one boot.
    let clock = ManualClock::now();
    clock.set_wall(real_now().plus(-3 * YEAR));
    let mut handset = stage.patroller_by(&city, "233", None, &clock);
    stage.sql(A_WEEK_IN_USE);
    let synced = handset.open().unwrap().now().unwrap();
    clock.advance(midnight.plus(-MINUTE).since(synced));
    let here = at(&city, "220104010101");
    let check_in = |handset: &mut Handset| handset.open().unwrap().check_in(Some(here.clone()), "");

    // 23:59, and 00:01 without a check-out in between: another civil day, so a second check-in is allowed.
    let late = check_in(&mut handset).unwrap().id;
    let told = check_in(&mut handset).unwrap_err();
    assert_eq!(told.code(), "checkin.already");
    assert!(told.reason().zh.contains("23:59"), "{:?}", told.reason());
    clock.advance(2 * MINUTE);
    let early = check_in(&mut handset).unwrap().id;
    clock.advance(3 * MINUTE);
    assert_eq!(check_in(&mut handset).unwrap_err().code(), "checkin.already");

    // Sent one after the other, so that the server's response for each day can be read.
    clock.advance(synced.since(midnight.plus(4 * MINUTE)));
    let entry = |handset: &mut Handset, id| handset.open().unwrap().store().entry(id).unwrap().1;
    let (late_bytes, early_bytes) = (entry(&mut handset, late), entry(&mut handset, early));
    let (status, _) = WireClient::of(&city, &mut handset).push(&[&late_bytes]);
    assert_eq!(status, 200);
    let first = since(&supervisor.all("/v1/duty").unwrap(), "233");
    assert!(
        first.since(midnight.plus(-MINUTE)).abs() < MINUTE / 2,
        "{}",
        first.text()
    );
    assert_ne!(
        first.civil().date(),
        midnight.civil().date(),
        "must count for the day before"
    );
    let (status, _) = WireClient::of(&city, &mut handset).push(&[&early_bytes]);
    assert_eq!(status, 200);
    let second = since(&supervisor.all("/v1/duty").unwrap(), "233");
    assert!(
        second.since(midnight.plus(MINUTE)).abs() < MINUTE / 2,
        "{}",
        second.text()
    );
    assert_eq!(
        second.civil().date(),
        midnight.civil().date(),
        "a new day must start a new duty"
    );

    assert!(handset.sync().unwrap().is_success());
    for id in [late, early] {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
    assert!(handset.open().unwrap().presence().unwrap().on_duty);
}

fn story_33_handset_time_zone_does_not_change_the_civil_day(stage: &StoryStage) {
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

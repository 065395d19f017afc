//! When something was made, whatever the handset's clock says.

use crate::{
    stage::{self, Hand, Stage, at, cases, file, real_now, row},
    wire::Wire,
};
use e2e::{city::City, handset::Handset};
use protocol::{role::Role, time::Millis};
use serde_json::Value;
use terminal_core::{platform::Clock as _, work::ItemState};

on_both_engines!(
    story_33_a_clock_years_off_and_a_reboot_do_not_move_what_was_made,
    story_33_check_ins_around_midnight_count_for_their_own_civil_day,
);

const MINUTE: i64 = 60_000;
const YEAR: i64 = 365 * 86_400_000;

fn reported(city: &City, text: &str) -> Millis {
    let acceptor = city.office.sign_in("shouli", &password(city)).unwrap();
    let cases = acceptor.all("/v1/cases").unwrap();
    let case = cases.iter().find(|case| case["text"] == text).unwrap();
    Millis(case["reported"].as_i64().unwrap())
}

/// An acceptor with one account for the whole story.
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

fn story_33_a_clock_years_off_and_a_reboot_do_not_move_what_was_made(stage: &Stage) {
    let city = stage.city();
    let hand = Hand::now();
    hand.set_wall(real_now().plus(-3 * YEAR));
    let mut handset = stage.patroller_by(&city, "133", None, &hand);
    // After the first exchange the handset knows better than its clock.
    let reading = handset.open().unwrap().clock_reading().unwrap();
    assert!(reading.is_trusted());
    assert!(reading.estimate().since(real_now()).abs() < MINUTE);

    // Inside one boot: a report made forty minutes before it is sent, and the wall clock set in between.
    let start = real_now();
    file(&city, &mut handset, "同一次开机", &[]);
    hand.advance(40 * MINUTE);
    hand.set_wall(real_now().plus(3 * YEAR));
    // A process made anew has no token, and asks for the time again with the next one.
    handset.die();
    assert!(handset.sync().unwrap().is_success());
    // The story's clock ran ahead by forty minutes: what was made just now arrived "forty minutes later".
    let made = reported(&city, "同一次开机");
    assert!(
        made.since(start.plus(-40 * MINUTE)).abs() < MINUTE,
        "{} {}",
        made.text(),
        start.text()
    );

    // Across a reboot: the offset known when it was made is what counts, not the clock of either boot.
    let before = hand.read().wall;
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
        "the wall clock alone would be years off"
    );
    handset.die();
    hand.reboot("boot-2");
    hand.set_wall(Millis(0));
    assert!(handset.sync().unwrap().is_success());
    let made = reported(&city, "重启之前");
    assert!(
        made.since(expected).abs() < MINUTE,
        "{} {}",
        made.text(),
        expected.text()
    );
    assert!(made <= real_now(), "nothing was made after it arrived");
    assert_eq!(cases(&city), 2);
    assert!(row(&mut handset, id).receipt_number().is_some());

    // A handset that never spoke to the server in this boot says how little it knows, and nothing is refused.
    handset.die();
    hand.reboot("boot-3");
    hand.set_wall(real_now().plus(5 * YEAR));
    let id = file(&city, &mut handset, "不知几时", &[]);
    handset.die();
    hand.reboot("boot-4");
    assert!(handset.sync().unwrap().is_success());
    assert!(reported(&city, "不知几时") <= real_now());
    assert!(row(&mut handset, id).receipt_number().is_some());
}

/// Since when the only person of this post is on duty.
fn since(duty: &[Value], number: &str) -> Millis {
    let on: Vec<_> = duty.iter().filter(|person| person["number"] == number).collect();
    assert_eq!(on.len(), 1, "{duty:?}");
    Millis(on[0]["since"].as_i64().unwrap())
}

fn story_33_check_ins_around_midnight_count_for_their_own_civil_day(stage: &Stage) {
    // Long enough that a duty begun at midnight still runs whenever the story plays.
    let city = stage.city_with("presence_hours = 72");
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    let midnight = {
        // The last one that is ten minutes ago at least.
        let today = real_now().plus(-10 * MINUTE).civil().date();
        Millis::from_civil(today.at(0, 0, 0, 0))
    };
    // A handset whose clock lies by years, and that has learnt the time from the server. Then the story goes back to
    // the last midnight of Asia/Shanghai, and forward again to now, within one boot.
    let hand = Hand::now();
    hand.set_wall(real_now().plus(-3 * YEAR));
    let mut handset = stage.patroller_by(&city, "233", None, &hand);
    let synced = handset.open().unwrap().now().unwrap();
    hand.advance(midnight.plus(-MINUTE).since(synced));
    let here = at(&city, "220104010101");
    let check_in = |handset: &mut Handset| handset.open().unwrap().check_in(Some(here.clone()), "");

    // 23:59, and 00:01 without a check-out between: another civil day, so it is another check-in.
    let late = check_in(&mut handset).unwrap().id;
    let told = check_in(&mut handset).unwrap_err();
    assert_eq!(told.code(), "checkin.already");
    assert!(told.reason().zh.contains("23:59"), "{:?}", told.reason());
    hand.advance(2 * MINUTE);
    let early = check_in(&mut handset).unwrap().id;
    hand.advance(3 * MINUTE);
    assert_eq!(check_in(&mut handset).unwrap_err().code(), "checkin.already");

    // One after the other, so that the server's word for each day can be read.
    hand.advance(synced.since(midnight.plus(4 * MINUTE)));
    let entry = |handset: &mut Handset, id| handset.open().unwrap().store().entry(id).unwrap().1;
    let (late_bytes, early_bytes) = (entry(&mut handset, late), entry(&mut handset, early));
    let (status, _) = Wire::of(&city, &mut handset).push(&[&late_bytes]);
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
        "it counts for the day before"
    );
    let (status, _) = Wire::of(&city, &mut handset).push(&[&early_bytes]);
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
        "a new day begins a new duty"
    );

    assert!(handset.sync().unwrap().is_success());
    for id in [late, early] {
        assert_eq!(row(&mut handset, id).state, ItemState::Received);
    }
    assert!(handset.open().unwrap().presence().unwrap().on_duty);
}

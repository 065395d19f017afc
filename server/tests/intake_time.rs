//! When an entry was made, as the server judges it: latency is not time, one clock alone is not believed, and better
//! estimates correct earlier ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::DistrictFixture;
use protocol::{
    WIRE_VERSION,
    boot_time::Exchange,
    entry::Entry,
    evidence::ClockReading,
    ids::EntryId,
    payload::{CheckIn, CheckOut, Payload, Report},
    push::Envelope,
    time::Millis,
};
use serde_json::{Value, json};
use server::params;
use support::{FieldClient, START, TestApp};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Milliseconds between the boot and [`START`].
const BOOTED: i64 = 1_000_000;

fn report(text: &str) -> Payload {
    Payload::Report(Report {
        matter: Some("E0102".parse().unwrap()),
        text: text.into(),
        place: None,
        cell: None,
        address: String::new(),
        cell_chosen: false,
        self_handled: false,
        photos: Vec::new(),
    })
}

fn check_in() -> Payload {
    Payload::CheckIn(CheckIn::default())
}

/// The bytes of a push that is sent with this clock reading.
fn envelope(
    client: &FieldClient,
    clock: &ClockReading,
    exchange: Option<Exchange>,
    entries: &[Entry],
) -> Vec<u8> {
    let raw = |e: &Entry| serde_json::value::to_raw_value(e).unwrap();
    serde_json::to_vec(&Envelope {
        v: WIRE_VERSION,
        stream: client.stream,
        clock: clock.clone(),
        exchange,
        entries: entries.iter().map(raw).collect(),
    })
    .unwrap()
}

/// Gets a token with this clock reading; the challenge and the answer are under way for these milliseconds.
async fn sign_in(
    client: &mut FieldClient,
    app: &TestApp,
    clock: Option<&ClockReading>,
    (down, up): (i64, i64),
) {
    let challenge = client.challenge(app).await;
    app.advance(down);
    let mut request = client.token_request(app, &challenge);
    if let Some(clock) = clock {
        request.clock = clock.clone();
    }
    app.advance(up);
    let answer = app
        .call(
            "POST",
            "/v1/field/token",
            None,
            serde_json::to_value(request).unwrap(),
        )
        .await
        .expect(200);
    client.token = answer.json["token"].as_str().unwrap().to_owned();
}

#[derive(Debug, Clone, PartialEq)]
struct Judged {
    at: i64,
    uncertainty: i64,
    basis: String,
    first_at: Option<i64>,
}

async fn judged(app: &TestApp, id: EntryId) -> Judged {
    app.write(move |tx, _| {
        Ok(tx.one(
            "SELECT made_at, uncertainty, basis, first_made_at FROM entry WHERE id = ?1",
            params![id.to_string()],
            |row| {
                Ok(Judged {
                    at: row.get("made_at")?,
                    uncertainty: row.get("uncertainty")?,
                    basis: row.get("basis")?,
                    first_at: row.get("first_made_at")?,
                })
            },
        )?)
    })
    .await
}

fn codes(flags: &Value) -> Vec<&str> {
    let all = flags.as_array().into_iter().flatten();
    all.map(|flag| flag["code"].as_str().or(flag.as_str()).unwrap())
        .collect()
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);
impl Dice {
    fn between(&mut self, least: i64, most: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        least + i64::try_from(self.0 >> 33).unwrap() % (most - least + 1)
    }
}

both_engines! {
    async fn sec_a09_a_falsified_clock_makes_nothing_older_than_its_stream(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        app.advance(HOUR);
        // Boot, and monotonic reading of the token request and of the push: the same lie twice, or a jump in between.
        for (boot, token_ms, push_ms) in [("boot-new", 400 * DAY, 400 * DAY), ("boot-1", BOOTED + HOUR, 400 * DAY)] {
            let clock = |monotonic_ms| ClockReading {
                wall: app.now(),
                boot: boot.into(),
                monotonic_ms,
                offset_ms: None,
            };
            sign_in(&mut c.patroller, &app, Some(&clock(token_ms)), (0, 0)).await;
            let mut check_in = c.patroller.entry(&app, &check_in());
            let mut filed = c.patroller.entry(&app, &report(boot));
            for entry in [&mut check_in, &mut filed] {
                entry.evidence.clock = ClockReading { wall: app.now().plus(-400 * DAY), ..clock(0) };
            }
            let body = envelope(&c.patroller, &clock(push_ms), None, &[check_in.clone(), filed.clone()]);
            c.patroller.push_bytes(&app, body).await.expect(200);
            for entry in [&check_in, &filed] {
                let time = judged(&app, entry.id).await;
                assert_eq!((time.at, time.basis.as_str()), (app.now().0, "wall_only"), "{boot}");
                assert!(time.uncertainty >= HOUR, "{time:?}");
            }
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM duty_period WHERE since < 1795395600000").await, 0);
        let cases = app.get("/v1/cases", &c.acceptor.token).await.expect(200);
        for case in cases.json["items"].as_array().unwrap() {
            assert!(case["reported"].as_i64().unwrap() >= START.0, "{case}");
            assert!(codes(&case["flags"]).contains(&"clock_untrusted"), "{case}");
        }
        // The duty that such a check-in began says so too.
        let duty = app.get("/v1/duty", &c.supervisor.token).await.expect(200);
        assert!(codes(&duty.json["items"][0]["flags"]).contains(&"clock_untrusted"), "{duty:?}");
    }

    async fn sec_a09_a_stated_offset_is_believed_only_inside_the_life_of_the_stream(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        app.advance(2 * HOUR);
        sign_in(&mut c.patroller, &app, None, (0, 0)).await;
        let mut entries = Vec::new();
        // An hour ago; a GPS week rollover in both directions; an hour before the enrolment.
        for offset in [-HOUR, -1024 * 7 * DAY, 1024 * 7 * DAY, -3 * HOUR] {
            let mut entry = c.patroller.entry(&app, &report(&offset.to_string()));
            entry.evidence.clock = ClockReading {
                wall: app.now(),
                boot: format!("boot{offset}"),
                monotonic_ms: 5_000,
                offset_ms: Some(offset),
            };
            entries.push(entry);
        }
        c.patroller.push(&app, &entries).await;
        let mut basis = Vec::new();
        for entry in &entries {
            basis.push(judged(&app, entry.id).await.basis);
        }
        assert_eq!(basis, ["offset", "wall_only", "wall_only", "wall_only"]);
        assert_eq!(judged(&app, entries[0].id).await.at, app.now().0 - HOUR);
    }

    async fn sec_a09_the_chain_of_a_salvaged_store_counts_from_its_first_stream(app: TestApp) {
        let c = DistrictFixture::new(&app).await;
        let old = c.patroller.stream;
        let other = c.another(&app, &["2201040503"]).await.stream;
        app.advance(10 * HOUR);
        let mut new = app.holder(c.patroller.post).await;
        let (id, person) = (new.stream, c.patroller.person);
        new.person = person;
        for (before, basis) in [(other, "wall_only"), (old, "monotonic")] {
            app.write(move |tx, _| {
                tx.execute(
                    "UPDATE stream SET predecessor = ?2, person = ?3 WHERE id = ?1",
                    params![id.to_string(), before.to_string(), person.to_string()],
                )?;
                Ok(())
            })
            .await;
            let mut entry = new.entry(&app, &report(basis));
            entry.evidence.clock.monotonic_ms -= 5 * HOUR;
            entry.evidence.clock.wall = Millis(0);
            new.push(&app, std::slice::from_ref(&entry)).await;
            assert_eq!(judged(&app, entry.id).await.basis, basis);
        }
    }

    async fn field_02_a_request_of_forty_seconds_does_not_make_a_check_in_late(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        app.advance(HOUR);
        sign_in(&mut c.patroller, &app, None, (60, 40)).await;
        let made = app.now();
        let entry = c.patroller.entry(&app, &check_in());
        app.advance(2_000);
        let body = envelope(&c.patroller, &c.patroller.clock(&app), None, std::slice::from_ref(&entry));
        app.advance(40_000);
        c.patroller.push_bytes(&app, body).await.expect(200);
        let time = judged(&app, entry.id).await;
        assert!((time.at - made.0).abs() <= 50 && time.uncertainty <= 60, "{time:?} {}", made.0);
        let duty = app.get("/v1/duty", &c.supervisor.token).await.expect(200);
        assert_eq!(duty.json["items"][0]["since"], json!(time.at));
    }

    async fn field_02_two_hundred_entries_keep_order_and_time_however_long_requests_take(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let client = &mut c.patroller;
        // Of this boot the server knows nothing yet.
        let clock = |app: &TestApp| ClockReading {
            boot: "boot-2".into(),
            monotonic_ms: app.now().since(START) + 5 * DAY,
            wall: Millis(0),
            offset_ms: None,
        };
        app.advance(HOUR);
        let mut dice = Dice(20_261_129);
        let mut made: Vec<(EntryId, i64)> = Vec::new();
        let mut shortest = i64::MAX;
        let mut exchange = None;
        while made.len() < 200 {
            if dice.between(0, 3) == 0 || made.is_empty() {
                let (down, up) = (dice.between(50, 55_000), dice.between(50, 55_000));
                let clock = ClockReading {
                    monotonic_ms: clock(&app).monotonic_ms + down,
                    ..clock(&app)
                };
                sign_in(client, &app, Some(&clock), (down, up)).await;
                shortest = shortest.min(down + up);
            }
            let mut batch = Vec::new();
            for k in 0..dice.between(1, 20) {
                app.advance(dice.between(1, 20_000));
                let payload = if k == 0 { report(&made.len().to_string()) } else { Payload::Void };
                let mut entry = client.entry(&app, &payload);
                entry.evidence.clock = clock(&app);
                made.push((entry.id, app.now().0));
                batch.push(entry);
            }
            let (up, down) = (dice.between(50, 55_000), dice.between(50, 55_000));
            let sent_ms = clock(&app).monotonic_ms;
            let body = envelope(client, &clock(&app), exchange, &batch);
            app.advance(up);
            let answer = client.push_bytes(&app, body).await.expect(200);
            app.advance(down);
            // The handset keeps its shortest exchange, and states it with the next push.
            if shortest >= up + down {
                shortest = up + down;
                exchange = Some(Exchange {
                    server_time: Millis(answer.json["server_time"].as_i64().unwrap()),
                    sent_ms,
                    got_ms: clock(&app).monotonic_ms,
                });
            }
        }
        // The last exchange is stated too.
        let last = ClockReading { monotonic_ms: clock(&app).monotonic_ms + 20_000, ..clock(&app) };
        sign_in(client, &app, Some(&last), (20_000, 20_000)).await;
        client.push_bytes(&app, envelope(client, &clock(&app), exchange, &[])).await.expect(200);

        let mut before = 0;
        let mut corrected = 0;
        let drift = 2 * HOUR / protocol::boot_time::DRIFT;
        for (id, true_time) in &made {
            let time = judged(&app, *id).await;
            let error = (time.at - true_time).abs();
            assert!(time.at >= before, "the order changed");
            assert!(error <= time.uncertainty && error <= shortest + drift, "{error} {shortest} {time:?}");
            assert_eq!(time.basis, "monotonic");
            corrected += usize::from(time.first_at.is_some_and(|first| first != time.at));
            before = time.at;
        }
        assert!(corrected > 20, "{corrected}");
        // Cases follow the better time.
        let sql = "SELECT COUNT(*) AS n FROM case_file c JOIN entry e ON e.id = c.entry WHERE c.reported <> e.made_at";
        assert_eq!(app.count(sql).await, 0);
        assert!(app.count("SELECT COUNT(*) AS n FROM case_file").await > 5);
    }

    async fn field_02_a_better_estimate_corrects_duty_and_leaves_what_is_frozen(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        app.advance(HOUR);
        // A bad line: the challenge takes 50 s to the handset.
        sign_in(&mut c.patroller, &app, Some(&ClockReading {
            boot: "boot-2".into(), monotonic_ms: 50_000, wall: app.now(), offset_ms: None,
        }), (50_000, 0)).await;
        let booted = app.now().0 - 50_000;
        let clock = |app: &TestApp| ClockReading {
            boot: "boot-2".into(), monotonic_ms: app.now().0 - booted, wall: Millis(0), offset_ms: None,
        };
        let mut ids = Vec::new();
        for payload in [check_in(), Payload::CheckOut(CheckOut::default())] {
            app.advance(1_000);
            let mut entry = c.patroller.entry(&app, &payload);
            entry.evidence.clock = clock(&app);
            ids.push((entry.id, app.now().0));
            let body = envelope(&c.patroller, &clock(&app), None, std::slice::from_ref(&entry));
            app.advance(30_000);
            c.patroller.push_bytes(&app, body).await.expect(200);
        }
        let (begin, end) = (judged(&app, ids[0].0).await, judged(&app, ids[1].0).await);
        assert!((begin.at - ids[0].1).abs() > 20_000, "{begin:?}");
        let out = ids[1].0;
        app.write(move |tx, _| {
            tx.execute("UPDATE entry SET time_frozen = 1 WHERE id = ?1", params![out.to_string()])?;
            Ok(())
        })
        .await;
        // The handset states a short exchange of this boot.
        let got_ms = clock(&app).monotonic_ms;
        let exchange = Exchange { server_time: app.now(), sent_ms: got_ms - 40, got_ms };
        c.patroller.push_bytes(&app, envelope(&c.patroller, &clock(&app), Some(exchange), &[])).await.expect(200);
        let better = judged(&app, ids[0].0).await;
        assert!((better.at - ids[0].1).abs() <= 60, "{better:?} {}", ids[0].1);
        assert_eq!(better.first_at, Some(begin.at));
        assert_eq!(judged(&app, ids[1].0).await, end);
        let (since, until) = (better.at, end.at);
        let row = app.write(|tx, _| {
            Ok(tx.one("SELECT since, until FROM duty_period", &[], |row| {
                Ok((row.get::<i64>("since")?, row.get::<i64>("until")?))
            })?)
        })
        .await;
        assert_eq!(row, (since, until));
        let presence = c.patroller.state(&app).await[&("presence".to_owned(), c.patroller.person.to_string())].clone();
        assert_eq!(presence["since"], json!(until), "a duty that is over states its end");
    }

    async fn field_03_a_fix_of_any_age_or_size_is_not_taken_for_exact(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        app.advance(HOUR);
        sign_in(&mut c.patroller, &app, None, (0, 0)).await;
        let now = app.now();
        let mut cases = Vec::new();
        // Fix time, accuracy in centimetres, provider, and the flags that follow.
        let all: &[(i64, u32, &str, &[&str])] = &[
            (now.0 - 60_000, 800, "gps", &[]),
            (now.0 - 6 * HOUR, 800, "gps", &["stale_fix"]),
            (now.0 - 3 * DAY, 800, "network", &["stale_fix"]),
            (0, 800, "gps", &["stale_fix"]),
            (now.0 + 365 * DAY, 800, "gps", &["stale_fix"]),
            (now.0, 500_000, "network", &["imprecise"]),
            (now.0, u32::MAX, "gps", &["imprecise"]),
            (0, 500_000, "manual", &[]),
        ];
        for (fix_time, accuracy_cm, provider, flags) in all {
            let mut entry = c.patroller.entry_at(&app, centre::inside(centre::CELL), &report("x"));
            let fix = entry.evidence.position.as_mut().unwrap();
            (fix.fix_time, fix.accuracy_cm, fix.provider) = (Millis(*fix_time), *accuracy_cm, (*provider).into());
            c.patroller.push(&app, std::slice::from_ref(&entry)).await;
            cases.push((entry.id, *accuracy_cm, *provider, *flags));
        }
        let list = app.get("/v1/cases", &c.acceptor.token).await.expect(200);
        let mut seen = 0;
        for line in list.json["items"].as_array().unwrap() {
            let path = format!("/v1/cases/{}", line["id"].as_str().unwrap());
            let case = app.get(&path, &c.acceptor.token).await.expect(200).json;
            let number = case["number"].as_str().unwrap();
            let (_, accuracy_cm, provider, flags) = cases
                .iter()
                .find(|(id, ..)| protocol::entry::receipt_number(*id) == number)
                .unwrap();
            let found = codes(&case["flags"]);
            for flag in ["stale_fix", "imprecise"] {
                assert_eq!(found.contains(&flag), flags.contains(&flag), "{case}");
            }
            // What the acceptor needs to judge it is in the case.
            let fix = &case["fix"];
            assert_eq!((&fix["accuracy_cm"], &fix["provider"]), (&json!(accuracy_cm), &json!(provider)));
            assert!(fix["age_ms"].is_i64() && fix["mock"] == json!(false), "{fix}");
            // An inexact fix gives candidates instead of one cell.
            let imprecise = flags.contains(&"imprecise");
            assert_eq!(case["cell"].is_null(), imprecise, "{case}");
            let candidates = fix["candidates"].as_array().map_or(0, Vec::len);
            assert_eq!(candidates > 1, imprecise, "{fix}");
            seen += 1;
        }
        assert_eq!(seen, all.len());
    }

    async fn field_03_a_fix_is_as_old_as_the_monotonic_clock_says(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        app.advance(HOUR);
        sign_in(&mut c.patroller, &app, None, (0, 0)).await;
        let now = app.now().0;
        // Age on the monotonic clock, fix time, and whether it is stale.
        let all = [
            // Handed out as new, measured 40 minutes ago; measured a minute ago by a receiver whose weeks ran over.
            (40 * 60_000, now, true),
            (60_000, now - 1024 * 7 * DAY, false),
            // A later moment than the entry's is not possible, so the fix time counts.
            (-5_000, now - 6 * HOUR, true),
            (-5_000, now, false),
        ];
        for (age_ms, fix_time, is_stale) in all {
            let mut entry = c.patroller.entry_at(&app, centre::inside(centre::CELL), &report("x"));
            let fix = entry.evidence.position.as_mut().unwrap();
            fix.fix_time = Millis(fix_time);
            fix.monotonic_ms = Some(entry.evidence.clock.monotonic_ms - age_ms);
            c.patroller.push(&app, std::slice::from_ref(&entry)).await;
            let number = protocol::entry::receipt_number(entry.id);
            let list = app.get("/v1/cases", &c.acceptor.token).await.expect(200).json;
            let line = list["items"].as_array().unwrap().iter().find(|line| line["number"] == json!(number)).unwrap();
            let case = app.get(&format!("/v1/cases/{}", line["id"].as_str().unwrap()), &c.acceptor.token).await.expect(200).json;
            assert_eq!(codes(&case["flags"]).contains(&"stale_fix"), is_stale, "{age_ms} {fix_time}");
            if age_ms >= 0 {
                assert_eq!(case["fix"]["age_ms"], json!(age_ms));
            }
        }
    }
}

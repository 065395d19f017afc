//! Activity records: filed in the field, reviewed by the district, revised by their author.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{DistrictFixture, send};
use protocol::{
    entry::Entry,
    ids::{EntryId, RecordId},
    payload::{Activity, Payload, Withdraw},
    role::Role,
};
use serde_json::{Value, json};
use support::{FieldClient, TestApp, TestResponse};

fn activity(app: &TestApp, title: &str) -> Activity {
    Activity {
        category: "fitness".into(),
        title: title.into(),
        starts: app.now().plus(-3 * 3_600_000),
        ends: app.now().plus(-3_600_000),
        place: "文化广场".into(),
        cell: Some(centre::CELL.parse().unwrap()),
        organiser: "桂林街道文体站".into(),
        participants: 60,
        summary: "健步走".into(),
        photos: vec![centre::named(app.number())],
    }
}

/// The next entry with a new record, or with a revised version of an existing one.
fn entry(client: &mut FieldClient, app: &TestApp, a: Activity, mends: Option<(RecordId, EntryId)>) -> Entry {
    let mut entry = client.entry(app, &Payload::Activity(a));
    if let Some((record, before)) = mends {
        (entry.record, entry.after, entry.supersedes) = (record, Some(before), Some(before));
    }
    entry
}

async fn review(c: &DistrictFixture, app: &TestApp, record: RecordId, body: Value) -> TestResponse {
    app.post_json(
        &format!("/v1/activities/{record}/review"),
        &c.supervisor.token,
        body,
    )
    .await
}

async fn activity_row(client: &FieldClient, app: &TestApp, record: RecordId) -> Option<Value> {
    client
        .state(app)
        .await
        .get(&("activity".to_owned(), record.to_string()))
        .cloned()
}

both_engines! {
    /// Rule: TJ-09.
    async fn returned_record_is_revised_as_a_new_version_and_approved(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let first = { let a = activity(&app, "健步走"); entry(&mut c.patroller, &app, a, None) };
        let (id, record) = (first.id, first.record);
        assert_eq!(send(&mut c.patroller, &app, first).await.0, "applied");
        let list = app.get("/v1/activities?state=submitted", &c.supervisor.token).await.expect(200).json;
        assert_eq!(list["items"][0]["record"], json!(record));
        assert_eq!(list["items"][0]["photos"][0]["held"], false);
        review(&c, &app, record, json!({"version": 1, "decision": "return"})).await.expect(422);
        let back = json!({"version": 1, "decision": "return", "reason": "缺照片"});
        review(&c, &app, record, back.clone()).await.expect(200);
        review(&c, &app, record, back).await.expect(200);
        let row = activity_row(&c.patroller, &app, record).await.unwrap();
        assert_eq!((&row["state"], &row["reason"]), (&json!("returned"), &json!("缺照片")));
        review(&c, &app, record, json!({"version": 1, "decision": "approve"})).await.expect(409).expect_code("activity.state");
        let second = { let a = activity(&app, "健步走（补）"); entry(&mut c.patroller, &app, a, Some((record, id))) };
        let second_id = second.id;
        assert_eq!(send(&mut c.patroller, &app, second).await.0, "applied");
        let row = activity_row(&c.patroller, &app, record).await.unwrap();
        assert_eq!((&row["state"], &row["version"], &row["reason"]), (&json!("submitted"), &json!(2), &Value::Null));
        review(&c, &app, record, json!({"version": 1, "decision": "approve"})).await.expect(409).expect_code("activity.changed");
        review(&c, &app, record, json!({"version": 2, "decision": "approve"})).await.expect(200);
        let seen = app.get(&format!("/v1/activities/{record}"), &c.supervisor.token).await.expect(200).json;
        assert_eq!((&seen["state"], &seen["reviews"].as_array().unwrap().len()), (&json!("approved"), &2));
        assert_eq!(seen["title"], "健步走（补）");
        let third = { let a = activity(&app, "三"); entry(&mut c.patroller, &app, a, Some((record, second_id))) };
        assert_eq!(send(&mut c.patroller, &app, third).await, ("rejected".into(), "activity.state".into()));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM activity").await, 1);
    }

    async fn invalid_record_is_rejected_with_all_its_errors(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut bad = activity(&app, "");
        bad.participants = 0;
        bad.ends = bad.starts.plus(-1);
        let wrong = entry(&mut c.patroller, &app, bad, None);
        let (id, record) = (wrong.id, wrong.record);
        assert_eq!(send(&mut c.patroller, &app, wrong).await, ("rejected".into(), "activity.title".into()));
        let state = c.patroller.state(&app).await;
        let words = state[&("disposition".to_owned(), id.to_string())]["reason"]["zh"].as_str().unwrap().to_owned();
        assert!(words.contains("参加人数") && words.contains("结束时间"), "{words}");
        // The revised record is accepted, as the first valid version.
        let good = { let a = activity(&app, "改好"); entry(&mut c.patroller, &app, a, Some((record, id))) };
        assert_eq!(send(&mut c.patroller, &app, good).await.0, "applied");
        assert_eq!(activity_row(&c.patroller, &app, record).await.unwrap()["version"], 1);
    }

    async fn only_its_author_may_revise_a_record(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut other = c.another(&app, &["2201040503"]).await;
        let first = { let a = activity(&app, "一"); entry(&mut c.patroller, &app, a, None) };
        let (id, record) = (first.id, first.record);
        send(&mut c.patroller, &app, first).await;
        let theirs = { let a = activity(&app, "别人的"); entry(&mut other, &app, a, Some((record, id))) };
        assert_eq!(send(&mut other, &app, theirs).await, ("rejected".into(), "activity.author".into()));
        assert_eq!(activity_row(&c.patroller, &app, record).await.unwrap()["title"], "一");
    }

    async fn record_can_be_withdrawn_until_it_is_reviewed(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        for (reviewed, state) in [(false, "applied"), (true, "review")] {
            let first = { let a = activity(&app, "一"); entry(&mut c.patroller, &app, a, None) };
            let (id, record) = (first.id, first.record);
            send(&mut c.patroller, &app, first).await;
            if reviewed {
                review(&c, &app, record, json!({"version": 1, "decision": "approve"})).await.expect(200);
            }
            let mut back = c.patroller.entry(&app, &Payload::Withdraw(Withdraw { entry: id, reason: String::new() }));
            (back.record, back.after) = (record, Some(id));
            assert_eq!(send(&mut c.patroller, &app, back).await.0, state);
            assert_eq!(activity_row(&c.patroller, &app, record).await.is_some(), reviewed);
        }
    }

    /// Rule: SP-03.
    async fn reviewer_sees_and_decides_only_inside_their_area(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let first = { let a = activity(&app, "一"); entry(&mut c.patroller, &app, a, None) };
        let record = first.record;
        send(&mut c.patroller, &app, first).await;
        let other = app.staff(Role::Supervisor, c.city.other_district).await;
        let path = format!("/v1/activities/{record}");
        app.get(&path, &other.token).await.expect(403).expect_code("auth.scope");
        let body = json!({"version": 1, "decision": "approve"});
        app.post_json(&format!("{path}/review"), &other.token, &body).await.expect(403).expect_code("auth.scope");
        app.post_json(&format!("{path}/review"), &c.leader.token, &body).await.expect(403).expect_code("auth.forbidden");
        assert_eq!(app.get("/v1/activities", &other.token).await.expect(200).json["items"], json!([]));
    }

    /// Rule: SP-05.
    async fn sp_05_only_the_districts_own_activity_approved_by_the_city_fills_its_month(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let city = app.staff(Role::Supervisor, c.city.city).await;
        let post = app.post(c.city.district, &["220104"]).await;
        let mut district = app.holder(post).await;
        let month = async |app: &TestApp| {
            let years = app.get("/v1/activities/months?year=2026", &city.token).await.expect(200).json;
            let ours = years.as_array().unwrap().iter().find(|d| d["district"] == "220104").unwrap().clone();
            assert_eq!(ours["name"], "朝阳区");
            assert_eq!(ours["months"][9]["missing"], true, "October has none");
            assert_eq!(ours["months"][11]["missing"], false, "December has not begun");
            let month = ours["months"][10].clone();
            (month["approved"].as_u64().unwrap(), month["counted"].as_u64().unwrap(), month["missing"].as_bool().unwrap())
        };
        let approve = json!({"version": 1, "decision": "approve"});
        // A community's activity is approved by the district, and does not count.
        let theirs = { let a = activity(&app, "社区的"); entry(&mut c.patroller, &app, a, None) };
        let record = theirs.record;
        send(&mut c.patroller, &app, theirs).await;
        review(&c, &app, record, approve.clone()).await.expect(200);
        assert_eq!(month(&app).await, (1, 0, true));
        // A community's post that is kept under the district's unit is no district host either.
        let kept = app.post(c.city.district, &["2201040504"]).await;
        let mut community = app.holder(kept).await;
        let theirs = { let a = activity(&app, "社区的"); entry(&mut community, &app, a, None) };
        let record = theirs.record;
        send(&mut community, &app, theirs).await;
        let answer = review(&c, &app, record, approve.clone()).await.expect(200).json;
        assert!(answer["not_counted"].as_array().unwrap().contains(&json!("host_not_district")), "{answer}");
        assert_eq!(month(&app).await, (2, 0, true));
        // The district's own: not by the district, and only when size, photos and summary are there.
        let mut file = async |app: &TestApp, change: &dyn Fn(&mut Activity)| {
            let mut a = activity(app, "区里的");
            a.photos = (0..3).map(|_| centre::named(app.number())).collect();
            change(&mut a);
            let filed = entry(&mut district, app, a, None);
            let (id, record, stream) = (filed.id, filed.record, district.stream);
            assert_eq!(send(&mut district, app, filed).await.0, "applied");
            app.write(move |tx, ctx| {
                tx.execute(
                    "INSERT INTO photo (stream, sha256, size, received)
                     SELECT e.stream, e.sha256, 1, CAST(?3 AS BIGINT) FROM entry_photo e WHERE e.entry = ?1 AND e.stream = ?2
                     ON CONFLICT (stream, sha256) DO UPDATE SET received = excluded.received",
                    server::params![id.to_string(), stream.to_string(), ctx.now.0],
                )?;
                Ok(())
            }).await;
            app.recount().await;
            record
        };
        let own = file(&app, &|_| ()).await;
        review(&c, &app, own, approve.clone()).await.expect(403).expect_code("activity.level");
        let path = |record: RecordId| format!("/v1/activities/{record}");
        for (change, why) in [
            (&(|a: &mut Activity| a.participants = 49) as &dyn Fn(&mut Activity), "too_small"),
            (&|a: &mut Activity| a.photos.truncate(2), "no_photo"),
            (&|a: &mut Activity| a.summary = " ".into(), "no_summary"),
        ] {
            let record = file(&app, change).await;
            let answer = app.post_json(&format!("{}/review", path(record)), &city.token, &approve).await.expect(200);
            assert_eq!(answer.json["not_counted"], json!([why]));
        }
        assert_eq!(month(&app).await, (5, 0, true));
        app.post_json(&format!("{}/review", path(own)), &city.token, &approve).await.expect(200);
        assert_eq!(month(&app).await, (6, 1, false));
        // An older program let the district approve its own: that fills no month until the city approves it.
        app.write(move |tx, _| Ok(tx.execute(
            "UPDATE activity SET approved_from = '220104' WHERE record = ?1", server::params![own.to_string()],
        )?)).await;
        assert_eq!(month(&app).await, (6, 0, true));
        let seen = app.get(&path(own), &city.token).await.expect(200).json;
        assert_eq!((&seen["state"], &seen["not_counted"]), (&json!("approved"), &json!(["not_from_above"])));
        for _ in 0..2 {
            let seen = app.post_json(&format!("{}/review", path(own)), &city.token, &approve).await.expect(200).json;
            assert_eq!((&seen["not_counted"], seen["reviews"].as_array().unwrap().len()), (&Value::Null, 1));
        }
        assert_eq!(month(&app).await, (6, 1, false));
        let years = app.get("/v1/activities/months?year=2026", &city.token).await.expect(200).json;
        let theirs = years.as_array().unwrap().iter().find(|d| d["district"] == "220105").unwrap();
        assert_eq!(theirs["months"][10]["missing"], true);
        app.get("/v1/activities/months?year=1", &city.token).await.expect(422);
        // Withdrawn with the consent of the city, it leaves the figure.
        let entry = app.get(&path(own), &city.token).await.expect(200).json["record"].clone();
        assert_eq!(entry, json!(own));
        let id = app.app.read(move |tx| Ok(tx.one(
            "SELECT entry FROM activity WHERE record = ?1", server::params![own.to_string()], |row| row.parse("entry"),
        )?)).await.unwrap();
        let mut back = district.entry(&app, &Payload::Withdraw(Withdraw { entry: id, reason: "未举办".into() }));
        (back.record, back.after) = (own, Some(id));
        let asked = back.id;
        assert_eq!(send(&mut district, &app, back).await, ("review".into(), "activity.reviewed".into()));
        app.post_json(&format!("/v1/review/{asked}"), &city.token, json!({"decision": "apply"})).await.expect(200);
        assert_eq!(month(&app).await, (5, 0, true));
    }
}

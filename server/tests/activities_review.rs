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

    async fn month_without_an_activity_is_listed(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let city = app.staff(Role::Supervisor, c.city.city).await;
        let first = { let a = activity(&app, "十一月"); entry(&mut c.patroller, &app, a, None) };
        let record = first.record;
        send(&mut c.patroller, &app, first).await;
        review(&c, &app, record, json!({"version": 1, "decision": "approve"})).await.expect(200);
        let years = app.get("/v1/activities/months?year=2026", &city.token).await.expect(200).json;
        let of = |district: &str| years.as_array().unwrap().iter().find(|d| d["district"] == district).unwrap().clone();
        let (ours, theirs) = (of("220104"), of("220105"));
        assert_eq!((&ours["name"], &ours["months"][10]["approved"]), (&json!("朝阳区"), &json!(1)));
        assert_eq!((&ours["months"][10]["missing"], &ours["months"][9]["missing"]), (&json!(false), &json!(true)));
        assert_eq!((&theirs["months"][10]["missing"], &theirs["months"][11]["missing"]), (&json!(true), &json!(false)));
        app.get("/v1/activities/months?year=1", &city.token).await.expect(422);
    }
}

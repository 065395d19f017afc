//! What an author may choose of an activity (finding A15), and the working calendar of a year that the product does not
//! ship (A16).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{DistrictFixture, FOREIGN_CELL, send};
use protocol::{
    payload::{Activity, Payload},
    role::Role,
    time::Millis,
};
use serde_json::json;
use server::{cases::deadlines, cli};
use support::TestApp;

const YEAR: &str = "2027-01-01,holiday\n2027-01-04,holiday\n2027-01-03,workday\n";

both_engines! {
    /// Rule: SJ-10.
    async fn sec_a16_imported_year_is_used_at_once_and_provisional_deadlines_are_computed_again(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let cases = [c.reported(&app).await, c.reported(&app).await];
        let replica = app.replica().await;
        // 28 working days from Monday 2026-11-23 end on Thursday 2026-12-31; three more lie in 2027.
        for case in cases {
            c.steps(&app, case, &["prefile", "file"]).await;
            let limit = json!({ "amount": 31, "unit": "working_day" });
            c.act(&app, case, "dispatch", json!({ "department": c.city.department, "limit": limit })).await.expect(200);
        }
        c.step(&app, cases[1], "handle").await;
        let before = c.case(&app, cases[0]).await;
        assert_eq!(before["deadline_provisional"], true);
        assert_eq!(deadlines::sweep(&app.app).await.unwrap(), 0, "nothing is known yet");

        assert!(cli::import_calendar(&app.app.store, "2027-01-01,free").await.is_err());
        assert_eq!(cli::import_calendar(&app.app.store, YEAR).await.unwrap(), ["2027"]);
        for running in [&app, &replica] {
            assert!(running.app.calendar.renew(&running.app.store).await.unwrap());
            assert!(!running.app.calendar.renew(&running.app.store).await.unwrap());
        }
        assert_eq!(deadlines::sweep(&replica.app).await.unwrap(), 1);
        assert_eq!(deadlines::sweep(&app.app).await.unwrap(), 0);
        let after = c.case(&app, cases[0]).await;
        // Without the calendar 01-01, 01-04 and 01-05; with it 01-03, 01-05 and 01-06.
        let end = |day: &str| Millis::from_civil(format!("{day}T00:00:00").parse().unwrap()).0;
        assert_eq!((&before["deadline"], &after["deadline"]), (&json!(end("2027-01-06")), &json!(end("2027-01-07"))));
        assert_eq!((&after["deadline_provisional"], &after["ledger_ok"]), (&json!(false), &json!(true)));
        let event = after["ledger"].as_array().unwrap().last().unwrap();
        assert_eq!(event["facts"], json!({ "deadline": after["deadline"], "provisional_deadline": before["deadline"] }));
        // Whoever handled the case met the deadline of that time.
        let handled = c.case(&app, cases[1]).await;
        assert_eq!((&handled["deadline"], &handled["ledger_ok"]), (&before["deadline"], &json!(true)));
        // The case goes on.
        c.step(&app, cases[0], "handle").await;
        // A new deadline is not provisional.
        let case = c.reported(&app).await;
        c.steps(&app, case, &["prefile", "file"]).await;
        let limit = json!({ "amount": 31, "unit": "working_day" });
        c.act(&app, case, "dispatch", json!({ "department": c.city.department, "limit": limit })).await.expect(200);
        assert_eq!(c.case(&app, case).await["deadline_provisional"], false);
    }

    /// Rule: SP-05.
    async fn sec_a15_area_of_an_activity_is_that_of_its_post(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let other = app.org(Some(c.city.street), "community", "二社区", "2201040504").await;
        let own = app.staff(Role::Supervisor, c.city.community).await;
        let foreign = app.staff(Role::Supervisor, other).await;
        let activity = Activity {
            category: "fitness".into(),
            title: "健步走".into(),
            starts: app.now().plus(-3 * 3_600_000),
            ends: app.now().plus(-3_600_000),
            place: "文化广场".into(),
            cell: Some(FOREIGN_CELL.parse().unwrap()),
            organiser: "桂林街道文体站".into(),
            participants: 60,
            summary: "健步走".into(),
            photos: vec![centre::named(app.number())],
        };
        let entry = c.patroller.entry(&app, &Payload::Activity(activity));
        let record = entry.record;
        assert_eq!(send(&mut c.patroller, &app, entry).await.0, "applied");
        let path = format!("/v1/activities/{record}");
        let seen = app.get(&path, &own.token).await.expect(200).json;
        assert_eq!((&seen["area"], &seen["cell"]), (&json!("2201040503"), &json!(FOREIGN_CELL)));
        let flags: Vec<&str> = seen["flags"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect();
        assert_eq!(flags, ["outside_area"]);
        let approve = json!({ "version": 1, "decision": "approve" });
        let review = format!("{path}/review");
        app.get(&path, &foreign.token).await.expect(403);
        app.post_json(&review, &foreign.token, approve.clone()).await.expect(403).expect_code("auth.scope");
        // A unit above the host reviews it (SP-05).
        app.post_json(&review, &own.token, approve.clone()).await.expect(403).expect_code("activity.level");
        let above = app.staff(Role::Supervisor, c.city.street).await;
        app.post_json(&review, &above.token, approve).await.expect(200);
    }
}

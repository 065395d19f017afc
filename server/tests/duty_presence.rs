//! Duty by presence: starts with a check-in, ends with a check-out or at the end of the shift.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{DistrictFixture, check_in, check_out, send};
use protocol::{
    payload::{CheckIn, CheckOut, Payload},
    role::Role,
};
use serde_json::{Value, json};
use support::{FieldClient, START, TestApp};

async fn on_duty(c: &DistrictFixture, app: &TestApp) -> Vec<String> {
    let page = app
        .get("/v1/duty?area=2201040503", &c.supervisor.token)
        .await
        .expect(200);
    page.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["person"].as_str().unwrap().to_owned())
        .collect()
}

/// Lets time pass and renews the handset's token.
async fn advance(client: &mut FieldClient, app: &TestApp, minutes: i64) {
    app.advance_minutes(minutes);
    client.sign_in(app).await.expect(200);
}

async fn presence_row(client: &FieldClient, app: &TestApp) -> Value {
    client.state(app).await[&("presence".to_owned(), client.person.to_string())].clone()
}

/// Two workers on duty in one area; the patroller has the latest contact and the task.
async fn two_on_duty(c: &mut DistrictFixture, app: &TestApp) -> (FieldClient, String) {
    let mut other = c.another(app, &["2201040503"]).await;
    check_in(&mut other, app).await;
    app.advance_minutes(1);
    check_in(&mut c.patroller, app).await;
    let body = json!({"purpose": "verify", "wording": "x", "cell": centre::CELL});
    let task = app
        .post_json("/v1/tasks", &c.supervisor.token, body)
        .await
        .expect(200);
    let task = task.json["id"].as_str().unwrap().to_owned();
    assert_eq!(
        centre::tasks_of(&c.patroller, app).await,
        std::slice::from_ref(&task)
    );
    (other, task)
}

both_engines! {
    async fn check_in_starts_duty_until_the_check_out(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        assert!(on_duty(&c, &app).await.is_empty());
        assert_eq!(check_in(&mut c.patroller, &app).await, ("applied".into(), String::new()));
        assert_eq!(on_duty(&c, &app).await, [c.patroller.person.to_string()]);
        let row = presence_row(&c.patroller, &app).await;
        assert_eq!((&row["present"], &row["since"]), (&json!(true), &json!(START)));
        // A second check-in on the same day: the first one stays in force.
        advance(&mut c.patroller, &app, 120).await;
        check_in(&mut c.patroller, &app).await;
        assert_eq!(presence_row(&c.patroller, &app).await["since"], json!(START));
        check_out(&mut c.patroller, &app).await;
        assert!(on_duty(&c, &app).await.is_empty());
        assert_eq!(presence_row(&c.patroller, &app).await["present"], false);
    }

    async fn duty_ends_after_the_configured_hours(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        app.advance_minutes(14 * 60 - 1);
        assert_eq!(app.write(server::duty::end_expired).await, 0);
        app.advance_minutes(1);
        // Duty ends on time, even before the background job has run.
        assert!(on_duty(&c, &app).await.is_empty());
        assert_eq!(app.write(server::duty::end_expired).await, 1);
        assert_eq!(app.write(server::duty::end_expired).await, 0);
        c.patroller.sign_in(&app).await;
        assert_eq!(presence_row(&c.patroller, &app).await["present"], false);
    }

    async fn old_check_in_is_recorded_and_starts_no_duty(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let old = c.patroller.entry(&app, &Payload::CheckIn(CheckIn::default()));
        let report = c.patroller.entry_at(&app, centre::inside(centre::CELL), &Payload::Report(centre::report("当时")));
        let id = report.id;
        advance(&mut c.patroller, &app, 20 * 60).await;
        assert_eq!(send(&mut c.patroller, &app, old).await, ("applied".into(), "duty.over".into()));
        assert!(on_duty(&c, &app).await.is_empty());
        // A report made at that time counts as made on duty.
        c.patroller.push(&app, &[report]).await;
        let case = centre::case_of(&app, id).await;
        assert_eq!(c.case(&app, case).await["flags"], json!([]));
    }

    async fn check_in_that_arrives_after_its_check_out_starts_no_duty(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let first = c.patroller.entry(&app, &Payload::CheckIn(CheckIn::default()));
        advance(&mut c.patroller, &app, 60).await;
        let last = c.patroller.entry(&app, &Payload::CheckOut(CheckOut::default()));
        assert_eq!(send(&mut c.patroller, &app, last).await.0, "applied");
        assert_eq!(send(&mut c.patroller, &app, first).await, ("applied".into(), "duty.over".into()));
        assert!(on_duty(&c, &app).await.is_empty());
    }

    async fn old_check_out_does_not_end_a_later_duty(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let old = c.patroller.entry(&app, &Payload::CheckOut(CheckOut::default()));
        advance(&mut c.patroller, &app, 60).await;
        check_in(&mut c.patroller, &app).await;
        assert_eq!(send(&mut c.patroller, &app, old).await, ("applied".into(), "duty.over".into()));
        assert_eq!(on_duty(&c, &app).await.len(), 1);
    }

    async fn check_in_of_a_former_holder_goes_to_review(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let post = c.patroller.post.to_string();
        app.write(move |tx, ctx| {
            Ok(tx.execute("UPDATE post_holder SET until = ?2 WHERE post = ?1", server::params![&post, ctx.now.0])?)
        }).await;
        assert_eq!(check_in(&mut c.patroller, &app).await, ("review".into(), "duty.not_holder".into()));
        assert!(on_duty(&c, &app).await.is_empty());
    }

    async fn story_33_clock_three_years_off_does_not_prevent_duty(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        c.patroller.wall_offset = -3 * 365 * 86_400_000;
        assert_eq!(check_in(&mut c.patroller, &app).await, ("applied".into(), String::new()));
        assert_eq!(presence_row(&c.patroller, &app).await["since"], json!(START));
    }

    async fn revoked_terminal_ends_duty_and_reassigns_tasks(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (other, task) = two_on_duty(&mut c, &app).await;
        let admin = app.staff(Role::Admin, c.city.city).await;
        let path = format!("/v1/streams/{}/revoke", c.patroller.stream);
        app.post_json(&path, &admin.token, json!({"reason": "lost"})).await.expect(200);
        assert_eq!(on_duty(&c, &app).await, [other.person.to_string()]);
        assert_eq!(centre::tasks_of(&other, &app).await, [task]);
    }

    async fn relieved_holder_ends_duty_at_once_and_tasks_are_reassigned(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (other, task) = two_on_duty(&mut c, &app).await;
        let admin = app.staff(Role::Admin, c.city.city).await;
        let path = format!("/v1/posts/{}/holders/{}", c.patroller.post, c.patroller.person);
        app.advance_minutes(1);
        app.call("DELETE", &path, Some(&admin.token), Value::Null).await.expect(200);
        assert_eq!(on_duty(&c, &app).await, [other.person.to_string()]);
        assert_eq!(centre::tasks_of(&other, &app).await, [task]);
        assert_eq!(presence_row(&c.patroller, &app).await["present"], false);
    }

    async fn expired_assignment_ends_duty_and_reassigns_tasks(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (other, task) = two_on_duty(&mut c, &app).await;
        let (post, until) = (c.patroller.post.to_string(), app.now().0 + 60_000);
        app.write(move |tx, _| {
            Ok(tx.execute("UPDATE post_holder SET until = ?2 WHERE post = ?1", server::params![&post, until])?)
        }).await;
        app.advance_minutes(2);
        assert_eq!(on_duty(&c, &app).await, [other.person.to_string()]);
        assert_eq!(app.write(server::duty::end_expired).await, 1);
        assert_eq!(app.write(server::duty::end_expired).await, 0);
        assert_eq!(centre::tasks_of(&other, &app).await, [task]);
    }

    async fn disabled_person_ends_duty_and_tasks_are_reassigned(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (other, task) = two_on_duty(&mut c, &app).await;
        let admin = app.staff(Role::Admin, c.city.city).await;
        let path = format!("/v1/people/{}/disable", c.patroller.person);
        app.post_json(&path, &admin.token, json!({})).await.expect(200);
        assert_eq!(on_duty(&c, &app).await, [other.person.to_string()]);
        assert_eq!(centre::tasks_of(&other, &app).await, [task]);
    }
}

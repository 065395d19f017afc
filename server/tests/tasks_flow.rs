//! The worker on duty in the cell gets the task, and the answer is applied once.
#![allow(clippy::disallowed_methods, reason = "ids that only this test uses")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{
    CELL, DistrictFixture, FOREIGN_CELL, answer_entry, check_in, check_out, inside, send, tasks_of,
};
use protocol::{
    duty::Answer,
    ids::TaskId,
    open::Open,
    payload::{Payload, TaskAnswer},
    role::Role,
};
use serde_json::{Value, json};
use support::{TestApp, TestResponse};

async fn create_task(c: &DistrictFixture, app: &TestApp, more: Value) -> TestResponse {
    let mut body = json!({"purpose": "inspect", "wording": "请核实公告栏"});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    app.post_json("/v1/tasks", &c.supervisor.token, body).await
}

async fn created_task(c: &DistrictFixture, app: &TestApp) -> TaskId {
    create_task(c, app, json!({"cell": CELL})).await.expect(200).json["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

async fn view(c: &DistrictFixture, app: &TestApp, task: TaskId) -> Value {
    app.get(&format!("/v1/tasks/{task}"), &c.supervisor.token)
        .await
        .expect(200)
        .json
}

async fn unassigned_tasks(c: &DistrictFixture, app: &TestApp) -> usize {
    let page = app
        .get("/v1/tasks?state=nobody", &c.supervisor.token)
        .await
        .expect(200);
    page.json["items"].as_array().unwrap().len()
}

both_engines! {
    /// Rule: law 3, G14.
    async fn unassigned_task_is_listed_and_goes_to_the_first_worker_who_checks_in(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut elsewhere = c.another(&app, &["2201040504"]).await;
        let task = created_task(&c, &app).await;
        assert_eq!((view(&c, &app, task).await["state"].clone(), unassigned_tasks(&c, &app).await), (json!("nobody"), 1));
        check_in(&mut elsewhere, &app).await;
        assert_eq!(view(&c, &app, task).await["state"], "nobody");
        check_in(&mut c.patroller, &app).await;
        let seen = view(&c, &app, task).await;
        assert_eq!((&seen["state"], &seen["holder"]), (&json!("assigned"), &json!(c.patroller.person)));
        assert_eq!(tasks_of(&c.patroller, &app).await, [task.to_string()]);
        assert_eq!(unassigned_tasks(&c, &app).await, 0);
        // A second worker who checks in later does not get the task.
        let mut later = c.another(&app, &["2201040503"]).await;
        check_in(&mut later, &app).await;
        assert_eq!(view(&c, &app, task).await["holder"], json!(c.patroller.person));
        assert!(tasks_of(&later, &app).await.is_empty());
    }

    async fn task_goes_to_the_latest_contact_and_is_reassigned_at_the_end_of_duty(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut other = c.another(&app, &["220104050301", "2201040504"]).await;
        check_in(&mut c.patroller, &app).await;
        app.advance_minutes(5);
        check_in(&mut other, &app).await;
        let task = created_task(&c, &app).await;
        assert_eq!(view(&c, &app, task).await["holder"], json!(other.person));
        assert_eq!(check_out(&mut other, &app).await.0, "applied");
        let seen = view(&c, &app, task).await;
        assert_eq!(seen["holder"], json!(c.patroller.person));
        assert_eq!(seen["leases"].as_array().unwrap().len(), 2);
        assert!(tasks_of(&other, &app).await.is_empty());
        assert_eq!(tasks_of(&c.patroller, &app).await, [task.to_string()]);
        check_out(&mut c.patroller, &app).await;
        assert_eq!(view(&c, &app, task).await["state"], "nobody");
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
    }

    async fn answer_closes_the_task_for_all_others(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = created_task(&c, &app).await;
        let first = answer_entry(&mut c.patroller, &app, task, Answer::True);
        let second = answer_entry(&mut c.patroller, &app, task, Answer::NotTrue);
        assert_eq!(send(&mut c.patroller, &app, first).await.0, "applied");
        let seen = view(&c, &app, task).await;
        assert_eq!((&seen["state"], &seen["answer_zh"]), (&json!("answered"), &json!("属实")));
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
        assert_eq!(send(&mut c.patroller, &app, second).await, ("review".into(), "task.late".into()));
        assert_eq!(view(&c, &app, task).await["answer"], "true");
        // The answered task does not return at the next change of duty.
        check_out(&mut c.patroller, &app).await;
        check_in(&mut c.patroller, &app).await;
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
    }

    async fn late_answer_made_while_assigned_is_applied(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = created_task(&c, &app).await;
        app.advance_minutes(10);
        let offline = answer_entry(&mut c.patroller, &app, task, Answer::True);
        app.advance_minutes(15 * 60);
        app.write(server::duty::end_expired).await;
        assert_eq!(view(&c, &app, task).await["state"], "nobody");
        c.patroller.sign_in(&app).await;
        assert_eq!(send(&mut c.patroller, &app, offline).await.0, "applied");
        assert_eq!(view(&c, &app, task).await["state"], "answered");
    }

    async fn answer_from_a_post_that_never_had_the_task_goes_to_review(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut stranger = c.another(&app, &["2201040504"]).await;
        check_in(&mut c.patroller, &app).await;
        let task = created_task(&c, &app).await;
        let entry = answer_entry(&mut stranger, &app, task, Answer::True);
        let id = entry.id;
        assert_eq!(send(&mut stranger, &app, entry).await, ("review".into(), "task.not_yours".into()));
        assert_eq!(view(&c, &app, task).await["state"], "assigned");
        let body = json!({"decision": "apply", "reason": "情况属实"});
        app.post_json(&format!("/v1/review/{id}"), &c.supervisor.token, body).await.expect(200);
        assert_eq!(view(&c, &app, task).await["state"], "answered");
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
    }

    async fn answers_of_the_wrong_kind_and_unknown_answers_are_distinguished(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = created_task(&c, &app).await;
        let entry = answer_entry(&mut c.patroller, &app, TaskId::from_parts(1, [1; 10]), Answer::True);
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("rejected".into(), "task.unknown".into()));
        let entry = answer_entry(&mut c.patroller, &app, task, Answer::Rectified);
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("rejected".into(), "task.answer_kind".into()));
        let newer = TaskAnswer { task, answer: Open::Other("partly".into()), text: String::new(), photos: vec![] };
        let entry = c.patroller.entry(&app, &Payload::Answer(newer));
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("held".into(), "task.answer_unknown".into()));
        // A newer version may know the value, so each start reconsiders the entry.
        assert_eq!(server::intake::reconsider(&app.app).await.unwrap(), 1);
        assert_eq!(view(&c, &app, task).await["state"], "assigned");
    }

    async fn cancelled_task_is_removed_from_the_handset(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = created_task(&c, &app).await;
        let path = format!("/v1/tasks/{task}/cancel");
        let other = app.staff(Role::Supervisor, c.city.other_district).await;
        app.post_json(&path, &other.token, json!({})).await.expect(403).expect_code("auth.scope");
        app.post_json(&path, &c.supervisor.token, json!({"reason": "重复"})).await.expect(200);
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
        app.post_json(&path, &c.supervisor.token, json!({})).await.expect(409).expect_code("task.state");
        let entry = answer_entry(&mut c.patroller, &app, task, Answer::True);
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("review".into(), "task.late".into()));
        // The task of a case can only be cancelled through its case.
        let case = c.registered(&app).await;
        let own = c.open_task(&app, case).await;
        let refused = app.post_json(&format!("/v1/tasks/{own}/cancel"), &c.supervisor.token, json!({})).await;
        refused.expect(409).expect_code("task.state");
    }

    async fn inspection_task_needs_a_place_a_text_and_a_future_deadline(app: TestApp) {
        let c = DistrictFixture::new(&app).await;
        for (more, code) in [
            (json!({}), "request.invalid"),
            (json!({"cell": CELL, "wording": " "}), "request.invalid"),
            (json!({"cell": CELL, "due": app.now()}), "request.invalid"),
            (json!({"cell": CELL, "minutes": 0}), "request.invalid"),
            (json!({"cell": CELL, "minutes": 5, "due": app.now().plus(1)}), "request.invalid"),
            (json!({"cell": CELL, "compare": protocol::photo::Sha256::of(b"x")}), "request.invalid"),
            (json!({"cell": "220104050399"}), "place.outside_grid"),
            (json!({"place": centre::at_sea()}), "place.outside_grid"),
            (json!({"cell": CELL, "case": uuid::Uuid::now_v7()}), "request.not_found"),
        ] {
            create_task(&c, &app, more.clone()).await.expect_code(code);
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM task").await, 0);
        let there = create_task(&c, &app, json!({"place": inside(FOREIGN_CELL), "minutes": 30})).await.expect(200).json;
        assert_eq!((&there["cell"], &there["due"]), (&json!(FOREIGN_CELL), &json!(app.now().plus(30 * 60_000))));
        let other = app.staff(Role::Supervisor, c.city.other_district).await;
        let body = json!({"purpose": "verify", "wording": "x", "cell": CELL});
        app.post_json("/v1/tasks", &other.token, &body).await.expect(403).expect_code("auth.scope");
        app.post_json("/v1/tasks", &c.acceptor.token, &body).await.expect(403).expect_code("auth.forbidden");
        let mut named = body.clone();
        named["request"] = json!(uuid::Uuid::now_v7());
        let one = app.post_json("/v1/tasks", &c.supervisor.token, &named).await.expect(200).json;
        let two = app.post_json("/v1/tasks", &c.supervisor.token, &named).await.expect(200).json;
        assert_eq!(one["id"], two["id"]);
    }

    async fn inspection_task_about_a_case_has_its_photo_and_does_not_move_the_case(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let case = c.reported(&app).await;
        c.steps(&app, case, &["prefile", "file", "dispatch", "handle", "forward"]).await;
        let photo: Value = c.case(&app, case).await["photos"][0].clone();
        let more = json!({"cell": CELL, "purpose": "check", "case": case, "compare": photo["sha256"]});
        // Handsets fetch what is shown of the attachment.
        let after = photo["shown"].clone();
        let task: TaskId = create_task(&c, &app, more).await.expect(200).json["id"].as_str().unwrap().parse().unwrap();
        let row = c.patroller.state(&app).await[&("task".to_owned(), task.to_string())].clone();
        assert_eq!(row["compare"], after);
        let entry = answer_entry(&mut c.patroller, &app, task, Answer::Rectified);
        assert_eq!(send(&mut c.patroller, &app, entry).await.0, "applied");
        assert_eq!(c.state(&app, case).await, "check_queue");
        // The check task of the case shows the department's attachment for comparison.
        c.step(&app, case, "send_check").await;
        let own = c.open_task(&app, case).await;
        assert_eq!(view(&c, &app, own).await["compare"], after);
    }

    async fn relieved_holder_may_answer_only_for_the_time_before(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let (before, after) = (created_task(&c, &app).await, created_task(&c, &app).await);
        app.advance_minutes(1);
        let in_time = answer_entry(&mut c.patroller, &app, before, Answer::True);
        app.advance_minutes(10);
        let (post, now) = (c.patroller.post, app.now().0);
        app.write(move |tx, _| {
            Ok(tx.execute("UPDATE post_holder SET until = ?2 WHERE post = ?1", server::params![post.to_string(), now])?)
        }).await;
        // The post's next holder is on duty and has both tasks.
        let mut next = app.holder(post).await;
        check_in(&mut next, &app).await;
        app.advance_minutes(10);
        let late = answer_entry(&mut c.patroller, &app, after, Answer::NotTrue);
        assert_eq!(send(&mut c.patroller, &app, late).await, ("review".into(), "task.not_yours".into()));
        assert_eq!(view(&c, &app, after).await["state"], "assigned");
        assert_eq!(send(&mut c.patroller, &app, in_time).await.0, "applied");
    }

    async fn repeated_request_id_creates_no_second_task(app: TestApp) {
        let c = DistrictFixture::new(&app).await;
        let mut body = json!({
            "purpose": "verify", "wording": "路灯是否已亮", "cell": CELL, "request": uuid::Uuid::now_v7(),
        });
        let first = app.post_json("/v1/tasks", &c.supervisor.token, &body).await.expect(200).json;
        assert_eq!(app.post_json("/v1/tasks", &c.supervisor.token, &body).await.expect(200).json["id"], first["id"]);
        body["wording"] = json!("井盖是否已补");
        app.post_json("/v1/tasks", &c.supervisor.token, &body).await.expect(422).expect_code("request.invalid");
    }
}

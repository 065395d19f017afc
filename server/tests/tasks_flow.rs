//! Whoever is on duty in the cell gets the task, and what comes back is applied once.
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

use centre::{CELL, Centre, FOREIGN_CELL, answer, check_in, check_out, inside, send, tasks_of};
use protocol::{
    duty::Answer,
    ids::TaskId,
    open::Open,
    payload::{Payload, TaskAnswer},
    role::Role,
};
use serde_json::{Value, json};
use support::{Answer as Reply, TestApp};

async fn ask(c: &Centre, app: &TestApp, more: Value) -> Reply {
    let mut body = json!({"purpose": "inspect", "wording": "请核实公告栏"});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    app.post_json("/v1/tasks", &c.supervisor.token, body).await
}

async fn asked(c: &Centre, app: &TestApp) -> TaskId {
    ask(c, app, json!({"cell": CELL})).await.expect(200).json["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

async fn view(c: &Centre, app: &TestApp, task: TaskId) -> Value {
    app.get(&format!("/v1/tasks/{task}"), &c.supervisor.token)
        .await
        .expect(200)
        .json
}

async fn nobody(c: &Centre, app: &TestApp) -> usize {
    let page = app
        .get("/v1/tasks?state=nobody", &c.supervisor.token)
        .await
        .expect(200);
    page.json["items"].as_array().unwrap().len()
}

both_engines! {
    async fn nobodys_task_is_visible_and_goes_to_the_first_who_checks_in_there(app: TestApp) {
        let mut c = Centre::new(&app).await;
        let mut elsewhere = c.another(&app, &["2201040504"]).await;
        let task = asked(&c, &app).await;
        assert_eq!((view(&c, &app, task).await["state"].clone(), nobody(&c, &app).await), (json!("nobody"), 1));
        check_in(&mut elsewhere, &app).await;
        assert_eq!(view(&c, &app, task).await["state"], "nobody");
        check_in(&mut c.patroller, &app).await;
        let seen = view(&c, &app, task).await;
        assert_eq!((&seen["state"], &seen["holder"]), (&json!("assigned"), &json!(c.patroller.person)));
        assert_eq!(tasks_of(&c.patroller, &app).await, [task.to_string()]);
        assert_eq!(nobody(&c, &app).await, 0);
        // A second who comes later does not take it away.
        let mut later = c.another(&app, &["2201040503"]).await;
        check_in(&mut later, &app).await;
        assert_eq!(view(&c, &app, task).await["holder"], json!(c.patroller.person));
        assert!(tasks_of(&later, &app).await.is_empty());
    }

    async fn the_latest_contact_gets_a_task_and_going_off_duty_hands_it_on(app: TestApp) {
        let mut c = Centre::new(&app).await;
        let mut other = c.another(&app, &["220104050301", "2201040504"]).await;
        check_in(&mut c.patroller, &app).await;
        app.advance_minutes(5);
        check_in(&mut other, &app).await;
        let task = asked(&c, &app).await;
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

    async fn an_answer_closes_the_task_for_everyone_else(app: TestApp) {
        let mut c = Centre::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = asked(&c, &app).await;
        let first = answer(&mut c.patroller, &app, task, Answer::True);
        let second = answer(&mut c.patroller, &app, task, Answer::NotTrue);
        assert_eq!(send(&mut c.patroller, &app, first).await.0, "applied");
        let seen = view(&c, &app, task).await;
        assert_eq!((&seen["state"], &seen["answer_zh"]), (&json!("answered"), &json!("属实")));
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
        assert_eq!(send(&mut c.patroller, &app, second).await, ("review".into(), "task.late".into()));
        assert_eq!(view(&c, &app, task).await["answer"], "true");
        // It does not come back at the next change of duty.
        check_out(&mut c.patroller, &app).await;
        check_in(&mut c.patroller, &app).await;
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
    }

    async fn an_answer_made_while_the_task_was_ours_counts_when_it_arrives_late(app: TestApp) {
        let mut c = Centre::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = asked(&c, &app).await;
        app.advance_minutes(10);
        let offline = answer(&mut c.patroller, &app, task, Answer::True);
        app.advance_minutes(15 * 60);
        app.write(server::duty::end_expired).await;
        assert_eq!(view(&c, &app, task).await["state"], "nobody");
        c.patroller.sign_in(&app).await;
        assert_eq!(send(&mut c.patroller, &app, offline).await.0, "applied");
        assert_eq!(view(&c, &app, task).await["state"], "answered");
    }

    async fn an_answer_from_a_post_that_never_had_the_task_is_for_a_person_to_decide(app: TestApp) {
        let mut c = Centre::new(&app).await;
        let mut stranger = c.another(&app, &["2201040504"]).await;
        check_in(&mut c.patroller, &app).await;
        let task = asked(&c, &app).await;
        let entry = answer(&mut stranger, &app, task, Answer::True);
        let id = entry.id;
        assert_eq!(send(&mut stranger, &app, entry).await, ("review".into(), "task.not_yours".into()));
        assert_eq!(view(&c, &app, task).await["state"], "assigned");
        let body = json!({"decision": "apply", "reason": "情况属实"});
        app.post_json(&format!("/v1/review/{id}"), &c.supervisor.token, body).await.expect(200);
        assert_eq!(view(&c, &app, task).await["state"], "answered");
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
    }

    async fn an_answer_that_cannot_fit_is_told_apart(app: TestApp) {
        let mut c = Centre::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = asked(&c, &app).await;
        let entry = answer(&mut c.patroller, &app, TaskId::from_parts(1, [1; 10]), Answer::True);
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("rejected".into(), "task.unknown".into()));
        let entry = answer(&mut c.patroller, &app, task, Answer::Rectified);
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("rejected".into(), "task.answer_kind".into()));
        let newer = TaskAnswer { task, answer: Open::Other("partly".into()), text: String::new(), photos: vec![] };
        let entry = c.patroller.entry(&app, &Payload::Answer(newer));
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("held".into(), "task.answer_unknown".into()));
        // A newer program may know it, so each start looks again.
        assert_eq!(server::intake::reconsider(&app.app).await.unwrap(), 1);
        assert_eq!(view(&c, &app, task).await["state"], "assigned");
    }

    async fn a_task_taken_back_leaves_the_handset(app: TestApp) {
        let mut c = Centre::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = asked(&c, &app).await;
        let path = format!("/v1/tasks/{task}/cancel");
        let other = app.staff(Role::Supervisor, c.city.other_district).await;
        app.post_json(&path, &other.token, json!({})).await.expect(403).expect_code("auth.scope");
        app.post_json(&path, &c.supervisor.token, json!({"reason": "重复"})).await.expect(200);
        assert!(tasks_of(&c.patroller, &app).await.is_empty());
        app.post_json(&path, &c.supervisor.token, json!({})).await.expect(409).expect_code("task.state");
        let entry = answer(&mut c.patroller, &app, task, Answer::True);
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("review".into(), "task.late".into()));
        // A case's own task moves with its case.
        let case = c.registered(&app).await;
        let own = c.open_task(&app, case).await;
        let refused = app.post_json(&format!("/v1/tasks/{own}/cancel"), &c.supervisor.token, json!({})).await;
        refused.expect(409).expect_code("task.state");
    }

    async fn a_question_needs_a_place_words_and_a_time_to_come(app: TestApp) {
        let c = Centre::new(&app).await;
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
            ask(&c, &app, more.clone()).await.expect_code(code);
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM task").await, 0);
        let there = ask(&c, &app, json!({"place": inside(FOREIGN_CELL), "minutes": 30})).await.expect(200).json;
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

    async fn a_question_about_a_case_carries_its_photo_and_does_not_move_it(app: TestApp) {
        let mut c = Centre::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let case = c.reported(&app).await;
        c.steps(&app, case, &["prefile", "file", "dispatch", "handle", "forward"]).await;
        let after: Value = c.case(&app, case).await["photos"][0]["sha256"].clone();
        let more = json!({"cell": CELL, "purpose": "check", "case": case, "compare": after});
        let task: TaskId = ask(&c, &app, more).await.expect(200).json["id"].as_str().unwrap().parse().unwrap();
        let row = c.patroller.state(&app).await[&("task".to_owned(), task.to_string())].clone();
        assert_eq!(row["compare"], after);
        let entry = answer(&mut c.patroller, &app, task, Answer::Rectified);
        assert_eq!(send(&mut c.patroller, &app, entry).await.0, "applied");
        assert_eq!(c.state(&app, case).await, "check_queue");
        // The case's own check compares with what the department attached.
        c.step(&app, case, "send_check").await;
        let own = c.open_task(&app, case).await;
        assert_eq!(view(&c, &app, own).await["compare"], after);
    }

    async fn a_relieved_holder_answers_for_the_post_only_what_he_did_before(app: TestApp) {
        let mut c = Centre::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let (before, after) = (asked(&c, &app).await, asked(&c, &app).await);
        app.advance_minutes(1);
        let in_time = answer(&mut c.patroller, &app, before, Answer::True);
        app.advance_minutes(10);
        let (post, now) = (c.patroller.post, app.now().0);
        app.write(move |tx, _| {
            Ok(tx.execute("UPDATE post_holder SET until = ?2 WHERE post = ?1", server::params![post.to_string(), now])?)
        }).await;
        // The post's next holder is on duty and has both tasks.
        let mut next = app.holder(post).await;
        check_in(&mut next, &app).await;
        app.advance_minutes(10);
        let late = answer(&mut c.patroller, &app, after, Answer::NotTrue);
        assert_eq!(send(&mut c.patroller, &app, late).await, ("review".into(), "task.not_yours".into()));
        assert_eq!(view(&c, &app, after).await["state"], "assigned");
        assert_eq!(send(&mut c.patroller, &app, in_time).await.0, "applied");
    }

    async fn a_request_named_before_is_no_other_task(app: TestApp) {
        let c = Centre::new(&app).await;
        let mut body = json!({
            "purpose": "verify", "wording": "路灯是否已亮", "cell": CELL, "request": uuid::Uuid::now_v7(),
        });
        let first = app.post_json("/v1/tasks", &c.supervisor.token, &body).await.expect(200).json;
        assert_eq!(app.post_json("/v1/tasks", &c.supervisor.token, &body).await.expect(200).json["id"], first["id"]);
        body["wording"] = json!("井盖是否已补");
        app.post_json("/v1/tasks", &c.supervisor.token, &body).await.expect(422).expect_code("request.invalid");
    }
}

//! The life of a case over HTTP, transition by transition, and every kind of refusal.
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
#[path = "support/tus.rs"]
mod tus_client;

use centre::{
    CELL, DistrictFixture, answer_entry, case_of, check_in, disposition, registration, report, send, tasks_of,
};
use protocol::{
    case::{CaseState, TRANSITIONS},
    duty::Answer,
    ids::CaseId,
    payload::Payload,
    role::Role,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::TestApp;
use tus_client::upload;

/// The transition ids in the case's ledger.
fn transition_ids(case: &Value) -> Vec<String> {
    case["ledger"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["transition"].as_str().unwrap_or("-").to_owned())
        .collect()
}

/// The actions that the acceptor or the shift leader is offered.
async fn offered(c: &DistrictFixture, app: &TestApp, case: CaseId) -> Vec<String> {
    let seen = c.case(app, case).await;
    let all = seen["allowed"].as_array().unwrap().iter();
    all.map(|offer| offer["action"].as_str().unwrap().to_owned())
        .collect()
}

both_engines! {
    /// Rule: X11, SJ-03.
    async fn use_a18_what_the_patroller_handled_is_closed_and_not_refused(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let (case, photos) = c.reported_self_handled(&app).await;
        // The leader has to see both pictures.
        let refused = c.act(&app, case, "propose_self_handled", json!({})).await.expect(422);
        assert_eq!(refused.expect_code("case.guard").json["errors"][0]["at"], "before_and_after");
        for photo in &photos {
            upload(&app, &c.patroller, photo).await;
        }
        c.act(&app, case, "propose_self_handled", json!({})).await.expect(200);
        assert_eq!(c.state(&app, case).await, "self_handled");
        let queue = app.get("/v1/cases?queue=shift_leader", &c.leader.token).await.expect(200).json;
        assert_eq!(queue["items"][0]["id"], json!(case));
        c.act(&app, case, "close_self_handled", json!({})).await.expect(422).expect_code("case.guard");
        c.act(&app, case, "close_self_handled", json!({"opinion": "前后照片一致"})).await.expect(200);
        let seen = c.case(&app, case).await;
        assert_eq!((&seen["state"], &seen["self_handled"], &seen["ledger_ok"]), (&json!("closed"), &json!(true), &json!(true)));
        assert_eq!(transition_ids(&seen), ["T1", "X11", "X11"]);
        let told = c.patroller.state(&app).await;
        assert_eq!(told[&("case".to_owned(), case.to_string())]["state"], "closed");
    }

    /// Rule: X11, X23.
    async fn use_a18_a_report_that_is_not_recognised_is_an_ordinary_one(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let ordinary = c.reported(&app).await;
        assert_eq!(offered(&c, &app, ordinary).await, ["prefile", "withdraw"]);
        c.act(&app, ordinary, "propose_self_handled", json!({})).await.expect(422).expect_code("case.guard");
        let (case, photos) = c.reported_self_handled(&app).await;
        for photo in &photos {
            upload(&app, &c.patroller, photo).await;
        }
        assert_eq!(offered(&c, &app, case).await, ["prefile", "propose_self_handled", "withdraw"]);
        c.act(&app, case, "propose_self_handled", json!({})).await.expect(200);
        c.act(&app, case, "refuse_self_handled", json!({"opinion": "积水仍在"})).await.expect(200);
        let seen = c.case(&app, case).await;
        assert_eq!((&seen["state"], &seen["self_handled"]), (&json!("reported"), &json!(false)));
        assert_eq!(offered(&c, &app, case).await, ["prefile", "withdraw"]);
        c.step(&app, case, "prefile").await;
    }

    /// Rule: T1, T4, T5, T6, T9, T10, T11, T12, T13, T14, T15.
    async fn report_passes_every_transition_up_to_closing(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let case = c.reported(&app).await;
        assert_eq!(c.state(&app, case).await, "reported");
        c.steps(&app, case, &["prefile", "send_back", "prefile", "file", "dispatch"]).await;
        let seen = c.case(&app, case).await;
        assert_eq!((&seen["state"], &seen["rounds"]), (&json!("handling"), &json!(1)));
        // Monday 09:00 plus four working hours is 14:30, because of the noon break.
        assert_eq!(seen["deadline"], json!(app.now().plus(5 * 3_600_000 + 1_800_000)));
        c.steps(&app, case, &["handle", "forward", "send_check"]).await;
        let task = c.open_task(&app, case).await;
        assert_eq!(tasks_of(&c.patroller, &app).await, [task.to_string()]);
        let bad = answer_entry(&mut c.patroller, &app, task, Answer::NotRectified);
        assert_eq!(send(&mut c.patroller, &app, bad).await.0, "applied");
        assert_eq!(tasks_of(&c.patroller, &app).await, Vec::<String>::new());
        // The check did not pass: the case cannot be closed, only sent back and dispatched again.
        let needs = c.needs(&app, "close").await;
        let refused = c.act(&app, case, "close", needs).await.expect(422).expect_code("case.guard");
        assert_eq!(refused.json["errors"][0]["at"], "check_passed");
        c.steps(&app, case, &["rework", "dispatch", "handle", "forward", "send_check"]).await;
        let task = c.open_task(&app, case).await;
        let good = answer_entry(&mut c.patroller, &app, task, Answer::Rectified);
        send(&mut c.patroller, &app, good).await;
        c.step(&app, case, "close").await;
        let closed = c.case(&app, case).await;
        assert_eq!((&closed["state"], &closed["rounds"]), (&json!("closed"), &json!(2)));
        assert_eq!(closed["ledger_ok"], true);
        assert_eq!(closed["allowed"], json!([]));
        assert_eq!(
            transition_ids(&closed),
            ["T1", "T4", "T6", "T4", "T5", "T9", "T10", "T11", "T12", "T13", "T15", "T9", "T10", "T11", "T12", "T13", "T14"]
        );
        assert_eq!(closed["version"], 17);
        // The author sees the case's state.
        let state = c.patroller.state(&app).await;
        assert_eq!(state[&("case".to_owned(), case.to_string())]["state"], "closed");
    }

    /// Rule: T2, T3, DC-01.
    async fn citizens_report_is_verified_first(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        for (reply, state) in [(Answer::True, "verified"), (Answer::NotTrue, "not_filed")] {
            let case = c.registered(&app).await;
            assert_eq!(c.state(&app, case).await, "verifying");
            let task = c.open_task(&app, case).await;
            assert_eq!(tasks_of(&c.patroller, &app).await, [task.to_string()]);
            let entry = answer_entry(&mut c.patroller, &app, task, reply);
            assert_eq!(send(&mut c.patroller, &app, entry).await.0, "applied");
            assert_eq!(c.state(&app, case).await, state);
        }
        let case = c.registered(&app).await;
        let task = c.open_task(&app, case).await;
        let entry = answer_entry(&mut c.patroller, &app, task, Answer::True);
        send(&mut c.patroller, &app, entry).await;
        c.steps(&app, case, &["prefile", "send_back", "decline"]).await;
        assert_eq!(transition_ids(&c.case(&app, case).await), ["T2", "T3", "T4", "T6", "T6"]);
    }

    /// Rule: DC-02, DC-03.
    async fn each_action_is_limited_to_one_role_and_area(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let case = c.reported(&app).await;
        let other = app.staff(Role::Acceptor, c.city.other_district).await;
        let needs = c.needs(&app, "prefile").await;
        c.act_as(&app, &other, case, "prefile", needs.clone()).await.expect(403).expect_code("auth.scope");
        let refused = c.act_as(&app, &c.leader, case, "prefile", needs).await.expect(403).expect_code("case.role");
        assert!(refused.json["detail"].as_str().unwrap().contains("受理员"), "{refused:?}");
        // Field actions are done by an answer, never from the console.
        c.act(&app, case, "confirm_true", json!({})).await.expect_code("case.role");
        c.act(&app, case, "check_result", json!({})).await.expect_code("case.role");
        app.get(&format!("/v1/cases/{case}"), &other.token).await.expect(403).expect_code("auth.scope");
        // Another department of the same area may not act on the case.
        let unit = app.org(Some(c.city.district), "department", "园林处", "220104").await;
        let gardener = app.staff(Role::Department, unit).await;
        c.steps(&app, case, &["prefile", "file", "dispatch"]).await;
        let needs = c.needs(&app, "handle").await;
        c.act_as(&app, &gardener, case, "handle", needs).await.expect(403).expect_code("auth.scope");
        app.get(&format!("/v1/cases/{case}"), &gardener.token).await.expect(403).expect_code("auth.scope");
        c.step(&app, case, "handle").await;
    }

    async fn actions_outside_the_transition_table_are_refused_with_the_allowed_ones(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let case = c.reported(&app).await;
        for row in TRANSITIONS.iter().filter(|t| !t.from.contains(&CaseState::Reported) && !t.by.contains(&Role::Patroller)) {
            let needs = c.needs(&app, row.action.as_str()).await;
            let refused = c.act(&app, case, row.action.as_str(), needs).await.expect(409).expect_code("case.transition");
            assert!(refused.json["detail"].as_str().unwrap().contains("预立案"), "{refused:?}");
        }
        assert_eq!(c.state(&app, case).await, "reported");
        assert_eq!(c.case(&app, case).await["version"], 1);
    }

    async fn missing_condition_is_named_in_the_refusal(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        // The report has no matter and no cell; the acceptor adds them.
        let mut bare = report("看不清");
        (bare.matter, bare.cell) = (None, None);
        let entry = c.patroller.entry(&app, &Payload::Report(bare));
        let id = entry.id;
        c.patroller.push(&app, &[entry]).await;
        let case = case_of(&app, id).await;
        let ask = |c: &Value| c["allowed"][0]["asks"][0]["guard"].clone();
        assert_eq!(ask(&c.case(&app, case).await), "type_and_place");
        for part in [json!({}), json!({"matter": "E0102"}), json!({"cell": CELL})] {
            let refused = c.act(&app, case, "prefile", part).await.expect(422).expect_code("case.guard");
            assert_eq!(refused.json["errors"][0]["zh"], "需先填写类型和位置");
        }
        let sea = json!({"matter": "E0102", "place": centre::at_sea()});
        c.act(&app, case, "prefile", sea).await.expect(422).expect_code("place.outside_grid");
        c.act(&app, case, "prefile", json!({"matter": "E9999", "cell": CELL})).await.expect_code("request.invalid");
        c.step(&app, case, "prefile").await;
        for (action, missing, more) in [
            ("file", vec!["level", "opinion"], json!({})),
            ("file", vec!["opinion"], json!({"level": 1, "opinion": "  "})),
            ("send_back", vec!["opinion"], json!({})),
        ] {
            let refused = c.act(&app, case, action, more).await.expect(422).expect_code("case.guard");
            let at: Vec<&str> = refused.json["errors"].as_array().unwrap().iter().map(|e| e["at"].as_str().unwrap()).collect();
            assert_eq!(at, missing, "{action}");
        }
        c.act(&app, case, "file", json!({"level": 4, "opinion": "x"})).await.expect_code("request.invalid");
        c.act(&app, case, "file", json!({"level": 1, "opinion": "x", "department": c.city.department})).await
            .expect_code("request.invalid");
        c.step(&app, case, "file").await;
        let limit = json!({"amount": 1, "unit": "working_day"});
        c.act(&app, case, "dispatch", json!({"limit": limit})).await.expect_code("case.guard");
        c.act(&app, case, "dispatch", json!({"department": c.city.department})).await.expect_code("case.guard");
        // A unit that handles no cases is no department.
        c.act(&app, case, "dispatch", json!({"limit": limit, "department": c.city.street})).await.expect_code("request.invalid");
        c.step(&app, case, "dispatch").await;
        c.act(&app, case, "handle", json!({"opinion": "已清理"})).await.expect_code("case.guard");
        // An unknown picture, or none, is no proof.
        let stranger = protocol::photo::Sha256::of(b"x");
        c.act(&app, case, "handle", json!({"opinion": "已清理", "attachments": [stranger]})).await.expect_code("request.invalid");
        assert_eq!(c.state(&app, case).await, "handling");
    }

    async fn action_on_a_stale_version_changes_nothing(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let case = c.reported(&app).await;
        let path = format!("/v1/cases/{case}/actions");
        let body = json!({"action": "prefile", "expected_version": 1, "matter": "E0102", "cell": CELL});
        app.post_json(&path, &c.acceptor.token, &body).await.expect(200);
        app.post_json(&path, &c.acceptor.token, &body).await.expect(409).expect_code("case.changed");
        assert_eq!(c.case(&app, case).await["version"], 2);
    }

    async fn story_06_repeated_action_request_acts_once(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let case = c.reported(&app).await;
        let path = format!("/v1/cases/{case}/actions");
        let request = uuid::Uuid::now_v7();
        let body = json!({"action": "prefile", "expected_version": 1, "request": request, "cell": CELL});
        let presses = (0..5).map(|_| app.post_json(&path, &c.acceptor.token, &body));
        for answer in futures_util::future::join_all(presses).await {
            let answer = answer.expect(200);
            assert_eq!((&answer.json["state"], &answer.json["version"]), (&json!("prefiled"), &json!(2)));
        }
        // The request id may be in the header instead of the body.
        let press = || {
            let body = json!({"action": "send_back", "expected_version": 2, "opinion": "照片不清"});
            axum::http::Request::post(&path)
                .header("authorization", format!("Bearer {}", c.leader.token))
                .header("content-type", "application/json")
                .header("idempotency-key", "tab-7/3")
                .body(axum::body::Body::from(body.to_string()))
                .unwrap()
        };
        for _ in 0..2 {
            let answer = app.send(press()).await.expect(200);
            assert_eq!((&answer.json["state"], &answer.json["version"]), (&json!("sent_back"), &json!(3)));
        }
        // The id of that request is refused for another action.
        let other = json!({"action": "decline", "expected_version": 3, "request": request, "opinion": "x"});
        app.post_json(&path, &c.acceptor.token, &other).await.expect_code("request.invalid");
        let mut call = registration();
        call["request"] = json!(uuid::Uuid::now_v7());
        let calls = (0..3).map(|_| app.post_json("/v1/cases", &c.acceptor.token, &call));
        let ids: BTreeSet<String> = futures_util::future::join_all(calls).await.into_iter()
            .map(|a| a.expect(200).json["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM task").await, 1);
    }

    async fn tampering_with_the_ledger_is_detected(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let spoilings: [&'static str; 4] = [
            "UPDATE case_event SET body = replace(body, 'prefile', 'decline') WHERE seq = 2",
            "DELETE FROM case_event WHERE seq = 2",
            "DELETE FROM case_event WHERE seq = 1",
            "UPDATE case_file SET state = 'closed'",
        ];
        for spoiling in spoilings {
            let case = c.reported(&app).await;
            c.step(&app, case, "prefile").await;
            assert_eq!(c.case(&app, case).await["ledger_ok"], true);
            let one = format!("{spoiling} {} {} = '{case}'",
                if spoiling.contains("WHERE") { "AND" } else { "WHERE" },
                if spoiling.contains("case_file") { "id" } else { "case_id" });
            app.write(move |tx, _| Ok(tx.execute(&one, &[])?)).await;
            assert_eq!(c.case(&app, case).await["ledger_ok"], false, "{spoiling}");
        }
        app.recount().await;
    }

    async fn queues_show_each_role_its_own_cases_by_deadline(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let first = c.reported(&app).await;
        app.advance_minutes(1);
        let second = c.reported(&app).await;
        let list = async |role: Role, queue: &str| -> Vec<String> {
            let page = app.get(&format!("/v1/cases?queue={queue}"), &c.of(role).token).await.expect(200);
            page.json["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(list(Role::Acceptor, "acceptor").await, [first.to_string(), second.to_string()]);
        assert!(list(Role::Acceptor, "shift_leader").await.is_empty());
        for (case, amount) in [(first, 8), (second, 2)] {
            c.steps(&app, case, &["prefile", "file"]).await;
            let more = json!({"department": c.city.department, "limit": {"amount": amount, "unit": "urgent_hour"}});
            c.act(&app, case, "dispatch", more).await.expect(200);
        }
        assert_eq!(list(Role::Department, "department").await, [second.to_string(), first.to_string()]);
        assert!(list(Role::Acceptor, "acceptor").await.is_empty());
        assert_eq!(list(Role::Supervisor, "all").await, [second.to_string(), first.to_string()]);
        // Paging skips no case.
        let page = app.get("/v1/cases?limit=1", &c.supervisor.token).await.expect(200);
        let next = page.json["next"].as_str().unwrap().to_owned();
        let rest = app.get(&format!("/v1/cases?limit=1&after={next}"), &c.supervisor.token).await.expect(200);
        assert_eq!(page.json["items"][0]["id"], second.to_string());
        assert_eq!(rest.json["items"][0]["id"], first.to_string());
        assert_eq!(rest.json["next"], Value::Null);
        app.get("/v1/cases?after=nonsense", &c.supervisor.token).await.expect(422);
        let stranger = app.staff(Role::Supervisor, c.city.other_district).await;
        let none = app.get("/v1/cases", &stranger.token).await.expect(200);
        assert_eq!(none.json["items"], json!([]));
    }

    async fn caller_is_masked_and_each_unmasked_view_is_logged(app: TestApp) {
        let c = DistrictFixture::new(&app).await;
        let case = c.registered(&app).await;
        for someone in [&c.acceptor, &c.leader, &c.supervisor] {
            let answer = app.get(&format!("/v1/cases/{case}"), &someone.token).await.expect(200);
            let text = String::from_utf8(answer.bytes).unwrap();
            assert!(!text.contains("王小明") && !text.contains("13900001234"), "{text}");
            assert_eq!(answer.json["caller"]["name"], "王**");
        }
        let path = format!("/v1/cases/{case}/caller-view");
        app.post_json(&path, &c.supervisor.token, json!({"reason": "回访"})).await.expect(403);
        app.post_json(&path, &c.acceptor.token, json!({"reason": " "})).await.expect(422);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'case.caller_view'").await, 0);
        let shown = app.post_json(&path, &c.acceptor.token, json!({"reason": "回访"})).await.expect(200);
        assert_eq!(shown.json, json!({"name": "王小明", "phone": "13900001234"}));
        assert_eq!(shown.headers["cache-control"], "no-store");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action = 'case.caller_view'").await, 1);
        let other = app.staff(Role::Acceptor, c.city.other_district).await;
        app.post_json(&path, &other.token, json!({"reason": "好奇"})).await.expect(403).expect_code("auth.scope");
    }

    async fn incomplete_citizens_report_is_refused_with_its_errors(app: TestApp) {
        let c = DistrictFixture::new(&app).await;
        let without = |key: &str| {
            let mut body = registration();
            body.as_object_mut().unwrap().remove(key);
            body
        };
        for (body, code) in [
            (without("matter"), "case.guard"),
            (without("cell"), "case.guard"),
            (without("text"), "request.invalid"),
            (without("caller"), "request.invalid"),
            (json!({"text": "x", "matter": "E0102", "place": centre::at_sea(), "caller": {"phone": "12345"}}), "place.outside_grid"),
            (json!({"text": "x", "matter": "E0102", "cell": CELL, "caller": {"phone": "-"}}), "request.invalid"),
        ] {
            app.post_json("/v1/cases", &c.acceptor.token, &body).await.expect_code(code);
        }
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM case_file").await, 0);
        let other = app.staff(Role::Acceptor, c.city.other_district).await;
        app.post_json("/v1/cases", &other.token, registration()).await.expect(403).expect_code("auth.scope");
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM task").await, 0);
    }

    async fn story_27_check_result_after_a_new_dispatch_is_reviewed_and_never_applied(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let case = c.reported(&app).await;
        c.steps(&app, case, &["prefile", "file", "dispatch", "handle", "forward", "send_check"]).await;
        let task = c.open_task(&app, case).await;
        // The first patroller answers offline and goes off duty; a second takes over and answers.
        let offline = answer_entry(&mut c.patroller, &app, task, Answer::Rectified);
        app.advance_minutes(15 * 60);
        app.write(server::duty::end_expired).await;
        let mut second = c.another(&app, &["2201040503"]).await;
        check_in(&mut second, &app).await;
        let entry = answer_entry(&mut second, &app, task, Answer::NotRectified);
        assert_eq!(send(&mut second, &app, entry).await.0, "applied");
        c.steps(&app, case, &["rework", "dispatch"]).await;
        let before = c.case(&app, case).await;
        let id = offline.id;
        c.patroller.sign_in(&app).await;
        assert_eq!(send(&mut c.patroller, &app, offline).await, ("review".into(), "task.late".into()));
        assert_eq!(c.case(&app, case).await["version"], before["version"]);
        // A reviewer cannot apply it any more either, but can reject it.
        let path = format!("/v1/review/{id}");
        let body = json!({"decision": "apply", "reason": "x"});
        app.post_json(&path, &c.leader.token, &body).await.expect(409).expect_code("task.state");
        assert_eq!(c.case(&app, case).await["version"], before["version"]);
        assert_eq!(disposition(&c.patroller, &app, id).await.0, "review");
    }

    async fn citizens_report_under_a_used_request_id_is_refused(app: TestApp) {
        let c = DistrictFixture::new(&app).await;
        let mut body = registration();
        body["request"] = json!(uuid::Uuid::now_v7());
        let first = app.post_json("/v1/cases", &c.acceptor.token, &body).await.expect(200).json;
        assert_eq!(app.post_json("/v1/cases", &c.acceptor.token, &body).await.expect(200).json["id"], first["id"]);
        for (at, other) in [("/text", "另一件事"), ("/caller/phone", "13900009999")] {
            let mut body = body.clone();
            *body.pointer_mut(at).unwrap() = json!(other);
            app.post_json("/v1/cases", &c.acceptor.token, &body).await.expect(422).expect_code("request.invalid");
        }
    }
}

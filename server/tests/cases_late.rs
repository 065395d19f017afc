//! What comes late for a case: withdrawals, revisions and answers that a reviewer decides about. What the author reads
//! and what happens to the case must be the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use axum::{body::Body, http::Request};
use centre::{
    CELL, DistrictFixture, NEXT_CELL, answer_entry, case_of, check_in, disposition, inside, report, send,
};
use protocol::{
    duty::Answer,
    ids::{CaseId, EntryId, RecordId, TaskId},
    payload::{Activity, CheckIn, Payload, Withdraw},
    role::Role,
};
use serde_json::{Value, json};
use support::{FieldClient, TestApp, TestResponse};

/// A report that the acceptor passed on (T4), with its entry and record.
async fn prefiled(c: &mut DistrictFixture, app: &TestApp) -> (EntryId, RecordId, CaseId) {
    let entry = c
        .patroller
        .entry_at(app, inside(CELL), &Payload::Report(report("井盖缺失")));
    let (id, record) = (entry.id, entry.record);
    send(&mut c.patroller, app, entry).await;
    let case = case_of(app, id).await;
    c.step(app, case, "prefile").await;
    (id, record, case)
}

/// Sends the withdrawal of an entry; returns its id after it came into the review queue.
async fn asked_back(client: &mut FieldClient, app: &TestApp, entry: EntryId, record: RecordId) -> EntryId {
    let mut back = client.entry(
        app,
        &Payload::Withdraw(Withdraw {
            entry,
            reason: "看错了".into(),
        }),
    );
    (back.record, back.after) = (record, Some(entry));
    let id = back.id;
    assert_eq!(send(client, app, back).await.0, "review");
    id
}

async fn decide(c: &DistrictFixture, app: &TestApp, entry: EntryId, decision: &str) -> TestResponse {
    let body = json!({"decision": decision, "reason": "已和本人核实"});
    app.post_json(&format!("/v1/review/{entry}"), &c.leader.token, body)
        .await
}

async fn row(client: &FieldClient, app: &TestApp, kind: &str, entity: impl ToString) -> Value {
    let state = client.state(app).await;
    state
        .get(&(kind.to_owned(), entity.to_string()))
        .cloned()
        .unwrap_or_default()
}

async fn task(c: &DistrictFixture, app: &TestApp) -> TaskId {
    let body = json!({"purpose": "inspect", "wording": "请看一下现场", "cell": CELL, "minutes": 60});
    let made = app
        .post_json("/v1/tasks", &c.supervisor.token, body)
        .await
        .expect(200)
        .json;
    made["id"].as_str().unwrap().parse().unwrap()
}

both_engines! {
    /// Rule: X23.
    async fn use_a01_an_accepted_withdrawal_ends_the_case(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (entry, record, case) = prefiled(&mut c, &app).await;
        let back = asked_back(&mut c.patroller, &app, entry, record).await;
        decide(&c, &app, back, "apply").await.expect(200);
        let seen = c.case(&app, case).await;
        assert_eq!((&seen["state"], &seen["state_zh"]), (&json!("withdrawn"), &json!("已撤回")));
        assert_eq!((&seen["withdrawn"], &seen["ledger_ok"], &seen["allowed"]), (&json!(true), &json!(true), &json!([])));
        let event = seen["ledger"].as_array().unwrap().last().unwrap();
        assert_eq!((&event["transition"], &event["from"], &event["to"]), (&json!("X23"), &json!("prefiled"), &json!("withdrawn")));
        assert_eq!((&event["opinion"], &event["actor"]["person"]), (&json!("看错了"), &json!(c.patroller.person)));
        assert_eq!(event["facts"]["accepted_by"], json!(c.leader.person));
        // The author reads what happened, and nobody can go on with the case.
        assert_eq!(disposition(&c.patroller, &app, back).await, ("applied".into(), "review.accepted".into()));
        let told = row(&c.patroller, &app, "case", case).await;
        assert_eq!((&told["state"], &told["withdrawn"]), (&json!("withdrawn"), &json!(true)));
        let queue = app.get("/v1/cases?queue=shift_leader", &c.leader.token).await.expect(200).json;
        assert_eq!(queue["items"], json!([]));
        c.act(&app, case, "file", json!({"level": 2, "opinion": "立案"})).await.expect(409).expect_code("case.transition");
    }

    /// Rule: X23.
    async fn use_a01_a_withdrawal_of_a_filed_case_is_refused_to_the_reviewer(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (entry, record, case) = prefiled(&mut c, &app).await;
        c.step(&app, case, "file").await;
        let back = asked_back(&mut c.patroller, &app, entry, record).await;
        let refused = decide(&c, &app, back, "apply").await.expect(409);
        refused.expect_code("case.transition");
        assert_eq!(c.state(&app, case).await, "filed");
        assert_eq!(disposition(&c.patroller, &app, back).await.0, "review");
        // Rejected with words, the author reads them.
        decide(&c, &app, back, "reject").await.expect(200);
        let told = row(&c.patroller, &app, "disposition", back).await;
        assert_eq!((&told["state"], &told["reason"]["zh"]), (&json!("rejected"), &json!("已和本人核实")));
    }

    async fn use_a01_a_reviewer_of_another_area_cannot_accept_a_withdrawal(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (entry, record, case) = prefiled(&mut c, &app).await;
        let back = asked_back(&mut c.patroller, &app, entry, record).await;
        // The place was corrected to another district meanwhile.
        app.write(move |tx, _| Ok(tx.execute(
            "UPDATE case_file SET area = '220105010101' WHERE id = ?1",
            server::params![case.to_string()],
        )?)).await;
        app.recount().await;
        decide(&c, &app, back, "apply").await.expect(403).expect_code("auth.scope");
    }

    async fn use_a01_an_accepted_revision_is_the_report(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (entry, record, case) = prefiled(&mut c, &app).await;
        let mut text = report("井盖碎裂");
        text.matter = None;
        let mut late = c.patroller.entry_at(&app, inside(NEXT_CELL), &Payload::Report(text));
        (late.record, late.supersedes, late.after) = (record, Some(entry), Some(entry));
        let id = late.id;
        assert_eq!(send(&mut c.patroller, &app, late).await, ("review".into(), "case.moved_on".into()));
        decide(&c, &app, id, "apply").await.expect(200);
        let seen = c.case(&app, case).await;
        assert_eq!((&seen["text"], &seen["cell"], &seen["state"]), (&json!("井盖碎裂"), &json!(NEXT_CELL), &json!("prefiled")));
        assert_eq!((&seen["matter"]["code"], &seen["ledger_ok"]), (&json!("E0102"), &json!(true)), "what the acceptor set stays");
        let event = seen["ledger"].as_array().unwrap().last().unwrap();
        assert_eq!((&event["action"], &event["facts"]["accepted_by"]), (&json!("mend"), &json!(c.leader.person)));
        assert_eq!(disposition(&c.patroller, &app, id).await.0, "applied");
        // After filing (T5) it is too late, and nothing says otherwise.
        c.step(&app, case, "file").await;
        let mut later = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(report("第三次")));
        (later.record, later.supersedes, later.after) = (record, Some(id), Some(id));
        let id = later.id;
        send(&mut c.patroller, &app, later).await;
        decide(&c, &app, id, "apply").await.expect(409).expect_code("case.transition");
        assert_eq!(c.case(&app, case).await["text"], "井盖碎裂");
    }

    async fn use_a01_an_accepted_withdrawal_of_an_answer_opens_the_task_again(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let task = task(&c, &app).await;
        let answer = answer_entry(&mut c.patroller, &app, task, Answer::True);
        let (id, record) = (answer.id, answer.record);
        assert_eq!(send(&mut c.patroller, &app, answer).await.0, "applied");
        let back = asked_back(&mut c.patroller, &app, id, record).await;
        assert_eq!(disposition(&c.patroller, &app, back).await.1, "entry.withdraw_late");
        decide(&c, &app, back, "apply").await.expect(200);
        let seen = app.get(&format!("/v1/tasks/{task}"), &c.supervisor.token).await.expect(200).json;
        assert_eq!((&seen["state"], seen.get("answer")), (&json!("assigned"), None));
        assert_eq!(disposition(&c.patroller, &app, id).await, ("rejected".into(), "entry.withdrawn".into()));
        assert!(!row(&c.patroller, &app, "task", task).await.is_null(), "the task must be on the handset again");
        let second = answer_entry(&mut c.patroller, &app, task, Answer::NotTrue);
        assert_eq!(send(&mut c.patroller, &app, second).await.0, "applied");
    }

    async fn use_a01_an_answer_that_moved_a_case_is_not_withdrawn(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let case = c.registered(&app).await;
        let task = c.open_task(&app, case).await;
        let answer = answer_entry(&mut c.patroller, &app, task, Answer::True);
        let (id, record) = (answer.id, answer.record);
        send(&mut c.patroller, &app, answer).await;
        let back = asked_back(&mut c.patroller, &app, id, record).await;
        decide(&c, &app, back, "apply").await.expect(409).expect_code("task.state");
        assert_eq!(c.state(&app, case).await, "verified");
        assert_eq!(disposition(&c.patroller, &app, back).await.0, "review");
    }

    async fn use_a01_a_reviewed_activity_is_withdrawn_by_the_reviewer(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let now = app.now();
        let activity = Activity {
            category: "fitness".into(), title: "健步走".into(), starts: now.plus(-7_200_000), ends: now.plus(-3_600_000),
            place: "文化广场".into(), cell: None, organiser: "街道文体站".into(), participants: 60, summary: String::new(), photos: Vec::new(),
        };
        let entry = c.patroller.entry(&app, &Payload::Activity(activity));
        let (id, record) = (entry.id, entry.record);
        send(&mut c.patroller, &app, entry).await;
        let path = format!("/v1/activities/{record}/review");
        let body = json!({"version": 1, "decision": "approve"});
        app.post_json(&path, &c.supervisor.token, body).await.expect(200);
        let back = asked_back(&mut c.patroller, &app, id, record).await;
        decide(&c, &app, back, "apply").await.expect(200);
        let seen = app.get(&format!("/v1/activities/{record}"), &c.supervisor.token).await.expect(200).json;
        assert_eq!(seen["state"], "withdrawn");
        assert!(row(&c.patroller, &app, "activity", record).await.is_null());
    }

    async fn use_a01_the_withdrawal_of_a_check_in_can_only_be_rejected(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let entry = c.patroller.entry(&app, &Payload::CheckIn(CheckIn::default()));
        let (id, record) = (entry.id, entry.record);
        send(&mut c.patroller, &app, entry).await;
        let back = asked_back(&mut c.patroller, &app, id, record).await;
        decide(&c, &app, back, "apply").await.expect(409).expect_code("review.not_applicable");
        decide(&c, &app, back, "reject").await.expect(200);
        assert_eq!(disposition(&c.patroller, &app, back).await, ("rejected".into(), "review.rejected".into()));
    }

    /// Rule: X23.
    async fn use_a11_a_withdrawn_report_counts_as_withdrawn_only(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        c.reported(&app).await;
        let entry = c.patroller.entry_at(&app, inside(CELL), &Payload::Report(report("误报")));
        let (id, record) = (entry.id, entry.record);
        send(&mut c.patroller, &app, entry).await;
        let mut back = c.patroller.entry(&app, &Payload::Withdraw(Withdraw { entry: id, reason: "误报".into() }));
        (back.record, back.after) = (record, Some(id));
        assert_eq!(send(&mut c.patroller, &app, back).await.0, "applied");
        let counts = app.get("/v1/counts", &c.supervisor.token).await.expect(200).json;
        assert_eq!(counts["cases"], json!({"reported": 1, "withdrawn": 1}));
        let list = app.get("/v1/cases?queue=acceptor", &c.acceptor.token).await.expect(200).json;
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
    }

    /// Rule: X23. A case that an older program withdrew had a flag, no state.
    async fn use_a01_a_case_withdrawn_before_gets_its_state_and_event(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (old, open) = (c.reported(&app).await, c.reported(&app).await);
        app.write(move |tx, _| Ok(tx.execute(
            "UPDATE case_file SET withdrawn = TRUE WHERE id = ?1",
            server::params![old.to_string()],
        )?)).await;
        assert_eq!(server::cases::withdrawal::renew(&app.app).await.unwrap(), 1);
        assert_eq!(server::cases::withdrawal::renew(&app.app).await.unwrap(), 0);
        let seen = c.case(&app, old).await;
        assert_eq!((&seen["state"], &seen["ledger_ok"], &seen["version"]), (&json!("withdrawn"), &json!(true), &json!(2)));
        let event = seen["ledger"].as_array().unwrap().last().unwrap();
        assert_eq!((&event["transition"], &event["actor_name"]), (&json!("X23"), &json!("系统")));
        assert_eq!(row(&c.patroller, &app, "case", old).await["state"], "withdrawn");
        assert_eq!(c.state(&app, open).await, "reported");
    }

    async fn use_a12_an_accepted_check_in_of_an_ex_holder_counts_but_begins_no_duty(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let admin = app.staff(Role::Admin, c.city.district).await;
        let entry = c.patroller.entry(&app, &Payload::CheckIn(CheckIn::default()));
        let path = format!("/v1/posts/{}/holders/{}", c.patroller.post, c.patroller.person);
        let request = Request::delete(&path).header("authorization", format!("Bearer {}", admin.token));
        app.send(request.body(Body::empty()).unwrap()).await.expect(200);
        let id = entry.id;
        assert_eq!(send(&mut c.patroller, &app, entry).await, ("review".into(), "duty.not_holder".into()));
        app.advance_minutes(30);
        decide(&c, &app, id, "apply").await.expect(200);
        assert_eq!(disposition(&c.patroller, &app, id).await, ("applied".into(), "review.accepted".into()));
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM duty_period WHERE until - since = 1800000").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM presence WHERE present").await, 0);
    }

    async fn use_a03_the_author_reads_why_a_report_was_not_filed(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let (_, _, case) = prefiled(&mut c, &app).await;
        assert!(row(&c.patroller, &app, "case", case).await.get("reason").is_none());
        c.act(&app, case, "send_back", json!({"opinion": "内部意见"})).await.expect(200);
        assert!(row(&c.patroller, &app, "case", case).await.get("reason").is_none(), "not what the desks say to each other");
        let opinion = "不属于城市管理事项，请联系 13800138000";
        c.act(&app, case, "decline", json!({"opinion": opinion})).await.expect(200);
        let told = row(&c.patroller, &app, "case", case).await;
        assert_eq!(told["state"], "not_filed");
        let reason = told["reason"].as_str().unwrap();
        assert!(reason.starts_with("不属于城市管理事项") && !reason.contains("13800138000"), "{reason}");
    }

    async fn use_a09_a_late_answer_is_marked_late(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let (early, late) = (task(&c, &app).await, task(&c, &app).await);
        let case = c.registered(&app).await;
        let own = c.open_task(&app, case).await;
        let answer = answer_entry(&mut c.patroller, &app, early, Answer::True);
        send(&mut c.patroller, &app, answer).await;
        app.advance_minutes(100);
        c.patroller.sign_in(&app).await.expect(200);
        c.supervisor = app.staff(Role::Supervisor, c.city.district).await;
        for task in [late, own] {
            let answer = answer_entry(&mut c.patroller, &app, task, Answer::True);
            assert_eq!(send(&mut c.patroller, &app, answer).await.0, "applied");
        }
        for (task, is_late) in [(early, false), (late, true), (own, true)] {
            let seen = app.get(&format!("/v1/tasks/{task}"), &c.supervisor.token).await.expect(200).json;
            assert_eq!((&seen["answered_late"], &seen["overdue"]), (&json!(is_late), &json!(false)));
        }
        let seen = c.case(&app, case).await;
        assert_eq!(seen["tasks"][0]["answered_late"], true);
        assert_eq!(seen["ledger"].as_array().unwrap().last().unwrap()["facts"]["late"], true);
    }

    async fn use_a12_the_end_of_a_duty_is_told_with_its_time(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let admin = app.staff(Role::Admin, c.city.district).await;
        check_in(&mut c.patroller, &app).await;
        let began = app.now().0;
        assert_eq!(row(&c.patroller, &app, "presence", c.patroller.person).await["since"], json!(began));
        app.advance_minutes(10);
        let path = format!("/v1/posts/{}/holders/{}", c.patroller.post, c.patroller.person);
        let request = Request::delete(&path).header("authorization", format!("Bearer {}", admin.token));
        app.send(request.body(Body::empty()).unwrap()).await.expect(200);
        let told = row(&c.patroller, &app, "presence", c.patroller.person).await;
        assert_eq!((&told["present"], &told["since"]), (&json!(false), &json!(app.now().0)), "a handset must see that it is newer than its check-in");
        assert!(row(&c.patroller, &app, "post", c.patroller.post).await.is_null());
    }

    async fn use_a19_a_task_names_who_has_it(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        let mut second = app.holder(c.patroller.post).await;
        check_in(&mut c.patroller, &app).await;
        app.advance_minutes(1);
        check_in(&mut second, &app).await;
        let task = task(&c, &app).await;
        let person = second.person.to_string();
        let name: String = app.app.read(move |tx| Ok(tx.one(
            "SELECT name FROM person WHERE id = ?1", server::params![&person], |row| row.get("name"),
        )?)).await.unwrap();
        for client in [&c.patroller, &second] {
            let told = row(client, &app, "task", task).await;
            assert_eq!((&told["holder"], &told["holder_name"]), (&json!(second.person), &json!(name)));
        }
    }
}

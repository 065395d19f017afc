//! Answers from the field that are doubtful: applied, flagged, and closed only with a reason.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
mod support;

use centre::{CELL, DistrictFixture, answer_entry, check_in, inside, send};
use protocol::{
    duty::Answer,
    evidence::Position,
    ids::{CaseId, TaskId},
};
use serde_json::{Value, json};
use support::TestApp;

fn codes(flags: &Value) -> Vec<&str> {
    let all = flags.as_array().into_iter().flatten();
    all.map(|flag| flag["code"].as_str().or(flag.as_str()).unwrap())
        .collect()
}

/// The patroller answers the open task of a case, `north_m` metres from its place.
async fn answered_from(
    app: &TestApp,
    c: &mut DistrictFixture,
    case: CaseId,
    north_m: i32,
) -> (String, String) {
    let task = c.open_task(app, case).await;
    answered(app, c, (task, Answer::Rectified), north_m).await
}

/// The patroller answers a task, `north_m` metres from the middle of its cell.
async fn answered(
    app: &TestApp,
    c: &mut DistrictFixture,
    (task, said): (TaskId, Answer),
    north_m: i32,
) -> (String, String) {
    let mut answer = answer_entry(&mut c.patroller, app, task, said);
    let mut point = inside(CELL);
    point.lat += north_m * 90;
    answer.evidence.position = Some(Position {
        point,
        accuracy_cm: 800,
        provider: "gps".into(),
        mock: false,
        fix_time: app.now(),
        monotonic_ms: None,
    });
    send(&mut c.patroller, app, answer).await
}

both_engines! {
    async fn uc_02_a_check_answered_from_far_without_a_photo_is_applied_flagged_and_closed_with_a_reason(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let case = c.reported(&app).await;
        assert_eq!(codes(&c.case(&app, case).await["flags"]), Vec::<&str>::new());
        c.steps(&app, case, &["prefile", "file", "dispatch", "handle", "forward", "send_check"]).await;
        // 22 km away, without a photo: neither rejected nor silent.
        let said = answered_from(&app, &mut c, case, 22_000).await;
        assert_eq!(said, ("applied".into(), String::new()));
        let seen = c.case(&app, case).await;
        assert_eq!(codes(&seen["flags"]), ["far", "photo_missing"], "{seen}");
        let task = seen["tasks"].as_array().unwrap().last().unwrap()["task"].as_str().unwrap().to_owned();
        let task = app.get(&format!("/v1/tasks/{task}"), &c.supervisor.token).await.expect(200).json;
        assert_eq!(codes(&task["answer_flags"]), ["far", "photo_missing"]);
        // In the ledger, beside the answer.
        let ledger = seen["ledger"].as_array().unwrap();
        let step = ledger.iter().find(|event| event["transition"] == "T13").unwrap();
        assert_eq!(step["facts"]["flags"], json!(["far", "photo_missing"]), "{step}");
        // The department does not see doubts about the patroller.
        let theirs = app.get(&format!("/v1/cases/{case}"), &c.department.token).await.expect(200).json;
        assert_eq!(theirs["flags"], json!([]));
        // The shift leader closes it with a reason only.
        let refused = c.act(&app, case, "close", json!({})).await;
        assert_eq!((refused.status, refused.code()), (422, "case.guard"), "{refused:?}");
        c.act(&app, case, "close", json!({"opinion": "已电话核实，距离偏差系定位漂移"})).await.expect(200);
        assert_eq!(c.state(&app, case).await, "closed");
    }

    async fn uc_02_a_task_without_a_place_is_measured_to_its_cell(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        // The border is 50 m from the middle; 100 m beyond it are allowed.
        for (north_m, flags) in [(140, vec!["photo_missing"]), (170, vec!["far", "photo_missing"])] {
            let body = json!({"purpose": "verify", "wording": "请核实", "cell": CELL, "minutes": 60});
            let task = app.post_json("/v1/tasks", &c.supervisor.token, body).await.expect(200).json;
            let task = task["id"].as_str().unwrap().parse().unwrap();
            assert_eq!(answered(&app, &mut c, (task, Answer::True), north_m).await.0, "applied");
            let seen = app.get(&format!("/v1/tasks/{task}"), &c.supervisor.token).await.expect(200).json;
            assert_eq!(codes(&seen["answer_flags"]), flags, "{north_m}");
        }
    }

    async fn uc_02_a_check_answered_at_the_place_is_not_called_far(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let case = c.reported(&app).await;
        c.steps(&app, case, &["prefile", "file", "dispatch", "handle", "forward", "send_check"]).await;
        answered_from(&app, &mut c, case, 60).await;
        assert_eq!(codes(&c.case(&app, case).await["flags"]), ["photo_missing"]);
    }
}

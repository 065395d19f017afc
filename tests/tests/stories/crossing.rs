//! Answers that cross another action go to the review queue, and their author is notified.

use crate::stage::{self, HERE, StoryStage, at, invite, row};
use e2e::{city::City, handset::Handset, staff_api::StaffSession};
use protocol::{duty::Answer, ids::EntryId, role::Role};
use serde_json::{Value, json};
use terminal_core::{photos::PhotoSource, work::ItemState};

on_both_engines!(story_27_late_answer_goes_to_the_review_queue);

const CELL: &str = "220104010102";

/// Answers the only open task of this handset, offline.
fn answer_task(stage: &StoryStage, handset: &mut Handset, answer: Answer, seed: u64) -> EntryId {
    let terminal = handset.open().unwrap();
    let tasks = terminal.tasks().unwrap();
    let task = tasks.iter().find(|task| task.answered.is_none()).unwrap();
    let mut draft = task.begin_answer(answer).unwrap();
    draft
        .text("现场看过")
        .add_photo(PhotoSource::Path(&stage.small_photo(seed)))
        .unwrap();
    draft.submit().unwrap().item
}

fn case(desk: &StaffSession, id: &str) -> Value {
    desk.get(&format!("/v1/cases/{id}")).unwrap()
}

fn register(city: &City, acceptor: &StaffSession) -> String {
    let body = json!({"matter": "E0102", "cell": CELL, "text": "居民来电：垃圾无人清理",
        "caller": {"name": "来电人", "phone": "000-1234567"}});
    let made = acceptor.post("/v1/cases", &body).unwrap();
    assert_eq!(made["state"], "verifying");
    assert_eq!(
        made["area"].as_str().unwrap().get(..6),
        Some(e2e::city::DISTRICT),
        "{}",
        city.district
    );
    made["id"].as_str().unwrap().to_owned()
}

fn story_27_late_answer_goes_to_the_review_queue(stage: &StoryStage) {
    let city = stage.city();
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    let leader = stage::desk(&city, "zhiban", Role::ShiftLeader);
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    // Two terminals of one holder: the case moves on through one while the other has no network.
    let post = invite(&city, "127");
    let second = city.invite(&post.number, &post.post, &post.person).unwrap();
    let mut quick = stage.handset(&city, &post, "quick", None, None);
    let mut late = stage.handset(&city, &second, "late", None, None);
    quick.open().unwrap().check_in(Some(at(&city, CELL)), "").unwrap();
    assert!(quick.sync().unwrap().is_success());

    // A citizen's report, verified as true by one terminal and answered as not true by the other, which was
    // offline.
    let id = register(&city, &acceptor);
    assert!(late.sync().unwrap().is_success());
    assert!(quick.sync().unwrap().is_success());
    let late_answer = answer_task(stage, &mut late, Answer::NotTrue, 271);
    answer_task(stage, &mut quick, Answer::True, 272);
    assert!(quick.sync().unwrap().is_success());
    assert_eq!(case(&acceptor, &id)["state"], "verified");
    assert!(late.sync().unwrap().is_success());
    let stood = case(&acceptor, &id);
    assert_eq!(
        (&stood["state"], &stood["ledger_ok"]),
        (&json!("verified"), &json!(true)),
        "the late answer must not be applied"
    );
    let ItemState::Review(Some(reason)) = row(&mut late, late_answer).state else {
        panic!("must be in review: {:?}", row(&mut late, late_answer).state)
    };
    assert_eq!(reason.code, "task.late");
    assert!(reason.zh.contains("由中心决定"));
    assert_eq!(
        row(&mut late, late_answer).photos_sent,
        1,
        "nothing may be dropped"
    );

    // It is in the review queue with its photo; a person decides, and its author sees the reason.
    let lane = leader.all("/v1/review").unwrap();
    assert_eq!(lane.len(), 1);
    assert_eq!(lane[0]["entry"], json!(late_answer));
    assert_eq!(lane[0]["content"]["payload"]["answer"], "not_true");
    assert_eq!(lane[0]["photos_held"].as_array().unwrap().len(), 1);
    let path = format!("/v1/review/{late_answer}");
    let refused = leader
        .try_post(&path, &json!({"decision": "apply"}))
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (refused.status, refused.code.as_str()),
        (409, "task.state"),
        "the late answer cannot be applied any more"
    );
    leader
        .post(&path, &json!({"decision": "reject", "reason": "同岗位已先反馈"}))
        .unwrap();
    let settled = leader
        .try_post(&path, &json!({"decision": "reject", "reason": "再说一次"}))
        .unwrap()
        .unwrap_err();
    assert_eq!(settled.code, "review.settled");
    assert!(late.sync().unwrap().is_success());
    let ItemState::Returned(reason) = row(&mut late, late_answer).state else {
        panic!("must be rejected: {:?}", row(&mut late, late_answer).state)
    };
    assert!(reason.zh.contains("同岗位已先反馈"), "{reason:?}");

    // A supervisor cancels a task while its answer is on the way.
    let body = json!({"purpose": "inspect", "wording": "请核验", "cell": CELL, "minutes": 60});
    let task = supervisor.post("/v1/tasks", &body).unwrap();
    assert_eq!(task["state"], "assigned");
    assert!(late.sync().unwrap().is_success());
    let crossing = answer_task(stage, &mut late, Answer::True, 273);
    supervisor
        .post(
            &format!("/v1/tasks/{}/cancel", task["id"].as_str().unwrap()),
            &json!({}),
        )
        .unwrap();
    assert!(late.sync().unwrap().is_success());
    let shown = row(&mut late, crossing);
    assert!(
        matches!(&shown.state, ItemState::Review(Some(reason)) if reason.code == "task.late"),
        "{:?}",
        shown.state
    );
    let view = supervisor
        .get(&format!("/v1/tasks/{}", task["id"].as_str().unwrap()))
        .unwrap();
    assert_eq!(
        (&view["state"], &view["answer"]),
        (&json!("cancelled"), &Value::Null)
    );
    // A supervisor of another street does not see it.
    let street = city.admin.post(
        "/v1/orgs",
        &json!({"parent": city.district, "kind": "street", "name": "清和街道", "area": "22010402"}),
    );
    let elsewhere = city
        .staff(
            "qinghe",
            "清和督导",
            Role::Supervisor,
            street.unwrap()["id"].as_str().unwrap(),
        )
        .unwrap();
    let elsewhere = city.sign_in(&elsewhere).unwrap();
    assert!(
        elsewhere.all("/v1/review").unwrap().is_empty(),
        "{HERE} is outside their area"
    );
}

//! The server's messages reach the handset, however late and in whatever order, and never delete what is only
//! on the handset.

use crate::{
    converged::assert_converged,
    intercepting_transport::InterceptingTransport,
    stage::{
        self, HERE, ManualClock, StoryStage, at, cases, completeness, entries, file, invite, line, photos,
        row,
    },
    wire::WireClient,
};
use e2e::{handset::Handset, line::LineFault, staff_api::StaffSession};
use protocol::{
    duty::Answer,
    ids::{EntryId, TaskId},
    role::Role,
};
use serde_json::{Value, json};
use terminal_core::{
    photos::PhotoSource,
    transport::TransportError,
    work::{ItemState, Withdrawal},
};

on_both_engines!(
    story_11_pull_never_deletes_a_photo_that_was_not_delivered,
    story_14_late_rejection_reaches_its_author_and_deletes_nothing,
    story_26_cancelled_task_disappears_and_never_comes_back,
    story_28_late_answers_of_two_people_out_of_order_overwrite_nothing,
);

const CELL: &str = "220104010101";
const DAY: i64 = 86_400_000;

fn photos_here(handset: &mut Handset, id: EntryId) -> usize {
    let photos = handset.open().unwrap().store().item(id).unwrap().unwrap().photos;
    let folder = handset.open().unwrap().photo_folder().clone();
    photos
        .iter()
        .filter(|photo| folder.read(photo.sha256).is_ok())
        .count()
}

fn act(desk: &StaffSession, case: &str, action: &str, facts: Value) {
    let mut body = facts;
    body["action"] = json!(action);
    body["expected_version"] = desk.get(&format!("/v1/cases/{case}")).unwrap()["version"].clone();
    desk.post(&format!("/v1/cases/{case}/actions"), &body).unwrap();
}

fn story_11_pull_never_deletes_a_photo_that_was_not_delivered(stage: &StoryStage) {
    let mut city = stage.plain_city();
    let line = line(&city);
    let clock = ManualClock::now();
    let mut handset = stage.patroller_by(&city, "111", Some(&line), &clock);
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    let id = file(
        &city,
        &mut handset,
        "照片未到",
        &[stage.small_photo(1), stage.small_photo(2)],
    );
    let stay = |handset: &mut Handset, why: &str| {
        assert_eq!(photos_here(handset, id), 2, "{why}");
        let shown = row(handset, id);
        assert_eq!(
            (shown.state, shown.photos_sent),
            (ItemState::PhotosPending, 0),
            "{why}"
        );
    };

    line.set(LineFault::LoseAnswer("POST /v1/field/photos".into()));
    let report = handset.sync().unwrap();
    assert_eq!((report.entries_received, report.photos_received), (1, 0));
    stay(&mut handset, "after the text was delivered");

    // The centre continues with the case, and the handset is notified.
    let case = acceptor.all("/v1/cases").unwrap()[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    act(&acceptor, &case, "prefile", json!({}));
    let pulled = handset.sync().unwrap();
    assert!(pulled.rows_pulled > 0, "{pulled:?}");
    stay(&mut handset, "after a message about its case");

    // A pull from the beginning, after the server's epoch was renewed.
    assert!(city.server.stop().unwrap());
    city.server.renew_epoch().unwrap();
    city.server.start().unwrap();
    let cursor = handset.open().unwrap().store().cursor().unwrap();
    handset.sync().unwrap();
    assert_ne!(handset.open().unwrap().store().cursor().unwrap(), cursor);
    stay(&mut handset, "after a pull from the beginning");

    // A month passes, with restarts of the app.
    clock.advance(31 * DAY);
    handset.open().unwrap().forget_old().unwrap();
    handset.kill();
    stay(&mut handset, "after a month");
    handset.sync().unwrap();
    stay(&mut handset, "after a month and a sync");

    line.set(LineFault::Good);
    assert!(handset.sync().unwrap().is_success());
    let shown = row(&mut handset, id);
    assert_eq!((shown.photos_sent, photos(&city), cases(&city)), (2, (2, 2), 1));
    assert_converged(&city, &mut handset);
}

fn story_14_late_rejection_reaches_its_author_and_deletes_nothing(stage: &StoryStage) {
    let city = stage.city();
    let clock = ManualClock::now();
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    let leader = stage::desk(&city, "zhiban", Role::ShiftLeader);
    let manager = city
        .post("141", "体育岗", "李管理员", Role::SportsManager, &[HERE])
        .unwrap();
    let mut handset = stage.handset(&city, &manager, "141", None, Some(&clock));
    let (record, id) = {
        let mut draft = stage::activity(&mut handset);
        draft
            .add_photo(PhotoSource::Path(&stage.small_photo(14)))
            .unwrap();
        let filed = draft.submit().unwrap();
        (filed.record, filed.item)
    };
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(row(&mut handset, id).state, ItemState::Received);
    let (_, bytes) = handset.open().unwrap().store().entry(id).unwrap();

    // The review happens three days later.
    clock.advance(3 * DAY);
    let path = format!("/v1/activities/{record}/review");
    let back = json!({"version": 1, "decision": "return", "reason": "人数与照片不符，请核实"});
    supervisor.post(&path, &back).unwrap();
    assert_eq!(
        row(&mut handset, id).state,
        ItemState::Received,
        "the handset has no later message"
    );
    assert!(handset.sync().unwrap().is_success());
    let is_returned = |handset: &mut Handset| {
        let shown = row(handset, id);
        assert!(shown.needs_author());
        let ItemState::Returned(reason) = shown.state else {
            panic!("must be rejected: {:?}", shown.state)
        };
        assert!(reason.zh.contains("人数与照片不符"), "{reason:?}");
        assert_eq!(photos_here(handset, id), 1);
        assert_eq!(
            handset.open().unwrap().store().entry(id).unwrap().1,
            bytes,
            "the local copy must stay"
        );
    };
    is_returned(&mut handset);
    assert_eq!(handset.open().unwrap().status().unwrap().returned, 1);

    // It is listed for its author for more than a month, over restarts and pulls.
    clock.advance(40 * DAY);
    handset.open().unwrap().forget_old().unwrap();
    handset.kill();
    is_returned(&mut handset);
    assert!(handset.sync().unwrap().is_success());
    is_returned(&mut handset);

    // It can be revised, including its photo.
    let mended = {
        let mut draft = handset.open().unwrap().revise_activity(record).unwrap();
        assert_eq!(
            (draft.content().title.as_str(), draft.photos().len()),
            ("社区健步走", 1)
        );
        draft.participants(40);
        draft.submit().unwrap().item
    };
    assert!(handset.sync().unwrap().is_success());
    supervisor
        .post(&path, &json!({"version": 2, "decision": "approve"}))
        .unwrap();
    assert!(handset.sync().unwrap().is_success());
    assert!(matches!(row(&mut handset, id).state, ItemState::Revised(_)));
    assert_eq!(row(&mut handset, mended).state, ItemState::Received);

    // A rejection from the review queue reaches its author too: a check-in of a holder who was relieved
    // meanwhile.
    let relieved = invite(&city, "142");
    let mut handset = stage.handset(&city, &relieved, "142", None, None);
    let check_in = handset
        .open()
        .unwrap()
        .check_in(Some(at(&city, CELL)), "")
        .unwrap()
        .id;
    let gone = format!("/v1/posts/{}/holders/{}", relieved.post, relieved.person);
    city.admin.delete(&gone).unwrap();
    assert!(handset.sync().unwrap().is_success());
    assert!(matches!(
        row(&mut handset, check_in).state,
        ItemState::Review(Some(_))
    ));
    let refused = json!({"decision": "reject", "reason": "当日已由他人顶岗"});
    leader.post(&format!("/v1/review/{check_in}"), &refused).unwrap();
    assert!(handset.sync().unwrap().is_success());
    let ItemState::Returned(reason) = row(&mut handset, check_in).state else {
        panic!("must be rejected: {:?}", row(&mut handset, check_in).state)
    };
    assert!(reason.zh.contains("当日已由他人顶岗"), "{reason:?}");
    assert_converged(&city, &mut handset);
}

fn story_26_cancelled_task_disappears_and_never_comes_back(stage: &StoryStage) {
    let mut city = stage.city();
    let supervisor = stage::desk(&city, "dudao", Role::Supervisor);
    let mut handset = stage.patroller(&city, "126", None);
    handset
        .open()
        .unwrap()
        .check_in(Some(at(&city, CELL)), "")
        .unwrap();
    assert!(handset.sync().unwrap().is_success());
    let issue = |wording: &str| -> TaskId {
        let body = json!({"purpose": "inspect", "wording": wording, "cell": CELL, "minutes": 600});
        let task = supervisor.post("/v1/tasks", &body).unwrap();
        task["id"].as_str().unwrap().parse().unwrap()
    };
    let cancel = |task: TaskId| {
        supervisor
            .post(&format!("/v1/tasks/{task}/cancel"), &json!({}))
            .unwrap()
    };
    let shown = |handset: &mut Handset| -> Vec<TaskId> {
        let tasks = handset.open().unwrap().tasks().unwrap();
        let mut shown: Vec<TaskId> = tasks.iter().map(terminal_core::work::HandsetTask::id).collect();
        shown.sort_unstable();
        shown
    };
    let (stays, goes) = (issue("留下"), issue("取消"));
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(shown(&mut handset), [stays, goes]);
    // The answer was started before the task was cancelled.
    let answer = {
        let task = handset.open().unwrap().task(goes).unwrap();
        let mut draft = task.begin_answer(Answer::True).unwrap();
        draft.text("写到一半").save().unwrap();
        draft.id()
    };
    cancel(goes);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(shown(&mut handset), [stays]);

    // It does not come back with a second pull, a restart, or a pull from the beginning.
    assert!(handset.sync().unwrap().is_success());
    handset.kill();
    assert_eq!(shown(&mut handset), [stays]);
    assert!(city.server.stop().unwrap());
    city.server.renew_epoch().unwrap();
    city.server.start().unwrap();
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(shown(&mut handset), [stays]);
    assert_converged(&city, &mut handset);

    // The started answer is still there, goes to the review queue, and does not reopen the task.
    let id = handset
        .open()
        .unwrap()
        .answer_draft(answer)
        .unwrap()
        .submit()
        .unwrap()
        .item;
    assert!(handset.sync().unwrap().is_success());
    assert!(matches!(row(&mut handset, id).state, ItemState::Review(Some(_))));
    assert_eq!(
        supervisor.get(&format!("/v1/tasks/{goes}")).unwrap()["state"],
        "cancelled"
    );
    assert_eq!(shown(&mut handset), [stays]);

    // A backup, and after it a new task, the end of the old one, and a report.
    assert!(city.server.stop().unwrap());
    stage.back_up();
    city.server.start().unwrap();
    let later = issue("备份之后");
    cancel(stays);
    let report = file(&city, &mut handset, "备份之后上报", &[stage.small_photo(26)]);
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(shown(&mut handset), [later]);
    assert!(city.server.stop().unwrap());
    stage.restore();
    city.server.renew_epoch().unwrap();
    city.server.start().unwrap();
    assert!(handset.sync().unwrap().is_success());
    assert_eq!(
        shown(&mut handset),
        [stays],
        "the handset must show the server's current tasks only"
    );
    assert_converged(&city, &mut handset);
    assert_eq!(
        (cases(&city), photos(&city)),
        (1, (1, 1)),
        "the report must be delivered again, once"
    );
    assert_eq!(row(&mut handset, report).state, ItemState::Received);
    cancel(stays);
    for _ in 0..2 {
        assert!(handset.sync().unwrap().is_success());
        assert_eq!(shown(&mut handset), []);
    }
    assert_converged(&city, &mut handset);
    assert_eq!(entries(&city), 3, "expected a check-in, an answer and a report");
}

fn story_28_late_answers_of_two_people_out_of_order_overwrite_nothing(stage: &StoryStage) {
    let city = stage.city();
    let acceptor = stage::desk(&city, "shouli", Role::Acceptor);
    let leader = stage::desk(&city, "zhiban", Role::ShiftLeader);
    // Two people hold one post, each with a terminal.
    let first = invite(&city, "128");
    let body =
        json!({"name": "搭档", "org": city.district, "roles": [{"role": "patroller", "org": city.district}]});
    let other = city.admin.post("/v1/people", &body).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    city.admin
        .post(
            &format!("/v1/posts/{}/holders", first.post),
            &json!({"person": other}),
        )
        .unwrap();
    let second = city.invite("128", &first.post, &other).unwrap();
    let (hand_a, hand_b) = (ManualClock::now(), ManualClock::now());
    let mut a = stage.handset(&city, &first, "128-a", None, Some(&hand_a));
    let mut b = stage.handset(&city, &second, "128-b", None, Some(&hand_b));
    for handset in [&mut a, &mut b] {
        handset
            .open()
            .unwrap()
            .check_in(Some(at(&city, CELL)), "")
            .unwrap();
        assert!(handset.sync().unwrap().is_success());
    }
    let body = json!({"matter": "E0102", "cell": CELL, "text": "居民来电：垃圾无人清理",
        "caller": {"name": "来电人", "phone": "000-1234567"}});
    let case = acceptor.post("/v1/cases", &body).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = |handset: &mut Handset, answer: Answer, seed: u64| -> EntryId {
        let task = handset.open().unwrap().tasks().unwrap().remove(0);
        let mut draft = task.begin_answer(answer).unwrap();
        draft
            .text("现场看过")
            .add_photo(PhotoSource::Path(&stage.small_photo(seed)))
            .unwrap();
        draft.submit().unwrap().item
    };
    for handset in [&mut a, &mut b] {
        assert!(handset.sync().unwrap().is_success());
        assert_eq!(
            handset.open().unwrap().tasks().unwrap().len(),
            1,
            "both must see the task"
        );
    }
    // The story lasts six days, so the server's rows are moved six days back.
    let ago = 6 * DAY;
    stage.sql(&format!(
        "UPDATE task SET issued = issued - {ago}, resolved = resolved - {ago};
         UPDATE task_lease SET since = since - {ago};"
    ));
    // Offline: one answers after a day, the other after two; one also files a report, which is sent without
    // getting a response, and withdraws it.
    hand_a.advance(DAY);
    let early = answer(&mut a, Answer::True, 281);
    hand_b.advance(2 * DAY);
    let late = answer(&mut b, Answer::NotTrue, 282);
    let mistaken = file(&city, &mut b, "看错了", &[]);
    let account = b.open().unwrap().account().clone();
    let nobody_hears = InterceptingTransport::of(&account, |request, pass| match request.path.as_str() {
        "/v1/field/push" => Err(TransportError::Cut("connection lost".into())),
        _ => pass(),
    });
    assert!(!b.sync_over(&nobody_hears).unwrap().is_success());
    let Withdrawal::Requested { id: back } = b.open().unwrap().withdraw(mistaken, "看错了").unwrap()
    else {
        panic!("must be a withdrawal request, because the server may have the report")
    };
    hand_a.advance(5 * DAY);
    hand_b.advance(3 * DAY);

    // Out of order: the withdrawal before the report, the later answer before the earlier one.
    let (_, bytes) = b.open().unwrap().store().entry(back).unwrap();
    let (status, said) = WireClient::of(&city, &mut b).push(&[&bytes]);
    assert_eq!((status, said["receipts"].as_array().unwrap().len()), (200, 1));
    let holes = completeness(&city, &mut b);
    assert_eq!(
        holes["mark"]["holes"],
        json!([[2, 3]]),
        "the server must report the missing number: {holes}"
    );
    assert_eq!(cases(&city), 1, "the withdrawn report must not be a case yet");
    assert!(b.sync().unwrap().is_success());
    assert_eq!(
        completeness(&city, &mut b)["mark"],
        json!({"upto": 4, "highest": 4})
    );
    assert_eq!(row(&mut b, mistaken).state, ItemState::Withdrawn);
    assert_eq!(row(&mut b, late).state, ItemState::Received);
    let view = acceptor.get(&format!("/v1/cases/{case}")).unwrap();
    assert_eq!(
        (&view["state"], &view["ledger_ok"]),
        (&json!("not_filed"), &json!(true))
    );

    // The earlier answer arrives days later: it overwrites nothing and goes to the review queue.
    assert!(a.sync().unwrap().is_success());
    let ItemState::Review(Some(reason)) = row(&mut a, early).state else {
        panic!("must be in review: {:?}", row(&mut a, early).state)
    };
    assert_eq!(
        (reason.code.as_str(), row(&mut a, early).photos_sent),
        ("task.late", 1)
    );
    let now = acceptor.get(&format!("/v1/cases/{case}")).unwrap();
    assert_eq!(
        (&now["state"], &now["version"]),
        (&view["state"], &view["version"])
    );
    let lane = leader.all("/v1/review").unwrap();
    assert_eq!(lane.len(), 1);
    assert_eq!(
        (&lane[0]["entry"], &lane[0]["content"]["payload"]["answer"]),
        (&json!(early), &json!("true"))
    );
    let path = format!("/v1/review/{early}");
    leader
        .post(&path, &json!({"decision": "reject", "reason": "同岗位已先反馈"}))
        .unwrap();
    assert!(a.sync().unwrap().is_success());
    assert!(matches!(row(&mut a, early).state, ItemState::Returned(_)));
    assert!(b.sync().unwrap().is_success());
    for handset in [&mut a, &mut b] {
        assert_converged(&city, handset);
    }
    assert_eq!(
        (entries(&city), photos(&city)),
        (6, (2, 2)),
        "expected two check-ins, two answers, a report and its withdrawal"
    );
}

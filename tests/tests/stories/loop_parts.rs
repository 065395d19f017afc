//! Two parts of the loop: an activity record and its review, and an inspection task of a supervisor.

use crate::{
    stage::{StoryStage, real_now},
    transcript::{CentreMember, Transcript, at, enroll, items, tasks, text},
};
use e2e::city::City;
use protocol::{
    codes::{CellCode, CommunityCode},
    role::Role,
};
use serde_json::json;

/// An activity record is returned with a reason, revised as a new version, and approved.
pub fn activities(
    transcript: &mut Transcript,
    city: &City,
    stage: &StoryStage,
    supervisor: &CentreMember,
    photo: &str,
    areas: &[&str],
) {
    transcript.heading(
        "社区体育管理员：活动记录被退回、修改、通过 / an activity record: returned, revised, approved",
    );
    let invited = city
        .post("3001", "体育岗", "李管理员", Role::SportsManager, areas)
        .unwrap();
    let manager = stage.path("sports-manager");
    enroll(transcript, &manager, &invited, None);
    let day = real_now().plus(-86_400_000).civil().date();
    let (starts, ends) = (format!("{day} 09:00"), format!("{day} 11:00"));
    let (code, _) = transcript.xunge(
        &manager,
        &["activity", "--category", "fitness", "--title", "晨练", "--save"],
    );
    assert_eq!(code, 0);
    let filed = [
        "activity",
        "--category",
        "fitness",
        "--title",
        "社区健步走",
        "--starts",
        &starts,
        "--ends",
        &ends,
        "--place",
        "社区广场",
        "--organiser",
        "社区居委会",
        "--participants",
        "400",
        "--fewer-photos",
        "--photo",
        photo,
    ];
    transcript.run_ok(&manager, &filed);
    transcript.run_ok(&manager, &["sync"]);
    let waiting = supervisor.desk.all("/v1/activities?state=submitted").unwrap();
    assert_eq!(waiting.len(), 1);
    let record = text(&waiting[0], "/record").to_owned();
    let path = format!("/v1/activities/{record}/review");
    let silent = transcript
        .post(supervisor, &path, &json!({"version": 1, "decision": "return"}))
        .unwrap_err();
    assert_eq!(
        silent.code, "request.invalid",
        "a return without a reason must be refused"
    );
    let back = json!({"version": 1, "decision": "return", "reason": "人数与照片不符，请核实"});
    transcript.post(supervisor, &path, &back).unwrap();
    transcript.run_ok(&manager, &["sync"]);
    let said = transcript.run_ok(&manager, &["queue"]);
    assert!(
        said.contains("人数与照片不符"),
        "the author must see the reason: {said}"
    );
    let returned = items(&manager)
        .into_iter()
        .find(|item| item["state"] == "returned")
        .unwrap();
    let mend = [
        "activity",
        "--mend",
        text(&returned, "/id"),
        "--participants",
        "40",
        "--summary",
        "签到表已附",
        "--fewer-photos",
    ];
    transcript.run_ok(&manager, &mend);
    transcript.run_ok(&manager, &["sync"]);
    let stale = transcript
        .post(supervisor, &path, &json!({"version": 1, "decision": "approve"}))
        .unwrap_err();
    assert_eq!(
        stale.code, "activity.changed",
        "a decision about an older version must be refused"
    );
    transcript
        .post(supervisor, &path, &json!({"version": 2, "decision": "approve"}))
        .unwrap();
    transcript.run_ok(&manager, &["sync"]);
    transcript.run_ok(&manager, &["queue", "--all"]);
    let approved = items(&manager)
        .into_iter()
        .find(|item| item["review"] == "approved")
        .unwrap();
    assert_eq!(
        approved["record"],
        json!(record),
        "the revision must be a new version of the same record"
    );
    let view = supervisor.desk.get(&format!("/v1/activities/{record}")).unwrap();
    assert_eq!((&view["version"], &view["participants"]), (&json!(2), &json!(40)));
    assert_eq!(view["reviews"].as_array().unwrap().len(), 2);
    let draft = items(&manager)
        .into_iter()
        .find(|item| item["state"] == "draft")
        .unwrap();
    transcript.run_ok(&manager, &["withdraw", text(&draft, "/id")]);
}

/// A task for a cell where nobody is on duty goes to the first worker who checks in there; a late answer of
/// another terminal goes to the review queue.
pub fn supervision(
    transcript: &mut Transcript,
    city: &City,
    stage: &StoryStage,
    supervisor: &CentreMember,
    acceptor: &CentreMember,
    (beat, cell): (CommunityCode, CellCode),
) {
    transcript
        .heading("督导任务：先是无人在岗，给第一个签到的人 / a supervisor's task, first without an assignee");
    let question =
        json!({"purpose": "inspect", "wording": "请核验该处健身器材是否完好", "cell": cell, "minutes": 90});
    let refusal = transcript.post(acceptor, "/v1/tasks", &question).unwrap_err();
    assert_eq!((refusal.status, refusal.code.as_str()), (403, "auth.forbidden"));
    let nowhere =
        json!({"purpose": "inspect", "wording": "海上", "place": {"lat": 300_000_000, "lon": 1_250_000_000}});
    assert_eq!(
        transcript
            .post(supervisor, "/v1/tasks", &nowhere)
            .unwrap_err()
            .code,
        "place.outside_grid"
    );
    let task = transcript.post(supervisor, "/v1/tasks", &question).unwrap();
    let id = text(&task, "/id").to_owned();
    assert_eq!(task["state"], "nobody");
    assert_eq!(
        supervisor.desk.all("/v1/tasks?state=nobody").unwrap().len(),
        1,
        "the task must be listed without an assignee"
    );

    let area = beat.to_string();
    let post = |number: &str, name: &str, holder: &str| {
        city.post(number, name, holder, Role::Patroller, &[&area])
            .unwrap()
    };
    let (first, second) = (
        post("2002", "第二网格岗", "王巡查"),
        post("2003", "第三网格岗", "赵巡查"),
    );
    let twin = city.invite(&first.number, &first.post, &first.person).unwrap();
    let [one, two, other] = ["first", "second", "twin"].map(|name| stage.path(name));
    enroll(transcript, &one, &first, None);
    enroll(transcript, &two, &second, None);
    enroll(transcript, &other, &twin, None);
    assert!(tasks(&one).is_empty());
    let place = at(city, cell);
    for home in [&one, &two] {
        transcript.run_ok(home, &["check-in", "--at", &place]);
        transcript.run_ok(home, &["sync"]);
    }
    transcript.run_ok(&one, &["tasks"]);
    assert_eq!(
        tasks(&one).len(),
        1,
        "the first worker who checked in must get the task"
    );
    assert!(tasks(&two).is_empty(), "no other worker may get the task");
    let view = supervisor.desk.get(&format!("/v1/tasks/{id}")).unwrap();
    assert_eq!(
        (&view["state"], &view["post"]),
        (&json!("assigned"), &json!(first.post))
    );

    transcript.heading(
        "先到的回答办结任务，晚到的转人工核对 / the first answer closes the task, the late one goes to review",
    );
    transcript.run_ok(&other, &["sync"]);
    let short = &id[id.len() - 6..];
    transcript.run_ok(
        &other,
        &["answer", short, "不属实", "--text", "没有找到", "--fewer-photos"],
    );
    transcript.run_ok(
        &one,
        &["answer", short, "属实", "--text", "器材完好", "--fewer-photos"],
    );
    transcript.run_ok(&one, &["sync"]);
    let view = supervisor.desk.get(&format!("/v1/tasks/{id}")).unwrap();
    assert_eq!(
        (&view["state"], &view["answer"]),
        (&json!("answered"), &json!("true"))
    );
    transcript.run_ok(&other, &["sync"]);
    let said = transcript.run_ok(&other, &["queue"]);
    assert!(said.contains("人工核对"), "the author must be notified: {said}");
    assert!(
        tasks(&other).is_empty(),
        "the task must be closed on the other terminal"
    );
    let lane = supervisor.desk.all("/v1/review").unwrap();
    assert_eq!(lane.len(), 1);
    assert_eq!(text(&lane[0], "/reason/code"), "task.late");
    let entry = text(&lane[0], "/entry");
    let decided = json!({"decision": "reject", "reason": "以先到的反馈为准"});
    transcript
        .post(supervisor, &format!("/v1/review/{entry}"), &decided)
        .unwrap();
    transcript.run_ok(&other, &["sync"]);
    let said = transcript.run_ok(&other, &["queue"]);
    assert!(
        said.contains("以先到的反馈为准"),
        "the author must see the decision: {said}"
    );
    let view = supervisor.desk.get(&format!("/v1/tasks/{id}")).unwrap();
    assert_eq!(
        view["answer"], "true",
        "the late answer must not overwrite the first"
    );
}

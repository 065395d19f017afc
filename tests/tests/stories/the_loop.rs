//! The whole line, walked by hand: the command line `xunge` in the field, the HTTP API at the centre, on the real
//! grid of 朝阳区. What was typed and what was said is kept in `target/loop-transcript-ENGINE.txt`.

use crate::stage::{Stage, address, counts, real_now, xunge, xunge_json};
use e2e::{
    chance::Chance,
    city::{Account, City, Invited},
    handset::Handset,
    line::{Line, Weather},
    office::{Desk, Refusal},
    pictures::Album,
};
use protocol::{
    codes::{CellCode, CommunityCode},
    field::Invitation,
    photo::Sha256,
    role::Role,
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

on_both_engines!(the_loop_from_a_photo_in_a_cellar_to_a_closed_case);

/// What was done and said; written when it is dropped, so that a failed walk can be read as well.
struct Transcript {
    path: PathBuf,
    text: String,
}

impl Transcript {
    fn new(stage: &Stage) -> Self {
        let engine = if stage.is_postgres() { "postgres" } else { "sqlite" };
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        Self {
            path: target.join(format!("loop-transcript-{engine}.txt")),
            text: format!("The loop on {engine}\n"),
        }
    }
    fn say(&mut self, what: &str) {
        let _ = writeln!(self.text, "\n# {what}");
    }
    fn line(&mut self, what: &str) {
        let _ = writeln!(self.text, "{what}");
    }
    /// The command line for people: exit code and what it said.
    fn xunge(&mut self, home: &Path, args: &[&str]) -> (i32, String) {
        let output = xunge(home, args).output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let code = output.status.code().unwrap();
        let name = home.file_name().unwrap().to_string_lossy().into_owned();
        let folder = home.parent().unwrap().display().to_string();
        let shown: Vec<String> = args
            .iter()
            .map(|arg| {
                let arg = arg.replace(&format!("{folder}/"), "");
                if arg.len() > 120 {
                    format!("{}…", arg.chars().take(24).collect::<String>())
                } else {
                    arg
                }
            })
            .collect();
        let shown = shown.join(" ");
        self.line(&format!("$ xunge --home {name} {shown}"));
        self.line(&said.replace(&format!("{folder}/"), ""));
        if code != 0 {
            self.line(&format!("(exit code {code})"));
        }
        (code, said)
    }
    /// The same, where it must go well.
    fn well(&mut self, home: &Path, args: &[&str]) -> String {
        let (code, said) = self.xunge(home, args);
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    }
    /// A step at the centre.
    fn act(&mut self, desk: &Staffed, case: &str, action: &str, more: Value) -> Result<Value, Refusal> {
        let version = desk.version(case);
        let mut body = json!({"action": action, "expected_version": version, "opinion": "同意"});
        let shown = more.to_string();
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let answer = desk
            .desk
            .try_post(&format!("/v1/cases/{case}/actions"), &body)
            .unwrap();
        let said = match &answer {
            Ok(view) => format!(
                "200 {} {}",
                view["state"].as_str().unwrap(),
                view["state_zh"].as_str().unwrap()
            ),
            Err(refusal) => told(refusal),
        };
        self.line(&format!("{}> {action} {shown}\n  {said}", desk.account.name));
        answer
    }
    /// A step that must be refused with this code.
    fn refused(&mut self, desk: &Staffed, case: &str, action: &str, more: Value, code: &str) {
        let refusal = self.act(desk, case, action, more).expect_err(action);
        assert_eq!(refusal.code, code, "{action} by {}: {refusal}", desk.account.name);
    }
    fn post(&mut self, desk: &Staffed, path: &str, body: &Value) -> Result<Value, Refusal> {
        let answer = desk.desk.try_post(path, body).unwrap();
        let said = match &answer {
            Ok(view) => format!("200 {}", view["state"].as_str().unwrap_or_default()),
            Err(refusal) => told(refusal),
        };
        self.line(&format!("{}> POST {path} {body}\n  {said}", desk.account.name));
        answer
    }
}

fn told(refusal: &Refusal) -> String {
    let mut said = format!("{} {}", refusal.status, refusal.code);
    let errors = refusal.body["errors"].as_array().cloned().unwrap_or_default();
    let words = [&refusal.body["title"], &refusal.body["detail"]];
    for words in words.into_iter().chain(errors.iter().map(|error| &error["zh"])) {
        if let Some(words) = words.as_str().filter(|words| !words.is_empty()) {
            let _ = write!(said, " {words}");
        }
    }
    said
}

impl Drop for Transcript {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.path, &self.text);
    }
}

/// Somebody at the centre.
struct Staffed {
    account: Account,
    desk: Desk,
}

impl Staffed {
    fn hire(city: &City, account: &str, name: &str, role: Role, org: &str) -> Self {
        let account = city.staff(account, name, role, org).unwrap();
        let desk = city.sign_in(&account).unwrap();
        Self { account, desk }
    }
    /// The case's version as far as this person may see it; 1 for a stranger, who is refused anyway.
    fn version(&self, case: &str) -> i64 {
        let view = self.desk.get(&format!("/v1/cases/{case}"));
        view.ok().and_then(|view| view["version"].as_i64()).unwrap_or(1)
    }
}

/// A handset of the command line, in a folder that does not exist before.
fn enroll(script: &mut Transcript, home: &Path, invited: &Invited, through: Option<&str>) {
    let mut invitation = Invitation::from_text(&invited.invitation).unwrap();
    if let Some(address) = through {
        address.clone_into(&mut invitation.server);
    }
    script.well(home, &["enroll", &invitation.to_text().unwrap()]);
    script.well(home, &["sync"]);
}

fn at(city: &City, cell: CellCode) -> String {
    let (lat, lon) = city.pack.view().cell(cell).unwrap().centroid().degrees();
    format!("{lat:.7},{lon:.7},8")
}

/// Two communities of many cells, and the first cell of each.
fn beats(city: &City) -> [(CommunityCode, CellCode); 2] {
    let mut found = Vec::new();
    for (community, _) in city.communities() {
        let mut cells = city
            .pack
            .view()
            .cells()
            .map(|c| c.code)
            .filter(|c| c.community() == community);
        if let (Some(first), Some(_)) = (cells.next(), cells.next()) {
            found.push((community, first));
        }
    }
    [found[0], found[found.len() / 2]]
}

fn items(home: &Path) -> Vec<Value> {
    let (code, said) = xunge_json(home, &["queue", "--all"]);
    assert_eq!(code, 0);
    said["items"].as_array().unwrap().clone()
}

fn item(home: &Path, kind: &str) -> Value {
    items(home)
        .into_iter()
        .find(|item| item["kind"] == kind)
        .unwrap_or_else(|| panic!("no {kind}"))
}

fn tasks(home: &Path) -> Vec<Value> {
    let (code, said) = xunge_json(home, &["tasks"]);
    assert_eq!(code, 0);
    said["tasks"].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value
        .pointer(at)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{at} in {value}"))
}

fn the_loop_from_a_photo_in_a_cellar_to_a_closed_case(stage: &Stage) {
    let mut script = Transcript::new(stage);
    let album = Album::load().unwrap();
    let mut chance = Chance::new(20_261_122);
    let mut shoot = |name: &str| {
        let path = stage.path(name);
        album.crop_to(&mut chance, &path).unwrap();
        path.display().to_string()
    };
    let database = stage.setup().database;
    let city = City::found(&stage.path("server"), database.as_deref(), |_| {}).unwrap();
    let line = Line::to(city.server.address()).unwrap();
    let through = address(&city, &line);
    let [(here, cell), (beat, far_cell)] = beats(&city);

    // The people.
    let team = city.department("环卫处置队").unwrap();
    let others = city.department("园林处置队").unwrap();
    let elsewhere = city.admin.all("/v1/orgs").unwrap();
    let elsewhere = elsewhere
        .iter()
        .find(|org| org["kind"] == "district" && org["id"] != json!(city.district))
        .map(|org| text(org, "/id").to_owned())
        .unwrap();
    let hire =
        |account: &str, name: &str, role: Role, org: &str| Staffed::hire(&city, account, name, role, org);
    let acceptor = hire("shouli", "受理员", Role::Acceptor, &city.district);
    let stranger = hire("shouli-2", "别区受理员", Role::Acceptor, &elsewhere);
    let leader = hire("zhiban", "值班长", Role::ShiftLeader, &city.district);
    let centre = hire("zhihui", "指挥中心", Role::CommandCentre, &city.district);
    let department = hire("huanwei", "环卫处置队", Role::Department, &team);
    let other_team = hire("yuanlin", "园林处置队", Role::Department, &others);
    let supervisor = hire("dudao", "督导", Role::Supervisor, &city.district);

    // ------------------------------------------------------------------ the field
    script.say(
        "登记，同步：网格和类型到手 / enrolment and the first sync, through a line that the story breaks",
    );
    let areas = [here.to_string()];
    let areas: Vec<&str> = areas.iter().map(String::as_str).collect();
    let invited = city
        .post("2001", "第一网格岗", "张巡查", Role::Patroller, &areas)
        .unwrap();
    let patroller = stage.path("patroller");
    enroll(&mut script, &patroller, &invited, Some(&through));
    script.well(&patroller, &["status"]);

    script.say("进入地下室，没有网络 / into the cellar: no network");
    line.set(Weather::Down);
    let place = at(&city, cell);
    script.well(&patroller, &["check-in", "--at", &place]);
    let (code, said) = script.xunge(&patroller, &["check-in", "--at", &place]);
    assert_eq!(code, 1, "{said}");
    script.well(&patroller, &["where", &place]);
    assert_eq!(
        text(&xunge_json(&patroller, &["where", &place]).1, "/cell/code"),
        cell.as_str()
    );
    let (_, sea) = xunge_json(&patroller, &["where", "30.0,125.0"]);
    assert_eq!(
        text(&sea, "/answer"),
        "outside",
        "a point in the sea is in no cell"
    );
    let photos = [shoot("IMG_1.jpg"), shoot("IMG_2.jpg"), shoot("IMG_3.jpg")];
    let report = [
        "report",
        "--type",
        "暴露垃圾",
        "--text",
        "地下车库入口堆放垃圾",
        "--at",
        &place,
        "--photo",
        &photos[0],
        "--photo",
        &photos[1],
        "--photo",
        &photos[2],
    ];
    script.well(&patroller, &report);
    script.well(&patroller, &["queue"]);
    let (code, _) = script.xunge(&patroller, &["sync"]);
    assert_eq!(code, 3, "a sync without a network is no success");
    assert_eq!(item(&patroller, "report")["photos"]["named"], 3);
    assert_eq!(counts(&city)["cases"], json!({}));

    script.say("网络恢复，同步途中进程被 kill -9 / a network, and kill -9 in the middle of the sync");
    line.set(Weather::Stall(90_000));
    let faults = line.faults();
    let mut dying = xunge(&patroller, &["sync"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(line.wait_for_faults(faults + 1), "the line stalls in the middle");
    dying.kill().unwrap();
    dying.wait().unwrap();
    script.line("$ xunge --home patroller sync\n^ kill -9");
    script.well(&patroller, &["queue"]);
    assert_ne!(
        item(&patroller, "report")["photos"]["sent"],
        3,
        "killed before the end"
    );
    line.set(Weather::Good);
    script.well(&patroller, &["sync"]);
    script.well(&patroller, &["queue", "--all"]);
    let reported = item(&patroller, "report");
    assert_eq!(
        (text(&reported, "/state"), text(&reported, "/case_state")),
        ("received", "reported")
    );
    assert_eq!(reported["photos"], json!({"sent": 3, "named": 3}));

    // ------------------------------------------------------------------ the centre
    script.say("中心：受理到立案、派遣、处置 / the centre: from acceptance to handling");
    let queue = acceptor.desk.all("/v1/cases?queue=acceptor").unwrap();
    assert_eq!(queue.len(), 1, "one case, once");
    let case = text(&queue[0], "/id").to_owned();
    assert_eq!(text(&queue[0], "/number"), text(&reported, "/receipt_number"));
    script.line(&format!(
        "受理员> GET /v1/cases?queue=acceptor\n  200 {} 照片 {}/{}",
        queue[0]["number"], queue[0]["photos_held"], queue[0]["photos_named"]
    ));
    assert_eq!(
        stranger.desk.all("/v1/cases?queue=acceptor").unwrap(),
        Vec::<Value>::new()
    );
    script.refused(&leader, &case, "prefile", json!({}), "case.role");
    script.refused(&stranger, &case, "prefile", json!({}), "auth.scope");
    script.refused(&supervisor, &case, "close", json!({}), "case.role");
    script.refused(&leader, &case, "file", json!({"level": 2}), "case.transition");
    script.refused(
        &acceptor,
        &case,
        "prefile",
        json!({"expected_version": 7}),
        "case.changed",
    );
    script.act(&acceptor, &case, "prefile", json!({})).unwrap();
    script.refused(&leader, &case, "file", json!({"opinion": ""}), "case.guard");
    script.act(&leader, &case, "file", json!({"level": 2})).unwrap();
    script.refused(&centre, &case, "dispatch", json!({}), "case.guard");
    let order = json!({"department": team, "limit": {"amount": 4, "unit": "working_hour"}});
    script.refused(&acceptor, &case, "dispatch", order.clone(), "case.role");
    script.act(&centre, &case, "dispatch", order).unwrap();
    script.refused(&department, &case, "handle", json!({}), "case.guard");
    let after = std::fs::read(shoot("after.jpg")).unwrap();
    let attached = department
        .desk
        .upload("/v1/attachments", "image/jpeg", after.clone())
        .unwrap();
    assert_eq!(text(&attached, "/sha256"), Sha256::of(&after).to_string());
    script.line(&format!(
        "环卫处置队> POST /v1/attachments\n  200 {}",
        text(&attached, "/sha256")
    ));
    let handled = json!({"opinion": "已清运，现场恢复", "attachments": [attached["sha256"]]});
    script.refused(&other_team, &case, "handle", handled.clone(), "auth.scope");
    script.act(&department, &case, "handle", handled).unwrap();
    script.act(&centre, &case, "forward", json!({})).unwrap();
    let checking = script.act(&acceptor, &case, "send_check", json!({})).unwrap();
    assert_eq!(
        checking["tasks"][0]["state"], "assigned",
        "whoever is on duty in the cell has it"
    );

    script.say("核查任务到达现场，反馈 / the check task arrives in the field and is answered");
    script.well(&patroller, &["sync"]);
    script.well(&patroller, &["tasks", "--at", &place]);
    let task = text(&tasks(&patroller)[0], "/id").to_owned();
    let short = &task[task.len() - 6..];
    let (code, said) = script.xunge(&patroller, &["answer", short, "属实"]);
    assert_eq!(code, 1, "a check is not answered like a verification: {said}");
    line.set(Weather::Down);
    let proof = shoot("proof.jpg");
    script.well(
        &patroller,
        &[
            "answer",
            short,
            "已整改",
            "--text",
            "垃圾已清",
            "--photo",
            &proof,
            "--at",
            &place,
        ],
    );
    let (code, _) = script.xunge(&patroller, &["answer", short, "未整改"]);
    assert_eq!(code, 1, "answered once");
    line.set(Weather::Good);
    script.well(&patroller, &["sync"]);

    script.say("结案 / closing");
    script.refused(&leader, &case, "close", json!({"opinion": ""}), "case.guard");
    script
        .act(&leader, &case, "close", json!({"opinion": "处置前后对比一致"}))
        .unwrap();
    script.refused(&leader, &case, "close", json!({}), "case.transition");
    script.well(&patroller, &["sync"]);
    let said = script.well(&patroller, &["queue", "--all"]);
    assert!(said.contains("结案"), "the author sees how it ended: {said}");
    assert!(tasks(&patroller).is_empty());

    // ------------------------------------------------------------------ what everybody can check
    script.say("案卷的历史和照片 / the case's history and its photos");
    let view = leader.desk.get(&format!("/v1/cases/{case}")).unwrap();
    let ledger = view["ledger"].as_array().unwrap();
    for event in ledger {
        script.line(&format!(
            "  {} {} {} → {} {}",
            event["seq"],
            text(event, "/transition"),
            text(event, "/action"),
            text(event, "/to_zh"),
            text(event, "/actor_name")
        ));
    }
    let rows: Vec<&str> = ledger.iter().map(|event| text(event, "/transition")).collect();
    assert_eq!(rows, ["T1", "T4", "T5", "T9", "T10", "T11", "T12", "T13", "T14"]);
    assert_eq!((&view["ledger_ok"], &view["version"]), (&json!(true), &json!(9)));
    for event in ledger {
        assert!(
            !text(event, "/actor_name").is_empty() && event["at"].is_i64(),
            "{event}"
        );
    }
    assert_eq!(ledger[4]["attachments"], json!([attached["sha256"]]));
    assert_eq!(ledger[8]["opinion"], "处置前后对比一致");
    let mut own = Handset::at(&patroller);
    let mut hashes = Vec::new();
    for item in own.open().unwrap().store().items().unwrap() {
        hashes.extend(item.photos.iter().map(|photo| photo.sha256));
    }
    assert_eq!(hashes.len(), 4, "three of the report, one of the answer");
    for sha256 in hashes {
        let there = leader
            .desk
            .download(&format!("/v1/cases/{case}/photos/{sha256}"))
            .unwrap();
        assert!(
            there == own.open().unwrap().photo_folder().read(sha256).unwrap(),
            "byte for byte"
        );
        assert_eq!(Sha256::of(&there), sha256);
        script.line(&format!("  {sha256} {} bytes, equal on both sides", there.len()));
    }
    let there = leader
        .desk
        .download(&format!("/v1/cases/{case}/photos/{}", text(&attached, "/sha256")))
        .unwrap();
    assert!(there == after);
    let stranger_asks = stranger
        .desk
        .download(&format!("/v1/cases/{case}/photos/{}", text(&attached, "/sha256")));
    let refusal = stranger_asks.unwrap_err().downcast::<Refusal>().unwrap();
    assert_eq!((refusal.status, refusal.code.as_str()), (403, "auth.scope"));
    let nobody = city
        .office
        .get(&format!("/v1/cases/{case}"))
        .unwrap_err()
        .downcast::<Refusal>()
        .unwrap();
    assert_eq!((nobody.status, nobody.code.as_str()), (401, "auth.required"));

    activities(
        &mut script,
        &city,
        stage,
        &supervisor,
        &shoot("activity.jpg"),
        &areas,
    );
    supervision(
        &mut script,
        &city,
        stage,
        &supervisor,
        &acceptor,
        (beat, far_cell),
    );

    let counts = counts(&city);
    script.say("从外面数 / counted from outside");
    script.line(&counts.to_string());
    assert_eq!(counts["cases"], json!({"closed": 1}));
    assert_eq!(counts["photos"]["named"], counts["photos"]["held"]);
    assert_eq!(counts["activities"], json!({"approved": 1}));
    assert_eq!(counts["tasks"], json!({"answered": 2}));
}

/// A community sports manager's record comes back with words, is mended as a new version, and passes.
fn activities(
    script: &mut Transcript,
    city: &City,
    stage: &Stage,
    supervisor: &Staffed,
    photo: &str,
    areas: &[&str],
) {
    script.say("社区体育管理员：活动记录被退回、修改、通过 / an activity record: returned, mended, approved");
    let invited = city
        .post("3001", "体育岗", "李管理员", Role::SportsManager, areas)
        .unwrap();
    let manager = stage.path("sports-manager");
    enroll(script, &manager, &invited, None);
    let day = real_now().plus(-86_400_000).civil().date();
    let (starts, ends) = (format!("{day} 09:00"), format!("{day} 11:00"));
    let (code, _) = script.xunge(
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
        "--photo",
        photo,
    ];
    script.well(&manager, &filed);
    script.well(&manager, &["sync"]);
    let waiting = supervisor.desk.all("/v1/activities?state=submitted").unwrap();
    assert_eq!(waiting.len(), 1);
    let record = text(&waiting[0], "/record").to_owned();
    let path = format!("/v1/activities/{record}/review");
    let silent = script
        .post(supervisor, &path, &json!({"version": 1, "decision": "return"}))
        .unwrap_err();
    assert_eq!(
        silent.code, "request.invalid",
        "a return without a reason says nothing"
    );
    let back = json!({"version": 1, "decision": "return", "reason": "人数与照片不符，请核实"});
    script.post(supervisor, &path, &back).unwrap();
    script.well(&manager, &["sync"]);
    let said = script.well(&manager, &["queue"]);
    assert!(said.contains("人数与照片不符"), "the author reads why: {said}");
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
    ];
    script.well(&manager, &mend);
    script.well(&manager, &["sync"]);
    let stale = script
        .post(supervisor, &path, &json!({"version": 1, "decision": "approve"}))
        .unwrap_err();
    assert_eq!(
        stale.code, "activity.changed",
        "what was looked at is not in force any more"
    );
    script
        .post(supervisor, &path, &json!({"version": 2, "decision": "approve"}))
        .unwrap();
    script.well(&manager, &["sync"]);
    script.well(&manager, &["queue", "--all"]);
    let approved = items(&manager)
        .into_iter()
        .find(|item| item["review"] == "approved")
        .unwrap();
    assert_eq!(
        approved["record"],
        json!(record),
        "a new version of the same record"
    );
    let view = supervisor.desk.get(&format!("/v1/activities/{record}")).unwrap();
    assert_eq!((&view["version"], &view["participants"]), (&json!(2), &json!(40)));
    assert_eq!(view["reviews"].as_array().unwrap().len(), 2);
    let draft = items(&manager)
        .into_iter()
        .find(|item| item["state"] == "draft")
        .unwrap();
    script.well(&manager, &["withdraw", text(&draft, "/id")]);
}

/// A question to a cell where nobody is on duty goes to the first who checks in there; the late answer of another
/// terminal is looked at by a person.
fn supervision(
    script: &mut Transcript,
    city: &City,
    stage: &Stage,
    supervisor: &Staffed,
    acceptor: &Staffed,
    (beat, cell): (CommunityCode, CellCode),
) {
    script.say("督导任务：先是无人在岗，给第一个签到的人 / a supervisor's task, first visibly nobody's");
    let question =
        json!({"purpose": "inspect", "wording": "请核验该处健身器材是否完好", "cell": cell, "minutes": 90});
    let refusal = script.post(acceptor, "/v1/tasks", &question).unwrap_err();
    assert_eq!((refusal.status, refusal.code.as_str()), (403, "auth.forbidden"));
    let nowhere =
        json!({"purpose": "inspect", "wording": "海上", "place": {"lat": 300_000_000, "lon": 1_250_000_000}});
    assert_eq!(
        script.post(supervisor, "/v1/tasks", &nowhere).unwrap_err().code,
        "place.outside_grid"
    );
    let task = script.post(supervisor, "/v1/tasks", &question).unwrap();
    let id = text(&task, "/id").to_owned();
    assert_eq!(task["state"], "nobody");
    assert_eq!(
        supervisor.desk.all("/v1/tasks?state=nobody").unwrap().len(),
        1,
        "visibly nobody's"
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
    enroll(script, &one, &first, None);
    enroll(script, &two, &second, None);
    enroll(script, &other, &twin, None);
    assert!(tasks(&one).is_empty());
    let place = at(city, cell);
    for home in [&one, &two] {
        script.well(home, &["check-in", "--at", &place]);
        script.well(home, &["sync"]);
    }
    script.well(&one, &["tasks"]);
    assert_eq!(tasks(&one).len(), 1, "the first who checked in there has it");
    assert!(tasks(&two).is_empty(), "and nobody else");
    let view = supervisor.desk.get(&format!("/v1/tasks/{id}")).unwrap();
    assert_eq!(
        (&view["state"], &view["post"]),
        (&json!("assigned"), &json!(first.post))
    );

    script.say(
        "先到的回答办结任务，晚到的转人工核对 / the first answer closes it, the late one goes to a person",
    );
    script.well(&other, &["sync"]);
    let short = &id[id.len() - 6..];
    script.well(&other, &["answer", short, "不属实", "--text", "没有找到"]);
    script.well(&one, &["answer", short, "属实", "--text", "器材完好"]);
    script.well(&one, &["sync"]);
    let view = supervisor.desk.get(&format!("/v1/tasks/{id}")).unwrap();
    assert_eq!(
        (&view["state"], &view["answer"]),
        (&json!("answered"), &json!("true"))
    );
    script.well(&other, &["sync"]);
    let said = script.well(&other, &["queue"]);
    assert!(said.contains("人工核对"), "its author is told: {said}");
    assert!(tasks(&other).is_empty(), "closed for everyone else");
    let lane = supervisor.desk.all("/v1/review").unwrap();
    assert_eq!(lane.len(), 1);
    assert_eq!(text(&lane[0], "/reason/code"), "task.late");
    let entry = text(&lane[0], "/entry");
    let decided = json!({"decision": "reject", "reason": "以先到的反馈为准"});
    script
        .post(supervisor, &format!("/v1/review/{entry}"), &decided)
        .unwrap();
    script.well(&other, &["sync"]);
    let said = script.well(&other, &["queue"]);
    assert!(
        said.contains("以先到的反馈为准"),
        "and told what became of it: {said}"
    );
    let view = supervisor.desk.get(&format!("/v1/tasks/{id}")).unwrap();
    assert_eq!(view["answer"], "true", "nothing was overwritten");
}

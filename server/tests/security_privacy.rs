//! Who may know what of callers, reporters and colleagues (DC-01, DC-05; finding domain_05).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "support/centre.rs"]
mod centre;
#[path = "support/operations.rs"]
mod operations;
mod support;
#[path = "support/tus.rs"]
mod tus_client;

use centre::{CELL, DistrictFixture, check_in, inside};
use operations::{Caller, Objects};
use protocol::{
    duty::Answer,
    ids::{CaseId, EventId, PersonId, TaskId},
    open::Open,
    payload::{Payload, Report, TaskAnswer},
    photo::Sha256,
    role::Role,
};
use serde_json::{Value, json};
use server::params;
use support::{FieldClient, StaffMember, TestApp};

/// The caller of the marked case, and numbers in its texts as people write them.
const NAME: &str = "欧阳若兰";
const PHONE: &str = "13912345670";
const IDENTITY: &str = "11010519491231002X";
const LANDLINE: &str = "043185671234";
/// Digits of every planted number.
const NUMBERS: &[&str] = &[
    PHONE,
    "13987650001",
    "13987650002",
    "13987650003",
    LANDLINE,
    IDENTITY,
];

/// The text with ASCII digits and without what people write between digits.
fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(u32::from(c) - 0xfee0).unwrap(),
            other => other,
        })
        .filter(|c| !matches!(c, ' ' | '-' | '－' | '\u{3000}'))
        .collect()
}

/// Searches for texts that the reader must not find.
struct Search {
    reader: &'static str,
    forbidden: Vec<String>,
    bodies: usize,
}

impl Search {
    fn look(&mut self, what: &str, bytes: &[u8]) {
        self.bodies += 1;
        let (raw, plain) = (String::from_utf8_lossy(bytes), plain(bytes));
        for secret in &self.forbidden {
            assert!(
                !raw.contains(secret.as_str()) && !plain.contains(secret.as_str()),
                "{what} tells the {} {secret}: {raw}",
                self.reader
            );
        }
    }
    async fn case(&mut self, app: &TestApp, by: &StaffMember, case: CaseId, step: &str) {
        for path in [format!("/v1/cases/{case}"), "/v1/cases".to_owned()] {
            let answer = app.get(&path, &by.token).await;
            self.look(&format!("{step}: GET {path}"), &answer.bytes);
        }
    }
    async fn mailboxes(&mut self, app: &TestApp, client: &FieldClient, step: &str) {
        let path = "/v1/field/pull";
        let answer = app.get(path, &client.token).await.expect(200);
        self.look(&format!("{step}: GET {path}"), &answer.bytes);
    }
}

/// Gives every person and post a name that contains its id, so that one search finds both.
async fn name_after_ids(app: &TestApp) {
    app.write(|tx, _| {
        tx.execute("UPDATE person SET name = '名' || id", params![])?;
        Ok(tx.execute("UPDATE post SET name = '岗' || id", params![])?)
    })
    .await;
}

async fn answer_with(app: &TestApp, client: &mut FieldClient, task: TaskId, reply: Answer, text: &str) {
    let answer = Payload::Answer(TaskAnswer {
        task,
        answer: Open::Known(reply),
        text: text.into(),
        photos: Vec::new(),
    });
    let entry = client.entry(app, &answer);
    assert_eq!(centre::send(client, app, entry).await.0, "applied");
}

/// Moves a citizen's case through all states with a planted number in every text; searches after every step.
async fn walk(
    app: &TestApp,
    o: &mut Objects,
    colleague: &StaffMember,
    department: &mut Search,
    terminal: &mut Search,
) -> CaseId {
    let told = json!({
        "matter": "E0102", "cell": CELL, "address": "桂林路 1 号 0431-8567 1234",
        "text": format!("来电人{NAME} １３９－１２３４－５６７０，邻居139 8765 0001，身份证{IDENTITY}，路口堆放垃圾"),
        "caller": {"name": NAME, "phone": PHONE},
    });
    let case = app
        .post_json("/v1/cases", &o.c.acceptor.token, told)
        .await
        .expect(200)
        .json;
    let case: CaseId = case["id"].as_str().unwrap().parse().unwrap();
    terminal.mailboxes(app, &o.inspector, "verifying").await;
    let task = o.c.open_task(app, case).await;
    answer_with(
        app,
        &mut o.inspector,
        task,
        Answer::True,
        "属实，店主 139-8765-0002",
    )
    .await;
    let words = json!({"opinion": format!("已与{NAME}（{PHONE}）核对，另 13987650003")});
    for round in 1..=2 {
        if round == 1 {
            let mut needs = o.c.needs(app, "prefile").await;
            needs["opinion"] = words["opinion"].clone();
            o.c.act(app, case, "prefile", needs).await.expect(200);
            department.case(app, &o.c.department, case, "prefiled").await;
            let mut needs = o.c.needs(app, "file").await;
            needs["opinion"] = words["opinion"].clone();
            o.c.act(app, case, "file", needs).await.expect(200);
        }
        let mut needs = o.c.needs(app, "dispatch").await;
        needs["opinion"] = words["opinion"].clone();
        o.c.act(app, case, "dispatch", needs).await.expect(200);
        department.case(app, &o.c.department, case, "handling").await;
        let mut needs = json!({"attachments": [o.c.attach_as(app, colleague).await]});
        needs["opinion"] = words["opinion"].clone();
        let handled =
            o.c.act_as(app, colleague, case, "handle", needs)
                .await
                .expect(200);
        // The colleague's act in his own unit is no secret, and the rest is as secret to him.
        assert!(String::from_utf8_lossy(&handled.bytes).contains(&colleague.person.to_string()));
        department.look("handle", &handled.bytes);
        for step in ["forward", "send_check"] {
            o.c.act(app, case, step, words.clone()).await.expect(200);
            department.case(app, &o.c.department, case, step).await;
        }
        terminal.mailboxes(app, &o.inspector, "checking").await;
        let task = o.c.open_task(app, case).await;
        let reply = if round == 1 {
            Answer::NotRectified
        } else {
            Answer::Rectified
        };
        answer_with(app, &mut o.inspector, task, reply, "现场 １３９８７６５０００２").await;
        department.case(app, &o.c.department, case, "await_closing").await;
        let last = if round == 1 { "rework" } else { "close" };
        o.c.act(app, case, last, words.clone()).await.expect(200);
        department.case(app, &o.c.department, case, last).await;
    }
    assert_eq!(o.c.state(app, case).await, "closed");
    case
}

both_engines! {
    /// Rule: DC-01, DC-05
    async fn domain_05_department_and_terminal_learn_no_caller_no_reporter_and_no_other_person(app: TestApp) {
        let mut o = operations::objects(&app).await;
        let colleague = app.staff(Role::Department, o.c.city.department).await;
        name_after_ids(&app).await;
        let mut people: Vec<PersonId> = [&o.c.acceptor, &o.c.leader, &o.c.command, &o.c.supervisor]
            .map(|staff| staff.person)
            .to_vec();
        people.extend([o.reporter.person, o.stranger.person]);
        let mut secrets: Vec<String> = NUMBERS.iter().map(|n| (*n).to_owned()).collect();
        secrets.push(NAME.to_owned());
        secrets.extend(people.iter().map(PersonId::to_string));
        secrets.push(o.reporter.post.to_string());
        let with = |more: &[PersonId]| {
            let more = more.iter().map(PersonId::to_string);
            secrets.iter().cloned().chain(more).collect::<Vec<_>>()
        };
        let mut department = Search {
            reader: "department",
            forbidden: with(&[o.inspector.person]),
            bodies: 0,
        };
        let mut terminal = Search {
            reader: "terminal",
            forbidden: with(&[o.c.department.person, colleague.person]),
            bodies: 0,
        };
        // The reporter's own case, in the hands of the department, with a number in the report.
        let report = Payload::Report(Report {
            photos: Vec::new(),
            ..centre::report("井盖缺失，联系139-8765-0001")
        });
        let entry = o.reporter.entry_at(&app, inside(CELL), &report);
        o.reporter.push(&app, &[entry]).await;
        let case = walk(&app, &mut o, &colleague, &mut department, &mut terminal).await;
        // Every operation that the two may call, for the marked case and for the objects of all kinds.
        let first = o.case;
        for marked in [first, case] {
            o.case = marked;
            for operation in operations::all(&app).await {
                let of_department = operation.roles().contains(&Role::Department);
                if !(of_department || operation.is_field()) || operation.name() == "DELETE /v1/session" {
                    continue;
                }
                let (caller, search) = if operation.is_field() {
                    (Caller::Terminal(&o.inspector), &mut terminal)
                } else {
                    let token = &o.c.department.token;
                    (Caller::Staff { role: Role::Department, token }, &mut department)
                };
                if operation.name() == "POST /v1/session/logout-everywhere" {
                    continue;
                }
                let example = operations::example(&app, &o, &operation, &caller).await.unwrap_or_else(|| panic!("{operation:?}"));
                let answer = example.send(&app, &operation.method, caller.token()).await;
                assert!(![401, 403].contains(&answer.status) || answer.code() == "auth.password", "{operation:?}: {answer:?}");
                search.look(&operation.name(), &answer.bytes);
            }
        }
        assert!(department.bodies > 30 && terminal.bodies > 10, "{} {}", department.bodies, terminal.bodies);
        // The centre still sees who reported and acted, and the department sees what it needs.
        let whole = o.c.case(&app, first).await;
        assert_eq!(whole["reporter_post"]["id"], json!(o.reporter.post));
        let seen = app.get(&format!("/v1/cases/{case}"), &o.c.department.token).await.expect(200).json;
        assert_eq!((&seen["caller"], &seen["reporter_post"], &seen["ledger_ok"]), (&Value::Null, &Value::Null, &json!(true)));
        assert_eq!(seen["text"], "来电人〔姓名〕 〔电话〕，邻居〔电话〕，身份证〔证件号〕，路口堆放垃圾");
        assert_eq!(seen["ledger"][0]["actor_name"], "受理员");
    }

    /// Rule: DC-05
    async fn domain_05_numbers_are_offered_at_entry_moved_to_the_caller_or_marked_with_a_reason(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let told = json!({
            "matter": "E0102", "cell": CELL, "address": "桂林路 1 号",
            "text": "王先生 139 8765 0001 反映，店铺电话0431-85671234",
            "caller": {"name": NAME, "phone": PHONE},
            "request": EventId::from_parts(app.now().0.unsigned_abs(), app.ten()),
        });
        let saved = app.post_json("/v1/cases", &c.acceptor.token, &told).await.expect(200).json;
        let found = |case: &Value| -> Vec<(String, String, String)> {
            let all = case["personal"].as_array().cloned().unwrap_or_default();
            let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
            all.iter().map(|one| (text(one, "at"), text(one, "kind"), text(one, "value"))).collect()
        };
        let at_text = |kind: &str, value: &str| ("/text".to_owned(), kind.to_owned(), value.to_owned());
        assert_eq!(found(&saved), [at_text("name", "王先生"), at_text("mobile", "13987650001"), at_text("landline", LANDLINE)]);
        let case: CaseId = saved["id"].as_str().unwrap().parse().unwrap();
        let wording = async || {
            let state = c.patroller.state(&app).await;
            let tasks: Vec<_> = state.iter().filter(|((kind, _), _)| kind == "task").map(|(_, body)| body["wording"].to_string()).collect();
            tasks.join("|")
        };
        assert!(wording().await.contains("王先生 〔电话〕 反映，店铺电话〔电话〕"), "{}", wording().await);
        let path = format!("/v1/cases/{case}/personal-data");
        let body = |values: &[&str], to: &str, reason: &str| json!({"values": values, "to": to, "reason": reason});
        // Wrong bodies, wrong roles and the caller's own number are refused.
        for wrong in [body(&[LANDLINE], "contact", " "), body(&[], "caller", ""), body(&["13900000000"], "caller", ""), body(&["路口"], "contact", "x"), body(&[PHONE], "contact", "x")] {
            app.post_json(&path, &c.acceptor.token, wrong).await.expect(422).expect_code("request.invalid");
        }
        app.post_json(&path, &c.supervisor.token, body(&[LANDLINE], "contact", "店铺")).await.expect(403);
        let other = app.staff(Role::Acceptor, c.city.other_district).await;
        app.post_json(&path, &other.token, body(&[LANDLINE], "contact", "店铺")).await.expect(403).expect_code("auth.scope");
        // Moved: the text loses it, the caller's fields have it, the view of the caller shows it.
        let moved = app.post_json(&path, &c.acceptor.token, body(&["13987650001", "王先生"], "caller", "")).await.expect(200).json;
        assert_eq!(moved["text"], "〔姓名〕 〔电话〕 反映，店铺电话0431-85671234");
        assert_eq!(found(&moved), [at_text("landline", LANDLINE)]);
        let view = format!("/v1/cases/{case}/caller-view");
        let caller = app.post_json(&view, &c.acceptor.token, json!({"reason": "回访"})).await.expect(200).json;
        assert_eq!(caller, json!({"name": NAME, "phone": format!("{PHONE}、13987650001")}));
        // Marked: departments and handsets see it.
        app.post_json(&path, &c.leader.token, body(&[LANDLINE], "contact", "店铺电话，电 13987650002")).await.expect(200);
        assert!(wording().await.contains("店铺电话0431-85671234"), "{}", wording().await);
        app.post_json(&path, &c.leader.token, body(&[LANDLINE], "hidden", "弄错了")).await.expect(200);
        assert!(!wording().await.contains("85671234"));
        let count = app.count("SELECT COUNT(*) AS n FROM audit_event WHERE action IN ('case.personal_move', 'case.contact_mark', 'case.contact_unmark')").await;
        assert_eq!(count, 3);
        assert_eq!(app.count("SELECT COUNT(*) AS n FROM audit_event WHERE detail LIKE '%13987650002%'").await, 0);
        assert_eq!(c.case(&app, case).await["ledger_ok"], true);
        // A repeated registration is the same one, although its text has changed since.
        let again = app.post_json("/v1/cases", &c.acceptor.token, &told).await.expect(200).json;
        assert_eq!(again["id"], saved["id"]);
    }

    async fn domain_05_rows_that_an_older_program_wrote_are_masked_at_the_start(app: TestApp) {
        let mut c = DistrictFixture::new(&app).await;
        check_in(&mut c.patroller, &app).await;
        let wanted = json!({"purpose": "inspect", "wording": "请联系13987650001核实", "cell": CELL, "minutes": 60});
        let task = app.post_json("/v1/tasks", &c.supervisor.token, wanted).await.expect(200).json;
        assert_eq!(task["personal"][0], json!({"at": "/wording", "kind": "mobile", "value": "13987650001", "movable": false}));
        app.write(|tx, _| {
            Ok(tx.execute(
                "UPDATE mailbox_row SET body = replace(body, '〔电话〕', '13987650001') WHERE kind = 'task'",
                params![],
            )?)
        })
        .await;
        let wording = async || {
            let state = c.patroller.state(&app).await;
            let task = state.iter().find(|((kind, _), _)| kind == "task").unwrap();
            task.1["wording"].as_str().unwrap().to_owned()
        };
        assert_eq!(wording().await, "请联系13987650001核实");
        server::tasks::privacy::renew(&app.app).await.unwrap();
        assert_eq!(wording().await, "请联系〔电话〕核实");
    }

    /// Security, low items: a relieved person keeps no access to the photos of his task.
    async fn sec_low_relieved_holder_reads_no_comparison_photo(app: TestApp) {
        let o = operations::objects(&app).await;
        let path = format!("/v1/field/photos/by-hash/{}", o.case_photo);
        app.get(&path, &o.inspector.token).await.expect(200);
        let noted = "SELECT COUNT(*) AS n FROM audit_event WHERE action = 'photo.view' AND substr(entity, 1, 5) = 'case:'";
        assert_eq!(app.count(noted).await, 1);
        let (post, person) = (o.inspector.post, o.inspector.person);
        app.write(move |tx, ctx| {
            Ok(tx.execute(
                "UPDATE post_holder SET until = ?3 WHERE post = ?1 AND person = ?2",
                params![post.to_string(), person.to_string(), ctx.now.0],
            )?)
        })
        .await;
        app.get(&path, &o.inspector.token).await.expect(404);
    }
}

/// The list of operations above knows every operation of the description.
#[tokio::test]
async fn every_operation_has_an_example() {
    let app = TestApp::sqlite().await;
    let o = operations::objects(&app).await;
    assert_ne!(o.case_photo, Sha256([0; 32]));
    for operation in operations::all(&app).await {
        let example = operations::example(&app, &o, &operation, &Caller::Nobody).await;
        assert!(
            example.is_some(),
            "add a request for {} to tests/support/operations.rs",
            operation.name()
        );
    }
}

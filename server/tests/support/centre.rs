//! A district at work: a grid of nine cells in two communities, a post with a patroller, and the staff of the
//! centre. What the tests of cases, duty, tasks and activity records begin with.
//!
//! Include it with `#[path = "support/centre.rs"] mod centre;` beside `mod support;`.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use crate::support::{Answer, City, FieldClient, Someone, TestApp};
use axum::{body::Body, http::Request};
use grid::{
    geom::Pt,
    pack::{PackInput, PackMeta, write},
};
use protocol::{
    codes::{CellCode, GridVersion},
    duty::Answer as Reply,
    entry::Entry,
    geo::{Datum, PointE7},
    ids::{CaseId, TaskId},
    open::Open,
    payload::{CheckIn, CheckOut, Payload, Report, TaskAnswer},
    photo::{PhotoRef, PhotoRole, Sha256},
    role::Role,
};
use serde_json::{Value, json};

/// Cells of the community that the first post answers for, and one of its neighbour.
pub const CELL: &str = "220104050301";
pub const NEXT_CELL: &str = "220104050302";
pub const FOREIGN_CELL: &str = "220104050401";

const WEST: i32 = 1_253_000_000;
const SOUTH: i32 = 438_000_000;
const WIDE: i32 = 12_450;
const HIGH: i32 = 9_000;

/// Cells lie three to a row: six of community 2201040503, then three of 2201040504.
fn cells() -> Vec<CellCode> {
    let ours = (1..=6).map(|n| format!("2201040503{n:02}"));
    let theirs = (1..=3).map(|n| format!("2201040504{n:02}"));
    ours.chain(theirs).map(|c| c.parse().unwrap()).collect()
}

/// A point in the middle of a cell.
pub fn inside(cell: &str) -> PointE7 {
    let k = cells().iter().position(|c| c.as_str() == cell).unwrap();
    let (row, column) = (i32::try_from(k / 3).unwrap(), i32::try_from(k % 3).unwrap());
    PointE7 {
        lat: SOUTH + row * HIGH + HIGH / 2,
        lon: WEST + column * WIDE + WIDE / 2,
    }
}

/// A point in no cell.
pub fn at_sea() -> PointE7 {
    PointE7 {
        lat: 310_000_000,
        lon: 1_230_000_000,
    }
}

pub async fn put_grid(app: &TestApp) {
    let squares = (0..3)
        .flat_map(|row| (0..3).map(move |column| (row, column)))
        .map(|(row, column)| {
            let corner = |x: i32, y: i32| Pt::new(WEST + x * WIDE, SOUTH + y * HIGH);
            vec![
                corner(column, row),
                corner(column + 1, row),
                corner(column + 1, row + 1),
                corner(column, row + 1),
            ]
        });
    let pack = write(PackInput {
        meta: PackMeta {
            grid_version: GridVersion("220104.1".into()),
            datum: Datum::Wgs84,
            source_datum: Datum::Wgs84,
            source_datum_verified: false,
            county: Some("220104".parse().unwrap()),
            source_sha256: String::new(),
            borders: "for tests".into(),
        },
        cells: cells().into_iter().zip(squares).collect(),
        units: Vec::new(),
    })
    .unwrap();
    let parts = &app.app;
    server::grids::import(&parts.store, &parts.blobs, pack.into(), app.now())
        .await
        .unwrap();
    parts.grids.renew(&parts.store, &parts.blobs).await.unwrap();
}

/// See the module.
pub struct Centre {
    pub city: City,
    pub acceptor: Someone,
    pub leader: Someone,
    pub command: Someone,
    pub department: Someone,
    pub supervisor: Someone,
    /// Answers for community 2201040503, and is not on duty yet.
    pub patroller: FieldClient,
}

impl Centre {
    pub async fn new(app: &TestApp) -> Self {
        put_grid(app).await;
        let city = app.city().await;
        let post = app.post(city.community, &["2201040503"]).await;
        Self {
            acceptor: app.staff(Role::Acceptor, city.district).await,
            leader: app.staff(Role::ShiftLeader, city.district).await,
            command: app.staff(Role::CommandCentre, city.district).await,
            department: app.staff(Role::Department, city.department).await,
            supervisor: app.staff(Role::Supervisor, city.district).await,
            patroller: app.holder(post).await,
            city,
        }
    }
    /// A further patroller at a new post for these areas.
    pub async fn another(&self, app: &TestApp, areas: &[&str]) -> FieldClient {
        let post = app.post(self.city.community, areas).await;
        app.holder(post).await
    }
    pub fn of(&self, role: Role) -> &Someone {
        match role {
            Role::Acceptor => &self.acceptor,
            Role::ShiftLeader => &self.leader,
            Role::CommandCentre => &self.command,
            Role::Department => &self.department,
            Role::Supervisor => &self.supervisor,
            other => panic!("nobody is {other}"),
        }
    }

    /// One action with what it needs, by whose step it is.
    pub async fn act(&self, app: &TestApp, case: CaseId, action: &str, more: Value) -> Answer {
        let roles = protocol::case::roles(action.parse().unwrap());
        let staff = roles.into_iter().find(|role| *role != Role::Patroller);
        let someone = staff.map_or(&self.acceptor, |role| self.of(role));
        self.act_as(app, someone, case, action, more).await
    }
    /// One action at the version that stands.
    pub async fn act_as(
        &self,
        app: &TestApp,
        by: &Someone,
        case: CaseId,
        action: &str,
        more: Value,
    ) -> Answer {
        let version = self.case(app, case).await["version"].clone();
        let mut body = json!({"action": action, "expected_version": version});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        app.post_json(&format!("/v1/cases/{case}/actions"), &by.token, body)
            .await
    }
    /// The case as the supervisor sees it.
    pub async fn case(&self, app: &TestApp, case: CaseId) -> Value {
        app.get(&format!("/v1/cases/{case}"), &self.supervisor.token)
            .await
            .expect(200)
            .json
    }
    pub async fn state(&self, app: &TestApp, case: CaseId) -> String {
        let case = self.case(app, case).await;
        assert_eq!(case["ledger_ok"], true, "{case}");
        case["state"].as_str().unwrap().to_owned()
    }

    /// What each step by staff needs to pass.
    pub async fn needs(&self, app: &TestApp, action: &str) -> Value {
        match action {
            "prefile" => json!({"matter": "E0102", "cell": CELL}),
            "file" => json!({"level": 2, "opinion": "属实，立案"}),
            "dispatch" => json!({
                "department": self.city.department,
                "limit": {"amount": 4, "unit": "working_hour"},
            }),
            "handle" => json!({"opinion": "已清理", "attachments": [self.attach(app).await]}),
            "send_back" | "decline" | "close" | "rework" => json!({"opinion": "意见"}),
            _ => json!({}),
        }
    }
    /// One step by staff, with all it needs.
    pub async fn step(&self, app: &TestApp, case: CaseId, action: &str) -> Value {
        let needs = self.needs(app, action).await;
        self.act(app, case, action, needs).await.expect(200).json
    }
    pub async fn steps(&self, app: &TestApp, case: CaseId, actions: &[&str]) {
        for action in actions {
            self.step(app, case, action).await;
        }
    }
    /// A picture that the department has uploaded.
    pub async fn attach(&self, app: &TestApp) -> Sha256 {
        self.attach_as(app, &self.department).await
    }
    /// A picture that a member of staff has uploaded.
    pub async fn attach_as(&self, app: &TestApp, by: &Someone) -> Sha256 {
        let request = Request::post("/v1/attachments")
            .header("authorization", format!("Bearer {}", by.token))
            .header("content-type", "image/png")
            .body(Body::from(picture(app.number())))
            .unwrap();
        let answer = app.send(request).await.expect(200);
        answer.json["sha256"].as_str().unwrap().parse().unwrap()
    }
    /// The case's task that waits in the field.
    pub async fn open_task(&self, app: &TestApp, case: CaseId) -> TaskId {
        let case = self.case(app, case).await;
        let tasks = case["tasks"].as_array().unwrap();
        let open = |t: &&Value| t["state"] == "assigned" || t["state"] == "nobody";
        tasks.iter().find(open).unwrap()["task"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }
    /// A report of the patroller, brought to this state of the case.
    pub async fn reported(&mut self, app: &TestApp) -> CaseId {
        let entry = self
            .patroller
            .entry_at(app, inside(CELL), &Payload::Report(report("井盖缺失")));
        let id = entry.id;
        self.patroller.push(app, &[entry]).await;
        case_of(app, id).await
    }
    /// A citizen's report taken down by the acceptor.
    pub async fn registered(&self, app: &TestApp) -> CaseId {
        let answer = app
            .post_json("/v1/cases", &self.acceptor.token, registration())
            .await
            .expect(200);
        answer.json["id"].as_str().unwrap().parse().unwrap()
    }
}

/// What an acceptor types when a citizen calls.
pub fn registration() -> Value {
    json!({
        "matter": "E0102", "text": "路口堆放垃圾", "cell": CELL, "address": "桂林路 1 号",
        "caller": {"name": "王小明", "phone": "13900001234"},
    })
}

/// A PNG that no other number gives.
pub fn picture(number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 16, 16);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    let mut pixels = vec![0u8; 16 * 16 * 3];
    pixels[..8].copy_from_slice(&number.to_le_bytes());
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

pub fn report(text: &str) -> Report {
    Report {
        matter: Some("E0102".parse().unwrap()),
        text: text.into(),
        place: None,
        cell: Some(CELL.parse().unwrap()),
        address: "桂林路 1 号".into(),
        self_handled: false,
        photos: Vec::new(),
    }
}

/// A photo that an entry names.
pub fn named(number: u64) -> PhotoRef {
    let bytes = picture(number);
    PhotoRef {
        sha256: Sha256::of(&bytes),
        size: bytes.len() as u64,
        role: PhotoRole::Scene,
        width: 16,
        height: 16,
    }
}

/// The case that an entry became.
pub async fn case_of(app: &TestApp, entry: protocol::ids::EntryId) -> CaseId {
    app.app
        .read(move |tx| {
            Ok(tx.one(
                "SELECT id FROM case_file WHERE entry = ?1",
                server::params![entry.to_string()],
                |row| row.parse("id"),
            )?)
        })
        .await
        .unwrap()
}

/// Where an entry stands, with the code of the reason.
pub async fn disposition(
    client: &FieldClient,
    app: &TestApp,
    entry: protocol::ids::EntryId,
) -> (String, String) {
    let state = client.state(app).await;
    let row = &state[&("disposition".to_owned(), entry.to_string())];
    (
        row["state"].as_str().unwrap_or_default().to_owned(),
        row["reason"]["code"].as_str().unwrap_or_default().to_owned(),
    )
}

/// Pushes one entry and says where it stands then.
pub async fn send(client: &mut FieldClient, app: &TestApp, entry: Entry) -> (String, String) {
    let id = entry.id;
    client.push(app, &[entry]).await;
    disposition(client, app, id).await
}

pub async fn check_in(client: &mut FieldClient, app: &TestApp) -> (String, String) {
    let entry = client.entry(app, &Payload::CheckIn(CheckIn::default()));
    send(client, app, entry).await
}

pub async fn check_out(client: &mut FieldClient, app: &TestApp) -> (String, String) {
    let entry = client.entry(app, &Payload::CheckOut(CheckOut::default()));
    send(client, app, entry).await
}

/// An answer that is not sent yet.
pub fn answer(client: &mut FieldClient, app: &TestApp, task: TaskId, reply: Reply) -> Entry {
    client.entry(
        app,
        &Payload::Answer(TaskAnswer {
            task,
            answer: Open::Known(reply),
            text: "现场已看".into(),
            photos: Vec::new(),
        }),
    )
}

/// The tasks in the mailbox of the handset's post.
pub async fn tasks_of(client: &FieldClient, app: &TestApp) -> Vec<String> {
    let state = client.state(app).await;
    state
        .into_keys()
        .filter(|(kind, _)| kind == "task")
        .map(|(_, id)| id)
        .collect()
}

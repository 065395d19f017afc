//! A district fixture: a grid of nine cells in two communities, a post with a patroller, and the staff of the
//! centre. The tests of cases, duty, tasks and activity records start with it.
//!
//! Include it with `#[path = "support/centre.rs"] mod centre;` beside `mod support;`.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use crate::support::{FieldClient, StaffMember, TestApp, TestCity, TestResponse};
use axum::{body::Body, http::Request};
use grid::{
    geom::Pt,
    pack::{PackInput, PackMeta, write},
};
use protocol::{
    codes::{CellCode, GridVersion},
    duty::Answer,
    entry::Entry,
    geo::{Datum, PointE7},
    ids::{CaseId, TaskId},
    open::Open,
    payload::{CheckIn, CheckOut, Payload, Report, TaskAnswer},
    photo::{PhotoRef, PhotoRole, Sha256},
    role::Role,
};
use serde_json::{Value, json};

/// Two cells of the first post's community, and one cell of the other community.
pub const CELL: &str = "220104050301";
pub const NEXT_CELL: &str = "220104050302";
pub const FOREIGN_CELL: &str = "220104050401";

const WEST: i32 = 1_253_000_000;
const SOUTH: i32 = 438_000_000;
const WIDE: i32 = 12_450;
const HIGH: i32 = 9_000;

/// The cells, three per row: six of community 2201040503, then three of 2201040504.
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

/// The district's grid as a pack.
pub fn grid_pack() -> Vec<u8> {
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
    write(PackInput {
        meta: PackMeta {
            grid_version: GridVersion("220104.1".into()),
            datum: Datum::Wgs84,
            source_datum: Datum::Wgs84,
            source_datum_verified: false,
            county: Some("220104".parse().unwrap()),
            source_sha256: String::new(),
            borders: "synthetic".into(),
        },
        cells: cells().into_iter().zip(squares).collect(),
        units: Vec::new(),
    })
    .unwrap()
}

pub async fn put_grid(app: &TestApp) {
    let parts = &app.app;
    server::grids::import(&parts.store, &parts.blobs, grid_pack().into(), app.now())
        .await
        .unwrap();
    parts.grids.renew(&parts.store, &parts.blobs).await.unwrap();
}

/// The fixture: staff of the centre and one patroller.
pub struct DistrictFixture {
    pub city: TestCity,
    pub acceptor: StaffMember,
    pub leader: StaffMember,
    pub command: StaffMember,
    pub department: StaffMember,
    pub supervisor: StaffMember,
    /// Holds the post of community 2201040503, and is not on duty yet.
    pub patroller: FieldClient,
}

impl DistrictFixture {
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
    /// Another patroller at a new post for these areas.
    pub async fn another(&self, app: &TestApp, areas: &[&str]) -> FieldClient {
        let post = app.post(self.city.community, areas).await;
        app.holder(post).await
    }
    pub fn of(&self, role: Role) -> &StaffMember {
        match role {
            Role::Acceptor => &self.acceptor,
            Role::ShiftLeader => &self.leader,
            Role::CommandCentre => &self.command,
            Role::Department => &self.department,
            Role::Supervisor => &self.supervisor,
            other => panic!("the fixture has no {other}"),
        }
    }

    /// Performs an action with these fields, as the role that may perform it.
    pub async fn act(&self, app: &TestApp, case: CaseId, action: &str, more: Value) -> TestResponse {
        let roles = protocol::case::roles(action.parse().unwrap());
        let staff = roles.into_iter().find(|role| *role != Role::Patroller);
        let someone = staff.map_or(&self.acceptor, |role| self.of(role));
        self.act_as(app, someone, case, action, more).await
    }
    /// Performs an action at the case's current version.
    pub async fn act_as(
        &self,
        app: &TestApp,
        by: &StaffMember,
        case: CaseId,
        action: &str,
        more: Value,
    ) -> TestResponse {
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

    /// The fields that each staff action needs.
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
    /// Performs a staff action with all fields that it needs.
    pub async fn step(&self, app: &TestApp, case: CaseId, action: &str) -> Value {
        let needs = self.needs(app, action).await;
        self.act(app, case, action, needs).await.expect(200).json
    }
    pub async fn steps(&self, app: &TestApp, case: CaseId, actions: &[&str]) {
        for action in actions {
            self.step(app, case, action).await;
        }
    }
    /// Uploads a picture as the department.
    pub async fn attach(&self, app: &TestApp) -> Sha256 {
        self.attach_as(app, &self.department).await
    }
    /// A picture that a member of staff has uploaded.
    pub async fn attach_as(&self, app: &TestApp, by: &StaffMember) -> Sha256 {
        let request = Request::post("/v1/attachments")
            .header("authorization", format!("Bearer {}", by.token))
            .header("content-type", "image/png")
            .body(Body::from(picture(app.number())))
            .unwrap();
        let answer = app.send(request).await.expect(200);
        answer.json["sha256"].as_str().unwrap().parse().unwrap()
    }
    /// The case's open task.
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
    /// Files a report of the patroller; returns its case.
    pub async fn reported(&mut self, app: &TestApp) -> CaseId {
        let entry = self
            .patroller
            .entry_at(app, inside(CELL), &Payload::Report(report("井盖缺失")));
        let id = entry.id;
        self.patroller.push(app, &[entry]).await;
        case_of(app, id).await
    }
    /// A report of a matter that the patroller handled, with photos of before and after; returns them too. The caller
    /// uploads them.
    pub async fn reported_self_handled(&mut self, app: &TestApp) -> (CaseId, [Vec<u8>; 2]) {
        let numbers = [app.number(), app.number()];
        let [before, after] = numbers.map(named);
        let photos = vec![
            PhotoRef {
                role: PhotoRole::Before,
                ..before
            },
            PhotoRef {
                role: PhotoRole::After,
                ..after
            },
        ];
        let said = Report {
            self_handled: true,
            photos,
            ..report("路面积水，已清理")
        };
        let entry = self.patroller.entry_at(app, inside(CELL), &Payload::Report(said));
        let id = entry.id;
        self.patroller.push(app, &[entry]).await;
        (case_of(app, id).await, numbers.map(picture))
    }
    /// Registers a citizen's report as the acceptor.
    pub async fn registered(&self, app: &TestApp) -> CaseId {
        let answer = app
            .post_json("/v1/cases", &self.acceptor.token, registration())
            .await
            .expect(200);
        answer.json["id"].as_str().unwrap().parse().unwrap()
    }
}

/// The fields that an acceptor enters for a citizen's call.
pub fn registration() -> Value {
    json!({
        "matter": "E0102", "text": "路口堆放垃圾", "cell": CELL, "address": "桂林路 1 号",
        "caller": {"name": "王小明", "phone": "13900001234"},
    })
}

/// A PNG that differs by number.
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
        cell_chosen: false,
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
        evidence: None,
    }
}

/// The case of an entry.
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

/// Disposition of an entry, and the code of the reason.
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

/// Pushes one entry; returns its disposition.
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
pub fn answer_entry(client: &mut FieldClient, app: &TestApp, task: TaskId, reply: Answer) -> Entry {
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

//! The small city whose rows are copied: one terminal files reports and an activity, and the centre brings each to the state
//! that a template needs.

use super::template::{Owner, Template};
use crate::{
    bench::{
        fleet::{self, BenchTerminal},
        http::RawHttpClient,
        photos, raw,
    },
    city::{City, id},
    desks::{employed, step},
    pictures::PhotoAlbum,
    random::ScenarioRandom,
    staff_api::StaffSession,
};
use anyhow::{Context as _, Result, ensure};
use protocol::{
    duty::Answer,
    ids::{RecordId, TaskId},
    open::Open,
    payload::{Activity, Payload, TaskAnswer},
    photo::{PhotoRef, PhotoRole, Sha256},
    role::Role,
    time::Millis,
};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Terminals that own the copies; at 10^6 cases each has filed what a patroller files in some years.
const FLEET: usize = 40;
/// The cell in which the templates lie.
const CELL: &str = "220104010101";
/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;

/// A city with its templates, before it grows.
pub struct GrowingCity {
    pub city: City,
    pub fleet: Vec<BenchTerminal>,
    pub owners: Vec<Owner>,
    pub templates: Templates,
    pub staff: GrowthStaff,
    /// Last number of each mailbox that has rows.
    pub mail: HashMap<String, i64>,
}

/// One template for each state that copies have.
pub struct Templates {
    pub reported: Template,
    pub handling: Template,
    /// Waits for the answer to its check task.
    pub checking: Template,
    pub declined: Template,
    pub closed: Template,
    pub submitted: Template,
    pub approved: Template,
}

/// The tokens of the people who ask.
pub struct GrowthStaff {
    /// Acceptor of one district out of ten.
    pub acceptor: StaffSession,
    /// The district's handling department.
    pub department: StaffSession,
    /// Shift leader of the whole city.
    pub leader: StaffSession,
    /// Supervisor of the whole city.
    pub supervisor: StaffSession,
}

impl GrowingCity {
    pub fn create(city: City) -> Result<Self> {
        let (fleet, mut author) = {
            let mut fleet = fleet::enrol_fleet(&city, FLEET + 1)?;
            let author = fleet.pop().context("no terminal")?;
            (fleet, author)
        };
        let unit = city.department("环卫处置队")?;
        let acceptor = employed(&city, "shouli", Role::Acceptor, &city.district)?;
        let leader = employed(&city, "zhiban", Role::ShiftLeader, &city.city)?;
        let centre = employed(&city, "zhihui", Role::CommandCentre, &city.district)?;
        let department = employed(&city, "huanwei", Role::Department, &unit)?;
        let supervisor = employed(&city, "dudao", Role::Supervisor, &city.city)?;
        let mut client = RawHttpClient::to(city.server.address());
        let checked_in = author.check_in()?;
        client.send(&author.push(vec![checked_in])?)?.good()?;

        let album = PhotoAlbum::load()?;
        let mut random = ScenarioRandom::new(15);
        let mut numbers = Vec::new();
        for _ in 0..5 {
            let photo = album.crop(&mut random)?;
            let named = PhotoRef {
                sha256: Sha256::of(&photo),
                size: photo.len() as u64,
                role: PhotoRole::Scene,
                width: 640,
                height: 480,
                evidence: None,
            };
            let report = author.report(vec![named])?;
            numbers.push(text(&serde_json::from_slice(&report)?, "record")?);
            client.send(&author.push(vec![report])?)?.good()?;
            let sha256 = Sha256::of(&photo);
            photos::send(
                &mut client,
                &author,
                &photo,
                sha256,
                photos::UploadMethod::OneRequest,
            )?;
        }
        let cases = acceptor.all("/v1/cases")?;
        let mut cases = cases.into_iter();
        let mut next = || cases.next().context("a report made no case");
        next()?;
        let handling = next()?;
        let (checking, declined, closed) = (next()?, next()?, next()?);
        let desk = Desk {
            acceptor: &acceptor,
            leader: &leader,
            centre: &centre,
            department: &department,
            unit: &unit,
        };
        desk.dispatch(&handling)?;
        desk.check(&checking, &album.crop(&mut random)?)?;
        let case = step(
            &acceptor,
            &declined,
            "prefile",
            json!({"matter": "E0102"}),
            "同意",
        )?;
        let case = step(&leader, &case, "send_back", json!({}), "情节轻微，请受理员复核")?;
        step(&acceptor, &case, "decline", json!({}), "经复核，不予立案")?;
        let task = desk.check(&closed, &album.crop(&mut random)?)?;
        let answer = Payload::Answer(TaskAnswer {
            task: text(&task, "task")?
                .parse::<TaskId>()
                .map_err(|_| anyhow::anyhow!("no task id"))?,
            answer: Open::Known(Answer::Rectified),
            text: "现场已恢复，核查属实。".into(),
            photos: Vec::new(),
        });
        let answer = author.located(&answer)?;
        client.send(&author.push(vec![answer])?)?.good()?;
        let case = acceptor.get(&format!("/v1/cases/{}", id(&closed)?))?;
        step(&leader, &case, "close", json!({}), "处置前后对比一致，予以结案")?;

        let mut activities = Vec::new();
        for _ in 0..2 {
            let entry = author.located(&activity())?;
            activities.push(text(&serde_json::from_slice(&entry)?, "record")?);
            client.send(&author.push(vec![entry])?)?.good()?;
        }
        let approved = activities.get(1).context("no activity")?;
        supervisor.post(
            &format!("/v1/activities/{approved}/review"),
            &json!({"version": 1, "decision": "approve"}),
        )?;

        let owner = |unit: &BenchTerminal| Owner {
            stream: unit.stream.to_string(),
            person: unit.person.to_string(),
            post: unit.post.to_string(),
        };
        let store = raw::open(&super::url(&city))?;
        let own = owner(&author);
        let record_of = |case: &Value| -> Result<String> {
            let whole = acceptor.get(&format!("/v1/cases/{}", id(case)?))?;
            let number = text(&whole, "number")?;
            let sql = "SELECT record FROM case_file WHERE number = ?1";
            Ok(store
                .read_blocking(move |tx| tx.one(sql, server::params![&number], |row| row.get("record")))?)
        };
        let of_case = |case: &Value| Template::read(&store, &own, &record_of(case)?, CELL);
        let of_activity = |at: usize| -> Result<Template> {
            Template::read(&store, &own, activities.get(at).context("no activity")?, CELL)
        };
        let first = acceptor.all("/v1/cases")?;
        let reported = first
            .iter()
            .find(|case| case.get("state") == Some(&json!("reported")));
        let templates = Templates {
            reported: of_case(reported.context("no case waits")?)?,
            handling: of_case(&handling)?,
            checking: of_case(&checking)?,
            declined: of_case(&declined)?,
            closed: of_case(&closed)?,
            submitted: of_activity(0)?,
            approved: of_activity(1)?,
        };
        let mail = store.read_blocking(|tx| {
            tx.all("SELECT id, last FROM mailbox", server::params![], |row| {
                Ok((row.get("id")?, row.get("last")?))
            })
        })?;
        store.close_blocking();
        let owners = fleet.iter().map(owner).collect();
        let staff = GrowthStaff {
            acceptor,
            department,
            leader,
            supervisor,
        };
        ensure!(numbers.len() == 5, "not all reports were filed");
        Ok(Self {
            city,
            fleet,
            owners,
            templates,
            staff,
            mail: mail.into_iter().collect(),
        })
    }
}

struct Desk<'a> {
    acceptor: &'a StaffSession,
    leader: &'a StaffSession,
    centre: &'a StaffSession,
    department: &'a StaffSession,
    unit: &'a str,
}

impl Desk<'_> {
    /// Files a case and sends it to the department.
    fn dispatch(&self, case: &Value) -> Result<Value> {
        let order = json!({"department": self.unit, "limit": {"amount": 4, "unit": "working_hour"}});
        let case = step(self.acceptor, case, "prefile", json!({"matter": "E0102"}), "同意")?;
        let case = step(
            self.leader,
            &case,
            "file",
            json!({"level": 2}),
            "符合立案标准，予以立案",
        )?;
        step(self.centre, &case, "dispatch", order, "请按时处置")
    }
    /// The same, until the check task waits for its answer; returns the task.
    fn check(&self, case: &Value, photo: &[u8]) -> Result<Value> {
        let case = self.dispatch(case)?;
        let sent = self
            .department
            .upload("/v1/attachments", "image/jpeg", photo.to_vec())?;
        let after = json!({"attachments": [sent.get("sha256")]});
        let case = step(
            self.department,
            &case,
            "handle",
            after,
            "已派人清理完毕，现场恢复",
        )?;
        let case = step(self.centre, &case, "forward", json!({}), "同意")?;
        let case = step(self.acceptor, &case, "send_check", json!({}), "请核查")?;
        Ok(case.pointer("/tasks/0").context("no check task")?.clone())
    }
}

fn activity() -> Payload {
    let now = fleet::now();
    Payload::Activity(Activity {
        category: "fitness".into(),
        title: "社区广场健身操培训".into(),
        starts: Millis(now.0 - 3 * 3_600_000),
        ends: Millis(now.0 - 3_600_000),
        place: "桂林社区文体广场".into(),
        cell: CELL.parse().ok(),
        organiser: "桂林社区居委会".into(),
        participants: 46,
        summary: "组织居民学习第九套广播体操，设备完好，秩序良好。".into(),
        photos: Vec::new(),
    })
}

pub fn text(value: &Value, key: &str) -> Result<String> {
    let text = value.get(key).and_then(Value::as_str);
    Ok(text.with_context(|| format!("no {key} in {value}"))?.to_owned())
}

/// A record id, for a copy.
pub fn record(millis: i64, random: &mut ScenarioRandom) -> String {
    let mut ten = [0; 10];
    for byte in &mut ten {
        *byte = random.bits().to_le_bytes()[0];
    }
    RecordId::from_parts(u64::try_from(millis).unwrap_or(0), ten).to_string()
}

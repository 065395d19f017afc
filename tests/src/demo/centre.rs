//! The centre at work: acceptor, shift leader, command centre, departments and supervisor, each with their own
//! account over the HTTP API.

use super::board::Board;
use crate::{
    chance::Chance,
    office::{Desk, Refusal},
    pictures::Album,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// What a desk does.
#[derive(Debug, Clone)]
pub enum Duty {
    /// 受理员: accepts, sends for checks, now and then takes a citizen's call.
    Acceptor { calls: u32 },
    /// 值班长: files, sends back, closes.
    ShiftLeader,
    /// 指挥中心: dispatches to one of these departments, forwards.
    CommandCentre { departments: Vec<String> },
    /// 终端部门: handles with a photo after.
    Department,
    /// 督导: reviews activity records, asks about places.
    Supervisor { inspections: u32 },
}

/// A member of staff at work.
pub struct Clerk {
    pub name: String,
    pub desk: Desk,
    pub duty: Duty,
    /// Cells of the district, for calls and inspections.
    pub cells: Vec<String>,
    /// Pause between two looks at the queue, in milliseconds.
    pub pace_ms: u64,
}

impl Clerk {
    /// Works until the demo stops.
    pub fn work(mut self, board: &Arc<super::crowd::Town>) {
        let mut chance = Chance::of(board.seed, &self.name);
        while !board.board.is_stopped() {
            if let Err(error) = self.round(&board.board, &board.album, &mut chance) {
                board.board.trouble(&self.name, &error);
            }
            std::thread::sleep(Duration::from_millis(self.pace_ms));
        }
    }

    fn round(&mut self, board: &Board, album: &Album, chance: &mut Chance) -> Result<()> {
        match &mut self.duty {
            Duty::Acceptor { calls } => {
                if *calls > 0 && !board.is_calm() && chance.percent(30) {
                    *calls -= 1;
                    self.take_a_call(chance)?;
                }
                self.queue("acceptor", board, |case, action| match action {
                    "prefile" => Some(json!({"matter": matter_of(case)})),
                    "decline" | "send_check" => Some(json!({})),
                    _ => None,
                })
            }
            Duty::ShiftLeader => {
                let rework = chance.percent(5);
                self.queue("shift_leader", board, |case, action| match action {
                    // About one report in twelve does not meet the standard, always the same ones.
                    "send_back" if is_slight(case) && !was_sent_back(case) => Some(json!({})),
                    "file" if !is_slight(case) || was_sent_back(case) => Some(json!({"level": 2})),
                    "rework" if !passed(case) || rework => Some(json!({})),
                    "close" if passed(case) => Some(json!({})),
                    _ => None,
                })
            }
            Duty::CommandCentre { departments } => {
                let department = chance.pick(departments).context("a department")?.clone();
                self.queue("command_centre", board, |_, action| match action {
                    "dispatch" => Some(
                        json!({"department": department, "limit": {"amount": 4, "unit": "working_hour"}}),
                    ),
                    "forward" => Some(json!({})),
                    _ => None,
                })
            }
            Duty::Department => {
                let photo = album.crop(chance)?;
                let desk = self.desk.clone();
                let mut sent: Option<String> = None;
                self.queue("department", board, move |_, action| {
                    if action != "handle" {
                        return None;
                    }
                    // One photo after a round of the crew; each case names it.
                    if sent.is_none() {
                        let answer = desk.upload("/v1/attachments", "image/jpeg", photo.clone()).ok()?;
                        sent = answer.get("sha256").and_then(Value::as_str).map(str::to_owned);
                    }
                    Some(json!({"attachments": [sent.as_ref()?]}))
                })
            }
            Duty::Supervisor { inspections } => {
                if *inspections > 0 && !board.is_calm() && chance.percent(40) {
                    *inspections -= 1;
                    let cell = chance.pick(&self.cells).context("cells")?.clone();
                    self.desk.post(
                        "/v1/tasks",
                        &json!({"purpose": "inspect", "wording": "请到现场核验该处环境卫生", "cell": cell, "minutes": 90}),
                    )?;
                }
                self.review(chance)
            }
        }
    }

    /// Looks through the queue and does what `decide` says of each case: the action's own fields, or nothing.
    fn queue(
        &self,
        queue: &str,
        board: &Board,
        mut decide: impl FnMut(&Value, &str) -> Option<Value>,
    ) -> Result<()> {
        for line in self.desk.all(&format!("/v1/cases?queue={queue}"))? {
            let id = line
                .get("id")
                .and_then(Value::as_str)
                .context("a case has an id")?;
            let case = self.desk.get(&format!("/v1/cases/{id}"))?;
            let mine = case
                .get("allowed")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let step = mine
                .iter()
                .filter(|a| a.get("mine") == Some(&json!(true)))
                .find_map(|allowed| {
                    let action = allowed.get("action").and_then(Value::as_str)?;
                    Some((action.to_owned(), decide(&case, action)?))
                });
            let Some((action, mut body)) = step else { continue };
            let fields = body.as_object_mut().context("fields")?;
            fields.insert("action".into(), json!(action));
            fields.insert(
                "expected_version".into(),
                case.get("version").cloned().unwrap_or_default(),
            );
            fields.insert("opinion".into(), json!(opinion(&action)));
            match self.desk.try_post(&format!("/v1/cases/{id}/actions"), &body)? {
                Ok(_) => {}
                // Somebody else was quicker, or the field moved it: the next round sees it as it is.
                Err(Refusal { code, .. }) if code == "case.changed" || code == "case.transition" => {
                    board.refused.one()
                }
                Err(refusal) => return Err(refusal).context(format!("{action} of {id}")),
            }
        }
        Ok(())
    }

    /// T2: a citizen calls. The number is made up and of a form that nobody has.
    fn take_a_call(&self, chance: &mut Chance) -> Result<()> {
        let cell = chance.pick(&self.cells).context("cells")?;
        let body = json!({
            "matter": "E0102", "cell": cell, "address": "居民来电所述地点",
            "text": "来电反映垃圾无人清理",
            "caller": {"name": "来电人", "phone": format!("000-{:07}", chance.bits() % 10_000_000)},
        });
        self.desk.post("/v1/cases", &body).map(|_| ())
    }

    /// About one activity record in five comes back once, with words.
    fn review(&self, chance: &mut Chance) -> Result<()> {
        for record in self.desk.all("/v1/activities?state=submitted")? {
            let id = record
                .get("record")
                .and_then(Value::as_str)
                .context("a record has an id")?;
            let version = record.get("version").and_then(Value::as_i64).unwrap_or(1);
            let returned = version == 1 && chance.percent(20);
            let body = if returned {
                json!({"version": version, "decision": "return", "reason": "请说明参加人数的依据"})
            } else {
                json!({"version": version, "decision": "approve"})
            };
            // A version mended meanwhile is reviewed in the next round.
            let _ = self
                .desk
                .try_post(&format!("/v1/activities/{id}/review"), &body)?;
        }
        Ok(())
    }
}

fn opinion(action: &str) -> &'static str {
    match action {
        "file" => "符合立案标准，予以立案",
        "send_back" => "情节轻微，请受理员复核",
        "decline" => "经复核，不予立案",
        "handle" => "已派人清理完毕，现场恢复",
        "close" => "处置前后对比一致，予以结案",
        "rework" => "未达到结案标准，请重新处置",
        _ => "同意",
    }
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case.get(field).and_then(Value::as_str).unwrap_or_default()
}
fn matter_of(case: &Value) -> Value {
    case.pointer("/matter/code")
        .cloned()
        .unwrap_or_else(|| json!("E0102"))
}
/// Decided by the number, so that the same case is judged the same way each time.
fn is_slight(case: &Value) -> bool {
    text(case, "number").bytes().map(u32::from).sum::<u32>() % 12 == 0
}
fn was_sent_back(case: &Value) -> bool {
    let events = case.get("ledger").and_then(Value::as_array);
    events.is_some_and(|events| events.iter().any(|e| text(e, "action") == "send_back"))
}
fn passed(case: &Value) -> bool {
    case.get("check_passed") == Some(&json!(true))
}

//! The centre at work: acceptor, shift leader, command centre, departments and supervisor, each with its own
//! account over the HTTP API.

use super::board::DemoCounters;
use crate::{
    pictures::PhotoAlbum,
    random::ScenarioRandom,
    staff_api::{ApiRefusal, StaffSession},
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// What a clerk does.
#[derive(Debug, Clone)]
pub enum ClerkRole {
    /// 受理员: accepts cases, orders checks, and registers `calls` calls of citizens.
    Acceptor { calls: u32 },
    /// 值班长: files cases, sends them back, closes them.
    ShiftLeader,
    /// 指挥中心: dispatches to one of these departments and forwards cases.
    CommandCentre { departments: Vec<String> },
    /// 终端部门: handles cases and attaches a photo taken afterwards.
    Department,
    /// 督导: reviews activity records and creates `inspections` inspection tasks.
    Supervisor { inspections: u32 },
}

/// A member of staff at work.
pub struct Clerk {
    pub name: String,
    pub desk: StaffSession,
    pub duty: ClerkRole,
    /// Cells of the district, for calls and inspections.
    pub cells: Vec<String>,
    /// Pause between two rounds over the queue, in milliseconds.
    pub pace_ms: u64,
}

impl Clerk {
    /// Works until the demo stops.
    pub fn work(mut self, counters: &Arc<super::crowd::DemoContext>) {
        let mut random = ScenarioRandom::of(counters.seed, &self.name);
        while !counters.counters.is_stopped() {
            if let Err(error) = self.round(&counters.counters, &counters.album, &mut random) {
                counters.counters.record_failure(&self.name, &error);
            }
            std::thread::sleep(Duration::from_millis(self.pace_ms));
        }
    }

    fn round(
        &mut self,
        counters: &DemoCounters,
        album: &PhotoAlbum,
        random: &mut ScenarioRandom,
    ) -> Result<()> {
        match &mut self.duty {
            ClerkRole::Acceptor { calls } => {
                if *calls > 0 && !counters.is_finishing() && random.percent(30) {
                    *calls -= 1;
                    self.take_a_call(random)?;
                }
                self.queue("acceptor", counters, |case, action| match action {
                    "prefile" => Some(json!({"matter": matter_of(case)})),
                    "decline" | "send_check" => Some(json!({})),
                    _ => None,
                })
            }
            ClerkRole::ShiftLeader => {
                let rework = random.percent(5);
                self.queue("shift_leader", counters, |case, action| match action {
                    // Sends back about one report in twelve; which ones depends on the case number only.
                    "send_back" if is_slight(case) && !was_sent_back(case) => Some(json!({})),
                    "file" if !is_slight(case) || was_sent_back(case) => Some(json!({"level": 2})),
                    "rework" if !passed(case) || rework => Some(json!({})),
                    "close" if passed(case) => Some(json!({})),
                    _ => None,
                })
            }
            ClerkRole::CommandCentre { departments } => {
                let department = random.pick(departments).context("no departments")?.clone();
                self.queue("command_centre", counters, |_, action| match action {
                    "dispatch" => Some(
                        json!({"department": department, "limit": {"amount": 4, "unit": "working_hour"}}),
                    ),
                    "forward" => Some(json!({})),
                    _ => None,
                })
            }
            ClerkRole::Department => {
                let photo = album.crop(random)?;
                let desk = self.desk.clone();
                let mut sent: Option<String> = None;
                self.queue("department", counters, move |_, action| {
                    if action != "handle" {
                        return None;
                    }
                    // Uploads one photo per round; each case of the round names it.
                    if sent.is_none() {
                        let answer = desk.upload("/v1/attachments", "image/jpeg", photo.clone()).ok()?;
                        sent = answer.get("sha256").and_then(Value::as_str).map(str::to_owned);
                    }
                    Some(json!({"attachments": [sent.as_ref()?]}))
                })
            }
            ClerkRole::Supervisor { inspections } => {
                if *inspections > 0 && !counters.is_finishing() && random.percent(40) {
                    *inspections -= 1;
                    let cell = random.pick(&self.cells).context("no cells")?.clone();
                    self.desk.post(
                        "/v1/tasks",
                        &json!({"purpose": "inspect", "wording": "请到现场核验该处环境卫生", "cell": cell, "minutes": 90}),
                    )?;
                }
                self.review(random)
            }
        }
    }

    /// Goes through the queue and does `action` for each case where `decide` returns the action's own fields.
    fn queue(
        &self,
        queue: &str,
        counters: &DemoCounters,
        mut decide: impl FnMut(&Value, &str) -> Option<Value>,
    ) -> Result<()> {
        for line in self.desk.all(&format!("/v1/cases?queue={queue}"))? {
            let id = line
                .get("id")
                .and_then(Value::as_str)
                .context("no id in the case")?;
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
            let fields = body.as_object_mut().context("the action body is no object")?;
            fields.insert("action".into(), json!(action));
            fields.insert(
                "expected_version".into(),
                case.get("version").cloned().unwrap_or_default(),
            );
            fields.insert("opinion".into(), json!(opinion(&action)));
            match self.desk.try_post(&format!("/v1/cases/{id}/actions"), &body)? {
                Ok(_) => {}
                // Another clerk or a field answer moved the case first; the next round sees its new state.
                Err(ApiRefusal { code, .. }) if code == "case.changed" || code == "case.transition" => {
                    counters.refused.one()
                }
                Err(refusal) => return Err(refusal).context(format!("{action} of {id}")),
            }
        }
        Ok(())
    }

    /// T2: registers a citizen's call. The phone number is synthetic, in a form that is not assigned.
    fn take_a_call(&self, random: &mut ScenarioRandom) -> Result<()> {
        let cell = random.pick(&self.cells).context("no cells")?;
        let body = json!({
            "matter": "E0102", "cell": cell, "address": "居民来电所述地点",
            "text": "来电反映垃圾无人清理",
            "caller": {"name": "来电人", "phone": format!("000-{:07}", random.bits() % 10_000_000)},
        });
        self.desk.post("/v1/cases", &body).map(|_| ())
    }

    /// Reviews activity records; returns about one in five once, with a reason.
    fn review(&self, random: &mut ScenarioRandom) -> Result<()> {
        for record in self.desk.all("/v1/activities?state=submitted")? {
            let id = record
                .get("record")
                .and_then(Value::as_str)
                .context("no id in the activity record")?;
            let version = record.get("version").and_then(Value::as_i64).unwrap_or(1);
            let returned = version == 1 && random.percent(20);
            let body = if returned {
                json!({"version": version, "decision": "return", "reason": "请说明参加人数的依据"})
            } else {
                json!({"version": version, "decision": "approve"})
            };
            // A version that was revised meanwhile is reviewed in the next round.
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
/// Depends on the case number only, so that a case is judged the same way each time.
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

//! What people at the centre do, through the same routes as their browser.

use super::{
    judge::{Judged, Rule, broken, unwell},
    pictures,
    plan::{Act, Event},
    server::{Answer, Down},
    town,
    world::World,
};
use axum::{body::Body, http::Request};
use protocol::{
    case::{Action, CaseState, allowed},
    role::Role,
};
use serde_json::{Value, json};

/// The list of an answer, and one of it by chance.
fn pick(answer: &Answer, r: u64) -> Option<Value> {
    let list = answer.json();
    let items = list.get("items").and_then(Value::as_array)?;
    let k = r.checked_rem(items.len() as u64)?;
    items.get(usize::try_from(k).ok()?).cloned()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl World<'_> {
    pub(super) fn centre(&mut self, event: &Event) -> Judged {
        let done = match &event.act {
            Act::Case => self.case(event.r),
            Act::Task => self.task(event.r),
            Act::CancelTask => self.cancel_task(event.r),
            Act::Review => self.review(event.r),
            Act::ActivityReview => self.activity_review(event.r),
            Act::Register => {
                let cell = self.cell(event.r)?;
                let body = json!({"matter": "E0102", "text": "路口堆放垃圾", "cell": cell,
                    "address": "桂林路 1 号", "caller": {"name": "王小明", "phone": "13900001234"}});
                self.ask(Role::Acceptor, "POST", "/v1/cases", &body)
            }
            Act::Relieve(t) => self.relieve(*t),
            Act::GiveBack(t) => self.give_back(*t),
            Act::Move(t) => self.move_holder(*t, event.r),
            Act::Revoke(t) => self.revoke(*t),
            Act::Wipe(t) => self.wipe(*t),
            _ => return Ok(()),
        };
        self.tell(|| match &done {
            Ok(answer) => format!("the centre: {:?}: {}", event.act, answer.status),
            Err(Down) => format!("the centre: {:?}: the server is down", event.act),
        });
        let is_order = matches!(
            event.act,
            Act::Relieve(_) | Act::GiveBack(_) | Act::Move(_) | Act::Revoke(_) | Act::Wipe(_)
        );
        if let Ok(answer) = &done
            && is_order
            && (400..500).contains(&answer.status)
            && answer.status != 404
        {
            return broken(
                Rule::Unwell,
                format!(
                    "{:?} is refused with {}: {}",
                    event.act,
                    answer.status,
                    answer.json()
                ),
            );
        }
        self.judge_answer(&done, "the centre")
    }
    pub(super) fn ask(&self, role: Role, method: &str, path: &str, body: &Value) -> Result<Answer, Down> {
        self.server.staff(self.town.token(role), method, path, body)
    }
    fn cell(&self, r: u64) -> Judged<String> {
        let cells = town::cells().map_err(unwell)?;
        let k = usize::try_from(r % cells.len() as u64).unwrap_or(0);
        Ok(cells.get(k).map(|cell| cell.to_string()).unwrap_or_default())
    }
    fn case(&self, r: u64) -> Result<Answer, Down> {
        let list = self.ask(Role::Supervisor, "GET", "/v1/cases?limit=24", &Value::Null)?;
        let Some(case) = pick(&list, r) else {
            return Ok(list);
        };
        let Ok(state) = text(&case, "state").parse::<CaseState>() else {
            return Ok(list);
        };
        let steps: Vec<_> = allowed(state)
            .filter_map(|step| {
                let role = step.by.iter().find(|role| **role != Role::Patroller)?;
                Some((step, *role))
            })
            .collect();
        let Some((step, role)) = (r >> 20)
            .checked_rem(steps.len() as u64)
            .and_then(|k| steps.get(usize::try_from(k).ok()?).copied())
        else {
            return Ok(list);
        };
        let mut body = json!({"action": step.action, "expected_version": case.get("version")});
        let needs = match step.action {
            Action::Prefile => json!({"matter": "E0102", "cell": "220104050301"}),
            Action::File => json!({"level": 2, "opinion": "属实，立案"}),
            Action::Dispatch => json!({"department": self.town.department,
                "limit": {"amount": 4, "unit": "working_hour"}}),
            Action::Handle => json!({"opinion": "已清理", "attachments": [self.attach(r)?]}),
            _ => json!({"opinion": "意见"}),
        };
        if let (Value::Object(body), Value::Object(needs)) = (&mut body, needs) {
            body.extend(needs);
        }
        let path = format!("/v1/cases/{}/actions", text(&case, "id"));
        self.ask(role, "POST", &path, &body)
    }
    fn attach(&self, r: u64) -> Result<Value, Down> {
        let picture = pictures::photo(r).map_err(|_| Down)?;
        let request = Request::post("/v1/attachments")
            .header(
                "authorization",
                format!("Bearer {}", self.town.token(Role::Department)),
            )
            .header("content-type", "image/jpeg")
            .body(Body::from(picture.jpeg))
            .map_err(|_| Down)?;
        let answer = self.server.request(request)?;
        Ok(answer.json().get("sha256").cloned().unwrap_or_default())
    }
    fn task(&self, r: u64) -> Result<Answer, Down> {
        let cell = self.cell(r).unwrap_or_default();
        let body = json!({"purpose": "inspect", "wording": "请看一下现场", "cell": cell, "minutes": 240});
        self.ask(Role::Supervisor, "POST", "/v1/tasks", &body)
    }
    fn cancel_task(&mut self, r: u64) -> Result<Answer, Down> {
        let list = self.ask(
            Role::Supervisor,
            "GET",
            "/v1/tasks?state=assigned&limit=12",
            &Value::Null,
        )?;
        match pick(&list, r) {
            None => Ok(list),
            Some(task) => {
                let id = text(&task, "id").to_owned();
                let path = format!("/v1/tasks/{id}/cancel");
                let answer = self.ask(Role::Supervisor, "POST", &path, &json!({"reason": "不用了"}))?;
                if answer.status < 300 {
                    self.memory.taken_back(id);
                }
                Ok(answer)
            }
        }
    }
    fn review(&self, r: u64) -> Result<Answer, Down> {
        let list = self.ask(Role::Supervisor, "GET", "/v1/review?limit=12", &Value::Null)?;
        match pick(&list, r) {
            None => Ok(list),
            Some(item) => {
                let path = format!("/v1/review/{}", text(&item, "entry"));
                let decision = if r.is_multiple_of(2) { "apply" } else { "reject" };
                let body = json!({"decision": decision, "reason": "请补充照片"});
                self.ask(Role::Supervisor, "POST", &path, &body)
            }
        }
    }
    fn activity_review(&self, r: u64) -> Result<Answer, Down> {
        let path = "/v1/activities?state=submitted&limit=12";
        let list = self.ask(Role::Supervisor, "GET", path, &Value::Null)?;
        match pick(&list, r) {
            None => Ok(list),
            Some(record) => {
                let path = format!("/v1/activities/{}/review", text(&record, "record"));
                let decision = if r.is_multiple_of(2) { "approve" } else { "return" };
                let body =
                    json!({"version": record.get("version"), "decision": decision, "reason": "人数不清楚"});
                self.ask(Role::Supervisor, "POST", &path, &body)
            }
        }
    }
    fn relieve(&mut self, t: usize) -> Result<Answer, Down> {
        // Whoever has lost the post before he was enrolled is refused, rightly, and asks for another invitation.
        let is_enrolled = self.handsets.get(t).is_some_and(|h| h.enrolled.is_some());
        let Some(beat) = self.town.beats.get(t).filter(|_| is_enrolled) else {
            return Err(Down);
        };
        let path = format!("/v1/posts/{}/holders/{}", beat.post, beat.person);
        self.ask(Role::Admin, "DELETE", &path, &Value::Null)
    }
    fn give_back(&mut self, t: usize) -> Result<Answer, Down> {
        let Some(beat) = self.town.beats.get(t) else {
            return Err(Down);
        };
        let path = format!("/v1/posts/{}/holders", beat.post);
        self.ask(Role::Admin, "POST", &path, &json!({"person": beat.person}))
    }
    /// The holder gets the post of the next one instead of his own; or the next one gets his.
    fn move_holder(&mut self, t: usize, r: u64) -> Result<Answer, Down> {
        let next = (t + 1) % self.handsets.len().max(1);
        let (Some(own), Some(other)) = (self.town.beats.get(t), self.town.beats.get(next)) else {
            return Err(Down);
        };
        let (post, person) = if r.is_multiple_of(2) {
            (other.post, own.person)
        } else {
            (own.post, other.person)
        };
        self.relieve(t)?;
        let path = format!("/v1/posts/{post}/holders");
        self.ask(Role::Admin, "POST", &path, &json!({"person": person}))
    }
    fn revoke(&mut self, t: usize) -> Result<Answer, Down> {
        let Some(stream) = self.handsets.get(t).and_then(|h| h.enrolled) else {
            return Err(Down);
        };
        let path = format!("/v1/streams/{stream}/revoke");
        self.ask(Role::Admin, "POST", &path, &json!({"reason": "lost"}))
    }
    fn wipe(&mut self, t: usize) -> Result<Answer, Down> {
        let Some(terminal) = self.handsets.get(t).and_then(|h| h.known_as) else {
            return Err(Down);
        };
        let path = format!("/v1/terminals/{terminal}/wipe");
        self.ask(Role::Admin, "POST", &path, &json!({"reason": "lost"}))
    }
}

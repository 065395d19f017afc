//! What people at the centre do, through the same routes as the web console.

use super::{
    city_template,
    judge::{CheckResult, Invariant, check_failed, violation},
    pictures,
    plan::{EventKind, PlannedEvent},
    server::{ServerDown, SimResponse},
    world::SimWorld,
};
use axum::{body::Body, http::Request};
use protocol::{
    case::{Action, CaseState, allowed},
    role::Role,
};
use serde_json::{Value, json};

/// One element of a list response, chosen by `r`.
fn pick(answer: &SimResponse, r: u64) -> Option<Value> {
    let list = answer.json();
    let items = list.get("items").and_then(Value::as_array)?;
    let k = r.checked_rem(items.len() as u64)?;
    items.get(usize::try_from(k).ok()?).cloned()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl SimWorld<'_> {
    pub(super) fn centre(&mut self, event: &PlannedEvent) -> CheckResult {
        let done = match &event.act {
            EventKind::Case => self.case(event.r),
            EventKind::Task => self.task(event.r),
            EventKind::CancelTask => self.cancel_task(event.r),
            EventKind::Review => self.review(event.r),
            EventKind::ActivityReview => self.activity_review(event.r),
            EventKind::Register => {
                let cell = self.cell(event.r)?;
                let body = json!({"matter": "E0102", "text": "路口堆放垃圾", "cell": cell,
                    "address": "桂林路 1 号", "caller": {"name": "王小明", "phone": "13900001234"}});
                self.ask(Role::Acceptor, "POST", "/v1/cases", &body)
            }
            EventKind::Relieve(t) => self.relieve(*t),
            EventKind::GiveBack(t) => self.give_back(*t),
            EventKind::Move(t) => self.move_holder(*t, event.r),
            EventKind::Revoke(t) => self.revoke(*t),
            EventKind::Wipe(t) => self.wipe(*t),
            _ => return Ok(()),
        };
        self.log_line(|| match &done {
            Ok(answer) => format!("the centre: {:?}: {}", event.act, answer.status),
            Err(ServerDown) => format!("the centre: {:?}: the server is down", event.act),
        });
        let is_order = matches!(
            event.act,
            EventKind::Relieve(_)
                | EventKind::GiveBack(_)
                | EventKind::Move(_)
                | EventKind::Revoke(_)
                | EventKind::Wipe(_)
        );
        if let Ok(answer) = &done
            && is_order
            && (400..500).contains(&answer.status)
            && answer.status != 404
        {
            return violation(
                Invariant::Health,
                format!(
                    "{:?} was refused with {}: {}",
                    event.act,
                    answer.status,
                    answer.json()
                ),
            );
        }
        self.check_response(&done, "the centre")
    }
    pub(super) fn ask(
        &self,
        role: Role,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<SimResponse, ServerDown> {
        self.server.staff(self.template.token(role), method, path, body)
    }
    fn cell(&self, r: u64) -> CheckResult<String> {
        let cells = city_template::cells().map_err(check_failed)?;
        let k = usize::try_from(r % cells.len() as u64).unwrap_or(0);
        Ok(cells.get(k).map(|cell| cell.to_string()).unwrap_or_default())
    }
    fn case(&self, r: u64) -> Result<SimResponse, ServerDown> {
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
            Action::Dispatch => json!({"department": self.template.department,
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
    fn attach(&self, r: u64) -> Result<Value, ServerDown> {
        let picture = pictures::photo(r).map_err(|_| ServerDown)?;
        let request = Request::post("/v1/attachments")
            .header(
                "authorization",
                format!("Bearer {}", self.template.token(Role::Department)),
            )
            .header("content-type", "image/jpeg")
            .body(Body::from(picture.jpeg))
            .map_err(|_| ServerDown)?;
        let answer = self.server.request(request)?;
        Ok(answer.json().get("sha256").cloned().unwrap_or_default())
    }
    fn task(&self, r: u64) -> Result<SimResponse, ServerDown> {
        let cell = self.cell(r).unwrap_or_default();
        let body = json!({"purpose": "inspect", "wording": "请看一下现场", "cell": cell, "minutes": 240});
        self.ask(Role::Supervisor, "POST", "/v1/tasks", &body)
    }
    fn cancel_task(&mut self, r: u64) -> Result<SimResponse, ServerDown> {
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
                    self.decisions.withdrawn(id);
                }
                Ok(answer)
            }
        }
    }
    fn review(&self, r: u64) -> Result<SimResponse, ServerDown> {
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
    fn activity_review(&self, r: u64) -> Result<SimResponse, ServerDown> {
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
    fn relieve(&mut self, t: usize) -> Result<SimResponse, ServerDown> {
        // A holder who lost the post before the enrolment is refused correctly and needs another invitation.
        let is_enrolled = self.handsets.get(t).is_some_and(|h| h.enrolled.is_some());
        let Some(beat) = self.template.beats.get(t).filter(|_| is_enrolled) else {
            return Err(ServerDown);
        };
        let path = format!("/v1/posts/{}/holders/{}", beat.post, beat.person);
        self.ask(Role::Admin, "DELETE", &path, &Value::Null)
    }
    fn give_back(&mut self, t: usize) -> Result<SimResponse, ServerDown> {
        let Some(beat) = self.template.beats.get(t) else {
            return Err(ServerDown);
        };
        let path = format!("/v1/posts/{}/holders", beat.post);
        self.ask(Role::Admin, "POST", &path, &json!({"person": beat.person}))
    }
    /// Gives the next handset's post to this holder, or this post to the next holder.
    fn move_holder(&mut self, t: usize, r: u64) -> Result<SimResponse, ServerDown> {
        let next = (t + 1) % self.handsets.len().max(1);
        let (Some(own), Some(other)) = (self.template.beats.get(t), self.template.beats.get(next)) else {
            return Err(ServerDown);
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
    fn revoke(&mut self, t: usize) -> Result<SimResponse, ServerDown> {
        let Some(stream) = self.handsets.get(t).and_then(|h| h.enrolled) else {
            return Err(ServerDown);
        };
        let path = format!("/v1/streams/{stream}/revoke");
        self.ask(Role::Admin, "POST", &path, &json!({"reason": "lost"}))
    }
    fn wipe(&mut self, t: usize) -> Result<SimResponse, ServerDown> {
        let Some(terminal) = self.handsets.get(t).and_then(|h| h.known_as) else {
            return Err(ServerDown);
        };
        let path = format!("/v1/terminals/{terminal}/wipe");
        self.ask(Role::Admin, "POST", &path, &json!({"reason": "lost"}))
    }
}

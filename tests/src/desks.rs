//! The centre of a small city: the steps of a case between the field and its end, each by the person whose step it is,
//! over the HTTP API as the console does it.

use crate::{
    city::{City, id},
    pictures::PhotoAlbum,
    random::ScenarioRandom,
    staff_api::StaffSession,
};
use anyhow::{Context, Result};
use protocol::role::Role;
use serde_json::{Value, json};

/// The signed-in staff of a district.
pub struct Desks {
    pub acceptor: StaffSession,
    pub leader: StaffSession,
    pub supervisor: StaffSession,
    /// Signed in when a case is dispatched for the first time; most rigs never do.
    handling: Option<Handling>,
}

/// Who has a filed case handled.
struct Handling {
    centre: StaffSession,
    department: StaffSession,
    /// The department's unit.
    unit: String,
    album: PhotoAlbum,
    random: ScenarioRandom,
}

impl Desks {
    pub fn of(city: &City) -> Result<Self> {
        Ok(Self {
            acceptor: employed(city, "shouli", Role::Acceptor, &city.district)?,
            leader: employed(city, "zhiban", Role::ShiftLeader, &city.district)?,
            supervisor: employed(city, "dudao", Role::Supervisor, &city.district)?,
            handling: None,
        })
    }

    /// Returns the case with this receipt number.
    pub(crate) fn case(&self, number: &str) -> Result<Value> {
        let cases = self.acceptor.all("/v1/cases")?;
        cases
            .into_iter()
            .find(|case| case.get("number") == Some(&json!(number)))
            .with_context(|| format!("no case {number}"))
    }

    /// Files and handles a case and sends it to be checked; returns the check task.
    pub fn check(&mut self, city: &City, number: &str, opinion: &str) -> Result<Value> {
        let case = self.case(number)?;
        if self.handling.is_none() {
            self.handling = Some(Handling::of(city)?);
        }
        let handling = self.handling.as_mut().context("nobody handles cases")?;
        let order = json!({"department": handling.unit, "limit": {"amount": 4, "unit": "working_hour"}});
        let after = handling.album.crop(&mut handling.random)?;
        let sent = handling
            .department
            .upload("/v1/attachments", "image/jpeg", after)?;
        let after = json!({"attachments": [sent.get("sha256")]});
        let (centre, department) = (&handling.centre, &handling.department);
        let case = step(&self.acceptor, &case, "prefile", json!({}), opinion)?;
        let case = step(&self.leader, &case, "file", json!({"level": 2}), opinion)?;
        let case = step(centre, &case, "dispatch", order, opinion)?;
        let case = step(department, &case, "handle", after, opinion)?;
        let case = step(centre, &case, "forward", json!({}), opinion)?;
        let case = step(&self.acceptor, &case, "send_check", json!({}), opinion)?;
        let task = case.pointer("/tasks/0").context("no check task")?;
        Ok(task.clone())
    }

    /// Closes a case whose check passed.
    pub fn close(&self, number: &str, opinion: &str) -> Result<Value> {
        step(&self.leader, &self.case(number)?, "close", json!({}), opinion)
    }

    /// The shortest way of a case to its end.
    pub fn decline(&self, number: &str, reason: &str) -> Result<Value> {
        let case = step(&self.acceptor, &self.case(number)?, "prefile", json!({}), reason)?;
        let case = step(&self.leader, &case, "send_back", json!({}), reason)?;
        step(&self.acceptor, &case, "decline", json!({}), reason)
    }
}

impl Handling {
    fn of(city: &City) -> Result<Self> {
        let unit = city.department("环卫处置队")?;
        Ok(Self {
            centre: employed(city, "zhihui", Role::CommandCentre, &city.district)?,
            department: employed(city, "huanwei", Role::Department, &unit)?,
            unit,
            album: PhotoAlbum::load()?,
            random: ScenarioRandom::new(1),
        })
    }
}

/// Employs and signs in.
pub(crate) fn employed(city: &City, account: &str, role: Role, org: &str) -> Result<StaffSession> {
    let made = city.staff(account, role.zh(), role, org)?;
    city.sign_in(&made)
}

/// Does one action with its own fields; returns the case afterwards.
pub(crate) fn step(
    desk: &StaffSession,
    case: &Value,
    action: &str,
    mut body: Value,
    opinion: &str,
) -> Result<Value> {
    let fields = body.as_object_mut().context("the action body is no object")?;
    fields.insert("action".into(), json!(action));
    fields.insert("opinion".into(), json!(opinion));
    fields.insert(
        "expected_version".into(),
        case.get("version").cloned().unwrap_or_default(),
    );
    desk.post(&format!("/v1/cases/{}/actions", id(case)?), &body)
        .with_context(|| format!("{action} of a case"))
}

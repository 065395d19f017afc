//! A real server behind a faulty line, for tests that are not written in Rust: the conformance tests of the apps
//! (`bindings/conformance.toml`). It computes nothing of its own; every verb is a step of a story.

use crate::{
    city::{City, InvitedPost},
    desks::Desks,
    line::{FaultProxy, LineFault},
    process::ServerSetup,
};
use anyhow::{Result, ensure};
use protocol::{field::Invitation, role::Role};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// One command; `do` names the verb.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum RigCommand {
    /// Creates a post over `area` with a holder, unless it is there; answers with an enrolment string for one more
    /// terminal, which leads through the line.
    Invite { post: String, role: Role, area: String },
    /// Sets the line and closes what is open on it. Without a fault it only answers with the line's counters.
    Line { fault: Option<LineCommand> },
    /// Ends the stream of a lost terminal: what it holds comes sealed and goes to review.
    Revoke { stream: String },
    /// Decides an entry in review: it returns to its author with these words.
    Refuse { entry: String, reason: String },
    /// Reviews the version of an activity record; with a reason it is returned, without one approved.
    Review {
        record: String,
        version: u32,
        reason: Option<String>,
    },
    /// The activity records with this title, as a reviewer sees them.
    Activities { title: String },
    /// Gives a task to whoever is on duty in the cell.
    Task { cell: String, wording: String },
    /// What became of a task.
    TaskState { task: String },
    /// Takes a task back.
    CancelTask { task: String },
    /// Ends a report: its case is declined with these words.
    Decline { number: String, reason: String },
    /// Files a report, has it handled and sends it to whoever is on duty in its cell to be checked; answers with the task.
    Check { number: String, opinion: String },
    /// Closes the case of a report whose check passed.
    Close { number: String, opinion: String },
    /// What the server holds: all reports with this text and their authors, and the counts of everything.
    State { text: String },
    /// Imports a file of sealed parcels.
    Import { file: PathBuf },
}

/// A fault of the line, see [`LineFault`].
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineCommand {
    Good,
    Down,
    CutUp(u64),
    CutDown(u64),
    Stall(u64),
}

impl From<LineCommand> for LineFault {
    fn from(command: LineCommand) -> Self {
        match command {
            LineCommand::Good => Self::Good,
            LineCommand::Down => Self::Down,
            LineCommand::CutUp(bytes) => Self::CutUp(bytes),
            LineCommand::CutDown(bytes) => Self::CutDown(bytes),
            LineCommand::Stall(bytes) => Self::Stall(bytes),
        }
    }
}

/// The server with its small city, staff and line. Dropping it ends the server and removes its folder.
pub struct Rig {
    city: City,
    line: FaultProxy,
    desks: Desks,
    posts: BTreeMap<String, InvitedPost>,
    _folder: TempDir,
}

impl Rig {
    /// Starts the server with its own certificate, whose key the enrolment strings pin.
    pub fn start() -> Result<Self> {
        let folder = TempDir::new()?;
        let city = City::small(&folder.path().join("server"), ServerSetup::default())?;
        Ok(Self {
            line: FaultProxy::to(city.server.address())?,
            desks: Desks::of(&city)?,
            posts: BTreeMap::new(),
            city,
            _folder: folder,
        })
    }

    /// The cells with a point inside each, in 10^-7 degrees.
    pub fn cells(&self) -> Value {
        let pack = self.city.pack.view();
        let cells = pack.cells().map(|cell| {
            let point = cell.centroid();
            (cell.code.to_string(), json!({"lat": point.lat, "lon": point.lon}))
        });
        cells.collect::<serde_json::Map<_, _>>().into()
    }

    /// Obeys one command.
    pub fn obey(&mut self, command: RigCommand) -> Result<Value> {
        match command {
            RigCommand::Invite { post, role, area } => self.invite(post, role, &area),
            RigCommand::Line { fault } => {
                if let Some(fault) = fault {
                    self.line.set(fault.into());
                }
                Ok(json!({
                    "faults": self.line.faults(),
                    "connections": self.line.connections(),
                    "bytes_sent": self.line.bytes_sent(),
                }))
            }
            RigCommand::Revoke { stream } => {
                let path = format!("/v1/streams/{stream}/revoke");
                self.city.admin.post(&path, &json!({"reason": "lost"}))
            }
            RigCommand::Refuse { entry, reason } => {
                let decided = json!({"decision": "reject", "reason": reason});
                self.desks.leader.post(&format!("/v1/review/{entry}"), &decided)
            }
            RigCommand::Review {
                record,
                version,
                reason,
            } => {
                let decided = match reason {
                    Some(reason) => json!({"version": version, "decision": "return", "reason": reason}),
                    None => json!({"version": version, "decision": "approve"}),
                };
                let path = format!("/v1/activities/{record}/review");
                self.desks.supervisor.post(&path, &decided)
            }
            RigCommand::Activities { title } => {
                let mut records = self.desks.supervisor.all("/v1/activities")?;
                records.retain(|record| record.get("title") == Some(&json!(title)));
                Ok(json!(records))
            }
            RigCommand::Task { cell, wording } => {
                let task = json!({"purpose": "inspect", "wording": wording, "cell": cell, "minutes": 600});
                self.desks.supervisor.post("/v1/tasks", &task)
            }
            RigCommand::TaskState { task } => self.desks.supervisor.get(&format!("/v1/tasks/{task}")),
            RigCommand::CancelTask { task } => self
                .desks
                .supervisor
                .post(&format!("/v1/tasks/{task}/cancel"), &json!({})),
            RigCommand::Decline { number, reason } => self.desks.decline(&number, &reason),
            RigCommand::Check { number, opinion } => self.desks.check(&self.city, &number, &opinion),
            RigCommand::Close { number, opinion } => self.desks.close(&number, &opinion),
            RigCommand::State { text } => self.state(&text),
            RigCommand::Import { file } => self.import(&file),
        }
    }

    fn invite(&mut self, number: String, role: Role, area: &str) -> Result<Value> {
        let (name, holder) = (format!("{number}岗"), format!("巡查员{number}"));
        let invited = match self.posts.get(&number) {
            Some(there) => self.city.invite(&number, &there.post, &there.person)?,
            None => self.city.post(&number, &name, &holder, role, &[area])?,
        };
        let mut invitation = Invitation::from_text(&invited.invitation)?;
        ensure!(!invitation.pins.is_empty(), "the server must be pinned");
        invitation.server = format!("https://{}", self.line.address());
        let text = invitation.to_text()?;
        self.posts.insert(number, invited);
        Ok(json!({"invitation": text, "server": invitation.server, "holder": holder}))
    }
    /// The reports with this text, each with its author as the ledger names him, and the counts of everything.
    fn state(&self, text: &str) -> Result<Value> {
        let mut cases = self.desks.acceptor.all("/v1/cases")?;
        cases.retain(|case| case.get("text") == Some(&json!(text)));
        for case in &mut cases {
            let path = format!("/v1/cases/{}", crate::city::id(case)?);
            let whole = self.desks.acceptor.get(&path)?;
            let by = whole.pointer("/ledger/0/actor_name").cloned();
            if let Some(fields) = case.as_object_mut() {
                fields.insert("by".into(), by.unwrap_or_default());
            }
        }
        Ok(json!({"cases": cases, "counts": self.city.admin.get("/v1/counts")?}))
    }
    fn import(&self, file: &Path) -> Result<Value> {
        Ok(json!({"said": self.city.server.import_parcels(file)?}))
    }
}

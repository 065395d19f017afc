//! What the parts of the loop share: the transcript of commands and responses, people at the centre, and
//! readers of the command line's JSON.

use crate::stage::{StoryStage, xunge, xunge_json};
use e2e::{
    city::{City, InvitedPost, StaffAccount},
    staff_api::{ApiRefusal, StaffSession},
};
use protocol::{
    codes::{CellCode, CommunityCode},
    field::Invitation,
    role::Role,
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// Commands and responses; written when it is dropped, so that a failed run can be read too.
pub struct Transcript {
    path: PathBuf,
    text: String,
}

impl Transcript {
    pub fn new(stage: &StoryStage) -> Self {
        let engine = if stage.is_postgres() { "postgres" } else { "sqlite" };
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        Self {
            path: target.join(format!("loop-transcript-{engine}.txt")),
            text: format!("The loop on {engine}\n"),
        }
    }
    pub fn heading(&mut self, what: &str) {
        let _ = writeln!(self.text, "\n# {what}");
    }
    pub fn line(&mut self, what: &str) {
        let _ = writeln!(self.text, "{what}");
    }
    /// Runs a command as people use it; returns exit code and output.
    pub fn xunge(&mut self, home: &Path, args: &[&str]) -> (i32, String) {
        let output = xunge(home, args).output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let code = output.status.code().unwrap();
        let name = home.file_name().unwrap().to_string_lossy().into_owned();
        let folder = home.parent().unwrap().display().to_string();
        let shown: Vec<String> = args
            .iter()
            .map(|arg| {
                let arg = arg.replace(&format!("{folder}/"), "");
                if arg.len() > 120 {
                    format!("{}…", arg.chars().take(24).collect::<String>())
                } else {
                    arg
                }
            })
            .collect();
        let shown = shown.join(" ");
        self.line(&format!("$ xunge --home {name} {shown}"));
        self.line(&said.replace(&format!("{folder}/"), ""));
        if code != 0 {
            self.line(&format!("(exit code {code})"));
        }
        (code, said)
    }
    /// Runs a command that must succeed.
    pub fn run_ok(&mut self, home: &Path, args: &[&str]) -> String {
        let (code, said) = self.xunge(home, args);
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    }
    /// Performs an action on a case.
    pub fn perform(
        &mut self,
        desk: &CentreMember,
        case: &str,
        action: &str,
        more: Value,
    ) -> Result<Value, ApiRefusal> {
        let version = desk.version(case);
        let mut body = json!({"action": action, "expected_version": version, "opinion": "同意"});
        let shown = more.to_string();
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let answer = desk
            .desk
            .try_post(&format!("/v1/cases/{case}/actions"), &body)
            .unwrap();
        let said = match &answer {
            Ok(view) => format!(
                "200 {} {}",
                view["state"].as_str().unwrap(),
                view["state_zh"].as_str().unwrap()
            ),
            Err(refusal) => told(refusal),
        };
        self.line(&format!("{}> {action} {shown}\n  {said}", desk.account.name));
        answer
    }
    /// Performs an action that must be refused with this code.
    pub fn expect_refused(&mut self, desk: &CentreMember, case: &str, action: &str, more: Value, code: &str) {
        let refusal = self.perform(desk, case, action, more).expect_err(action);
        assert_eq!(refusal.code, code, "{action} by {}: {refusal}", desk.account.name);
    }
    pub fn post(&mut self, desk: &CentreMember, path: &str, body: &Value) -> Result<Value, ApiRefusal> {
        let answer = desk.desk.try_post(path, body).unwrap();
        let said = match &answer {
            Ok(view) => format!("200 {}", view["state"].as_str().unwrap_or_default()),
            Err(refusal) => told(refusal),
        };
        self.line(&format!("{}> POST {path} {body}\n  {said}", desk.account.name));
        answer
    }
}

fn told(refusal: &ApiRefusal) -> String {
    let mut said = format!("{} {}", refusal.status, refusal.code);
    let errors = refusal.body["errors"].as_array().cloned().unwrap_or_default();
    let words = [&refusal.body["title"], &refusal.body["detail"]];
    for words in words.into_iter().chain(errors.iter().map(|error| &error["zh"])) {
        if let Some(words) = words.as_str().filter(|words| !words.is_empty()) {
            let _ = write!(said, " {words}");
        }
    }
    said
}

impl Drop for Transcript {
    fn drop(&mut self) {
        let _ = std::fs::write(&self.path, &self.text);
    }
}

/// A person at the centre.
pub struct CentreMember {
    pub account: StaffAccount,
    pub desk: StaffSession,
}

impl CentreMember {
    pub fn employ(city: &City, account: &str, name: &str, role: Role, org: &str) -> Self {
        let account = city.staff(account, name, role, org).unwrap();
        let desk = city.sign_in(&account).unwrap();
        Self { account, desk }
    }
    /// The case's version, if this person may read it; otherwise 1, because the request is refused anyway.
    pub fn version(&self, case: &str) -> i64 {
        let view = self.desk.get(&format!("/v1/cases/{case}"));
        view.ok().and_then(|view| view["version"].as_i64()).unwrap_or(1)
    }
}

/// Enrols a handset of the command line in a new folder.
pub fn enroll(transcript: &mut Transcript, home: &Path, invited: &InvitedPost, through: Option<&str>) {
    let mut invitation = Invitation::from_text(&invited.invitation).unwrap();
    if let Some(address) = through {
        address.clone_into(&mut invitation.server);
    }
    transcript.run_ok(home, &["enroll", &invitation.to_text().unwrap()]);
    transcript.run_ok(home, &["sync"]);
}

pub fn at(city: &City, cell: CellCode) -> String {
    let (lat, lon) = city.pack.view().cell(cell).unwrap().centroid().degrees();
    format!("{lat:.7},{lon:.7},8")
}

/// Two communities with many cells, and the first cell of each.
pub fn beats(city: &City) -> [(CommunityCode, CellCode); 2] {
    let mut found = Vec::new();
    for (community, _) in city.communities() {
        let mut cells = city
            .pack
            .view()
            .cells()
            .map(|c| c.code)
            .filter(|c| c.community() == community);
        if let (Some(first), Some(_)) = (cells.next(), cells.next()) {
            found.push((community, first));
        }
    }
    [found[0], found[found.len() / 2]]
}

pub fn items(home: &Path) -> Vec<Value> {
    let (code, said) = xunge_json(home, &["queue", "--all"]);
    assert_eq!(code, 0);
    said["items"].as_array().unwrap().clone()
}

pub fn item(home: &Path, kind: &str) -> Value {
    items(home)
        .into_iter()
        .find(|item| item["kind"] == kind)
        .unwrap_or_else(|| panic!("no item of kind {kind}"))
}

pub fn tasks(home: &Path) -> Vec<Value> {
    let (code, said) = xunge_json(home, &["tasks"]);
    assert_eq!(code, 0);
    said["tasks"].as_array().unwrap().clone()
}

pub fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value
        .pointer(at)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {at} in {value}"))
}

//! Checking from the outside: the server's counts against the handsets' own, every photo's hash on both
//! sides, every case's history.

use super::{CLOSED, PHOTOS, REPORTS, board::Board, crowd::Worker};
use crate::{city::City, line::Weather, office::Desk};
use anyhow::{Context, Result};
use protocol::{
    case::{CaseState, TRANSITIONS, To},
    entry::receipt_number,
    open::Open,
    payload::EntryKind,
    photo::Sha256,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use terminal_core::store::Custody;

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    pub reports: u64,
    pub closed: u64,
    pub photos: u64,
    /// Entries or photos that a handset holds as filed and the server does not.
    pub lost: u64,
    /// Things that stand on the server more than once.
    pub twice: u64,
    /// Everything else that differs, in words.
    pub differs: Vec<String>,
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        self.lost == 0 && self.twice == 0 && self.differs.is_empty()
    }
    /// The line that ends the demo.
    pub fn line(&self) -> String {
        format!(
            "demo: {} reports filed, {} closed, {} photos verified, {} lost, {} twice",
            self.reports, self.closed, self.photos, self.lost, self.twice
        )
    }
    fn differs(&mut self, what: impl Into<String>) {
        self.differs.push(what.into());
    }
}

/// A photo as a handset has it, and where the server shows it.
struct Shown {
    sha256: Sha256,
    at: String,
}

pub fn verify(city: &City, desk: &Desk, board: &Board, workers: &mut [Worker]) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    for trouble in board.troubles() {
        verdict.differs(trouble);
    }
    // Everybody sends the last of it over a good line; only then is counted.
    for worker in workers.iter_mut() {
        if let Some(line) = &worker.line {
            line.set(Weather::Good);
        }
        let report = worker.handset.sync()?;
        if !report.is_success() {
            verdict.differs(format!(
                "{}: not everything was delivered: {report:?}",
                worker.name
            ));
        }
    }
    let cases = cases_by_number(desk, &mut verdict)?;
    let streams: BTreeMap<String, Value> = desk
        .all("/v1/counts/streams")?
        .into_iter()
        .filter_map(|s| Some((s.get("stream")?.as_str()?.to_owned(), s)))
        .collect();
    let mut shown = Vec::new();
    for worker in workers.iter_mut() {
        let name = worker.name.clone();
        handset(worker, &streams, &cases, desk, &mut verdict, &mut shown).with_context(|| name)?;
    }
    photos(desk, shown, &mut verdict)?;
    histories(&cases, &mut verdict);
    totals(desk, board, &mut verdict)?;
    // The server can prove its own completeness; nothing may be left in the review lane's blind spot.
    let log = std::fs::read_to_string(city.server.log())?;
    for line in log.lines().filter(|l| l.contains("\"level\":\"ERROR\"")).take(3) {
        verdict.differs(format!("server log: {line}"));
    }
    Ok(verdict)
}

/// All cases, each by its number; a number that stands twice is a case filed twice.
fn cases_by_number(desk: &Desk, verdict: &mut Verdict) -> Result<BTreeMap<String, Value>> {
    let mut cases = BTreeMap::new();
    for line in desk.all("/v1/cases?queue=all")? {
        let id = line
            .get("id")
            .and_then(Value::as_str)
            .context("a case has an id")?;
        let case = desk.get(&format!("/v1/cases/{id}"))?;
        let number = case
            .get("number")
            .and_then(Value::as_str)
            .context("a number")?
            .to_owned();
        if cases.insert(number, case).is_some() {
            verdict.twice += 1;
        }
    }
    Ok(cases)
}

/// One handset against its stream.
fn handset(
    worker: &mut Worker,
    streams: &BTreeMap<String, Value>,
    cases: &BTreeMap<String, Value>,
    desk: &Desk,
    verdict: &mut Verdict,
    shown: &mut Vec<Shown>,
) -> Result<()> {
    let name = worker.name.clone();
    let terminal = worker.handset.open()?;
    let stream = terminal.account().stream.to_string();
    let items = terminal.store().items()?;
    let count = streams.get(&stream).cloned().unwrap_or(Value::Null);
    let entries = count.get("entries").and_then(Value::as_u64).unwrap_or(0);
    let last = count.get("last").and_then(Value::as_u64).unwrap_or(0);
    if entries != items.len() as u64 || last != entries {
        verdict.differs(format!(
            "{name}: {} items here, {entries} there, highest number {last}",
            items.len()
        ));
    }
    verdict.lost += (items.len() as u64).saturating_sub(entries);
    let numbers: BTreeSet<u64> = items.iter().map(|i| i.n).collect();
    if numbers.len() != items.len() || numbers.last().copied().unwrap_or(0) != items.len() as u64 {
        verdict.differs(format!("{name}: the stream's numbers have gaps"));
    }
    for item in &items {
        if !matches!(item.custody, Custody::Received(_)) {
            verdict.lost += 1;
            verdict.differs(format!("{name}: {} has no receipt: {:?}", item.id, item.custody));
        }
        let (_, bytes) = terminal.store().entry(item.id)?;
        let Open::Known(kind) = item.kind else { continue };
        let pictures = photos_of(&bytes)?;
        match kind {
            EntryKind::Report => {
                verdict.reports += 1;
                match cases.get(&receipt_number(item.id)) {
                    Some(case) => {
                        let id = case.get("id").and_then(Value::as_str).unwrap_or_default();
                        shown.extend(pictures.into_iter().map(|sha256| Shown {
                            sha256,
                            at: format!("/v1/cases/{id}/photos"),
                        }));
                    }
                    None => {
                        verdict.lost += 1;
                        verdict.differs(format!(
                            "{name}: report {} became no case",
                            receipt_number(item.id)
                        ));
                    }
                }
            }
            EntryKind::Activity => {
                let record = item.record;
                shown.extend(pictures.into_iter().map(|sha256| Shown {
                    sha256,
                    at: format!("/v1/activities/{record}/photos"),
                }));
            }
            EntryKind::Answer => {
                let task = task_of(&bytes)?;
                shown.extend(pictures.into_iter().map(|sha256| Shown {
                    sha256,
                    at: format!("/v1/tasks/{task}/photos"),
                }));
            }
            EntryKind::CheckIn | EntryKind::CheckOut | EntryKind::Withdraw | EntryKind::Void => {}
        }
    }
    let complete = desk.get(&format!("/v1/streams/{stream}/completeness"))?;
    let upto = complete
        .pointer("/mark/upto")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let number = |key: &str| complete.get(key).and_then(Value::as_u64).unwrap_or(0);
    if upto != items.len() as u64 || number("photos_named") != number("photos_held") {
        verdict.differs(format!(
            "{name}: the server's own proof of completeness says {complete}"
        ));
    }
    Ok(())
}

fn photos_of(entry: &[u8]) -> Result<Vec<Sha256>> {
    let json: Value = serde_json::from_slice(entry)?;
    let photos = json.pointer("/payload/photos").and_then(Value::as_array);
    let hash = |photo: &Value| photo.get("sha256")?.as_str()?.parse().ok();
    Ok(photos.into_iter().flatten().filter_map(hash).collect())
}

fn task_of(entry: &[u8]) -> Result<String> {
    let json: Value = serde_json::from_slice(entry)?;
    Ok(json
        .pointer("/payload/task")
        .and_then(Value::as_str)
        .context("an answer names its task")?
        .to_owned())
}

/// Each photo is downloaded and hashed; the same photo named by two entries (a mended record) counts once.
fn photos(desk: &Desk, shown: Vec<Shown>, verdict: &mut Verdict) -> Result<()> {
    let mut seen = BTreeSet::new();
    for photo in shown {
        if !seen.insert(photo.sha256) {
            continue;
        }
        match desk.download(&format!("{}/{}", photo.at, photo.sha256)) {
            Ok(bytes) if Sha256::of(&bytes) == photo.sha256 => verdict.photos += 1,
            Ok(_) => verdict.differs(format!("photo {} has other bytes", photo.sha256)),
            Err(error) => {
                verdict.lost += 1;
                verdict.differs(format!("photo {} at {}: {error:#}", photo.sha256, photo.at));
            }
        }
    }
    Ok(())
}

/// Every case's ledger is whole, begins at its beginning, and each step is a row of the table.
fn histories(cases: &BTreeMap<String, Value>, verdict: &mut Verdict) {
    for (number, case) in cases {
        let text = |value: &Value, key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let state = text(case, "state");
        verdict.closed += u64::from(state == CaseState::Closed.as_str());
        if case.get("ledger_ok") != Some(&Value::Bool(true)) {
            verdict.differs(format!("case {number}: the ledger is broken"));
        }
        let events = case
            .get("ledger")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut at: Option<String> = None;
        let mut visited: Vec<String> = Vec::new();
        for event in &events {
            let (action, from, to) = (text(event, "action"), text(event, "from"), text(event, "to"));
            let fits = TRANSITIONS.iter().any(|row| {
                let starts = match &at {
                    None => row.from.is_empty(),
                    Some(now) => row.from.iter().any(|s| s.as_str() == now),
                };
                let ends = match row.to {
                    To::State(state) => state.as_str() == to,
                    To::Prior => visited.contains(&to),
                };
                starts && row.action.as_str() == action && ends
            });
            let continues = at.as_deref().unwrap_or_default() == from;
            let is_step = !action.is_empty();
            if is_step && (!fits || !continues) {
                verdict.differs(format!(
                    "case {number}: {action} from {from:?} to {to} is no row of the table"
                ));
            }
            if !to.is_empty() {
                visited.push(to.clone());
                at = Some(to);
            }
        }
        if at.as_deref() != Some(state.as_str()) {
            verdict.differs(format!(
                "case {number}: the ledger ends at {at:?}, the case stands at {state}"
            ));
        }
    }
}

/// The server's sums against the actors' own.
fn totals(desk: &Desk, board: &Board, verdict: &mut Verdict) -> Result<()> {
    let counts = desk.get("/v1/counts")?;
    let n = |path: &str| counts.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    if verdict.reports != board.reports.get() {
        verdict.differs(format!(
            "{} reports on the handsets, {} were made",
            verdict.reports,
            board.reports.get()
        ));
    }
    if n("/photos/named") != n("/photos/held") || n("/photos/held") != verdict.photos {
        verdict.differs(format!(
            "photos: {} named, {} held, {} verified",
            n("/photos/named"),
            n("/photos/held"),
            verdict.photos
        ));
    }
    if verdict.photos != board.photos.get() {
        verdict.differs(format!(
            "{} photos were taken, {} verified",
            board.photos.get(),
            verdict.photos
        ));
    }
    let held = n("/entries/held") + n("/entries/pending");
    if held > 0 {
        verdict.differs(format!("{held} entries are held or pending"));
    }
    for (what, is, least) in [
        ("reports", verdict.reports, REPORTS),
        ("closed cases", verdict.closed, CLOSED),
        ("photos", verdict.photos, PHOTOS),
    ] {
        if is < least {
            verdict.differs(format!("only {is} {what}, at least {least} were promised"));
        }
    }
    Ok(())
}

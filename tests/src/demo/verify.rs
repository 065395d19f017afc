//! The audit of the demo over the HTTP API: the server's counts against the handsets' own, every photo's hash
//! on both sides, the history of every case.

use super::{CLOSED, PHOTOS, REPORTS, board::DemoCounters, crowd::FieldWorker};
use crate::{city::City, line::LineFault, staff_api::StaffSession};
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

/// Result of the audit.
#[derive(Debug, Default)]
pub struct DemoResult {
    pub reports: u64,
    pub closed: u64,
    pub photos: u64,
    /// Entries or photos that a handset holds as filed and the server does not hold.
    pub lost: u64,
    /// Things that exist more than once on the server.
    pub twice: u64,
    /// Every other difference, in words.
    pub differs: Vec<String>,
}

impl DemoResult {
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

/// A photo of a handset, and the route of the server that serves it.
struct ShownPhoto {
    sha256: Sha256,
    at: String,
}

pub fn verify(
    city: &City,
    desk: &StaffSession,
    counters: &DemoCounters,
    workers: &mut [FieldWorker],
) -> Result<DemoResult> {
    let mut result = DemoResult::default();
    for record_failure in counters.failures() {
        result.differs(record_failure);
    }
    // Each handset delivers what is left over a line without faults before anything is counted.
    for worker in workers.iter_mut() {
        if let Some(line) = &worker.line {
            line.set(LineFault::Good);
        }
        let report = worker.handset.sync()?;
        if !report.is_success() {
            result.differs(format!(
                "{}: not everything was delivered: {report:?}",
                worker.name
            ));
        }
    }
    let cases = cases_by_number(desk, &mut result)?;
    let streams: BTreeMap<String, Value> = desk
        .all("/v1/counts/streams")?
        .into_iter()
        .filter_map(|s| Some((s.get("stream")?.as_str()?.to_owned(), s)))
        .collect();
    let mut shown = Vec::new();
    for worker in workers.iter_mut() {
        let name = worker.name.clone();
        handset(worker, &streams, &cases, desk, &mut result, &mut shown).with_context(|| name)?;
    }
    photos(desk, shown, &mut result)?;
    histories(&cases, &mut result);
    totals(desk, counters, &mut result)?;
    // Errors in the server's log count as differences.
    let log = std::fs::read_to_string(city.server.log())?;
    for line in log.lines().filter(|l| l.contains("\"level\":\"ERROR\"")).take(3) {
        result.differs(format!("server log: {line}"));
    }
    Ok(result)
}

/// All cases by their number; a second case with the same number counts as filed twice.
fn cases_by_number(desk: &StaffSession, result: &mut DemoResult) -> Result<BTreeMap<String, Value>> {
    let mut cases = BTreeMap::new();
    for line in desk.all("/v1/cases?queue=all")? {
        let id = line
            .get("id")
            .and_then(Value::as_str)
            .context("no id in the case")?;
        let case = desk.get(&format!("/v1/cases/{id}"))?;
        let number = case
            .get("number")
            .and_then(Value::as_str)
            .context("no number in the case")?
            .to_owned();
        if cases.insert(number, case).is_some() {
            result.twice += 1;
        }
    }
    Ok(cases)
}

/// Compares one handset with its stream.
fn handset(
    worker: &mut FieldWorker,
    streams: &BTreeMap<String, Value>,
    cases: &BTreeMap<String, Value>,
    desk: &StaffSession,
    result: &mut DemoResult,
    shown: &mut Vec<ShownPhoto>,
) -> Result<()> {
    let name = worker.name.clone();
    let terminal = worker.handset.open()?;
    let stream = terminal.account().stream.to_string();
    let items = terminal.store().items()?;
    let count = streams.get(&stream).cloned().unwrap_or(Value::Null);
    let entries = count.get("entries").and_then(Value::as_u64).unwrap_or(0);
    let last = count.get("last").and_then(Value::as_u64).unwrap_or(0);
    if entries != items.len() as u64 || last != entries {
        result.differs(format!(
            "{name}: {} items on the handset, {entries} on the server, highest number {last}",
            items.len()
        ));
    }
    result.lost += (items.len() as u64).saturating_sub(entries);
    let numbers: BTreeSet<u64> = items.iter().map(|i| i.n).collect();
    if numbers.len() != items.len() || numbers.last().copied().unwrap_or(0) != items.len() as u64 {
        result.differs(format!("{name}: the stream's numbers have gaps"));
    }
    for item in &items {
        if !matches!(item.custody, Custody::Received(_)) {
            result.lost += 1;
            result.differs(format!("{name}: {} has no receipt: {:?}", item.id, item.custody));
        }
        let (_, bytes) = terminal.store().entry(item.id)?;
        let Open::Known(kind) = item.kind else { continue };
        let pictures = photos_of(&bytes)?;
        match kind {
            EntryKind::Report => {
                result.reports += 1;
                match cases.get(&receipt_number(item.id)) {
                    Some(case) => {
                        let id = case.get("id").and_then(Value::as_str).unwrap_or_default();
                        shown.extend(pictures.into_iter().map(|sha256| ShownPhoto {
                            sha256,
                            at: format!("/v1/cases/{id}/photos"),
                        }));
                    }
                    None => {
                        result.lost += 1;
                        result.differs(format!(
                            "{name}: report {} became no case",
                            receipt_number(item.id)
                        ));
                    }
                }
            }
            EntryKind::Activity => {
                let record = item.record;
                shown.extend(pictures.into_iter().map(|sha256| ShownPhoto {
                    sha256,
                    at: format!("/v1/activities/{record}/photos"),
                }));
            }
            EntryKind::Answer => {
                let task = task_of(&bytes)?;
                shown.extend(pictures.into_iter().map(|sha256| ShownPhoto {
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
        result.differs(format!(
            "{name}: the completeness report of the server is {complete}"
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
        .context("no task in the answer")?
        .to_owned())
}

/// Downloads and hashes each photo; a photo that two entries name (a revised record) counts once.
fn photos(desk: &StaffSession, shown: Vec<ShownPhoto>, result: &mut DemoResult) -> Result<()> {
    let mut seen = BTreeSet::new();
    for photo in shown {
        if !seen.insert(photo.sha256) {
            continue;
        }
        match desk.download(&format!("{}/{}", photo.at, photo.sha256)) {
            Ok(bytes) if Sha256::of(&bytes) == photo.sha256 => result.photos += 1,
            Ok(_) => result.differs(format!("photo {} has other bytes", photo.sha256)),
            Err(error) => {
                result.lost += 1;
                result.differs(format!("photo {} at {}: {error:#}", photo.sha256, photo.at));
            }
        }
    }
    Ok(())
}

/// Checks each case: the ledger's hash chain is whole, its first step creates the case, and each step is a
/// row of the transition table.
fn histories(cases: &BTreeMap<String, Value>, result: &mut DemoResult) {
    for (number, case) in cases {
        let text = |value: &Value, key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let state = text(case, "state");
        result.closed += u64::from(state == CaseState::Closed.as_str());
        if case.get("ledger_ok") != Some(&Value::Bool(true)) {
            result.differs(format!("case {number}: the ledger is broken"));
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
                result.differs(format!(
                    "case {number}: {action} from {from:?} to {to} is no row of the transition table"
                ));
            }
            if !to.is_empty() {
                visited.push(to.clone());
                at = Some(to);
            }
        }
        if at.as_deref() != Some(state.as_str()) {
            result.differs(format!(
                "case {number}: the ledger ends in state {at:?}, the case is in state {state}"
            ));
        }
    }
}

/// Compares the server's sums with the actors' own counts.
fn totals(desk: &StaffSession, counters: &DemoCounters, result: &mut DemoResult) -> Result<()> {
    let counts = desk.get("/v1/counts")?;
    let n = |path: &str| counts.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    if result.reports != counters.reports.get() {
        result.differs(format!(
            "{} reports on the handsets, {} were filed",
            result.reports,
            counters.reports.get()
        ));
    }
    if n("/photos/named") != n("/photos/held") || n("/photos/held") != result.photos {
        result.differs(format!(
            "photos: {} named, {} held, {} verified",
            n("/photos/named"),
            n("/photos/held"),
            result.photos
        ));
    }
    if result.photos != counters.photos.get() {
        result.differs(format!(
            "{} photos were taken, {} verified",
            counters.photos.get(),
            result.photos
        ));
    }
    let held = n("/entries/held") + n("/entries/pending");
    if held > 0 {
        result.differs(format!("{held} entries are held or pending"));
    }
    for (what, is, least) in [
        ("reports", result.reports, REPORTS),
        ("closed cases", result.closed, CLOSED),
        ("photos", result.photos, PHOTOS),
    ] {
        if is < least {
            result.differs(format!("only {is} {what}, expected at least {least}"));
        }
    }
    Ok(())
}

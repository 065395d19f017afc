//! The audit after a round: compares the journal of each handset process (what its calls returned as done),
//! the handset's inventory, and the server's answers over HTTP.
//!
//! * Filed and not on the handset, or on the handset and not on the server with its photos: lost.
//! * A receipt that a handset got for something that the server does not hold, checked before a handset sends
//!   again: lost, although the handset may send it once more.
//! * A number, report or entry more than was filed: twice.
//! * Everything on a handset was attempted by its process, and everything on the server comes from a handset.

use super::{
    TortureTally,
    chaos::HandsetProcess,
    hand::{HandsetInventory, JournalLine},
};
use crate::staff_api::StaffSession;
use anyhow::{Context, Result};
use protocol::{entry::receipt_number, ids::EntryId, photo::Sha256};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the calls of one handset process returned as done.
#[derive(Default)]
struct ConfirmedWork {
    filed: BTreeMap<EntryId, Vec<String>>,
    tried_reports: BTreeSet<EntryId>,
    tried_checks: u64,
    photos: Vec<(EntryId, String)>,
    received: (u64, u64),
}

/// Adds each difference to the tally. `verified` are photos whose bytes were downloaded in earlier rounds.
pub fn audit(
    desk: &StaffSession,
    hands: &[HandsetProcess],
    inventories: &[Option<HandsetInventory>],
    verified: &mut BTreeSet<String>,
    tally: &mut TortureTally,
) -> Result<()> {
    let mut cases: BTreeMap<String, Value> = BTreeMap::new();
    for case in desk.all("/v1/cases?queue=all")? {
        let number = text(&case, "number");
        if cases.insert(number.clone(), case).is_some() {
            tally.twice(format!("two cases have the number {number}"));
        }
    }
    let streams: BTreeMap<String, Value> = desk
        .all("/v1/counts/streams")?
        .into_iter()
        .map(|stream| (text(&stream, "stream"), stream))
        .collect();
    let (mut entries, mut reports, mut photos) = (0, 0, BTreeSet::new());
    for (hand, inventory) in hands.iter().zip(inventories) {
        let told = told(hand)?;
        let Some(inventory) = inventory else {
            tally.lost += told.filed.len() as u64;
            continue;
        };
        entries += inventory.items.len() as u64;
        reports += inventory.items.iter().filter(|item| item.is_report).count() as u64;
        photos.extend(
            inventory
                .items
                .iter()
                .flat_map(|item| item.photos.iter().cloned()),
        );
        handset(&hand.name, &told, inventory, tally);
        stream(desk, &hand.name, inventory, &streams, tally)?;
        on_the_server(desk, &hand.name, inventory, &cases, verified, tally)?;
    }
    tally.entries = entries;
    tally.photos = photos.len() as u64;
    if inventories.iter().any(Option::is_none) {
        return Ok(()); // After a loss or a duplicate the sums cannot match.
    }
    let counts = desk.get("/v1/counts")?;
    let on_server: u64 = counts
        .pointer("/entries")
        .and_then(Value::as_object)
        .map_or(0, |states| states.values().filter_map(Value::as_u64).sum());
    let count = |path: &str| counts.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    for (what, here, there) in [
        ("entries", entries, on_server),
        ("reports", reports, cases.len() as u64),
        ("photos named", photos.len() as u64, count("/photos/named")),
        ("photos held", photos.len() as u64, count("/photos/held")),
    ] {
        if there > here {
            tally.twice(format!("{what}: {here} on the handsets, {there} on the server"));
        } else if there < here {
            tally.lost(format!("{what}: {here} on the handsets, {there} on the server"));
        }
    }
    Ok(())
}

/// Checks that a server that was restarted holds what it gave receipts for. Call before a handset sends
/// again.
pub fn receipts(desk: &StaffSession, hands: &[HandsetProcess], tally: &mut TortureTally) -> Result<()> {
    let streams = desk.all("/v1/counts/streams")?;
    for hand in hands {
        let (entries, photos) = told(hand)?.received;
        let stream = streams
            .iter()
            .find(|stream| text(stream, "stream") == hand.stream);
        let count = |path: &str| {
            stream
                .and_then(|s| s.pointer(path))
                .and_then(Value::as_u64)
                .unwrap_or(0)
        };
        for (what, told, held) in [
            ("entries", entries, count("/entries")),
            ("photos", photos, count("/photos/held")),
        ] {
            if held < told {
                let name = &hand.name;
                tally.lost(format!(
                    "{name}: receipts for {told} {what}, the restarted server holds {held}"
                ));
            }
        }
    }
    Ok(())
}

fn told(hand: &HandsetProcess) -> Result<ConfirmedWork> {
    let mut told = ConfirmedWork::default();
    let notes = std::fs::read_to_string(&hand.notes).unwrap_or_default();
    for line in notes.lines() {
        match serde_json::from_str(line).with_context(|| format!("{}: {line}", hand.name))? {
            JournalLine::TryReport(id) => {
                told.tried_reports.insert(id);
            }
            JournalLine::TryCheck => told.tried_checks += 1,
            JournalLine::Photo(id, sha256) => told.photos.push((id, sha256)),
            JournalLine::Received(entries, photos) => {
                told.received.0 += entries;
                told.received.1 += photos;
            }
            JournalLine::Filed(id, photos) => {
                told.filed.insert(id, photos);
            }
        }
    }
    Ok(told)
}

/// Compares the handset's inventory with the journal of its process.
fn handset(name: &str, told: &ConfirmedWork, inventory: &HandsetInventory, tally: &mut TortureTally) {
    let items: BTreeMap<EntryId, _> = inventory.items.iter().map(|item| (item.id, item)).collect();
    if items.len() != inventory.items.len() {
        tally.twice(format!("{name}: an item is twice in the outbox"));
    }
    for (id, photos) in &told.filed {
        match items.get(id) {
            None => tally.lost(format!("{name}: {id} was filed and is not on the handset")),
            Some(item) if photos.iter().any(|photo| !item.photos.contains(photo)) => {
                tally.lost(format!(
                    "{name}: {id} was filed with photos that are not on the handset"
                ));
            }
            Some(_) => {}
        }
    }
    for (id, photo) in &told.photos {
        if !items.get(id).is_some_and(|item| item.photos.contains(photo)) {
            tally.lost(format!(
                "{name}: photo {photo} was added to {id} and is not on the handset"
            ));
        }
    }
    let checks = inventory.items.iter().filter(|item| !item.is_report).count() as u64;
    let unknown = |id: &&EntryId| !told.tried_reports.contains(id);
    let reports = inventory
        .items
        .iter()
        .filter(|item| item.is_report)
        .map(|item| &item.id);
    for id in reports.filter(unknown) {
        tally.twice(format!("{name}: {id} is on the handset and was never filed"));
    }
    if checks > told.tried_checks {
        tally.twice(format!(
            "{name}: {checks} check-ins and check-outs, {} were attempted",
            told.tried_checks
        ));
    }
    for item in inventory.items.iter().filter(|item| !item.is_received) {
        tally.lost(format!("{name}: {} were not delivered: {}", item.id, item.state));
    }
    for left in &inventory.left {
        tally.differs(format!("{name}: {left}"));
    }
    let numbers: BTreeSet<u64> = inventory.items.iter().map(|item| item.n).collect();
    let last = numbers.last().copied().unwrap_or(0);
    if numbers.len() != inventory.items.len() || last != numbers.len() as u64 {
        tally.differs(format!(
            "{name}: the numbers of its stream are not 1..={}",
            inventory.items.len()
        ));
    }
}

/// Compares the server's completeness report of the stream with the handset.
fn stream(
    desk: &StaffSession,
    name: &str,
    inventory: &HandsetInventory,
    streams: &BTreeMap<String, Value>,
    tally: &mut TortureTally,
) -> Result<()> {
    let here = inventory.items.len() as u64;
    let count = streams.get(&inventory.stream).cloned().unwrap_or(Value::Null);
    let number = |from: &Value, path: &str| from.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let there = number(&count, "/entries");
    match there.cmp(&here) {
        std::cmp::Ordering::Less => tally.lost(format!(
            "{name}: {here} entries on the handset, {there} on the server"
        )),
        std::cmp::Ordering::Greater => tally.twice(format!(
            "{name}: {here} entries on the handset, {there} on the server"
        )),
        std::cmp::Ordering::Equal => {}
    }
    let complete = desk.get(&format!("/v1/streams/{}/completeness", inventory.stream))?;
    let fits = number(&complete, "/mark/upto") == here
        && number(&complete, "/mark/highest") == here
        && number(&complete, "/missing") == 0
        && number(&complete, "/photos_named") == number(&complete, "/photos_held");
    if !fits {
        tally.differs(format!(
            "{name}: {here} entries on the handset; the completeness report of the server is {complete}"
        ));
    }
    Ok(())
}

/// Checks that each report is one case with its own text, and that each photo downloads with equal bytes.
fn on_the_server(
    desk: &StaffSession,
    name: &str,
    inventory: &HandsetInventory,
    cases: &BTreeMap<String, Value>,
    verified: &mut BTreeSet<String>,
    tally: &mut TortureTally,
) -> Result<()> {
    for item in inventory.items.iter().filter(|item| item.is_report) {
        let Some(case) = cases.get(&receipt_number(item.id)) else {
            tally.lost(format!("{name}: report {} became no case", item.id));
            continue;
        };
        if text(case, "text") != item.text {
            tally.lost(format!("{name}: the case of {} has another text", item.id));
        }
        for photo in &item.photos {
            if verified.contains(photo) {
                continue;
            }
            match desk.download(&format!("/v1/cases/{}/photos/{photo}", text(case, "id"))) {
                Ok(bytes) if Sha256::of(&bytes).to_string() == *photo => {
                    verified.insert(photo.clone());
                }
                Ok(_) => tally.lost(format!("{name}: photo {photo} has other bytes on the server")),
                Err(error) => tally.lost(format!("{name}: photo {photo}: {error:#}")),
            }
        }
    }
    Ok(())
}

fn text(value: &Value, key: &str) -> String {
    value
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

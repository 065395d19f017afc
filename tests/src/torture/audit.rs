//! The audit from the outside: what each hand was told is done, what its handset says, and what the server says over HTTP.
//!
//! * Filed and not on the handset, or on the handset and not received by the server with its photos: lost.
//! * A receipt that a handset was given, and the server has not what it is for, before any handset speaks to it again: lost,
//!   although the handset may send it once more.
//! * A number, a report or an entry more than was filed: twice.
//! * Everything that a handset holds was tried by its hand, and everything on the server comes from a handset.

use super::{
    Tally,
    chaos::Hand,
    hand::{Inventory, Note},
};
use crate::office::Desk;
use anyhow::{Context, Result};
use protocol::{entry::receipt_number, ids::EntryId, photo::Sha256};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a hand was told.
#[derive(Default)]
struct Told {
    filed: BTreeMap<EntryId, Vec<String>>,
    tried_reports: BTreeSet<EntryId>,
    tried_checks: u64,
    photos: Vec<(EntryId, String)>,
    received: (u64, u64),
}

/// Adds what differs to the tally. `verified` are photos whose bytes were downloaded before.
pub fn audit(
    desk: &Desk,
    hands: &[Hand],
    inventories: &[Option<Inventory>],
    verified: &mut BTreeSet<String>,
    tally: &mut Tally,
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
        return Ok(()); // the sums cannot fit
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

/// Whether the server that has just come back holds what it gave receipts for; nobody has spoken to it meanwhile.
pub fn receipts(desk: &Desk, hands: &[Hand], tally: &mut Tally) -> Result<()> {
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
                    "{name}: receipts for {told} {what}, the server came back with {held}"
                ));
            }
        }
    }
    Ok(())
}

fn told(hand: &Hand) -> Result<Told> {
    let mut told = Told::default();
    let notes = std::fs::read_to_string(&hand.notes).unwrap_or_default();
    for line in notes.lines() {
        match serde_json::from_str(line).with_context(|| format!("{}: {line}", hand.name))? {
            Note::TryReport(id) => {
                told.tried_reports.insert(id);
            }
            Note::TryCheck => told.tried_checks += 1,
            Note::Photo(id, sha256) => told.photos.push((id, sha256)),
            Note::Received(entries, photos) => {
                told.received.0 += entries;
                told.received.1 += photos;
            }
            Note::Filed(id, photos) => {
                told.filed.insert(id, photos);
            }
        }
    }
    Ok(told)
}

/// The handset against what its hand was told.
fn handset(name: &str, told: &Told, inventory: &Inventory, tally: &mut Tally) {
    let items: BTreeMap<EntryId, _> = inventory.items.iter().map(|item| (item.id, item)).collect();
    if items.len() != inventory.items.len() {
        tally.twice(format!("{name}: an item stands twice in the outbox"));
    }
    for (id, photos) in &told.filed {
        match items.get(id) {
            None => tally.lost(format!("{name}: {id} was filed and is not on the handset")),
            Some(item) if photos.iter().any(|photo| !item.photos.contains(photo)) => {
                tally.lost(format!(
                    "{name}: {id} was filed with photos that it does not have"
                ));
            }
            Some(_) => {}
        }
    }
    for (id, photo) in &told.photos {
        if !items.get(id).is_some_and(|item| item.photos.contains(photo)) {
            tally.lost(format!(
                "{name}: photo {photo} was taken into {id} and is not there"
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
        tally.twice(format!("{name}: nobody filed {id}"));
    }
    if checks > told.tried_checks {
        tally.twice(format!(
            "{name}: {checks} checks, {} were tried",
            told.tried_checks
        ));
    }
    for item in inventory.items.iter().filter(|item| !item.is_received) {
        tally.lost(format!(
            "{name}: {} did not reach the server: {}",
            item.id, item.state
        ));
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

/// The server's own proof of completeness against the handset.
fn stream(
    desk: &Desk,
    name: &str,
    inventory: &Inventory,
    streams: &BTreeMap<String, Value>,
    tally: &mut Tally,
) -> Result<()> {
    let here = inventory.items.len() as u64;
    let count = streams.get(&inventory.stream).cloned().unwrap_or(Value::Null);
    let number = |from: &Value, path: &str| from.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let there = number(&count, "/entries");
    match there.cmp(&here) {
        std::cmp::Ordering::Less => tally.lost(format!("{name}: {here} entries here, {there} on the server")),
        std::cmp::Ordering::Greater => {
            tally.twice(format!("{name}: {here} entries here, {there} on the server"))
        }
        std::cmp::Ordering::Equal => {}
    }
    let complete = desk.get(&format!("/v1/streams/{}/completeness", inventory.stream))?;
    let fits = number(&complete, "/mark/upto") == here
        && number(&complete, "/mark/highest") == here
        && number(&complete, "/missing") == 0
        && number(&complete, "/photos_named") == number(&complete, "/photos_held");
    if !fits {
        tally.differs(format!(
            "{name}: {here} entries here; the server's proof says {complete}"
        ));
    }
    Ok(())
}

/// Each report is one case with its own words, and each photo comes back with its own bytes.
fn on_the_server(
    desk: &Desk,
    name: &str,
    inventory: &Inventory,
    cases: &BTreeMap<String, Value>,
    verified: &mut BTreeSet<String>,
    tally: &mut Tally,
) -> Result<()> {
    for item in inventory.items.iter().filter(|item| item.is_report) {
        let Some(case) = cases.get(&receipt_number(item.id)) else {
            tally.lost(format!("{name}: report {} became no case", item.id));
            continue;
        };
        if text(case, "text") != item.text {
            tally.lost(format!("{name}: the case of {} says something else", item.id));
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
